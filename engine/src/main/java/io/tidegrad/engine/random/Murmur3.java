package io.tidegrad.engine.random;

/// MurmurHash3, x86 32-bit variant (A. Appleby, 2011): hashes the text of a category, or the words of a cross, from which
/// the bucket follows.
public final class Murmur3 {
    private static final int C1 = 0xcc9e2d51;
    private static final int C2 = 0x1b873593;

    private Murmur3() {}

    public static int hash(byte[] bytes, int seed) {
        return hash(bytes, 0, bytes.length, seed);
    }

    /// The hash of `length` bytes from index `from`.
    public static int hash(byte[] bytes, int from, int length, int seed) {
        int h = seed;
        int tail = from + (length & ~3);
        for (int i = from; i < tail; i += 4) {
            int block = (bytes[i] & 0xff) | (bytes[i + 1] & 0xff) << 8 | (bytes[i + 2] & 0xff) << 16
                    | (bytes[i + 3] & 0xff) << 24;
            h = withWord(h, block);
        }
        int rest = 0;
        for (int i = from + length - 1; i >= tail; i--) {
            rest = rest << 8 | (bytes[i] & 0xff);
        }
        return finished(h ^ scramble(rest), length);
    }

    /// The hash so far, with four more bytes, of which `word` has the first one lowest. It begins with the seed.
    public static int withWord(int hash, int word) {
        return Integer.rotateLeft(hash ^ scramble(word), 13) * 5 + 0xe6546b64;
    }

    /// The hash of `length` bytes of which all whole words are in `hash`.
    public static int finished(int hash, int length) {
        int h = hash ^ length;
        h = (h ^ h >>> 16) * 0x85ebca6b;
        h = (h ^ h >>> 13) * 0xc2b2ae35;
        return h ^ h >>> 16;
    }

    /// Returns 0 for 0, so an empty tail changes nothing.
    private static int scramble(int block) {
        return Integer.rotateLeft(block * C1, 15) * C2;
    }
}
