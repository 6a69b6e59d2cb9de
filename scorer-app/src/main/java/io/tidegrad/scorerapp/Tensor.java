package io.tidegrad.scorerapp;

import java.util.List;

/// A tensor of a request. Its data is checked against its shape and datatype, but not yet against a model.
///
/// @param shape records first
/// @param values row-major: `Long`, `Double`, `Float`, `Boolean`; for `BYTES` `String` from JSON, else `byte[]`
record Tensor(String name, TensorType type, Shape shape, List<Object> values) {
    static final int RANK_MAX = 4;

    /// Returns the tensor's name for messages.
    static String input(String name) {
        return "input '" + StrictJson.printable(name) + "'";
    }

    static HttpProblem problem(String name, String message) {
        return new HttpProblem(ProblemReason.BAD_TENSOR, input(name) + ": " + message);
    }

    /// Dimensions whose product fits into an int and equals the number of elements.
    ///
    /// @param elements product of the dimensions
    record Shape(List<Long> dimensions, int elements) {
        Shape {
            dimensions = List.copyOf(dimensions);
        }

        /// @throws HttpProblem `bad-tensor` for no dimensions, too many, one below 1, or a product that no request can
        ///     hold
        static Shape of(String tensor, List<Long> dimensions) {
            if (dimensions.isEmpty() || dimensions.size() > RANK_MAX) {
                throw problem(tensor,
                        "shape: expected 1 to " + RANK_MAX + " dimensions, records first, found " + dimensions.size());
            }
            long elements = 1;
            for (long dimension : dimensions) {
                if (dimension < 1) {
                    throw problem(tensor, "shape: expected dimensions of at least 1, found " + dimension
                            + "; leave a tensor without elements out");
                }
                if (dimension > Integer.MAX_VALUE / elements) {
                    throw problem(tensor,
                            "shape: expected at most " + Integer.MAX_VALUE + " elements, found " + dimensions);
                }
                elements *= dimension;
            }
            return new Shape(dimensions, (int) elements);
        }

        int records() {
            return Math.toIntExact(dimensions.getFirst());
        }

        /// Returns the number of elements of one record.
        int width() {
            return elements / records();
        }

        @Override
        public String toString() {
            return dimensions.toString();
        }
    }
}
