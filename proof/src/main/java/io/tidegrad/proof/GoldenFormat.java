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

/// A binary format and its golden files, `NAME-NUMBER.bin`, one for each format number of a released build. They stay
/// in git, and every later build must read them.
///
/// To change a format, raise `current`, keep the reader able to read the previous number, run its test once with
/// `-Dgolden.write=true`, and commit the new file next to the old ones.
///
/// @param name name in its files
/// @param first first format number that has a file
/// @param current format number that this build writes
/// @param numberAt index of the number in the bytes, little-endian; -1 if each record inside has its own
/// @param rewrite reads bytes of any format number and writes them again; for the current number the result must be the
///     same bytes
/// @param sample bytes in the current format, for a new golden file
public record GoldenFormat(String name, int first, int current, int numberAt, UnaryOperator<byte[]> rewrite,
        Supplier<byte[]> sample) {
    private static final Path FOLDER = Path.of("src", "test", "resources", "formats");
    private static final int FUTURE = 99;

    /// A format whose first number is 1.
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

    /// Checks that every number of a released build is read, and that no file is missing or from a later format.
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

    /// Checks that the writer's bytes equal the golden file of its number.
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

    /// Checks that a later number is refused and named in the message.
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

    /// The same format with another reader and writer, for injected faults.
    public GoldenFormat with(UnaryOperator<byte[]> rewrite) {
        return new GoldenFormat(name, first, current, numberAt, rewrite, sample);
    }
}
