package io.tidegrad.replay;

import io.tidegrad.engine.layer.Tensor;
import io.tidegrad.engine.model.Parameters;
import java.util.function.IntPredicate;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// The first number in which two models differ, in the order of the plan: statistics and weights first, then optimizer
/// state.
///
/// @param tensor layer and parameter, such as `2.weight`; of optimizer state with its part, `2.weight, state 1`
/// @param row in the logical shape (rows, columns)
/// @param found what was published or stored
/// @param expected what the log gives
/// @param differing how many numbers of this tensor differ
/// @param size how many numbers this tensor has
/// @param tensors how many tensors differ
public record TensorDifference(String tensor, int row, int column, double found, double expected, long differing,
        long size, int tensors) {
    /// Returns null if the models are equal bit for bit. Optimizer state is compared if both have it.
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
            compare(tensor, columns, found.length, i -> found[i], i -> expected[i],
                    i -> Float.floatToRawIntBits(found[i]) != Float.floatToRawIntBits(expected[i]));
        }

        void doubles(String tensor, int columns, double[] found, double[] expected) {
            compare(tensor, columns, found.length, i -> found[i], i -> expected[i],
                    i -> Double.doubleToRawLongBits(found[i]) != Double.doubleToRawLongBits(expected[i]));
        }

        private void compare(String tensor, int columns, int size, IntToDoubleFunction found,
                IntToDoubleFunction expected, IntPredicate differs) {
            long differing = IntStream.range(0, size).filter(differs).count();
            if (differing > 0 && tensors++ == 0) {
                int at = IntStream.range(0, size).filter(differs).findFirst().orElseThrow();
                first = new TensorDifference(tensor, at / columns, at % columns, found.applyAsDouble(at),
                        expected.applyAsDouble(at), differing, size, 0);
            }
        }

        @Nullable
        TensorDifference result() {
            return first == null ? null : new TensorDifference(first.tensor, first.row, first.column, first.found,
                    first.expected, first.differing, first.size, tensors);
        }
    }
}
