package io.tidegrad.engine.kernel;

import java.util.stream.IntStream;

/// Which lines of an image each output of a pooling reads: those of window `w` start at `x[xAt + places[i]]`, for i
/// from `starts[w]` to `starts[w + 1]`, the last not included. No window is empty. Where all are 2 x 2 and lie evenly,
/// nothing needs looking up: `columns`.
public final class Windows {
    private final int[] starts;
    private final int[] places;
    private final boolean overlap;
    private final int columns;

    /// @param overlap whether a line may lie in several windows
    public Windows(int[] starts, int[] places, boolean overlap) {
        this.starts = starts;
        this.places = places;
        this.overlap = overlap;
        columns = columnsOfSquares();
    }

    /// As `columns()`.
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

    public int[] starts() {
        return starts;
    }

    public int[] places() {
        return places;
    }

    public boolean overlap() {
        return overlap;
    }

    /// Windows of an image.
    public int count() {
        return starts.length - 1;
    }

    /// Windows of a line, if all are 2 x 2 and each line's lie evenly, `step` apart; else 0. A window's other places
    /// are then `right`, `below`, and both from its first.
    int columns() {
        return columns;
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
