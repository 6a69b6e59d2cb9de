package io.tidegrad.scorerapp;

import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/// What a model's metadata says of a tensor.
///
/// @param shape records first; `ANY` where a dimension varies
record TensorInfo(String name, TensorType type, List<Integer> shape) {
    static final int ANY = -1;

    TensorInfo {
        shape = List.copyOf(shape);
    }

    /// Of any number of records.
    ///
    /// @param element dimensions of one record's values; none for a single value
    static TensorInfo of(String name, TensorType type, int... element) {
        return new TensorInfo(name, type, IntStream.concat(IntStream.of(ANY), Arrays.stream(element)).boxed().toList());
    }

    /// Whether a record has a list of values here.
    boolean holdsLists() {
        return shape.size() > 1;
    }
}
