package io.tidegrad.engine.layer;

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

    /// A matrix (maxRows, width) of zeros.
    public Block block(int width) {
        int stride = Math.ceilDiv(width, LANES) * LANES;
        return new Block(new float[Math.multiplyExact(maxRows, stride)], 0, stride);
    }

    Activation activation(int width, boolean gradient) {
        return new Activation(block(width), gradient && learns() ? block(width) : null);
    }
}
