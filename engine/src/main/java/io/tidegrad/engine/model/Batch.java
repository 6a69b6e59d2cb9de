package io.tidegrad.engine.model;

import io.tidegrad.engine.layer.Step;
import java.util.Arrays;

/// A mini-batch of up to `capacity` rows. Each array is row-major without padding. It is allocated once and refilled.
public final class Batch {
    private static final float[] NOT_KNOWN = {};

    public final float[] numbers; // (capacity, row.numbers)
    public final int[] ids; // (capacity, row.ids)
    public final float[] labels; // (capacity, row.labels)
    public final float[] sampleWeights; // (capacity), 1 unless set
    private final RowShape row;
    private final int capacity;
    private float[] memberOutputs = NOT_KNOWN; // (capacity, memberOutputsPerRow), once a row has some
    private int memberOutputsPerRow;
    private int size;

    public Batch(RowShape row, int capacity) {
        if (capacity < 1) {
            throw new IllegalArgumentException("a batch holds at least 1 row, asked for " + capacity);
        }
        this.row = row;
        this.capacity = capacity;
        numbers = new float[Math.multiplyExact(capacity, row.numbers())];
        ids = new int[Math.multiplyExact(capacity, row.ids())];
        labels = new float[Math.multiplyExact(capacity, row.labels())];
        sampleWeights = new float[capacity];
        Arrays.fill(sampleWeights, 1);
    }

    public RowShape row() {
        return row;
    }

    public int capacity() {
        return capacity;
    }

    public int size() {
        return size;
    }

    /// @throws IllegalArgumentException if the rows are of another shape, or too many
    void requireFits(RowShape expected, int maxRows) {
        if (row != expected && !row.equals(expected)) {
            throw new IllegalArgumentException("expected rows of " + expected + ", found " + row);
        }
        if (size > maxRows) {
            throw new IllegalArgumentException("expected at most " + maxRows + " rows in a batch, found " + size);
        }
    }

    void into(Step step) {
        step.begin(size, numbers, row.numbers(), ids, row.ids());
        step.labels = labels;
        step.labelsPerRow = row.labels();
        step.sampleWeights = sampleWeights;
        step.memberOutputs = memberOutputs;
        step.memberOutputsPerRow = memberOutputsPerRow;
    }

    /// Says what the members of a mixture gave a row when it was predicted: `Predictor.memberOutputs`. An empty array stands
    /// for not known, as at first.
    public void setMemberOutputs(int row, float[] outputs) {
        if (outputs.length > 0) {
            if (memberOutputs.length == 0) {
                memberOutputsPerRow = outputs.length;
                memberOutputs = new float[Math.multiplyExact(capacity, outputs.length)];
                Arrays.fill(memberOutputs, Float.NaN);
            }
            System.arraycopy(outputs, 0, memberOutputs, row * memberOutputsPerRow, memberOutputsPerRow);
        } else if (memberOutputs.length > 0) {
            memberOutputs[row * memberOutputsPerRow] = Float.NaN;
        }
    }

    /// What the members of a mixture gave a row when it was predicted; empty if that is not known.
    public float[] memberOutputs(int row) {
        int at = row * memberOutputsPerRow;
        return memberOutputs.length == 0 || Float.isNaN(memberOutputs[at]) ? NOT_KNOWN
                : Arrays.copyOfRange(memberOutputs, at, at + memberOutputsPerRow);
    }

    public void resize(int rows) {
        if (rows < 0 || rows > capacity) {
            throw new IllegalArgumentException("a batch of capacity " + capacity + " can't hold " + rows + " rows");
        }
        size = rows;
    }
}
