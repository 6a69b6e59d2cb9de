package io.tidegrad.engine.loss;

import org.jspecify.annotations.Nullable;

/// Connectionist temporal classification: -ln of the probability that the lines (time steps) of a row spell its label,
/// summed over all alignments. An alignment has one class per line; merging repetitions and then dropping blanks gives
/// the label. A. Graves et al., Connectionist Temporal Classification, 2006; PyTorch's `CTCLoss`. The softmax over a
/// line's classes is part of the loss.
///
/// A row's labels are `labelsMax` class indices, of which the first `length` are used (none may be the blank), then
/// `length`, then the number of lines used; later lines get no gradient.
///
/// If a row has too few lines to spell its label, its loss is infinite and the row is refused; with `zeroInfinity` its
/// loss and gradient are 0.
///
/// @param blank the blank's class index
/// @param labelsMax the most labels of a row
/// @param perLabel whether a row's loss has weight 1 / max(1, length), as in PyTorch's mean
public record Ctc(int blank, int labelsMax, boolean perLabel, boolean zeroInfinity) implements Loss {
    public Ctc {
        if (blank < 0) {
            throw new IllegalArgumentException("blank: expected a class, found " + blank);
        }
        if (labelsMax < 1) {
            throw new IllegalArgumentException("labels: expected room for at least 1 in a row, found " + labelsMax);
        }
    }

    /// The same loss with room for other labels.
    public Ctc withLabels(int most) {
        return new Ctc(blank, most, perLabel, zeroInfinity);
    }

    /// How many lines it takes at least to spell a label: between two equal classes stands a blank.
    public static int linesOf(float[] label, int at, int length) {
        int lines = length;
        for (int i = 1; i < length; i++) {
            lines += label[at + i] == label[at + i - 1] ? 1 : 0;
        }
        return lines;
    }

    /// The label that the likeliest class of each line spells, the first one of a tie: the best path, which is not always
    /// the likeliest label.
    ///
    /// @param predictions (lines, width), from index `at`
    /// @param to room for a class a line
    /// @return how many there are
    public int bestPath(float[] predictions, int at, int lines, int width, int[] to) {
        int length = 0;
        int before = blank;
        for (int line = 0; line < lines; line++) {
            int best = 0;
            for (int k = 1; k < width; k++) {
                best = predictions[at + line * width + k] > predictions[at + line * width + best] ? k : best;
            }
            if (best != before && best != blank) {
                to[length++] = best;
            }
            before = best;
        }
        return length;
    }

    @Override
    public int labels(int lines, int width) {
        return labelsMax + 2;
    }

    @Override
    public Link link() {
        return Link.MULTINOMIAL_LOGIT;
    }

    @Override
    public @Nullable String mismatch(int lines, int width) {
        int needed = Math.max(2, blank + 1);
        return width >= needed ? null : "expected at least " + needed + " outputs of the network, found " + width;
    }

    @Override
    public LossPass bind(int maxRows, int lines, int width) {
        return new CtcPass(this, maxRows, lines, width);
    }
}
