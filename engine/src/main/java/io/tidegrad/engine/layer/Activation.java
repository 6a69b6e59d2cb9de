package io.tidegrad.engine.layer;

import org.jspecify.annotations.Nullable;

/// What one layer hands to the next, and what comes back.
///
/// @param value (rows · lines, width). Columns beyond the width are padding: whatever they hold is never read
/// @param gradient (rows · lines, width), null where nobody below needs it. Padding is zero and stays zero: kernels read it
public record Activation(Block value, @Nullable Block gradient) {
    /// Stands for the row itself, which layers read from the step.
    public static final Activation ROW = new Activation(new Block(new float[0], 0, 0), null);

    Block requireGradient() {
        if (gradient == null) {
            throw new IllegalStateException("backward through a workspace made for predicting");
        }
        return gradient;
    }

    /// The same activation from `column` on.
    Activation from(int column) {
        return new Activation(value.from(column), gradient == null ? null : gradient.from(column));
    }
}
