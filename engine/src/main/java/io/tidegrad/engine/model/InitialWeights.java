package io.tidegrad.engine.model;

import io.tidegrad.engine.layer.Embedding;
import io.tidegrad.engine.layer.Initialization;
import io.tidegrad.engine.layer.Storage;
import io.tidegrad.engine.layer.Tensor;
import io.tidegrad.engine.random.CounterRandom;

/// Draws a tensor's first weights: weight number `index` of the logical, row-major tensor is a pure function of (seed,
/// the tensor's place in the plan, index), whatever the layout in memory.
final class InitialWeights {
    private static final long STEP = 0; // before the first

    private InitialWeights() {}

    static void draw(long seed, int tensor, Tensor declared, Storage storage) {
        switch (declared) {
            case Tensor.Matrix matrix -> {
                Initialization initialization = matrix.initialization();
                float scale = initialization.scale(matrix.rows(), matrix.columns());
                fill(seed, tensor, matrix, storage, scale, initialization.isNormal());
            }
            case Tensor.Table table -> fill(seed, tensor, table, storage, Embedding.START, false);
            case Tensor.Vector vector -> {}
            case Tensor.Statistics statistics -> {}
        }
    }

    private static void fill(
            long seed, int tensor, Tensor declared, Storage storage, float scale, boolean normal) {
        Storage.Floats floats = (Storage.Floats) storage;
        int columns = declared.columns();
        for (int row = 0; row < declared.rows(); row++) {
            float[] array = floats.array(0, row);
            for (int column = 0; column < columns; column++) {
                long index = (long) row * columns + column;
                float draw =
                        normal
                                ? CounterRandom.normal(seed, tensor, STEP, index)
                                : 2 * CounterRandom.uniform(seed, tensor, STEP, index) - 1;
                array[floats.index(0, row, column)] = scale * draw;
            }
        }
    }
}
