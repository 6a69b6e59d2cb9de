package io.tidegrad.engine.layer;

import org.jspecify.annotations.Nullable;

/// A layer's output, and its gradient, which the next layer computes.
///
/// @param value (rows · lines, width). Columns beyond the width are padding, which is never read
/// @param gradient (rows · lines, width); null if no layer below needs it. Its padding is read by kernels and must stay
///     zero
/// @param wantedFrom first column whose gradient a layer below reads; the gradients of other columns need not be
///     written
/// @param wantedTo end (exclusive) of those columns; may exceed the width
public record Activation(Block value, @Nullable Block gradient, int wantedFrom, int wantedTo) {
    /// Stands for the row itself, which layers read from `Step`.
    public static final Activation ROW = new Activation(new Block(new float[0], 0, 0), null);

    /// An activation of which every column's gradient is needed.
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
