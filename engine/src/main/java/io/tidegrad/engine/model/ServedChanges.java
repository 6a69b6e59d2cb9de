package io.tidegrad.engine.model;

import io.tidegrad.engine.layer.Tensor;
import java.util.Arrays;
import java.util.List;

/// Which parts of the served stream have changed since the last `clear`: for a table that learns touched rows only,
/// those rows (one bit each); for any other tensor that learns, all or nothing. At first, and after values were set
/// from outside, everything. Only the learning thread may use it; noting a row costs one store.
public final class ServedChanges {
    private static final long[] EVERY_STEP = {};

    private final Plan plan;
    private final int[] order; // tensors by place in the served stream
    private final long[][] rows; // tensor → one bit per row, or EVERY_STEP
    private boolean everything = true;
    private boolean stepped;

    /// Receives the runs of changed bytes in ascending order. Runs consist of whole values, don't overlap and are not
    /// adjacent.
    @FunctionalInterface
    public interface Run {
        /// @param at first byte, in the served stream
        void changed(long at, long bytes);
    }

    ServedChanges(Plan plan) {
        this.plan = plan;
        order = plan.streams().servedOrder;
        List<Tensor> tensors = plan.tensors();
        rows = new long[tensors.size()][];
        for (int tensor = 0; tensor < rows.length; tensor++) {
            rows[tensor] = learnsTouchedRows(tensors.get(tensor)) ? new long[(tensors.get(tensor).rows() + 63) >>> 6]
                    : EVERY_STEP;
        }
    }

    private static boolean learnsTouchedRows(Tensor tensor) {
        return tensor instanceof Tensor.Table table && table.touchedOnly();
    }

    /// Whether the whole stream counts as changed.
    public boolean everything() {
        return everything;
    }

    /// Forgets all changes noted so far.
    public void clear() {
        everything = false;
        stepped = false;
        for (long[] bits : rows) {
            Arrays.fill(bits, 0);
        }
    }

    void all() {
        everything = true;
    }

    void stepped() {
        stepped = true;
    }

    void touched(int tensor, int[] touched, int count) {
        long[] bits = rows[tensor];
        if (bits == EVERY_STEP) {
            return;
        }
        for (int i = 0; i < count; i++) {
            bits[touched[i] >>> 6] |= 1L << touched[i];
        }
    }

    public void forEachRun(Run run) {
        Joined joined = new Joined(run);
        if (everything) {
            joined.add(0, plan.streams().servedBytes);
        } else {
            for (int tensor : order) {
                add(tensor, joined);
            }
        }
        joined.end();
    }

    private void add(int tensor, Joined joined) {
        Tensor declared = plan.tensors().get(tensor);
        long start = plan.streams().served[tensor];
        long[] bits = rows[tensor];
        if (bits != EVERY_STEP) {
            long rowBytes = (long) declared.columns() * Float.BYTES;
            for (int word = 0; word < bits.length; word++) {
                for (long rest = bits[word]; rest != 0; rest &= rest - 1) {
                    long row = ((long) word << 6) + Long.numberOfTrailingZeros(rest);
                    joined.add(start + row * rowBytes, rowBytes);
                }
            }
        } else if (stepped && plan.changesEveryStep(tensor)) {
            joined.add(start, plan.streams().servedBytes(declared));
        }
    }

    /// Joins adjacent runs.
    private static final class Joined {
        private final Run run;
        private long at;
        private long bytes;

        Joined(Run run) {
            this.run = run;
        }

        void add(long from, long count) {
            if (from == at + bytes) {
                bytes += count;
                return;
            }
            end();
            at = from;
            bytes = count;
        }

        void end() {
            if (bytes > 0) {
                run.changed(at, bytes);
            }
            bytes = 0;
        }
    }
}
