package io.tidegrad.engine.random;

import io.tidegrad.engine.kernel.ScalarMath;

/// Random numbers without state: each is a pure function of (seed, purpose, step, index). There is nothing to save or
/// restore, and draws don't depend on their order or the number of workers.
///
/// Philox4x32-10 (Salmon, Moraes, Dror, Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3"). Key: the seed.
/// Counter, word by word: index / 4, purpose, step (low, high); word index mod 4 of the block is the draw.
public final class CounterRandom {
    /// The number of draws per (seed, purpose, step): block numbers have 32 bits, and a block has four draws.
    public static final long INDEX_LIMIT = 1L << 34;

    private static final int ROUNDS = 10;
    private static final int MULTIPLIER_0 = 0xD2511F53;
    private static final int MULTIPLIER_1 = 0xCD9E8D57;

    /// Golden ratio and √3 - 1: increments of the Weyl sequences that change the key from round to round.
    private static final int WEYL_0 = 0x9E3779B9;

    private static final int WEYL_1 = 0xBB67AE85;

    private CounterRandom() {}

    /// 32 bits.
    ///
    /// @param purpose number of the stream, for streams that share a seed (a tensor's initialisation, a layer's
    ///     dropout)
    /// @param index below `INDEX_LIMIT`
    public static int bits(long seed, int purpose, long step, long index) {
        if (index < 0 || index >= INDEX_LIMIT) {
            throw new IllegalArgumentException("index must be in [0, " + INDEX_LIMIT + "), found " + index);
        }
        return word((int) (index & 3), (int) (index >>> 2), purpose, (int) step, (int) (step >>> 32), (int) seed,
                (int) (seed >>> 32));
    }

    /// Uniform in [0, 1): a multiple of 2^-24.
    public static float uniform(long seed, int purpose, long step, long index) {
        return (bits(seed, purpose, step, index) >>> 8) * 0x1p-24f;
    }

    /// Standard normal, |x| ≤ 6.4: the inverse of the normal distribution at the midpoint of one of 2^32 equal cells.
    public static float normal(long seed, int purpose, long step, long index) {
        return (float) inverseNormal((bits(seed, purpose, step, index) + 0.5) * 0x1p-32);
    }

    /// Word `word` of the Philox block of counter (c0 … c3) with key (k0, k1).
    static int word(int word, int c0, int c1, int c2, int c3, int k0, int k1) {
        for (int round = 0; round < ROUNDS; round++) {
            long product0 = (MULTIPLIER_0 & 0xffffffffL) * (c0 & 0xffffffffL);
            long product1 = (MULTIPLIER_1 & 0xffffffffL) * (c2 & 0xffffffffL);
            c0 = (int) (product1 >>> 32) ^ c1 ^ k0;
            c1 = (int) product1;
            c2 = (int) (product0 >>> 32) ^ c3 ^ k1;
            c3 = (int) product0;
            k0 += WEYL_0;
            k1 += WEYL_1;
        }
        return switch (word) {
            case 0 -> c0;
            case 1 -> c1;
            case 2 -> c2;
            default -> c3;
        };
    }

    /// The x for which the standard normal distribution is ½ + q, |q| < ½: PPND7 of algorithm AS 241 (Wichura 1988),
    /// with an error of about 1e-7. In double, with + - * / and the correctly rounded square root; only the tails need
    /// a logarithm.
    static double inverseNormal(double q) {
        if (Math.abs(q) <= 0.425) {
            double r = 0.180625 - q * q;
            return q * (((59.109374720 * r + 159.29113202) * r + 50.434271938) * r + 3.3871327179)
                    / (((67.187563600 * r + 78.757757664) * r + 17.895169469) * r + 1.0);
        }
        double tail = 0.5 - Math.abs(q);
        double r = Math.sqrt(-ScalarMath.log((float) tail));
        double x;
        if (r <= 5.0) {
            r -= 1.6;
            x = (((0.17023821103 * r + 1.3067284816) * r + 2.7568153900) * r + 1.4234372777)
                    / ((0.12021132975 * r + 0.73700164250) * r + 1.0);
        } else {
            r -= 5.0;
            x = (((0.017337203997 * r + 0.42868294337) * r + 3.0812263860) * r + 6.6579051150)
                    / ((0.012258202635 * r + 0.24197894225) * r + 1.0);
        }
        return q < 0.0 ? -x : x;
    }
}
