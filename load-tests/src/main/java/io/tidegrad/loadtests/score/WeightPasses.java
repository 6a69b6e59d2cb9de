package io.tidegrad.loadtests.score;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.loadtests.bench.PredictBench;
import java.util.Arrays;

/// Passes over as many floats as [PredictBench#denseWeights] tells of a model.
final class WeightPasses {
    /// Four vectors of the widest hardware: as many sums in registers as hide the time of an addition.
    private static final int COLUMNS = 64;

    /// 4 KB, which stay in the first-level cache.
    private static final int BLOCK = 1024;

    private final Kernels kernels = Kernels.active();
    private final float[] weights; // (rows, COLUMNS), what is left over at the end left out
    private final float[] sums = new float[COLUMNS];
    private final float[] block = new float[BLOCK];

    /// @param plan of dense layers
    WeightPasses(Plan plan) {
        weights = new float[PredictBench.denseWeights(plan) / COLUMNS * COLUMNS];
        Arrays.fill(weights, 0.01f);
    }

    /// Adds all up, each float into one of 64 sums that stay in registers.
    void sum() {
        kernels.columnSums(COLUMNS, weights.length / COLUMNS, 1f, weights, 0, COLUMNS, sums);
    }

    /// Copies all, block by block, into the first-level cache, as the bench's `reading_pass_ns` does.
    void read() {
        for (int at = 0; at < weights.length; at += BLOCK) {
            System.arraycopy(weights, at, block, 0, Math.min(BLOCK, weights.length - at));
        }
    }
}
