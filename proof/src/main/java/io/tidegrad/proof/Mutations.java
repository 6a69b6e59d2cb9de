package io.tidegrad.proof;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.SplittableRandom;

/// Damages bytes in ways that break decoders, in a fixed sequence for each seed.
public final class Mutations {
    /// Avro-encoded lengths and counts: a gigabyte, the largest and the smallest long, -1, and a number that does not
    /// end.
    private static final byte[][] NUMBERS = {{-128, -128, -128, -128, 8}, {-2, -1, -1, -1, -1, -1, -1, -1, -1, 1},
        {-1, -1, -1, -1, -1, -1, -1, -1, -1, 1}, {1}, {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1}};

    private final SplittableRandom random;

    private final byte[][] insertions;

    /// Mutations for binary formats.
    public Mutations(long seed) {
        this(seed, NUMBERS);
    }

    /// @param insertions bytes that are likely to break a parser of this format
    public Mutations(long seed, byte[]... insertions) {
        random = new SplittableRandom(seed);
        this.insertions = insertions.clone();
    }

    /// Returns a copy damaged by one to three mutations.
    public byte[] of(byte[] bytes) {
        byte[] damaged = bytes.clone();
        for (int i = random.nextInt(1, 4); i > 0; i--) {
            damaged = once(damaged);
        }
        return damaged;
    }

    private byte[] once(byte[] bytes) {
        if (bytes.length == 0) {
            return new byte[]{(byte) random.nextInt()};
        }
        int at = random.nextInt(bytes.length);
        int upTo = random.nextInt(at, bytes.length) + 1;
        byte[] slice = Arrays.copyOfRange(bytes, at, upTo);
        return switch (random.nextInt(7)) {
            case 0 -> {
                bytes[at] ^= (byte) (1 << random.nextInt(8));
                yield bytes;
            }
            case 1 -> {
                bytes[at] = (byte) random.nextInt();
                yield bytes;
            }
            case 2 -> Arrays.copyOf(bytes, at); // removes the end
            case 3 -> replaced(bytes, at, upTo, new byte[0]); // removes a middle part
            case 4 -> replaced(bytes, upTo, upTo, slice); // repeats a part
            case 5 -> replaced(bytes, at, at, insertions[random.nextInt(insertions.length)]);
            default -> {
                random.nextBytes(slice);
                yield replaced(bytes, at, upTo, slice);
            }
        };
    }

    private static byte[] replaced(byte[] bytes, int from, int to, byte[] by) {
        return ByteBuffer.allocate(bytes.length - (to - from) + by.length).put(bytes, 0, from).put(by)
                .put(bytes, to, bytes.length - to).array();
    }
}
