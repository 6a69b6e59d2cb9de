package io.tidegrad.engine.layer;

import org.jspecify.annotations.Nullable;

/// Allocates one thread's activations and gradients, once, for a maximal batch.
public final class Workspace {
    /// Rows of a block start at multiples of this: one 512-bit vector, so that kernels have no tails.
    private static final int LANES = 16;

    private final int maxRows;
    private final Purpose purpose;

    public enum Purpose {
        /// Forward only: no gradients are allocated.
        PREDICT,
        LEARN,
        /// As LEARN, and the gradient of the row's numbers is kept as well.
        REPORT_GRADIENTS
    }

    public Workspace(int maxRows, Purpose purpose) {
        if (maxRows < 1) {
            throw new IllegalArgumentException(
                    "a workspace holds at least 1 row, asked for " + maxRows);
        }
        this.maxRows = maxRows;
        this.purpose = purpose;
    }

    int maxRows() {
        return maxRows;
    }

    boolean learns() {
        return purpose != Purpose.PREDICT;
    }

    boolean reportsInputGradients() {
        return purpose == Purpose.REPORT_GRADIENTS;
    }

    /// The width with padding.
    static int padded(int width) {
        return Math.ceilDiv(width, LANES) * LANES;
    }

    /// A matrix (maxRows, width) of zeros.
    Block block(int width) {
        return block(1, width);
    }

    /// A matrix (maxRows · lines, width) of zeros.
    Block block(int lines, int width) {
        int stride = stride(width);
        int length = Math.multiplyExact(Math.multiplyExact(maxRows, lines), stride);
        return new Block(new float[length], 0, stride);
    }

    /// Floats from one line of a block to the next, padding included.
    static int stride(int width) {
        return Math.ceilDiv(width, LANES) * LANES;
    }

    /// Zeros for a grid's numbers.
    public Block block(Shape.Grid grid) {
        return block(grid.lines(), grid.width());
    }

    /// Another block of the same size; null for none.
    @Nullable Block like(@Nullable Block block) {
        return block == null
                ? null
                : new Block(new float[block.values.length], block.at, block.stride);
    }

    Activation activation(int lines, int width, boolean gradient) {
        return new Activation(
                block(lines, width), gradient && learns() ? block(lines, width) : null);
    }

    Activation activation(Shape.Grid grid, boolean gradient) {
        return activation(grid.lines(), grid.width(), gradient);
    }
}
