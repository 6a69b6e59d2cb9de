package io.tidegrad.engine.layer;

import io.tidegrad.engine.kernel.OptimizerStep;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Embeddings of one id each, whose outputs lie side by side, as one pass. By itself each waits for its own table row, which is
/// a cache miss, and fills a part of one vector of the processor. In a step of one row this pass reads all rows in one loop, so
/// that their misses overlap, and updates their numbers in one call. Where it can't, in a mini-batch for instance, each runs by
/// itself, with the same bits. Allocates nothing after construction.
final class Embeddings implements Pass {
    private static final int STATE_PARTS_MAX = PackedRows.STATE_PARTS_MAX;

    private final Embedding.Bound[] each; // in the order of their outputs
    private final Activation output; // of the first; those of the others follow
    private final int[] numbers; // of each, the place of its id in the row
    private final int[] tensors; // of each, its table
    private final int[] rows; // of each table
    private final int[] widths; // of each table
    private final int columns; // of all
    private final int stride;
    private final float[] values; // (1 + state parts, stride): the rows of this step, side by side
    private final float[][] states = new float[STATE_PARTS_MAX][]; // `values`, once for each part of the state
    private final float[] gradients; // (stride)
    private final int[] ids; // of this step
    private final int[] at; // where the row of each id begins in its block
    private final int[] id = new int[1];
    private float near; // the sum of what `bringNear` reads, without which the compiler would drop the reads
    private boolean held; // `values` has the rows of this step

    private Slab slab = Slab.EMPTY; // in which `blocks` were looked up
    private final float[][] blocks; // of each, the table; the first block of one that has several
    private boolean areWhole; // each table is one block
    private int parts; // of a row: the weights, and each part of the state

    private OptimizerStep[] optimizers = {}; // in which `optimizer` was looked up
    private @Nullable OptimizerStep optimizer; // of all tables; null if they have several, or one is frozen

    private Embeddings(List<Embedding.Bound> embeddings, Workspace workspace) {
        each = embeddings.toArray(Embedding.Bound[]::new);
        output = each[0].output();
        int count = workspace.isCounting() ? 0 : each.length;
        workspace.count(each.length * (6L * Integer.BYTES + Long.BYTES));
        numbers = new int[count];
        tensors = new int[count];
        rows = new int[count];
        widths = new int[count];
        ids = new int[count];
        at = new int[count];
        blocks = new float[count][];
        int column = 0;
        for (int i = 0; i < each.length; i++) {
            Tensor.Table table = each[i].lookups().table();
            if (i < count) {
                numbers[i] = each[i].from();
                tensors[i] = each[i].lookups().tensor();
                rows[i] = table.rows();
                widths[i] = table.columns();
            }
            column = Math.addExact(column, table.columns());
        }
        columns = column;
        stride = Workspace.padded(columns);
        values = workspace.floats(Math.multiplyExact(stride, 1 + STATE_PARTS_MAX));
        Arrays.fill(states, values);
        gradients = workspace.floats(stride);
    }

    /// Returns the branches in their order, with embeddings that are neighbours joined into one branch.
    ///
    /// @param branches made by `Branch.sideBySide`
    static Branch[] join(Workspace workspace, List<Branch> branches) {
        List<Branch> joined = new ArrayList<>();
        for (int from = 0; from < branches.size();) {
            List<Embedding.Bound> neighbours = neighbours(branches, from);
            if (neighbours.size() < 2 || !workspace.learns()) {
                joined.add(branches.get(from++));
                continue;
            }
            Embeddings embeddings = new Embeddings(neighbours, workspace);
            joined.add(new Branch(embeddings, embeddings.columns, null));
            from += neighbours.size();
        }
        return joined.toArray(Branch[]::new);
    }

    private static List<Embedding.Bound> neighbours(List<Branch> branches, int from) {
        return branches.stream().skip(from).map(Branch::pass).takeWhile(Embeddings::canJoin)
                .map(Embedding.Bound.class::cast).toList();
    }

    private static boolean canJoin(Pass pass) {
        return pass instanceof Embedding.Bound embedding && embedding.columns() == 1
                && embedding.lookups().table().touchedOnly()
                && embedding.lookups().table().paddingIndex() == Embedding.NO_PADDING;
    }

    @Override
    public Activation output() {
        return output;
    }

    @Override
    public void forward(Step step) {
        held = step.rows == 1 && step.isFused() && haveWholeTables(step.slab);
        if (!held) {
            for (Embedding.Bound embedding : each) {
                embedding.forward(step);
            }
            return;
        }
        for (int i = 0; i < tensors.length; i++) {
            int found = step.ids[numbers[i]];
            if (Integer.compareUnsigned(found, rows[i]) >= 0) {
                throw Lookups.outOfBounds(0, numbers[i], found, rows[i] - 1);
            }
            ids[i] = found;
            at[i] = found * parts * widths[i];
        }
        bringNear();
        copyRows(true);
        Block y = output.value();
        System.arraycopy(values, 0, y.values, y.at, columns);
    }

    @Override
    public void backward(Step step) {
        OptimizerStep one = held && step.isFused() ? optimizer(step.optimizers) : null;
        held = false;
        if (one == null) {
            for (Embedding.Bound embedding : each) {
                embedding.backward(step);
            }
            return;
        }
        for (int i = 0; i < tensors.length; i++) {
            id[0] = ids[i];
            step.touchedRows.touched(tensors[i], id, 1);
        }
        Block dy = output.requireGradient();
        for (int i = 0; i < columns; i++) {
            gradients[i] = step.scale * dy.values[dy.at + i];
        }
        step.kernels.update(one, stride, gradients, 0, values, 0, states, stride, stride);
        copyRows(false);
    }

    @Override
    public double inputMagnitude(Step step) {
        return (double) step.rows * each.length;
    }

    /// Reads the first and the last number of each row: a short row lies in two cache lines at most.
    private void bringNear() {
        float sum = 0;
        for (int i = 0; i < tensors.length; i++) {
            int last = at[i] + parts * widths[i] - 1;
            sum += blocks[i][at[i]] + blocks[i][last];
        }
        near = sum;
    }

    /// Copies the rows of this step out of the tables, or back.
    private void copyRows(boolean out) {
        int column = 0;
        for (int i = 0; i < tensors.length; i++) {
            float[] block = blocks[i];
            int width = widths[i];
            for (int part = 0; part < parts; part++) {
                int inTable = at[i] + part * width;
                int side = part * stride + column;
                if (out) {
                    copy(block, inTable, values, side, width);
                } else {
                    copy(values, side, block, inTable, width);
                }
            }
            column += width;
        }
    }

    /// Four at a time: a row is too short to pay for a call of `arraycopy`, or for a loop that the compiler unrolls.
    private static void copy(float[] from, int fromAt, float[] to, int toAt, int count) {
        int i = 0;
        for (; i + 4 <= count; i += 4) {
            to[toAt + i] = from[fromAt + i];
            to[toAt + i + 1] = from[fromAt + i + 1];
            to[toAt + i + 2] = from[fromAt + i + 2];
            to[toAt + i + 3] = from[fromAt + i + 3];
        }
        for (; i < count; i++) {
            to[toAt + i] = from[fromAt + i];
        }
    }

    /// Returns whether each table is one block. Looks the blocks up once for a slab: in each step, that would take as long as
    /// reading the rows once they are near.
    private boolean haveWholeTables(Slab slab) {
        if (slab != this.slab) {
            this.slab = slab;
            areWhole = true;
            for (int i = 0; i < tensors.length; i++) {
                Storage.Rows table = slab.rows(tensors[i]);
                areWhole &= table.blocks().length == 1;
                blocks[i] = table.blocks()[0];
                parts = table.rowFloats() / table.columns();
            }
        }
        return areWhole;
    }

    private @Nullable OptimizerStep optimizer(OptimizerStep[] ofTensors) {
        if (ofTensors != optimizers) {
            optimizers = ofTensors;
            optimizer = ofTensors[tensors[0]];
            for (int tensor : tensors) {
                if (ofTensors[tensor] != optimizer || ofTensors[tensor].isFrozen()) {
                    optimizer = null;
                    break;
                }
            }
        }
        return optimizer;
    }
}
