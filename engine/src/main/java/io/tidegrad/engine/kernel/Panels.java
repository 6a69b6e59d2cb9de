package io.tidegrad.engine.kernel;

/// Where the weights of a dense tensor (inputs, outputs) lie: in column panels `[panels][inputs][width]`, each row of a
/// panel contiguous, padding columns always zero. The panel width is part of the format (`Numerics.VERSION`), never of
/// the hardware: 16 for narrow layers, else 64.
///
/// @param inputs rows of the matrix, at least 1
/// @param outputs logical columns, at least 1
public record Panels(int inputs, int outputs) {
    /// Widest layer that is stored in panels of 16: with 64, a 10-wide layer would be 84 % padding.
    public static final int NARROW_OUTPUTS_MAX = 32;

    /// Fewest inputs of a narrow layer for which forward sums in lanes.
    private static final int LANE_INPUTS_MIN = 64;

    /// Fewest rows for which it pays to transpose weights for the input gradients, of panels of 16 and of 64.
    private static final int NARROW_GRADIENT_ROWS_MIN = 4;

    private static final int WIDE_GRADIENT_ROWS_MIN = 16;

    /// Rows whose lanes are summed at once.
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

    /// Whether forward sums over inputs in 16 virtual lanes, of panels of 16 with many inputs: with one accumulator an
    /// output a single row would be one chain of FMAs, which waits for each of them.
    public boolean sumsInputsInLanes() {
        return width() == 16 && inputs >= LANE_INPUTS_MIN;
    }

    /// Whether input gradients sum over outputs in 16 virtual lanes, when there are so many rows: few. Where there are
    /// more, each has one accumulator.
    boolean sumsOutputsInLanes(int rows) {
        return rows < (width() == 16 ? NARROW_GRADIENT_ROWS_MIN : WIDE_GRADIENT_ROWS_MIN);
    }

    /// Floats of scratch that the dense kernels need for these panels: the weights of 64 inputs or, where forward sums
    /// in lanes, of one panel, transposed, and the lanes of some rows.
    public int scratch() {
        int gradient = Math.multiplyExact(64, stride());
        return sumsInputsInLanes() ? Math.max(gradient, 16 * laneStride(inputs) + (LANE_ROWS + 1) * 256) : gradient;
    }

    /// Floats from one output's weights to the next, where they lie output after output.
    public int strideByOutput() {
        return laneStride(inputs);
    }

    /// Floats that the weights take there.
    public int lengthByOutput() {
        return Math.multiplyExact(outputs, strideByOutput());
    }

    /// Whole rounds of lanes, and one more: rows that are a power of two apart would share the sets of the cache.
    static int laneStride(int inputs) {
        return (inputs + 15) / 16 * 16 + 16;
    }
}
