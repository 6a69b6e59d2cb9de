package io.tidegrad.engine.model;

import io.tidegrad.engine.layer.Initialization;
import io.tidegrad.engine.layer.Storage;
import io.tidegrad.engine.layer.Tensor;
import io.tidegrad.engine.optim.Optimizer;

/// Fills tensors before the first update, those of a layer that starts again, and table rows that are given to something new.
/// Weight number `index` of the logical, row-major tensor is a pure function of
/// (seed, the tensor's place in the plan, how often it was drawn before, index) and does not depend on the layout in memory.
final class FirstWeights {
    private FirstWeights() {}

    static void draw(NetworkSpec spec, Optimizer optimizer, int tensor, long draw, Tensor declared,
            Storage.Floats storage) {
        long seed = spec.seed();
        switch (declared) {
            case Tensor.Matrix matrix -> {
                Initialization initialization = matrix.initialization();
                float scale = initialization.scale(matrix.fanIn(), matrix.fanOut());
                storage.visit(matrix, 0,
                        (to, at, number) -> to[at] = initialization.draw(seed, tensor, draw, number, scale));
            }
            case Tensor.Table table -> storage.visit(table, 0,
                    (to, at, number) -> to[at] = Initialization.uniform(seed, tensor, draw, number, table.start()));
            case Tensor.Vector vector -> {
                float start = vector.role() == Tensor.Vector.Role.SCALE ? 1 : 0;
                storage.visit(vector, 0, (to, at, number) -> to[at] = start);
            }
            case Tensor.Statistics statistics -> {
            }
        }
        startState(optimizer, declared, storage);
    }

    /// Draws one row of a table, whose numbers are counted from its first, and sets its state to what it is before the first
    /// update. Allocates nothing.
    static void drawRow(NetworkSpec spec, Optimizer optimizer, int tensor, long draw, Tensor.Table table, int row,
            Storage.Floats storage) {
        float[] weights = storage.array(0, row);
        for (int column = 0; column < table.columns(); column++) {
            weights[storage.index(0, row, column)] =
                    Initialization.uniform(spec.seed(), tensor, draw, column, table.start());
        }
        for (int part = 1; part <= optimizer.stateParts(); part++) {
            startState(optimizer, part, row, table.columns(), storage);
        }
    }

    /// Sets the optimizer's state before the first update, derived from the present weights.
    static void startState(Optimizer optimizer, Tensor declared, Storage.Floats storage) {
        for (int part = 1; part <= optimizer.stateParts(); part++) {
            for (int row = 0; row < declared.rows(); row++) {
                startState(optimizer, part, row, declared.columns(), storage);
            }
        }
    }

    private static void startState(Optimizer optimizer, int part, int row, int columns, Storage.Floats storage) {
        float[] weights = storage.array(0, row);
        float[] state = storage.array(part, row);
        for (int column = 0; column < columns; column++) {
            float weight = weights[storage.index(0, row, column)];
            state[storage.index(part, row, column)] = optimizer.initialState(part, weight);
        }
    }
}
