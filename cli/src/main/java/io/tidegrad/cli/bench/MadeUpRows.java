package io.tidegrad.cli.bench;

import io.tidegrad.engine.loss.BinaryCrossEntropy;
import io.tidegrad.engine.loss.CategoricalCrossEntropy;
import io.tidegrad.engine.loss.Ctc;
import io.tidegrad.engine.loss.Elementwise;
import io.tidegrad.engine.loss.Hinge;
import io.tidegrad.engine.model.Batch;
import io.tidegrad.engine.model.NetworkSpec;
import io.tidegrad.engine.model.RowShape;
import io.tidegrad.engine.random.CounterRandom;

/// The rows that a workload learns from, in host memory: numbers uniform in [0, 1), labels uniform over what the loss takes.
/// A pure function of the spec and its seed, the same on every machine.
final class MadeUpRows {
    /// 3 MB of numbers for W1: more than the second-level cache holds, so that a row comes from as far away as one that
    /// was just decoded.
    private static final int ROWS = 1024;

    private static final int NUMBERS = 1_000;
    private static final int LABELS = 1_001;

    private final RowShape shape;
    private final float[] numbers; // (ROWS, shape.numbers)
    private final float[] labels; // (ROWS, shape.labels)
    private int next;

    MadeUpRows(NetworkSpec spec, int outputs) {
        shape = spec.row();
        if (shape.ids() > 0) {
            throw new IllegalArgumentException("expected rows without ids, found " + shape);
        }
        numbers = new float[ROWS * shape.numbers()];
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = CounterRandom.uniform(spec.seed(), NUMBERS, 0, i);
        }
        labels = new float[ROWS * shape.labels()];
        for (int row = 0; row < ROWS; row++) {
            for (int k = 0; k < shape.labels(); k++) {
                int at = row * shape.labels() + k;
                float uniform = CounterRandom.uniform(spec.seed(), LABELS, 0, at);
                labels[at] =
                        switch (spec.loss()) {
                            case CategoricalCrossEntropy classes ->
                                    classes.oneHot()
                                            ? (k == row % outputs ? 1 : 0)
                                            : (int) (uniform * outputs);
                            case BinaryCrossEntropy loss -> (int) (uniform * 2);
                            case Hinge loss -> uniform < 0.5f ? -1 : 1;
                            case Elementwise loss -> uniform;
                            case Ctc loss ->
                                    throw new IllegalArgumentException(
                                            "no workload has the loss " + loss);
                        };
            }
        }
    }

    /// Copies the next rows, again from the first one after the last, until the batch is full. Allocates nothing.
    void fill(Batch batch) {
        for (int row = 0; row < batch.capacity(); row++) {
            System.arraycopy(
                    numbers,
                    next * shape.numbers(),
                    batch.numbers,
                    row * shape.numbers(),
                    shape.numbers());
            System.arraycopy(
                    labels,
                    next * shape.labels(),
                    batch.labels,
                    row * shape.labels(),
                    shape.labels());
            next = (next + 1) % ROWS;
        }
        batch.resize(batch.capacity());
    }
}
