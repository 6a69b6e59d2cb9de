package io.tidegrad.engine.optim;

/// Powers with the same bits on every machine, which `Math.pow` doesn't guarantee.
final class Power {
    private Power() {}

    /// base^exponent by squaring, for an `exponent` of at least 0.
    static double of(double base, long exponent) {
        double result = 1;
        double square = base;
        for (long rest = exponent; rest > 0; rest >>= 1) {
            if ((rest & 1) != 0) {
                result *= square;
            }
            square *= square;
        }
        return result;
    }

    /// Whether base^exponent, for a base below 1, is so little that 1 minus it is 1. It is at most e^-((1 - base) exponent), and
    /// e^-64 is far below half of the last bit of 1, which is 2^-54.
    static boolean isLostIn1(double base, long exponent) {
        return (1 - base) * exponent > 64;
    }
}
