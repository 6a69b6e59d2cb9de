package io.tidegrad.scorer;

import io.tidegrad.engine.model.Batch;
import io.tidegrad.engine.model.RowShape;
import io.tidegrad.model.feature.Row;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;

/// Rows of recent requests of one spec, for the next version to be warmed up on: what was asked just now is what will
/// be asked next. A ring of places; who offers a row and finds its place taken leaves it be, so nobody ever waits.
/// Allocates nothing after construction.
final class RecentRequests {
    /// One of so many rows that a session scores is offered: copying it is then some thousandth of scoring them.
    static final int ONE_IN = 64;

    private static final int ROWS_MAX = 64;

    /// In all places together: a model of large pictures keeps fewer rows, or none.
    private static final int VALUES_MAX = 1 << 18;

    // 0 for a place that nothing was put into.
    private static final int FULL = 1;
    private static final int TAKEN = 2;

    private final int width; // numbers
    private final int idWidth;
    private final int rows;
    private final float[] numbers; // (rows, width)
    private final int[] ids; // (rows, idWidth)
    private final AtomicIntegerArray places;
    private final AtomicInteger next = new AtomicInteger();

    RecentRequests(RowShape shape) {
        width = shape.numbers();
        idWidth = shape.ids();
        rows = Math.min(ROWS_MAX, VALUES_MAX / Math.max(1, width + idWidth));
        numbers = new float[rows * width];
        ids = new int[rows * idWidth];
        places = new AtomicIntegerArray(rows);
    }

    /// Keeps a copy, in the place of the oldest.
    void offer(Row row) {
        if (rows == 0) {
            return;
        }
        int place = Integer.remainderUnsigned(next.getAndIncrement(), rows);
        int held = places.get(place);
        if (held == TAKEN || !places.compareAndSet(place, held, TAKEN)) {
            return;
        }
        System.arraycopy(row.numbers, 0, numbers, place * width, width);
        System.arraycopy(row.ids, 0, ids, place * idWidth, idWidth);
        places.set(place, FULL);
    }

    int places() {
        return rows;
    }

    /// Copies the row of a place into a batch of one. False when there is none, or somebody is writing it.
    boolean copy(int place, Batch to) {
        if (!places.compareAndSet(place, FULL, TAKEN)) {
            return false;
        }
        System.arraycopy(numbers, place * width, to.numbers, 0, width);
        System.arraycopy(ids, place * idWidth, to.ids, 0, idWidth);
        places.set(place, FULL);
        return true;
    }
}
