package io.tidegrad.scorer;

import io.tidegrad.engine.model.Batch;
import io.tidegrad.engine.model.RowShape;
import io.tidegrad.model.feature.Row;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;

/// Keeps rows of recent requests for one spec, on which the next version is warmed up: requests tend to repeat. It is a
/// ring of places. A thread that offers a row and finds its place in use drops the row, so nobody waits. Nothing is
/// allocated after construction.
final class RecentRequests {
    /// A session offers one of this many rows. Copying it then costs about a thousandth of scoring them.
    static final int ONE_IN = 64;

    private static final int ROWS_MAX = 64;

    /// Bound on the values in all places together: for rows of large pictures fewer rows are kept, or none.
    private static final int VALUES_MAX = 1 << 18;

    // States of a place; 0 if nothing was put into it.
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

    /// Keeps a copy of the row in the place of the oldest one.
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

    /// Copies the row of a place into a batch of one row. Returns false if the place is empty or being written.
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
