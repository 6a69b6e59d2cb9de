package io.tidegrad.model.feature;

/// One featurized event; reused.
public final class Row {
    public final float[] numbers;
    public final int[] ids;

    /// As many as `ModelSpec.labels()`. Under `late-labels: fnw` the second is the label that a correction replaces.
    public final float[] labels;

    /// The event's weight: 1 unless the spec names a weight field.
    public float weight = 1;

    /// The event time in epoch milliseconds; `NO_TIME` if the spec names no event time.
    public long eventTime;

    /// What the members of the model's mixture gave the row when it was predicted; empty if that is not known.
    public float[] memberOutputs = UNKNOWN;

    /// What the fields of the spec's slices have; none if it has none.
    public final SliceValues slices;

    /// What the label says, where the spec says `classes: auto`: which class that is depends on the model.
    final CanonicalText className = new CanonicalText(0);

    public static final float[] UNKNOWN = {};

    public static final long NO_TIME = Long.MIN_VALUE;

    /// Under `late-labels: fnw`, whether a correction gives the same label as the one that it replaces: the loss would have
    /// no slope. Differing texts can be one label, by the spec's `threshold` for example.
    public boolean repeatsItsLabel() {
        return labels[0] == labels[1];
    }

    /// Returns another one of the same shape.
    public Row blank() {
        return new Row(numbers.length, ids.length, labels.length, new SliceValues(slices.size()));
    }

    /// Takes over features, label, slices, weight and time of a row of the same shape.
    public void copyOf(Row other) {
        System.arraycopy(other.numbers, 0, numbers, 0, numbers.length);
        System.arraycopy(other.ids, 0, ids, 0, ids.length);
        System.arraycopy(other.labels, 0, labels, 0, labels.length);
        className.copyOf(other.className);
        slices.copy(0, other.slices, 0, slices.size());
        weight = other.weight;
        eventTime = other.eventTime;
    }

    public Row(int numbers, int ids, int labels) {
        this(numbers, ids, labels, SliceValues.NONE);
    }

    public Row(int numbers, int ids, int labels, SliceValues slices) {
        this.slices = slices;
        this.numbers = new float[numbers];
        this.ids = new int[ids];
        this.labels = new float[labels];
    }
}
