package io.tidegrad.loadtests.bench;

import io.tidegrad.engine.layer.Tensor;
import io.tidegrad.engine.loss.BinaryCrossEntropy;
import io.tidegrad.engine.loss.CategoricalCrossEntropy;
import io.tidegrad.engine.loss.Ctc;
import io.tidegrad.engine.loss.ElementwiseLoss;
import io.tidegrad.engine.loss.FakeNegativeWeighted;
import io.tidegrad.engine.loss.Hinge;
import io.tidegrad.engine.model.Batch;
import io.tidegrad.engine.model.NetworkSpec;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.engine.model.RowShape;
import io.tidegrad.engine.random.CounterRandom;
import java.util.Arrays;
import java.util.stream.IntStream;

/// The rows that a workload learns from, in host memory: numbers uniform in [0, 1), ids uniform over their table,
/// labels uniform over what the loss takes. A pure function of the spec and its seed, the same on every machine.
public final class MadeUpRows {
    /// 3 MB of numbers for W1: more than the second-level cache holds, so that a row comes from as far away as one that
    /// was just decoded.
    private static final int ROWS = 1024;

    /// With ids: the 1.7 million of W5 meet most of a table of 2^20 rows, so that it has to be far away, as in life.
    private static final int ROWS_WITH_IDS = 1 << 16;

    private static final int NUMBERS = 1_000;
    private static final int LABELS = 1_001;
    private static final int IDS = 1_002;

    private final Rows rows;
    private int next;

    public MadeUpRows(Plan plan) {
        NetworkSpec spec = plan.spec();
        int outputs = plan.outputs();
        RowShape shape = spec.row();
        rows = new Rows(shape, shape.ids() > 0 ? ROWS_WITH_IDS : ROWS);
        for (int i = 0; i < rows.numbers().length; i++) {
            rows.numbers()[i] = CounterRandom.uniform(spec.seed(), NUMBERS, 0, i);
        }
        // Tables of one workload have equally many rows.
        int tableRows = plan.tensors().stream().mapToInt(each -> each instanceof Tensor.Table table ? table.rows() : 0)
                .max().orElse(0);
        for (int i = 0; i < rows.ids().length; i++) {
            rows.ids()[i] = (int) (CounterRandom.uniform(spec.seed(), IDS, 0, i) * tableRows);
        }
        for (int row = 0; row < rows.count(); row++) {
            for (int k = 0; k < shape.labels(); k++) {
                int at = row * shape.labels() + k;
                float uniform = CounterRandom.uniform(spec.seed(), LABELS, 0, at);
                rows.labels()[at] = switch (spec.loss()) {
                    case CategoricalCrossEntropy classes ->
                        classes.oneHot() ? (k == row % outputs ? 1 : 0) : (int) (uniform * outputs);
                    case BinaryCrossEntropy loss -> (int) (uniform * 2);
                    case Hinge loss -> uniform < 0.5f ? -1 : 1;
                    case ElementwiseLoss loss -> uniform;
                    case Ctc _,FakeNegativeWeighted _ ->
                        throw new IllegalArgumentException("no workload has the loss " + spec.loss());
                };
            }
        }
    }

    /// The numbers of each row in an array of their own.
    public float[][] apart() {
        int width = rows.shape().numbers();
        return IntStream.range(0, rows.count())
                .mapToObj(row -> Arrays.copyOfRange(rows.numbers(), row * width, (row + 1) * width))
                .toArray(float[][]::new);
    }

    /// All, before the first one comes again.
    Rows all() {
        return rows;
    }

    /// Copies the next rows, again from the first one after the last, until the batch is full. Allocates nothing.
    public void fill(Batch batch) {
        for (int row = 0; row < batch.capacity(); row++) {
            rows.get(next, batch, row);
            next = (next + 1) % rows.count();
        }
        batch.resize(batch.capacity());
    }
}
