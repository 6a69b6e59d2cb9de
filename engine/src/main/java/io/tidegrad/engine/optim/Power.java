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
}
