package io.tidegrad.engine.model;

import io.tidegrad.engine.layer.Initialization;
import io.tidegrad.engine.layer.Storage;
import io.tidegrad.engine.layer.Tensor;
import io.tidegrad.engine.optim.Optimizer;

/// Fills tensors before the first update, and those of a layer that starts again. Weight number `index` of the logical, row-major tensor is a pure function of
/// (seed, the tensor's place in the plan, how often it was drawn before, index) and does not depend on the layout in memory.
final class InitialWeights {
    private InitialWeights() {}

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

    /// Sets the optimizer's state before the first update, derived from the present weights.
    static void startState(Optimizer optimizer, Tensor declared, Storage.Floats storage) {
        for (int part = 1; part <= optimizer.stateParts(); part++) {
            for (int row = 0; row < declared.rows(); row++) {
                float[] weights = storage.array(0, row);
                float[] state = storage.array(part, row);
                for (int column = 0; column < declared.columns(); column++) {
                    float weight = weights[storage.index(0, row, column)];
                    state[storage.index(part, row, column)] = optimizer.initialState(part, weight);
                }
            }
        }
    }
}
