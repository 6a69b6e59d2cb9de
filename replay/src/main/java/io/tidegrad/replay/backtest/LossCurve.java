package io.tidegrad.replay.backtest;

import java.util.ArrayList;
import java.util.List;

/// Loss by examples, in at most 128 windows of equal length, however many examples come: when there are too many, each two
/// become one.
public final class LossCurve {
    private static final int WINDOWS_MAX = 128;

    /// A window of examples.
    ///
    /// @param end how many examples came until its end
    /// @param loss mean over the window's weights
    /// @param prior the same of the running prior; NaN if it has none
    /// @param linear the same of a linear model that learns the same; NaN if there is none
    /// @param right the share of right classes, or of numbers the mean absolute error; NaN for lists
    /// @param noChange the same of predicting the label before
    /// @param cumulative mean loss since the start
    /// @param cumulativePrior likewise
    /// @param cumulativeLinear likewise
    public record Window(long end, double loss, double prior, double linear, double right, double noChange,
            double cumulative, double cumulativePrior, double cumulativeLinear) {
    }

    /// Sums since the start, by weight.
    record Sums(long examples, double weight, double loss, double prior, double linear, double right, double noChange) {
        static final Sums NONE = new Sums(0, 0, 0, 0, 0, 0, 0);
    }

    private final List<Sums> ends = new ArrayList<>(); // cumulative, at the end of each window
    private long length = 1;

    /// Whether sums are wanted after that many examples.
    boolean wants(long examples) {
        return examples % length == 0;
    }

    void add(Sums sums) {
        ends.add(sums);
        if (ends.size() == WINDOWS_MAX) {
            for (int i = 0; i < WINDOWS_MAX / 2; i++) {
                ends.set(i, ends.get(2 * i + 1));
            }
            ends.subList(WINDOWS_MAX / 2, WINDOWS_MAX).clear();
            length *= 2;
        }
    }

    /// Windows with the same number of examples; what is left over at the end belongs to none, unless that is all.
    public List<Window> windows() {
        List<Window> windows = new ArrayList<>();
        Sums before = Sums.NONE;
        for (Sums end : ends) {
            double weight = end.weight - before.weight;
            windows.add(new Window(end.examples, (end.loss - before.loss) / weight, (end.prior - before.prior) / weight,
                    (end.linear - before.linear) / weight, (end.right - before.right) / weight,
                    (end.noChange - before.noChange) / weight, end.loss / end.weight, end.prior / end.weight,
                    end.linear / end.weight));
            before = end;
        }
        return windows;
    }
}
