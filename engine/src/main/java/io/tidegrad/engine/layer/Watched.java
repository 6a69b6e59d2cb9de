package io.tidegrad.engine.layer;

import org.jspecify.annotations.Nullable;

/// A bound layer's output, from which the learner finds, after a step that failed, the layer where it failed.
///
/// @param place of the layer, as messages name it: `layer 2 (Dense)`
/// @param cuts whether the output is 0 where the input is far below 0, as a relu's
public record Watched(String place, int lines, int width, Activation output, boolean cuts) {

    /// Whether the layer's whole output for this row is finite.
    public boolean isFinite(int row) {
        return isFinite(output.value(), row);
    }

    /// Whether the output's gradient for this row is finite; true if it has none.
    public boolean isGradientFinite(int row) {
        return isFinite(output.gradient(), row);
    }

    /// Marks the columns, each a unit, that are not 0 in some line of the first `rows` rows.
    public void markActive(int rows, boolean[] active) {
        Block y = output.value();
        for (int line = 0; line < rows * lines; line++) {
            int at = y.row(line);
            for (int i = 0; i < width; i++) {
                active[i] |= y.values[at + i] != 0;
            }
        }
    }

    /// Copies the layer's output for this row.
    public void copy(int row, float[] to, int at) {
        for (int line = 0; line < lines; line++) {
            System.arraycopy(output.value().values, output.value().row(row * lines + line), to, at + line * width,
                    width);
        }
    }

    /// How many numbers `copy` copies.
    public int size() {
        return lines * width;
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
