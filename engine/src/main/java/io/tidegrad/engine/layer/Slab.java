package io.tidegrad.engine.layer;

import java.util.List;

/// The values of all tensors of a plan, weights and optimizer state, in the layout of the kernels. One writer.
public final class Slab {
    static final Slab EMPTY = new Slab(List.of(), 0);

    private final Storage[] storages;

    /// All zero.
    ///
    /// @param stateParts floats of optimizer state a weight; 0 also for a slab that is only read
    public Slab(List<Tensor> tensors, int stateParts) {
        storages = new Storage[tensors.size()];
        for (int tensor = 0; tensor < storages.length; tensor++) {
            storages[tensor] =
                    switch (tensors.get(tensor)) {
                        case Tensor.Matrix matrix -> Storage.Dense.of(matrix, stateParts);
                        case Tensor.Vector vector -> Storage.Dense.of(vector, stateParts);
                        case Tensor.Table table -> Storage.Rows.of(table, stateParts);
                        case Tensor.Statistics statistics -> Storage.Doubles.of(statistics);
                    };
        }
    }

    public Storage storage(int tensor) {
        return storages[tensor];
    }

    Storage.Dense dense(int tensor) {
        return (Storage.Dense) storages[tensor];
    }

    Storage.Rows rows(int tensor) {
        return (Storage.Rows) storages[tensor];
    }

    double[] statistics(int tensor) {
        return ((Storage.Doubles) storages[tensor]).values();
    }

    /// All zero again.
    public void clear() {
        for (Storage storage : storages) {
            storage.clear();
        }
    }
}
