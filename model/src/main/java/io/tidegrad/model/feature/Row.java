package io.tidegrad.model.feature;

/// One featurized event; reused.
public final class Row {
    public final float[] numbers;
    public final int[] ids;
    public final float[] labels;

    /// How much the event counts: 1 unless the spec names a field for it.
    public float weight = 1;

    /// Epoch milliseconds; `NO_TIME` when the spec names no event time.
    public long eventTime;

    public static final long NO_TIME = Long.MIN_VALUE;

    public Row(int numbers, int ids, int labels) {
        this.numbers = new float[numbers];
        this.ids = new int[ids];
        this.labels = new float[labels];
    }
}
