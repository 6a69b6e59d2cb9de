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

    public Panels {
        if (inputs < 1 || outputs < 1) {
            throw new IllegalArgumentException(
                    "a dense tensor needs at least 1 input and 1 output, found ("
                            + inputs
                            + ", "
                            + outputs
                            + ")");
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
}
