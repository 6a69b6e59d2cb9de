package io.tidegrad.engine.layer;

import java.util.List;
import java.util.function.Function;

/// The values of all tensors of a plan in the layout of the kernels: weights and optimizer state, or gradients. One
/// thread writes.
public final class Slab {
    static final Slab EMPTY = new Slab(List.of(), 0);

    private final Storage[] storages;

    /// A slab that is all zero.
    ///
    /// @param stateParts floats of optimizer state per weight; 0 for a slab that is only read
    public Slab(List<Tensor> tensors, int stateParts) {
        this(tensors, tensor -> Storage.of(tensor, stateParts));
    }

    private Slab(List<Tensor> tensors, Function<Tensor, Storage> storage) {
        storages = tensors.stream().map(storage).toArray(Storage[]::new);
    }

    Slab(Storage[] storages) {
        this.storages = storages;
    }

    /// A slab for serving: all zero, without state, tables in small blocks, so that a `SlabCopy` shares most of them.
    public static Slab shareable(List<Tensor> tensors) {
        return new Slab(tensors,
                tensor -> tensor instanceof Tensor.Table table ? Storage.Rows.shareable(table) : Storage.of(tensor, 0));
    }

    Storage[] storages() {
        return storages.clone();
    }

    /// A slab for the gradients of up to `maxRows` rows; for a table that only updates touched rows it has room for the
    /// rows that those can touch.
    static Slab ofGradients(List<Tensor> tensors, int maxRows) {
        return new Slab(tensors, tensor -> tensor instanceof Tensor.Table table && table.touchedOnly()
                ? Storage.Touched.of(table, maxRows) : Storage.of(tensor, 0));
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

    Storage.Touched touched(int tensor) {
        return (Storage.Touched) storages[tensor];
    }

    double[] statistics(int tensor) {
        return ((Storage.Doubles) storages[tensor]).values();
    }
}
