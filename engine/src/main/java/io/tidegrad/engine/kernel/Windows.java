package io.tidegrad.engine.kernel;

import java.util.stream.IntStream;

/// The lines of an image that each output of a pooling reads: those of window `w` start at `x[xAt + places[i]]`, for i
/// from `starts[w]` (inclusive) to `starts[w + 1]` (exclusive). No window is empty. If all are 2 x 2 and evenly spaced,
/// no look-up is needed: `columns`.
public final class Windows {
    final int[] starts;
    final int[] places;
    /// Whether a line may be in several windows.
    public final boolean overlap;
    /// Windows per line, if all are 2 x 2 and evenly spaced, `step` apart, in each line; else 0. A window's other
    /// places are then `right`, `below` and `right + below` after its first.
    final int columns;

    public Windows(int[] starts, int[] places, boolean overlap) {
        this.starts = starts;
        this.places = places;
        this.overlap = overlap;
        columns = columnsOfSquares();
    }

    private int columnsOfSquares() {
        boolean areSquares = count() > 0 && places.length == 4 * count()
                && IntStream.range(0, count()).allMatch(w -> starts[w] == 4 * w && offset(w, 1) == offset(0, 1)
                        && offset(w, 2) == offset(0, 2) && offset(w, 3) == offset(0, 1) + offset(0, 2));
        if (!areSquares) {
            return 0;
        }
        int run = 1;
        while (run < count() && places[4 * run] - places[4 * run - 4] == step()) {
            run++;
        }
        int line = run;
        boolean areLines = count() % line == 0 && IntStream.range(0, count())
                .allMatch(w -> places[4 * w] == places[4 * (w - w % line)] + w % line * step());
        return areLines ? line : 0;
    }

    private int offset(int window, int i) {
        return places[4 * window + i] - places[4 * window];
    }

    /// The number of windows of an image.
    public int count() {
        return starts.length - 1;
    }

    int step() {
        return count() < 2 ? 0 : places[4] - places[0];
    }

    int right() {
        return places[1] - places[0];
    }

    int below() {
        return places[2] - places[0];
    }
}
