package io.tidegrad.engine.kernel;

/// The memory layout of a dense tensor (inputs, outputs): column panels `[panels][inputs][width]`, each row of a panel
/// contiguous, padding columns always zero. The panel width is part of the numerics (`Numerics.VERSION`) and does not
/// depend on the hardware: 16 for narrow layers, else 64.
///
/// @param inputs rows of the matrix, at least 1
/// @param outputs logical columns, at least 1
public record Panels(int inputs, int outputs) {
    /// Widest layer that is stored in panels of 16: with 64, a 10-wide layer would be 84 % padding.
    public static final int NARROW_OUTPUTS_MAX = 32;

    /// Fewest inputs of a narrow layer for which forward sums in lanes.
    private static final int LANE_INPUTS_MIN = 64;

    /// The fewest rows for which transposing weights for the input gradients pays off, for panels of 16 and of 64.
    private static final int NARROW_GRADIENT_ROWS_MIN = 4;

    private static final int WIDE_GRADIENT_ROWS_MIN = 16;

    /// The most rows whose lanes are summed at once.
    static final int LANE_ROWS = 32;

    public Panels {
        if (inputs < 1 || outputs < 1) {
            throw new IllegalArgumentException(
                    "a dense tensor needs at least 1 input and 1 output, found (" + inputs + ", " + outputs + ")");
        }
    }

    /// Columns of one panel, 16 or 64.
    public int width() {
        return outputs <= NARROW_OUTPUTS_MAX ? 16 : 64;
    }

    public int count() {
        return (outputs + width() - 1) / width();
    }

    /// Outputs with padding: the stride of an activation row of this layer.
    public int stride() {
        return count() * width();
    }

    /// Floats that the panels take, padding included.
    public int length() {
        return Math.multiplyExact(inputs, stride());
    }

    /// Index of logical weight (input, output) in the panels.
    public int index(int input, int output) {
        int panel = output / width();
        return (panel * inputs + input) * width() + output % width();
    }

    /// Whether forward sums over inputs in 16 virtual lanes, as for panels of 16 with many inputs: with one accumulator
    /// per output, a single row would be one chain of dependent FMAs.
    public boolean sumsInputsInLanes() {
        return width() == 16 && inputs >= LANE_INPUTS_MIN;
    }

    /// Whether input gradients for this number of rows sum over outputs in 16 virtual lanes, as for few rows. For more
    /// rows, each has one accumulator.
    boolean sumsOutputsInLanes(int rows) {
        return rows < (width() == 16 ? NARROW_GRADIENT_ROWS_MIN : WIDE_GRADIENT_ROWS_MIN);
    }

    /// Floats of scratch that the dense kernels need for these panels: the transposed weights of 64 inputs or, if
    /// forward sums in lanes, of one panel, and the lanes of some rows.
    public int scratch() {
        int gradient = Math.multiplyExact(64, stride());
        return sumsInputsInLanes() ? Math.max(gradient, 16 * laneStride(inputs) + (LANE_ROWS + 1) * 256) : gradient;
    }

    /// Floats from one output's weights to the next, if they are stored output after output.
    public int strideByOutput() {
        return laneStride(inputs);
    }

    /// Floats that the weights take if they are stored output after output.
    public int lengthByOutput() {
        return Math.multiplyExact(outputs, strideByOutput());
    }

    /// A whole number of rounds of lanes, plus one, because rows that are a power of two apart would share cache sets.
    static int laneStride(int inputs) {
        return (inputs + 15) / 16 * 16 + 16;
    }
}
