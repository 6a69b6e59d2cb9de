package io.tidegrad.loadtests.bench;

import io.tidegrad.engine.model.Batch;
import io.tidegrad.engine.model.RowShape;
import io.tidegrad.model.feature.Row;

/// Rows in memory, each array row-major.
public record Rows(RowShape shape, int count, float[] numbers, int[] ids, float[] labels) {
    Rows(RowShape shape, int count) {
        this(shape, count, new float[count * shape.numbers()], new int[count * shape.ids()],
                new float[count * shape.labels()]);
    }

    /// Takes what was prepared.
    void set(int at, Row row) {
        copy(row.numbers, row.ids, row.labels, 0, numbers, ids, labels, at, shape);
    }

    /// Copies a row into a batch. Allocates nothing.
    void get(int row, Batch batch, int at) {
        copy(numbers, ids, labels, row, batch.numbers, batch.ids, batch.labels, at, shape);
    }

    /// Puts what was prepared into a batch.
    public static void put(Row row, Batch batch, int at) {
        copy(row.numbers, row.ids, row.labels, 0, batch.numbers, batch.ids, batch.labels, at, batch.row());
    }

    private static void copy(float[] numbers, int[] ids, float[] labels, int from, float[] toNumbers, int[] toIds,
            float[] toLabels, int to, RowShape shape) {
        System.arraycopy(numbers, from * shape.numbers(), toNumbers, to * shape.numbers(), shape.numbers());
        System.arraycopy(ids, from * shape.ids(), toIds, to * shape.ids(), shape.ids());
        System.arraycopy(labels, from * shape.labels(), toLabels, to * shape.labels(), shape.labels());
    }
}
