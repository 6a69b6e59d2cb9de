package io.tidegrad.engine.kernel;

/// The definition of sums in 16 virtual lanes, independent of the hardware's vector width.
final class VirtualLanes {
    static final int COUNT = 16;

    private VirtualLanes() {}

    /// The sum of lanes `lane`, `lane + step`, `lane + 2 step`, … as a tree: from (0, 1) it adds lanes 8 apart first, 1
    /// apart last. Lane l sums the numbers whose index is l mod 16.
    static float sum(int length, float[] x, int xAt, int lane, int step) {
        if (step == COUNT) {
            float sum = 0f;
            for (int i = lane; i < length; i += COUNT) {
                sum += x[xAt + i];
            }
            return sum;
        }
        return sum(length, x, xAt, lane, 2 * step) + sum(length, x, xAt, lane + step, 2 * step);
    }

    /// Like `sum`, of the products a · b.
    static float sumOfProducts(int length, float[] a, int aAt, float[] b, int bAt, int lane, int step) {
        if (step == COUNT) {
            float sum = 0f;
            for (int i = lane; i < length; i += COUNT) {
                sum = Math.fma(a[aAt + i], b[bAt + i], sum);
            }
            return sum;
        }
        return sumOfProducts(length, a, aAt, b, bAt, lane, 2 * step)
                + sumOfProducts(length, a, aAt, b, bAt, lane + step, 2 * step);
    }
}
