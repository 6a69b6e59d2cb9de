package io.tidegrad.engine.optim;

/// cos πx for x in [0, 1], with an error below 2^-51 and the same bits everywhere. `StrictMath.cos` is not used because
/// it allocates an array in each call (JDK 25).
final class CosPi {
    /// Taylor coefficients of cos and sin; the first omitted term is below 2^-58 within π/4.
    private static final double[] COS = {1, -1.0 / 2, 1.0 / 24, -1.0 / 720, 1.0 / 40_320, -1.0 / 3_628_800,
        1.0 / 479_001_600, -1.0 / 87_178_291_200.0, 1.0 / 20_922_789_888_000.0};

    private static final double[] SIN = {1, -1.0 / 6, 1.0 / 120, -1.0 / 5_040, 1.0 / 362_880, -1.0 / 39_916_800,
        1.0 / 6_227_020_800.0, -1.0 / 1_307_674_368_000.0};

    private CosPi() {}

    /// cos πx for x in [0, 1]. The differences 1 - x and 0.5 - x are exact.
    static double of(double x) {
        if (x > 0.5) {
            return -of(1 - x);
        }
        if (x <= 0.25) {
            return series(COS, Math.PI * x);
        }
        double z = Math.PI * (0.5 - x);
        return z * series(SIN, z);
    }

    private static double series(double[] coefficients, double z) {
        double square = z * z;
        double sum = 0;
        for (int k = coefficients.length - 1; k >= 0; k--) {
            sum = sum * square + coefficients[k];
        }
        return sum;
    }
}
