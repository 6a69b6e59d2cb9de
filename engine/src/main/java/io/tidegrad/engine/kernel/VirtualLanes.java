package io.tidegrad.engine.kernel;

/// Sums in virtual lanes, whatever the hardware has: the definition.
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

    /// As `sum`, of a · b.
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
