package io.tidegrad.engine.kernel;

import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/// Arguments for the kernels of tables, drawn for a `KernelCase`: a table in blocks of a few rows, ids in any order,
/// and gradients that lie anywhere between NaN.
final class TableCase {
    private static final int ROWS_MAX = 40;

    private final KernelCase numbers;
    private final int columns;
    private final int rows;
    private final int shift;
    private final int idsAt;
    private final int count;
    private final int[] ids;

    TableCase(KernelCase numbers, SplittableRandom random) {
        this.numbers = numbers;
        int[] whole = {16, 32, 64};
        columns = random.nextInt(3) == 0 ? random.nextInt(1, 70) : whole[random.nextInt(3)];
        rows = random.nextInt(1, ROWS_MAX);
        shift = random.nextInt(6);
        int[] shuffled = new int[rows];
        for (int i = 0; i < rows; i++) {
            int to = random.nextInt(i + 1);
            shuffled[i] = shuffled[to];
            shuffled[to] = i;
        }
        ids = shuffled;
        count = random.nextInt(rows + 1);
        idsAt = random.nextInt(rows - count + 1);
    }

    void addReading(Kernels k, List<KernelCase.Call> calls) {
        float[][] blocks = blocks(0);
        for (int row = 0; row < rows; row++) {
            System.arraycopy(numbers.numbers(columns), 0, blocks[row >> shift], at(row, columns), columns);
        }
        float[] y = KernelCase.gap(3 + count * columns);
        calls.add(new KernelCase.Call("reading of table rows",
                () -> k.readRows(columns, count, ids, idsAt, shift, columns, blocks, y, 3), y));
    }

    void addUpdate(Kernels k, String name, OptimizerStep step, List<KernelCase.Call> calls) {
        int parts = numbers.state(step.kind, 1, 1).length;
        int rowFloats = columns * (1 + parts);
        float[][] blocks = blocks(parts);
        float[][][] states = new float[blocks.length][parts][];
        for (int block = 0; block < blocks.length; block++) {
            Arrays.fill(states[block], blocks[block]);
        }
        for (int row = 0; row < rows; row++) {
            float[] block = blocks[row >> shift];
            int at = at(row, rowFloats);
            System.arraycopy(numbers.numbers(columns), 0, block, at, columns);
            float[][] state = numbers.state(step.kind, 1, columns);
            for (int part = 0; part < parts; part++) {
                System.arraycopy(state[part], 0, block, at + (1 + part) * columns, columns);
            }
        }
        int apart = columns + 3;
        float[] g = KernelCase.gap(rows * apart);
        int[] gAt = new int[rows];
        for (int i = 0; i < rows; i++) {
            gAt[i] = (rows - 1 - i) * apart;
            System.arraycopy(numbers.numbers(columns), 0, g, gAt[i], columns);
        }
        calls.add(new KernelCase.Call(name + " update of table rows",
                () -> k.updateRows(step, columns, count, ids, idsAt, shift, rowFloats, blocks, states, 0.25f, g, gAt),
                blocks));
    }

    private float[][] blocks(int parts) {
        float[][] blocks = new float[(rows - 1 >> shift) + 1][];
        for (int block = 0; block < blocks.length; block++) {
            blocks[block] = KernelCase.gap((1 << shift) * columns * (1 + parts));
        }
        return blocks;
    }

    private int at(int row, int rowFloats) {
        return (row & (1 << shift) - 1) * rowFloats;
    }
}
