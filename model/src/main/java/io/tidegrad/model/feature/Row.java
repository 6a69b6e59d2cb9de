package io.tidegrad.model.feature;

/// One featurized event; reused.
public final class Row {
    public final float[] numbers;
    public final int[] ids;
    public final float[] labels;

    /// The event's weight: 1 unless the spec names a weight field.
    public float weight = 1;

    /// The event time in epoch milliseconds; `NO_TIME` if the spec names no event time.
    public long eventTime;

    public static final long NO_TIME = Long.MIN_VALUE;

    public Row(int numbers, int ids, int labels) {
        this.numbers = new float[numbers];
        this.ids = new int[ids];
        this.labels = new float[labels];
    }
}
