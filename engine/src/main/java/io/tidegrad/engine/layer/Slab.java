package io.tidegrad.engine.layer;

import java.util.List;
import java.util.function.Function;

/// The values of all tensors of a plan in the layout of the kernels: weights and optimizer state, or gradients. One
/// writer.
public final class Slab {
    static final Slab EMPTY = new Slab(List.of(), 0);

    private final Storage[] storages;

    /// All zero.
    ///
    /// @param stateParts floats of optimizer state a weight; 0 also for a slab that is only read
    public Slab(List<Tensor> tensors, int stateParts) {
        this(tensors, tensor -> Storage.of(tensor, stateParts));
    }

    private Slab(List<Tensor> tensors, Function<Tensor, Storage> storage) {
        this(tensors.stream().map(storage).toArray(Storage[]::new));
    }

    Slab(Storage[] storages) {
        this.storages = storages;
    }

    /// All zero, without state, tables in blocks small enough that a `SlabCopy` shares most of them, and matrices as
    /// forward wants them.
    public static Slab shareable(List<Tensor> tensors) {
        return new Slab(tensors, tensor -> switch (tensor) {
            case Tensor.Table table -> Storage.Rows.shareable(table);
            case Tensor.Matrix matrix when matrix.servedByOutput() -> Storage.ByOutput.of(matrix);
            default -> Storage.of(tensor, 0);
        });
    }

    Storage[] storages() {
        return storages.clone();
    }

    /// For the gradients of up to `maxRows` rows: of a touched table only what those rows can touch.
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
