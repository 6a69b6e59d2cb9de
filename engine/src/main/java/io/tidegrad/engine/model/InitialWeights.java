package io.tidegrad.engine.model;

import io.tidegrad.engine.layer.Embedding;
import io.tidegrad.engine.layer.Initialization;
import io.tidegrad.engine.layer.Storage;
import io.tidegrad.engine.layer.Tensor;
import io.tidegrad.engine.optim.Optimizer;
import io.tidegrad.engine.random.CounterRandom;

/// A tensor before the first update. Weight number `index` of the logical, row-major tensor is a pure function of (seed,
/// the tensor's place in the plan, index), whatever the layout in memory.
final class InitialWeights {
    private static final long STEP = 0; // before the first

    private InitialWeights() {}

    static void draw(NetworkSpec spec, int tensor, Tensor declared, Storage.Floats storage) {
        switch (declared) {
            case Tensor.Matrix matrix -> {
                Initialization initialization = matrix.initialization();
                float scale = initialization.scale(matrix.rows(), matrix.columns());
                fill(spec.seed(), tensor, matrix, storage, scale, initialization.isNormal());
            }
            case Tensor.Table table ->
                    fill(spec.seed(), tensor, table, storage, Embedding.START, false);
            case Tensor.Vector vector -> {}
            case Tensor.Statistics statistics -> {}
        }
        Optimizer optimizer = spec.optimizer();
        for (int part = 1; part <= optimizer.stateParts(); part++) {
            float start = optimizer.initialState(part);
            if (start != 0) {
                fillState(declared, storage, part, start);
            }
        }
    }

    private static void fill(
            long seed,
            int tensor,
            Tensor declared,
            Storage.Floats storage,
            float scale,
            boolean normal) {
        int columns = declared.columns();
        for (int row = 0; row < declared.rows(); row++) {
            float[] array = storage.array(0, row);
            for (int column = 0; column < columns; column++) {
                long index = (long) row * columns + column;
                float draw =
                        normal
                                ? CounterRandom.normal(seed, tensor, STEP, index)
                                : 2 * CounterRandom.uniform(seed, tensor, STEP, index) - 1;
                array[storage.index(0, row, column)] = scale * draw;
            }
        }
    }

    private static void fillState(Tensor declared, Storage.Floats storage, int part, float start) {
        for (int row = 0; row < declared.rows(); row++) {
            float[] array = storage.array(part, row);
            for (int column = 0; column < declared.columns(); column++) {
                array[storage.index(part, row, column)] = start;
            }
        }
    }
}
