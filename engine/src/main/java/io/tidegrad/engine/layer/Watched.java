package io.tidegrad.engine.layer;

import org.jspecify.annotations.Nullable;

/// What a bound layer puts out, for whoever asks after a step which layer went wrong: nobody looks during one.
///
/// @param place of the layer, as messages name it: `layer 2 (Dense)`
public record Watched(String place, int lines, int width, Activation output) {

    /// Whether every number that the layer put out for this row is finite.
    public boolean isFinite(int row) {
        return isFinite(output.value(), row);
    }

    /// Whether every gradient of what it put out for this row is; also where it has none.
    public boolean isGradientFinite(int row) {
        return isFinite(output.gradient(), row);
    }

    private boolean isFinite(@Nullable Block block, int row) {
        if (block == null || block.values.length == 0) {
            return true;
        }
        for (int line = row * lines; line < (row + 1) * lines; line++) {
            for (int i = 0; i < width; i++) {
                if (!Float.isFinite(block.values[block.row(line) + i])) {
                    return false;
                }
            }
        }
        return true;
    }
}
