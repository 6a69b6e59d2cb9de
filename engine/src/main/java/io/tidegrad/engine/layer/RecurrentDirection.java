package io.tidegrad.engine.layer;

import io.tidegrad.engine.kernel.ActivationFunction;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.kernel.Panels;
import java.util.Arrays;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// One direction of a `Recurrent`, bound to a workspace.
///
/// Arrays over steps are ordered by step, in the order of this direction, with one line per row: line `step · rows +
/// row`. So the rows of one step are contiguous, the input's products and all weight gradients are one call over all
/// lines, and lengths mean the same in both directions: a row takes its first `length` steps. The lines after them are
/// zero wherever a sum over lines reads them.
///
/// Blocks are reused: `gates` holds x W + b, then the gates, then the gradient of x W + b; a GRU's `products` holds h W
/// + b, then its gradient (for the other cells the two gradients are the same).
final class RecurrentDirection {
    private final Recurrent.Cell cell;
    private final Recurrent.Output kind;
    private final int hidden;
    private final boolean reverse;
    private final int steps;
    private final Weights weights;
    private final int[] lengths; // of the rows, set by the layer

    private final Activation x; // (steps · rows, width)
    private final Dense.Bound ofInputs;
    private final Dense.Bound ofStates; // for its weights only
    private final Block gates; // (steps · rows, gates · hidden)
    private final Block products; // same shape; only one step's if backward doesn't need it

    // The state before each step and after the last, ((steps + 1) · rows, hidden); only an LSTM has c.
    private final Block h;
    private final Block c;
    private final @Nullable Activation initial;
    private final Activation output;
    private final int hAt; // first column of this direction's h in the output and in a state
    private final int cAt; // first column of its c in a state

    // (rows, hidden); empty when predicting
    private final Block dh;
    private final Block dc;
    private final Block dhOfProducts;
    private final Panels transposed; // (gates · hidden, hidden)
    private final float[] transposedWeights;

    /// The tensors' indices and the panels of both matrices, which have the same columns.
    record Weights(Panels ofInputs, int ih, Panels ofStates, int hh, int biasIh, int biasHh) {
        static Weights declare(Planner planner, Recurrent layer, int width, String suffix) {
            long columns = (long) layer.cell().gates * layer.hidden();
            Panels ofInputs = Dense.panels(planner, layer, width, columns);
            Panels ofStates = Dense.panels(planner, layer, layer.hidden(), columns);
            return new Weights(ofInputs, matrix(planner, "weight_ih" + suffix, ofInputs, layer.hidden()), ofStates,
                    matrix(planner, "weight_hh" + suffix, ofStates, layer.hidden()),
                    planner.declareVector("bias_ih" + suffix, ofStates.outputs(), ofStates.stride(),
                            Tensor.Vector.Role.BIAS),
                    planner.declareVector("bias_hh" + suffix, ofStates.outputs(), ofStates.stride(),
                            Tensor.Vector.Role.BIAS));
        }

        private static int matrix(Planner planner, String name, Panels panels, int hidden) {
            return planner.declare(new Tensor.Matrix(planner.name(name), panels, Initialization.HE_UNIFORM,
                    FANS_A_UNIT * hidden, panels.outputs()));
        }
    }

    /// `Initialization.HE_UNIFORM` draws within ±sqrt(6 / inputs): with 6 · hidden inputs, that is within ±1/√hidden.
    private static final int FANS_A_UNIT = 6;

    /// @param initial the initial state; null for 0
    /// @param output the layer's output, with all directions
    RecurrentDirection(Recurrent layer, boolean reverse, int steps, Weights weights, Workspace workspace,
            boolean inputGradient, int[] lengths, @Nullable Activation initial, Activation output, int hAt, int cAt) {
        cell = layer.cell();
        kind = layer.output();
        hidden = layer.hidden();
        this.reverse = reverse;
        this.steps = steps;
        this.weights = weights;
        this.lengths = lengths;
        transposed = new Panels(weights.ofStates.outputs(), hidden);
        workspace.needScratch(weights.ofStates);
        workspace.needScratch(transposed);
        int state = transposed.stride();
        int gate = weights.ofStates.stride();
        boolean gru = cell == Recurrent.Cell.GRU;
        boolean lstm = cell == Recurrent.Cell.LSTM;
        boolean learns = workspace.learns();
        x = workspace.activation(steps, weights.ofInputs.inputs(), inputGradient);
        gates = workspace.block(steps, gate);
        products = workspace.block(gru ? steps : 1, gate);
        h = workspace.block(steps + 1, state);
        c = workspace.block(lstm ? steps + 1 : 0, state);
        this.initial = initial;
        this.output = output;
        this.hAt = hAt;
        this.cAt = cAt;
        dh = workspace.block(learns ? 1 : 0, state);
        dc = workspace.block(learns && lstm ? 1 : 0, state);
        dhOfProducts = workspace.block(learns && gru ? 1 : 0, state);
        transposedWeights = workspace.floats(learns ? transposed.length() : 0);
        ofInputs =
                new Dense.Bound(steps, weights.ofInputs, weights.ih, weights.biasIh, x, new Activation(gates, gates));
        ofStates = new Dense.Bound(steps, weights.ofStates, weights.hh, weights.biasHh, new Activation(h, null),
                new Activation(products, gru ? products : gates));
    }

    long multiplicationsARow() {
        return (long) steps * weights.ofStates.length();
    }

    /// The position in the row of step `step` of this direction.
    private int place(int step, int length) {
        return reverse ? length - 1 - step : step;
    }

    /// Copies the steps in this direction's order; computes gates = x W + b.
    void readSteps(Step step, Block from) {
        int width = weights.ofInputs.inputs();
        Block to = x.value();
        for (int k = 0; k < steps; k++) {
            for (int row = 0; row < step.rows; row++) {
                int at = to.row(k * step.rows + row);
                if (k < lengths[row]) {
                    int line = row * steps + place(k, lengths[row]);
                    System.arraycopy(from.values, from.row(line), to.values, at, width);
                } else {
                    Arrays.fill(to.values, at, at + width, 0);
                }
            }
        }
        ofInputs.multiply(step);
    }

    /// Runs all steps of rows `fromRow` to `toRow`.
    void forward(Step step, int worker, int fromRow, int toRow) {
        start(step, hAt, h, fromRow, toRow);
        if (cell == Recurrent.Cell.LSTM) {
            start(step, cAt, c, fromRow, toRow);
        }
        for (int k = 0; k < steps; k++) {
            for (int from = fromRow; from < toRow;) {
                int to = runEnd(k, from, toRow);
                if (k < lengths[from]) {
                    forward(step, worker, k, from, to);
                } else {
                    standStill(step, k, from, to);
                }
                from = to;
            }
        }
        if (kind != Recurrent.Output.SEQUENCE) {
            copyLast(step, h, hAt, fromRow, toRow);
        }
        if (kind == Recurrent.Output.STATE && cell == Recurrent.Cell.LSTM) {
            copyLast(step, c, cAt, fromRow, toRow);
        }
    }

    /// The end of the run of rows, starting with `from`, that all have step `k`, or all don't.
    private int runEnd(int k, int from, int toRow) {
        int to = from + 1;
        while (to < toRow && k < lengths[to] == k < lengths[from]) {
            to++;
        }
        return to;
    }

    private void start(Step step, int column, Block state, int fromRow, int toRow) {
        if (initial == null) {
            Arrays.fill(state.values, state.row(fromRow), state.row(toRow), 0);
            return;
        }
        copy(initial.value(), column, state, 0, fromRow, toRow);
        for (int row = fromRow; row < toRow; row++) {
            for (int i = 0; i < hidden; i++) {
                step.watch(row, state.values[state.row(row) + i]);
            }
        }
    }

    /// Copies the state after the last step to the output.
    private void copyLast(Step step, Block state, int column, int fromRow, int toRow) {
        for (int row = fromRow; row < toRow; row++) {
            copyLine(state, state.row(steps * step.rows + row), output.value(), output.value().row(row) + column);
        }
    }

    /// Copies `hidden` columns of some rows.
    private void copy(Block from, int fromColumn, Block to, int toColumn, int fromRow, int toRow) {
        for (int row = fromRow; row < toRow; row++) {
            copyLine(from, from.row(row) + fromColumn, to, to.row(row) + toColumn);
        }
    }

    private void copyLine(Block from, int fromAt, Block to, int toAt) {
        System.arraycopy(from.values, fromAt, to.values, toAt, hidden);
    }

    /// Computes products = h W + b; the rest of a step is elementwise.
    private void forward(Step step, int worker, int k, int from, int to) {
        Kernels kernels = step.kernels;
        int rows = to - from;
        int line = k * step.rows + from;
        int productLine = productLine(step, k, from);
        for (int i = 0; i < rows; i++) {
            // Watching one column is enough, as after a dense layer; after the gates even an infinity would be hidden.
            step.watch(from + i, gates.values[gates.row(line + i)]);
        }
        int nextLine = line + step.rows;
        kernels.denseForward(weights.ofStates, 0, weights.ofStates.count(), rows, h.values, h.row(line), h.stride,
                step.slab.dense(weights.hh).weights(), step.slab.dense(weights.biasHh).weights(), products.values,
                products.row(productLine), products.stride, step.scratch(worker));
        if (k == 0 && initial != null) {
            watchProducts(step, from, to);
        }
        switch (cell) {
            case RNN -> {
                add(rows, products, productLine, gates, line);
                kernels.activate(ActivationFunction.TANH, 0, rows * gates.stride, gates.values, gates.row(line),
                        h.values, h.row(nextLine));
            }
            case GRU ->
                kernels.gruStep(rows, hidden, gates.values, gates.row(line), products.values, products.row(productLine),
                        gates.stride, h.values, h.row(line), h.values, h.row(nextLine), h.stride);
            case LSTM -> kernels.lstmStep(rows, hidden, gates.values, gates.row(line), products.values,
                    products.row(productLine), gates.stride, c.values, c.row(line), c.values, c.row(nextLine), h.values,
                    h.row(nextLine), h.stride);
        }
        if (kind == Recurrent.Output.SEQUENCE) {
            Block y = output.value();
            for (int row = from; row < to; row++) {
                copyLine(h, h.row(nextLine + row - from), y, outputAt(y, k, row));
            }
        }
    }

    /// Index in the output of h after step `k`.
    private int outputAt(Block y, int k, int row) {
        return y.row(row * steps + place(k, lengths[row])) + hAt;
    }

    /// The line of `products` of a step's first row.
    private int productLine(Step step, int k, int row) {
        return cell == Recurrent.Cell.GRU ? k * step.rows + row : row;
    }

    /// A large finite state can give products that are not finite, and gates would hide it.
    private void watchProducts(Step step, int from, int to) {
        for (int row = from; row < to; row++) {
            for (int column = 0; column < cell.gates * hidden; column++) {
                step.watch(row, products.values[products.row(row) + column]);
            }
        }
    }

    /// to += from
    private static void add(int rows, Block from, int fromLine, Block to, int toLine) {
        int fromAt = from.row(fromLine);
        int toAt = to.row(toLine);
        for (int i = 0; i < rows * to.stride; i++) {
            to.values[toAt + i] += from.values[fromAt + i];
        }
    }

    /// Handles rows that have no step `k`: keeps their state and writes 0.
    private void standStill(Step step, int k, int from, int to) {
        int line = k * step.rows + from;
        int nextLine = line + step.rows;
        Block y = output.value();
        for (int i = 0; i < to - from; i++) {
            copyLine(h, h.row(line + i), h, h.row(nextLine + i));
            if (cell == Recurrent.Cell.LSTM) {
                copyLine(c, c.row(line + i), c, c.row(nextLine + i));
            }
            if (kind == Recurrent.Output.SEQUENCE) {
                int at = y.row((from + i) * steps + k) + hAt;
                Arrays.fill(y.values, at, at + hidden, 0);
            }
        }
    }

    /// Transposes the weights of the state's products, so that a step's gradient is computed at the speed of a forward
    /// product, 1.8 times that of dot products (64 -> 128, 32 rows; 1.5 times with one row).
    void transposeWeights(Step step) {
        float[] w = step.slab.dense(weights.hh).weights();
        int columns = weights.ofStates.outputs();
        // 16 columns at a time, so that the output stays in the first-level cache.
        for (int from = 0; from < columns; from += 16) {
            int to = Math.min(columns, from + 16);
            for (int unit = 0; unit < hidden; unit++) {
                int at = weights.ofStates.index(unit, from) - from;
                int toAt = transposed.index(0, unit);
                for (int column = from; column < to; column++) {
                    transposedWeights[toAt + column * transposed.width()] = w[at + column];
                }
            }
        }
    }

    /// Computes some rows' gradients through all steps, from the last back to the initial state: dh = dy + the gradient
    /// of the next step's gates times Wᵀ.
    void backward(Step step, int worker, int fromRow, int toRow) {
        boolean lstm = cell == Recurrent.Cell.LSTM;
        if (kind == Recurrent.Output.SEQUENCE) {
            Arrays.fill(dh.values, dh.row(fromRow), dh.row(toRow), 0);
        } else {
            copy(output.requireGradient(), hAt, dh, 0, fromRow, toRow);
        }
        if (lstm && kind == Recurrent.Output.STATE) {
            copy(output.requireGradient(), cAt, dc, 0, fromRow, toRow);
        } else if (lstm) {
            Arrays.fill(dc.values, dc.row(fromRow), dc.row(toRow), 0);
        }
        for (int k = steps - 1; k >= 0; k--) {
            for (int from = fromRow; from < toRow;) {
                int to = runEnd(k, from, toRow);
                if (k < lengths[from]) {
                    backward(step, worker, k, from, to);
                } else {
                    clearGradients(step, k, from, to);
                }
                from = to;
            }
        }
        Block start = initial == null ? null : initial.gradient();
        if (start != null) {
            copy(dh, 0, start, hAt, fromRow, toRow);
            if (lstm) {
                copy(dc, 0, start, cAt, fromRow, toRow);
            }
        }
    }

    private void backward(Step step, int worker, int k, int from, int to) {
        if (kind == Recurrent.Output.SEQUENCE) {
            addOutputGradient(k, from, to);
        }
        Kernels kernels = step.kernels;
        int rows = to - from;
        int line = k * step.rows + from;
        int productLine = productLine(step, k, from);
        int nextLine = line + step.rows;
        switch (cell) {
            case RNN -> kernels.activateGradient(ActivationFunction.TANH, 0, rows * gates.stride, gates.values,
                    gates.row(line), h.values, h.row(nextLine), dh.values, dh.row(from), gates.values, gates.row(line));
            case GRU -> kernels.gruStepGradient(rows, hidden, gates.values, gates.row(line), products.values,
                    products.row(productLine), gates.stride, h.values, h.row(line), dh.values, dh.row(from), h.stride);
            case LSTM -> kernels.lstmStepGradient(rows, hidden, gates.values, gates.row(line), gates.stride, c.values,
                    c.row(line), c.values, c.row(nextLine), dh.values, dh.row(from), dc.values, dc.row(from), h.stride);
        }
        if (k == 0 && initial == null) {
            return; // The constant initial state 0 needs no gradient.
        }
        boolean gru = cell == Recurrent.Cell.GRU;
        Block gradient = gru ? products : gates;
        Block into = gru ? dhOfProducts : dh;
        kernels.denseForward(transposed, 0, transposed.count(), rows, gradient.values, gradient.row(line),
                gradient.stride, transposedWeights, null, into.values, into.row(from), into.stride,
                step.scratch(worker));
        if (gru) {
            add(rows, dhOfProducts, from, dh, from);
        }
    }

    private void addOutputGradient(int k, int from, int to) {
        Block dy = output.requireGradient();
        for (int row = from; row < to; row++) {
            int dyAt = outputAt(dy, k, row);
            int dhAt = dh.row(row);
            for (int i = 0; i < hidden; i++) {
                dh.values[dhAt + i] += dy.values[dyAt + i];
            }
        }
    }

    private void clearGradients(Step step, int k, int from, int to) {
        int line = k * step.rows + from;
        Arrays.fill(gates.values, gates.row(line), gates.row(line + to - from), 0);
        if (cell == Recurrent.Cell.GRU) {
            Arrays.fill(products.values, products.row(line), products.row(line + to - from), 0);
        }
    }

    /// dx = dgates Wᵀ; then dW_ih = xᵀ dgates, dW_hh = hᵀ dproducts, over all steps at once.
    void update(Step step) {
        ofInputs.backward(step);
        ofStates.backward(step);
    }

    /// Adds this direction's gradient of the row's step at `place` to dx.
    void addInputGradient(Step step, int row, int place, float[] dx, int dxAt) {
        if (place >= lengths[row]) {
            return;
        }
        Block gradient = Objects.requireNonNull(x.gradient());
        int at = gradient.row(place(place, lengths[row]) * step.rows + row);
        for (int i = 0; i < weights.ofInputs.inputs(); i++) {
            dx[dxAt + i] += gradient.values[at + i];
        }
    }
}
