package io.tidegrad.cli.golden;

import java.util.ArrayList;
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

    /// The same values with the first `axes` axes taken as one.
    Tensor withFirstAxesMerged(int axes) {
        List<Integer> merged = new ArrayList<>(List.of(product(shape.subList(0, axes))));
        merged.addAll(shape.subList(axes, shape.size()));
        return new Tensor(merged, values, integers);
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
        return Arrays.stream(place)
                .mapToObj(Integer::toString)
                .collect(Collectors.joining(", ", "[", "]"));
    }
}
