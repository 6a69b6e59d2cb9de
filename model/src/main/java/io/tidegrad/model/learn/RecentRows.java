package io.tidegrad.model.learn;

import io.tidegrad.engine.model.Batch;
import io.tidegrad.engine.model.RowShape;
import io.tidegrad.model.binary.BinaryReader;
import io.tidegrad.model.binary.BinaryWriter;
import io.tidegrad.model.feature.Row;

/// A ring buffer with the features of the newest rows, from which a snapshot's golden rows are made. It holds fewer
/// rows when rows are wide, so that it stays small beside the pages of a commit.
final class RecentRows {
    private static final int ROWS_MAX = 4;
    private static final int FLOATS_MAX = 16 * 1024;

    private final RowShape shape;
    private final Batch rows;
    private int next;

    RecentRows(RowShape shape) {
        this.shape = shape;
        int width = Math.max(1, shape.numbers() + shape.ids());
        rows = new Batch(shape, Math.clamp(FLOATS_MAX / width, 1, ROWS_MAX));
    }

    void add(Row row) {
        System.arraycopy(row.numbers, 0, rows.numbers, next * shape.numbers(), shape.numbers());
        System.arraycopy(row.ids, 0, rows.ids, next * shape.ids(), shape.ids());
        rows.resize(Math.max(rows.size(), next + 1));
        next = next + 1 == rows.capacity() ? 0 : next + 1;
    }

    /// The rows in no particular order; labels are not set.
    Batch batch() {
        return rows;
    }

    void write(BinaryWriter to) {
        int size = rows.size();
        to.int32(size).int32(next);
        to.floats(rows.numbers, 0, size * shape.numbers()).ints(rows.ids, 0, size * shape.ids());
    }

    void read(BinaryReader from) {
        int size = from.count("recent rows", rows.capacity());
        next = from.count("next recent row", rows.capacity() - 1);
        from.floats(rows.numbers, 0, size * shape.numbers());
        from.ints(rows.ids, 0, size * shape.ids());
        rows.resize(size);
    }
}
