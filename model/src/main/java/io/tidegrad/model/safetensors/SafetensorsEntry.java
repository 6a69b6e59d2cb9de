package io.tidegrad.model.safetensors;

import java.util.List;

/// One tensor of a file, as the header describes it.
///
/// @param begin offset of its first byte, counted from the end of the header
/// @param end offset of its end, exclusive
public record SafetensorsEntry(String name, Dtype dtype, List<Long> shape, long begin, long end) {
    public SafetensorsEntry {
        shape = List.copyOf(shape);
    }

    /// The number of values.
    public long count() {
        return (end - begin) / dtype.bytes();
    }
}
