package io.tidegrad.proof;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;

/// A binary format and its golden files, `NAME-NUMBER.bin`, one for each number that was ever written: old truths,
/// which stay in git and which every later build reads.
///
/// To change a format: raise `current`, let the reader read the number before as well, run its test once with
/// `-Dgolden.write=true`, commit the new file beside the old ones.
///
/// @param name of its files
/// @param first number of which there can be one
/// @param current number that this build writes
/// @param numberAt where the number lies in the bytes, little-endian; -1 when each record inside has its own
/// @param rewrite reads bytes of any number and writes them again, which for the current number must give the same
/// @param sample bytes of the current number, for the golden file of a new one
public record GoldenFormat(String name, int first, int current, int numberAt, UnaryOperator<byte[]> rewrite,
        Supplier<byte[]> sample) {
    private static final Path FOLDER = Path.of("src", "test", "resources", "formats");
    private static final int FUTURE = 99;

    /// There from the beginning.
    public GoldenFormat(String name, int current, int numberAt, UnaryOperator<byte[]> rewrite,
            Supplier<byte[]> sample) {
        this(name, 1, current, numberAt, rewrite, sample);
    }

    @Override
    public String toString() {
        return name;
    }

    private Path file(int number) {
        return FOLDER.resolve(name + "-" + number + ".bin");
    }

    private void readBack(byte[] bytes) {
        if (rewrite.apply(bytes).length == 0) {
            throw new AssertionError(name + ": nothing was read");
        }
    }

    private static byte[] read(Path file) {
        try {
            return Files.readAllBytes(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /// Every number that was ever written is read; there is none missing and none from the future.
    public void checkOldTruths() {
        writeIfAsked();
        for (int number = first; number <= current; number++) {
            try {
                readBack(read(file(number)));
            } catch (RuntimeException refused) {
                throw new AssertionError(file(number) + " can't be read any more: " + refused, refused);
            }
        }
        try (Stream<Path> files = Files.list(FOLDER)) {
            List<String> strange = files.map(file -> file.getFileName().toString())
                    .filter(file -> file.matches(name + "-[0-9]+\\.bin"))
                    .filter(file -> number(file) < first || number(file) > current).toList();
            if (!strange.isEmpty()) {
                throw new AssertionError(
                        "expected files of formats " + first + " to " + current + ", found " + strange);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static int number(String file) {
        return Integer.parseInt(file.substring(file.lastIndexOf('-') + 1, file.length() - 4));
    }

    private void writeIfAsked() {
        if (Boolean.getBoolean("golden.write") && !Files.exists(file(current))) {
            try {
                Files.createDirectories(FOLDER);
                Files.write(file(current), sample.get());
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    /// The writer's bytes are the golden ones of its number.
    public void checkTheWriter() {
        writeIfAsked();
        byte[] golden = read(file(current));
        byte[] written = rewrite.apply(golden.clone());
        int at = Arrays.mismatch(golden, written);
        if (at >= 0) {
            throw new AssertionError(name + " format " + current + ": byte " + at + " is written otherwise than in "
                    + file(current) + ": expected " + hex(golden, at) + ", found " + hex(written, at)
                    + "; readers of this number are out there: raise the number");
        }
    }

    private static String hex(byte[] bytes, int at) {
        return HexFormat.of().formatHex(bytes, Math.min(at, bytes.length), Math.min(at + 8, bytes.length));
    }

    /// A number of the future is refused, and named.
    public void checkTheFuture() {
        if (numberAt < 0) {
            return;
        }
        writeIfAsked();
        byte[] future = read(file(current));
        ByteBuffer.wrap(future).order(ByteOrder.LITTLE_ENDIAN).putInt(numberAt, FUTURE);
        try {
            readBack(future);
        } catch (RuntimeException refused) {
            if (String.valueOf(refused.getMessage()).contains("" + FUTURE)) {
                return;
            }
            throw new AssertionError(name + ": expected format " + FUTURE + " to be refused by its number", refused);
        }
        throw new AssertionError(name + ": a value of format " + FUTURE + " was read");
    }

    /// The same format with another reader and writer: for breakers.
    public GoldenFormat with(UnaryOperator<byte[]> rewrite) {
        return new GoldenFormat(name, first, current, numberAt, rewrite, sample);
    }
}
