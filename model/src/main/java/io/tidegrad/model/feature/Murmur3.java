package io.tidegrad.model.feature;

/// MurmurHash3 x86 32 (Austin Appleby, public domain): the hash of every category.
final class Murmur3 {
    private Murmur3() {}

    static int hash32(byte[] bytes, int from, int length, int seed) {
        int h = seed;
        int at = from;
        for (int blocks = length >>> 2; blocks > 0; blocks--, at += 4) {
            int k =
                    (bytes[at] & 0xff)
                            | (bytes[at + 1] & 0xff) << 8
                            | (bytes[at + 2] & 0xff) << 16
                            | bytes[at + 3] << 24;
            h = Integer.rotateLeft(h ^ scramble(k), 13) * 5 + 0xe6546b64;
        }
        int tail = 0;
        for (int i = (length & 3) - 1; i >= 0; i--) {
            tail = tail << 8 | bytes[at + i] & 0xff;
        }
        h ^= scramble(tail) ^ length;
        h = (h ^ h >>> 16) * 0x85ebca6b;
        h = (h ^ h >>> 13) * 0xc2b2ae35;
        return h ^ h >>> 16;
    }

    private static int scramble(int k) {
        return Integer.rotateLeft(k * 0xcc9e2d51, 15) * 0x1b873593;
    }
}
