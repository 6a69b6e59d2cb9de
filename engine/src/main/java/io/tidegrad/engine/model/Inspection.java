package io.tidegrad.engine.model;

import java.util.List;

/// What a network is like inside at one moment, for people: `Learner.inspect`. Nothing of it reaches a weight.
///
/// @param updates taken since the inspection before; -1 in the first one
/// @param tensors the largest `TENSORS_MAX`, in plan order
/// @param tensorsLeftOut how many smaller ones there are
/// @param layers the first `LAYERS_MAX` that cut (`Watched.cuts`)
/// @param layersLeftOut how many more there are
/// @param mixtures in plan order
public record Inspection(long updates, List<Weights> tensors, int tensorsLeftOut, List<Units> layers, int layersLeftOut,
        List<Mix> mixtures) {
    public static final int TENSORS_MAX = 64;
    public static final int LAYERS_MAX = 64;

    /// Of a larger tensor every k-th weight is read, where k is the least that reads no more and reads every column.
    public static final int READ_MAX = 65_536;

    public static final int BINS = 16;

    /// How many rows a unit must have been 0 for.
    public static final int ROWS = 256;

    /// Which member of which mixture something belongs to, where it belongs to none.
    public static final int NO_MEMBER = -1;

    public Inspection {
        tensors = List.copyOf(tensors);
        layers = List.copyOf(layers);
        mixtures = List.copyOf(mixtures);
    }

    /// The weights of a tensor.
    ///
    /// @param member the member of the first mixture that it belongs to, or `NO_MEMBER`
    /// @param weights how many it has
    /// @param read how many of these were read
    /// @param notFinite how many of these are not finite; what follows is of the others
    /// @param norm root mean square
    /// @param step root mean square of what the first step after the inspection before changed; NaN if there was none
    /// @param change root mean square of what changed since then; NaN in the first inspection
    /// @param least NaN if none is finite, like `most` and `norm`
    /// @param histogram how many lie in each of `BINS` equal bins from `least` to `most`
    /// @param rate of the newest update; NaN before the first
    /// @param matrix whether it is a matrix or a table, whose steps one compares with its weights
    public record Weights(String name, int member, long weights, int read, int notFinite, double norm, double step,
            double change, float least, float most, List<Integer> histogram, double rate, boolean matrix) {
        public Weights {
            histogram = List.copyOf(histogram);
        }
    }

    /// The units of a layer that cuts: columns of its output, which are channels of images and of sequences.
    ///
    /// @param dead how many were 0 for all rows of the newest window
    /// @param rows that the window has, `ROWS` or a few more; 0 while the first one is not full
    public record Units(String place, int member, int units, int dead, long rows) {
    }

    /// By what weights members are mixed, of 1 in all.
    ///
    /// @param stacked whether the last one is that of the members' stacked prediction
    public record Mix(List<Double> shares, boolean stacked) {
        public Mix {
            shares = List.copyOf(shares);
        }
    }

    /// The share of units that are dead, of the layers of which it is known; NaN if it is known of none.
    public double deadShare() {
        long dead = 0;
        long units = 0;
        for (Units layer : layers) {
            if (layer.rows > 0) {
                dead += layer.dead;
                units += layer.units;
            }
        }
        return units == 0 ? Double.NaN : (double) dead / units;
    }

    /// The largest ratio of a step to what it changed, of matrices and tables that are not 0; NaN if none is known.
    public double stepRatio() {
        double largest = Double.NaN;
        for (Weights tensor : tensors) {
            double ratio = tensor.step / tensor.norm;
            if (tensor.matrix && tensor.norm > 0 && !(ratio <= largest) && !Double.isNaN(ratio)) {
                largest = ratio;
            }
        }
        return largest;
    }
}
