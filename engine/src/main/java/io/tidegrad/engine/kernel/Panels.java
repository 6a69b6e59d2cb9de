package io.tidegrad.engine.kernel;

/// The memory layout of a dense tensor (inputs, outputs): column panels `[panels][inputs][width]`, each row of a panel
/// contiguous, padding columns always zero. The panel width is part of the numerics (`Numerics.VERSION`) and does not
/// depend on the hardware: 16 for narrow layers, else 64. What a kernel computes has the same bits in either layout.
///
/// @param inputs rows of the matrix, at least 1
/// @param outputs logical columns, at least 1
/// @param byOutput whether the weights lie output after output instead, each output's inputs contiguous: without the
///     padding of a panel, of which a layer of 10 outputs would update 6 columns in vain. Only if `sumsInputsInLanes`
public record Panels(int inputs, int outputs, boolean byOutput) {
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
        if (byOutput && !sumsInputsInLanes(inputs, outputs)) {
            throw new IllegalArgumentException(
                    "sums in one accumulator read outputs side by side, found (" + inputs + ", " + outputs + ")");
        }
    }

    public Panels(int inputs, int outputs) {
        this(inputs, outputs, false);
    }

    /// The layout in which a dense layer's weights are learned and served: output after output if forward sums inputs
    /// in lanes.
    public static Panels ofLayer(int inputs, int outputs) {
        return new Panels(inputs, outputs, sumsInputsInLanes(inputs, outputs));
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

    /// Floats that the weights take, padding included.
    public int length() {
        return byOutput ? Math.multiplyExact(outputs, strideByOutput()) : Math.multiplyExact(inputs, stride());
    }

    /// Index of logical weight (input, output).
    public int index(int input, int output) {
        if (byOutput) {
            return output * strideByOutput() + input;
        }
        int panel = output / width();
        return (panel * inputs + input) * width() + output % width();
    }

    /// Whether forward sums over inputs in 16 virtual lanes, as for panels of 16 with many inputs: with one accumulator
    /// per output, a single row would be one chain of dependent FMAs.
    public boolean sumsInputsInLanes() {
        return sumsInputsInLanes(inputs, outputs);
    }

    private static boolean sumsInputsInLanes(int inputs, int outputs) {
        return outputs <= NARROW_OUTPUTS_MAX && inputs >= LANE_INPUTS_MIN;
    }

    /// Whether input gradients for this number of rows sum over outputs in 16 virtual lanes, as for few rows. For more
    /// rows, each has one accumulator.
    boolean sumsOutputsInLanes(int rows) {
        return rows < (width() == 16 ? NARROW_GRADIENT_ROWS_MIN : WIDE_GRADIENT_ROWS_MIN);
    }

    /// Floats of scratch that the dense kernels need for these panels: the transposed weights of 64 inputs or, if
    /// forward sums in lanes, of one panel, and the lanes of some rows. Nothing is transposed that lies output after
    /// output.
    public int scratch() {
        int lanes = (LANE_ROWS + 1) * 256;
        if (byOutput) {
            return lanes;
        }
        int gradient = Math.multiplyExact(64, stride());
        return sumsInputsInLanes() ? Math.max(gradient, 16 * laneStride(inputs) + lanes) : gradient;
    }

    /// Floats from one output's weights to the next, if they are stored output after output.
    public int strideByOutput() {
        return laneStride(inputs);
    }

    /// A whole number of rounds of lanes, plus one, because rows that are a power of two apart would share cache sets.
    /// So each 32 inputs that begin at a multiple of 32 lie within one output's weights.
    static int laneStride(int inputs) {
        return (inputs + 15) / 16 * 16 + 16;
    }
}
