package io.tidegrad.engine.layer;

import org.jspecify.annotations.Nullable;

/// What one layer hands to the next, and what comes back.
///
/// @param value (rows · lines, width). Columns beyond the width are padding: whatever they hold is never read
/// @param gradient (rows · lines, width), null where nobody below needs it. Padding is zero and stays zero: kernels
///     read it
/// @param wantedFrom first column whose gradient somebody below reads; that of others may be left as it is
/// @param wantedTo one behind the last of them, or more than there are
public record Activation(Block value, @Nullable Block gradient, int wantedFrom, int wantedTo) {
    /// Stands for the row itself, which layers read from the step.
    public static final Activation ROW = new Activation(new Block(new float[0], 0, 0), null);

    /// Every column's gradient is wanted.
    public Activation(Block value, @Nullable Block gradient) {
        this(value, gradient, 0, Integer.MAX_VALUE);
    }

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
