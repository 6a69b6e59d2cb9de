package io.tidegrad.loadtests.rivals;

import io.tidegrad.engine.model.Batch;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.engine.optim.Adagrad;
import io.tidegrad.loadtests.LoadTestException;
import io.tidegrad.loadtests.bench.MadeUpRows;
import io.tidegrad.loadtests.bench.Workload.SparseUpdate;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/// Sparse logistic regression with Adagrad in plain C, each weight beside its sum of squares; the next row's weights
/// are asked for before this row's are used.
final class SparseLoop {
    private final MethodHandle sparse;
    private final MadeUpRows rows;
    private final Batch batch;
    private final int count;
    private final float rate;
    private final MemorySegment table; // (rows, 2)
    private MemorySegment ids; // of this row
    private MemorySegment nextIds;
    private float label;

    SparseLoop(SparseUpdate workload) {
        Plan plan = Plan.of(workload.learning().spec());
        Adagrad adagrad = (Adagrad) plan.spec().optimizer();
        rate = (float) adagrad.rate();
        count = plan.spec().row().ids();
        rows = new MadeUpRows(plan);
        batch = new Batch(plan.spec().row(), 1);
        sparse = CLibrary.function("sparse", ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.ADDRESS,
                ValueLayout.JAVA_FLOAT, ValueLayout.JAVA_FLOAT, ValueLayout.ADDRESS);
        int cacheLine = 64;
        long floats = 2L * plan.tensors().getFirst().rows();
        table = Arena.global().allocate(floats * Float.BYTES, cacheLine);
        table.fill((byte) 0);
        ids = Arena.global().allocate((long) count * Integer.BYTES, cacheLine);
        nextIds = Arena.global().allocate((long) count * Integer.BYTES, cacheLine);
        fillNext();
    }

    void run(int steps) {
        for (int step = 0; step < steps; step++) {
            float now = label;
            MemorySegment current = nextIds;
            nextIds = ids;
            ids = current;
            fillNext();
            try {
                sparse.invokeExact(count, ids, nextIds, now, rate, table);
            } catch (Throwable e) {
                throw new LoadTestException("the C loop failed", e);
            }
        }
    }

    /// Of the table's row.
    float weight(int id) {
        return table.getAtIndex(ValueLayout.JAVA_FLOAT, 2L * id);
    }

    private void fillNext() {
        rows.fill(batch);
        label = batch.labels[0];
        MemorySegment.copy(batch.ids, 0, nextIds, ValueLayout.JAVA_INT, 0, count);
    }
}
