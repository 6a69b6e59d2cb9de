package io.tidegrad.engine.layer;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Reads a row's steps (steps, width) one after the other and carries a state h (for LSTM also c) from each to the
/// next; if bidirectional, a second set of weights reads them from the last to the first. The columns of the weights
/// are blocks of `hidden`, one per gate, in the order in which a step's formula names the gates:
///
/// - RNN (Elman 1990): h' = tanh(x W_ih + b_ih + h W_hh + b_hh);
/// - GRU (Cho et al. 2014, reset after the product): r, z = sigmoid(…), n = tanh(x W_in + b_in + r (h W_hn + b_hn)), h'
///   = (1 - z) n + z h;
/// - LSTM (Hochreiter & Schmidhuber 1997, Gers et al. 2000): i, f, o = sigmoid(…), g = tanh(…), blocks i, f, g, o; c' =
///   f c + i g, h' = o tanh c'.
///
/// Tensors as PyTorch's: `weight_ih` (width, gates · hidden), `weight_hh` (hidden, gates · hidden), `bias_ih`,
/// `bias_hh`, and the same with `_reverse`. Weights start uniform within ±1/√hidden, as PyTorch's do; biases start at
/// 0, unlike PyTorch's.
///
/// A row may be shorter than `steps`: after its last step the state does not change, the output is 0 and no input is
/// read; the reverse direction starts at its last step. A length outside 0 to `steps` throws an
/// `IndexOutOfBoundsException`, like a wrong id in an `Embedding`.
///
/// @param lengthAt index of the row's id that holds its length; `WHOLE` if every row has all steps
/// @param initial empty: the state starts at 0. One layer: it reads the row, and its output is the initial state, in
///     the form of `Output.STATE`. With an encoder that ends in that output, this layer is a decoder
public record Recurrent(Cell cell, int hidden, boolean bidirectional, Output output, int lengthAt,
        List<Layer> initial) implements Layer {
    public static final int WHOLE = -1;

    /// The place of the initial layer's tensors, `2.initial.weight`.
    private static final String INITIAL = "initial";

    public enum Cell {
        RNN(1, 1), GRU(3, 1), LSTM(4, 2);

        final int gates;
        final int states;

        Cell(int gates, int states) {
            this.gates = gates;
            this.states = states;
        }
    }

    public enum Output {
        /// h after every step, (steps, hidden); bidirectional (steps, 2 hidden), the forward half first.
        SEQUENCE,
        /// h after the last step, a vector of hidden; bidirectional, forward and backward side by side.
        LAST,
        /// Like `LAST`; for an LSTM, followed by c in the same form.
        STATE
    }

    public Recurrent {
        initial = List.copyOf(initial);
        if (hidden < 1) {
            throw new IllegalArgumentException("expected at least 1 hidden unit, found " + hidden);
        }
        if (lengthAt < WHOLE) {
            throw new IllegalArgumentException("expected the number of the id that holds a row's length, or " + WHOLE
                    + " for none, found " + lengthAt);
        }
        if (initial.size() > 1) {
            throw new IllegalArgumentException(
                    "expected at most one layer for the initial state, found " + initial.size());
        }
    }

    /// A layer in one direction, over all steps, whose state starts at 0.
    public Recurrent(Cell cell, int hidden, Output output) {
        this(cell, hidden, false, output, WHOLE, List.of());
    }

    @Override
    public List<Layer> layers() {
        return initial;
    }

    @Override
    public Layer withLayers(List<Layer> others) {
        return new Recurrent(cell, hidden, bidirectional, output, lengthAt, others);
    }

    @Override
    public String place(String path, int index) {
        return path.isEmpty() ? INITIAL : path + "." + INITIAL;
    }

    private int directions() {
        return bidirectional ? 2 : 1;
    }

    @Override
    public Planned plan(Planner planner, Shape input) {
        return planner.reading(this, input, Shape.Columns.LAST_AXIS, grid -> plan(planner, grid));
    }

    private Planned plan(Planner planner, Shape.Grid input) {
        if (input.axes().size() != 2) {
            throw planner.mismatch(this, "two axes, (steps, width)", input.toString());
        }
        int ids = planner.row().ids();
        if (lengthAt >= ids) {
            throw planner.mismatch(this, "a length within the row's " + ids + " ids", "id " + lengthAt);
        }
        List<RecurrentDirection.Weights> directions = new ArrayList<>();
        for (String suffix : bidirectional ? List.of("", "_reverse") : List.of("")) {
            directions.add(RecurrentDirection.Weights.declare(planner, this, input.width(), suffix));
        }
        Planned first = initial.isEmpty() ? null : initialState(planner);
        Shape.Grid to = switch (output) {
            case SEQUENCE -> Shape.Grid.of(input.lines(), directions() * hidden);
            case LAST -> Shape.Grid.vector(directions() * hidden);
            case STATE -> Shape.Grid.vector(cell.states * directions() * hidden);
        };
        return new Planned(to, true,
                (workspace, x, into) -> new Bound(input, directions, workspace, x,
                        first == null ? null : first.binding().bind(workspace, Activation.ROW, null),
                        into != null ? into : workspace.activation(to, true)));
    }

    private Planned initialState(Planner planner) {
        Planned state = planner.child(INITIAL).plan(initial.getFirst(), planner.row()).flat();
        int size = cell.states * directions() * hidden;
        if (state.output().size() != size) {
            throw planner.mismatch(this, "an initial state of " + size + " numbers", state.output().toString());
        }
        return state;
    }

    /// Workers divide the rows in blocks among themselves; one worker runs all steps of a row, from first to last.
    private final class Bound implements Pass {
        /// Rows in a block: as many as the kernels' tile has.
        private static final int GRAIN = 6;

        private final RecurrentDirection[] directions;
        private final int steps;
        private final int width;
        private final int[] lengths; // (maxRows)
        private final Block x;
        private final @Nullable Block dx;
        private final @Nullable Pass initial;
        private final Activation output;

        // Created once, so that a step allocates nothing.
        private final Step.Work forwardPart = this::forward;
        private final Step.Work backwardPart = this::backward;

        Bound(Shape.Grid input, List<RecurrentDirection.Weights> weights, Workspace workspace, Activation x,
                @Nullable Pass initial, Activation output) {
            this.x = x.value();
            this.initial = initial;
            this.output = output;
            dx = x.gradient();
            steps = input.lines();
            width = input.width();
            lengths = new int[workspace.maxRows()];
            workspace.count((long) Integer.BYTES * lengths.length);
            directions = new RecurrentDirection[weights.size()];
            for (int d = 0; d < directions.length; d++) {
                // In a state, c follows all of h; cells without c don't read it.
                int hAt = d * hidden;
                int cAt = (directions.length + d) * hidden;
                directions[d] = new RecurrentDirection(Recurrent.this, d == 1, steps, weights.get(d), workspace,
                        dx != null, lengths, initial == null ? null : initial.output(), output, hAt, cAt);
            }
        }

        @Override
        public Activation output() {
            return output;
        }

        @Override
        public void forward(Step step) {
            findLengths(step);
            if (initial != null) {
                initial.forward(step);
            }
            for (RecurrentDirection direction : directions) {
                direction.readSteps(step, x);
            }
            share(step, forwardPart);
        }

        private void findLengths(Step step) {
            for (int row = 0; row < step.rows; row++) {
                int length = lengthAt == WHOLE ? steps : step.ids[row * step.idsPerRow + lengthAt];
                if (length < 0 || length > steps) {
                    throw new IndexOutOfBoundsException("row " + row + ", id " + lengthAt + ": found " + length
                            + ", expected a length of 0 to " + steps);
                }
                lengths[row] = length;
            }
        }

        private void share(Step step, Step.Work work) {
            long multiplications = 0;
            for (RecurrentDirection direction : directions) {
                multiplications += step.rows * direction.multiplicationsARow();
            }
            step.share(multiplications, Math.ceilDiv(step.rows, GRAIN), work);
        }

        private void forward(Step step, int part, int parts, int worker) {
            for (RecurrentDirection direction : directions) {
                direction.forward(step, worker, cut(step, part, parts), cut(step, part + 1, parts));
            }
        }

        @Override
        public void backward(Step step) {
            for (RecurrentDirection direction : directions) {
                direction.transposeWeights(step);
            }
            share(step, backwardPart);
            // Weights change only now, because every step's gradient uses the old ones.
            for (RecurrentDirection direction : directions) {
                direction.update(step);
            }
            if (dx != null) {
                sumInputGradients(step, dx);
            }
            if (initial != null) {
                initial.backward(step);
            }
        }

        private void backward(Step step, int part, int parts, int worker) {
            for (RecurrentDirection direction : directions) {
                direction.backward(step, worker, cut(step, part, parts), cut(step, part + 1, parts));
            }
        }

        private static int cut(Step step, int part, int parts) {
            int blocks = Math.ceilDiv(step.rows, GRAIN);
            return Math.min(step.rows, Workers.cut(blocks, part, parts) * GRAIN);
        }

        private void sumInputGradients(Step step, Block dx) {
            for (int row = 0; row < step.rows; row++) {
                for (int t = 0; t < steps; t++) {
                    int at = dx.row(row * steps + t);
                    Arrays.fill(dx.values, at, at + width, 0);
                    for (RecurrentDirection direction : directions) {
                        direction.addInputGradient(step, row, t, dx.values, at);
                    }
                }
            }
        }
    }
}
