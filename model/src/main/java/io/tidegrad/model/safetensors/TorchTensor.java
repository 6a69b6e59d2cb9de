package io.tidegrad.model.safetensors;

import java.util.Arrays;
import java.util.List;

/// One tensor of a model with PyTorch's name and layout.
///
/// @param name as in a `state_dict`: `2.weight`
/// @param tensor name in the engine
/// @param axes axes in the engine, row-major
/// @param order which of `axes` is PyTorch's first, second, …
/// @param kind what it holds
record TorchTensor(String name, String tensor, List<Integer> axes, List<Integer> order, Kind kind) {
    enum Kind {
        WEIGHTS,
        /// Statistics of `Standardise`: a count, then means, then as many sums of squares.
        MOMENTS, MEANS, VARIANCES,
        /// Statistics of a layer that PyTorch does not have.
        DOUBLES;

        boolean isStatistics() {
            return this != WEIGHTS;
        }
    }

    TorchTensor {
        axes = List.copyOf(axes);
        order = List.copyOf(order);
    }

    /// The shape in PyTorch.
    List<Long> shape() {
        return order.stream().map(axis -> (long) axes.get(axis)).toList();
    }

    /// Whether it is a matrix that is the same in PyTorch.
    boolean isTable() {
        return order.equals(List.of(0, 1));
    }

    float[] toTorch(float[] values) {
        float[] torch = new float[values.length];
        permute((ours, theirs) -> torch[theirs] = values[ours]);
        return torch;
    }

    float[] fromTorch(float[] torch) {
        float[] values = new float[torch.length];
        permute((ours, theirs) -> values[ours] = torch[theirs]);
        return values;
    }

    @FunctionalInterface
    private interface Places {
        void pair(int ours, int theirs);
    }

    /// Visits every number's index in both layouts, in PyTorch's order.
    private void permute(Places places) {
        int rank = axes.size();
        int[] strides = new int[rank];
        int size = 1;
        for (int axis = rank - 1; axis >= 0; axis--) {
            strides[axis] = size;
            size *= axes.get(axis);
        }
        int[] lengths = order.stream().mapToInt(axes::get).toArray();
        int[] steps = order.stream().mapToInt(axis -> strides[axis]).toArray();
        int[] at = new int[rank];
        int ours = 0;
        for (int theirs = 0; theirs < size; theirs++) {
            places.pair(ours, theirs);
            for (int axis = rank - 1; axis >= 0; axis--) {
                ours += steps[axis];
                if (++at[axis] < lengths[axis]) {
                    break;
                }
                ours -= lengths[axis] * steps[axis];
                at[axis] = 0;
            }
        }
    }

    @Override
    public String toString() {
        return name + " " + Arrays.toString(shape().toArray());
    }
}
