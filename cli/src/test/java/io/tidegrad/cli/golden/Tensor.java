package io.tidegrad.cli.golden;

import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/// A tensor of a case: row-major, the first axis is the batch where there is one.
///
/// @param integers whether its values count or index
record Tensor(List<Integer> shape, float[] values, boolean integers) {
    static int product(List<Integer> shape) {
        return shape.stream().reduce(1, Math::multiplyExact);
    }

    int rows() {
        return shape.getFirst();
    }

    double[] doubles() {
        double[] doubles = new double[values.length];
        Arrays.setAll(doubles, i -> values[i]);
        return doubles;
    }

    static float[] floats(double[] doubles) {
        float[] floats = new float[doubles.length];
        for (int i = 0; i < floats.length; i++) {
            floats[i] = (float) doubles[i];
        }
        return floats;
    }

    /// The shape of one row.
    List<Integer> rowShape() {
        return shape.subList(1, shape.size());
    }

    int rowLength() {
        return product(rowShape());
    }

    /// Where the value number `index` stands: `[2, 0]`.
    static String place(List<Integer> shape, int index) {
        int[] place = new int[shape.size()];
        int rest = index;
        for (int axis = place.length - 1; axis >= 0; axis--) {
            place[axis] = rest % shape.get(axis);
            rest /= shape.get(axis);
        }
        return Arrays.stream(place).mapToObj(Integer::toString).collect(Collectors.joining(", ", "[", "]"));
    }
}
