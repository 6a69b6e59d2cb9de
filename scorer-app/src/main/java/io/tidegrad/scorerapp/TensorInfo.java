package io.tidegrad.scorerapp;

import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/// A tensor in a model's metadata.
///
/// @param shape records first; `ANY` for a dimension that varies
record TensorInfo(String name, TensorType type, List<Integer> shape) {
    static final int ANY = -1;

    TensorInfo {
        shape = List.copyOf(shape);
    }

    /// Returns the tensor for any number of records.
    ///
    /// @param element dimensions of one record's values; empty for a single value
    static TensorInfo of(String name, TensorType type, int... element) {
        return new TensorInfo(name, type, IntStream.concat(IntStream.of(ANY), Arrays.stream(element)).boxed().toList());
    }

    /// Returns it for that many records.
    TensorInfo ofRecords(int records) {
        return new TensorInfo(name, type,
                Stream.concat(Stream.of(records), shape.subList(1, shape.size()).stream()).toList());
    }

    /// Returns whether a record has a list of values in this tensor.
    boolean holdsLists() {
        return shape.size() > 1;
    }
}
