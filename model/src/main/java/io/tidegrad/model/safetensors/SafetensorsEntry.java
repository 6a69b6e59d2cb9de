package io.tidegrad.model.safetensors;

import java.util.List;

/// One tensor of a file, as the header describes it.
///
/// @param begin of its bytes, counted from the first one behind the header
/// @param end exclusive
public record SafetensorsEntry(String name, Dtype dtype, List<Long> shape, long begin, long end) {
    public SafetensorsEntry {
        shape = List.copyOf(shape);
    }

    /// Numbers that it holds.
    public long count() {
        return (end - begin) / dtype.bytes();
    }
}
