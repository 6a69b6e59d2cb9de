package io.tidegrad.engine.layer;

import java.util.List;

/// The bytes that a slab takes, computed without allocating it.
///
/// @param weights bytes of weights and of statistics
/// @param state bytes of the optimizer's state
public record SlabBytes(long weights, long state) {
    /// Bytes that `new Slab(tensors, stateParts)` allocates.
    public static SlabBytes of(List<Tensor> tensors, int stateParts) {
        long weights = 0;
        long state = 0;
        for (Tensor tensor : tensors) {
            long bytes = bytes(tensor);
            weights += bytes;
            if (!(tensor instanceof Tensor.Statistics)) {
                state += bytes * stateParts;
            }
        }
        return new SlabBytes(weights, state);
    }

    /// Bytes that a `GradientSlab` allocates for batches of up to `maxRows` rows.
    public static long ofGradients(List<Tensor> tensors, int maxRows) {
        long bytes = 0;
        for (Tensor tensor : tensors) {
            if (tensor instanceof Tensor.Table table && table.touchedOnly()) {
                long rows = Math.min((long) maxRows * table.reads(), table.rows());
                bytes += rows * (2 * Integer.BYTES + (long) Float.BYTES * table.columns());
            } else {
                bytes += bytes(tensor);
            }
        }
        return bytes;
    }

    /// Bytes that `Slab.shareable` allocates.
    public static long served(List<Tensor> tensors) {
        return tensors.stream().mapToLong(SlabBytes::served).sum();
    }

    private static long served(Tensor tensor) {
        return tensor instanceof Tensor.Matrix matrix && matrix.servedByOutput()
                ? (long) Float.BYTES * matrix.panels().lengthByOutput() : bytes(tensor);
    }

    private static long bytes(Tensor tensor) {
        return switch (tensor) {
            case Tensor.Matrix matrix -> (long) Float.BYTES * matrix.panels().length();
            case Tensor.Vector vector -> (long) Float.BYTES * vector.stride();
            case Tensor.Table table -> (long) Float.BYTES * table.rows() * table.columns();
            case Tensor.Statistics statistics -> (long) Double.BYTES * statistics.columns();
        };
    }
}
