package io.tidegrad.replay;

import io.tidegrad.engine.layer.Tensor;
import io.tidegrad.engine.model.Parameters;
import org.jspecify.annotations.Nullable;

/// The first number in which two models differ, in plan order: statistics and weights first, then the optimizer's
/// state.
///
/// @param tensor layer and parameter, such as `2.weight`; of optimizer state with its part, `2.weight, state 1`
/// @param row of the logical shape (rows, columns)
/// @param found what was published or stored
/// @param expected what the log gives
/// @param differing numbers of this tensor that differ
/// @param size numbers of this tensor
/// @param tensors that differ, this one among them
public record TensorDifference(String tensor, int row, int column, double found, double expected, long differing,
        long size, int tensors) {
    /// Null when they are equal bit for bit. Optimizer state is compared where both have it.
    static @Nullable TensorDifference between(Parameters found, Parameters expected) {
        boolean states = found.optimizerBytes() > 0 && expected.optimizerBytes() > 0;
        int parts = states ? found.plan().spec().optimizer().stateParts() : 0;
        Search search = new Search();
        for (int part = 0; part <= parts; part++) {
            for (Tensor tensor : found.plan().tensors()) {
                if (!(tensor instanceof Tensor.Statistics)) {
                    search.floats(part == 0 ? tensor.name() : tensor.name() + ", state " + part, tensor.columns(),
                            part == 0 ? found.weights(tensor.name()) : found.state(tensor.name(), part),
                            part == 0 ? expected.weights(tensor.name()) : expected.state(tensor.name(), part));
                } else if (part == 0) {
                    search.doubles(tensor.name(), tensor.columns(), found.statistics(tensor.name()),
                            expected.statistics(tensor.name()));
                }
            }
        }
        return search.result();
    }

    private static final class Search {
        private @Nullable TensorDifference first;
        private int tensors;

        void floats(String tensor, int columns, float[] found, float[] expected) {
            int at = -1;
            long differing = 0;
            for (int i = 0; i < found.length; i++) {
                if (Float.floatToRawIntBits(found[i]) != Float.floatToRawIntBits(expected[i])) {
                    at = at < 0 ? i : at;
                    differing++;
                }
            }
            if (at >= 0) {
                add(tensor, columns, at, found[at], expected[at], differing, found.length);
            }
        }

        void doubles(String tensor, int columns, double[] found, double[] expected) {
            int at = -1;
            long differing = 0;
            for (int i = 0; i < found.length; i++) {
                if (Double.doubleToRawLongBits(found[i]) != Double.doubleToRawLongBits(expected[i])) {
                    at = at < 0 ? i : at;
                    differing++;
                }
            }
            if (at >= 0) {
                add(tensor, columns, at, found[at], expected[at], differing, found.length);
            }
        }

        private void add(String tensor, int columns, int at, double found, double expected, long differing, long size) {
            tensors++;
            if (first == null) {
                first = new TensorDifference(tensor, at / columns, at % columns, found, expected, differing, size, 0);
            }
        }

        @Nullable
        TensorDifference result() {
            return first == null ? null : new TensorDifference(first.tensor, first.row, first.column, first.found,
                    first.expected, first.differing, first.size, tensors);
        }
    }
}
