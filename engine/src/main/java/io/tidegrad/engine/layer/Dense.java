package io.tidegrad.engine.layer;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.kernel.Panels;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// y = x W + b on the last axis. W has shape (inputs, outputs), drawn as `initialization` says; b starts at 0.
public record Dense(int outputs, boolean bias, Initialization initialization) implements Layer {
    private static final int NO_BIAS = -1;

    /// With bias, He uniform: the usual choice before a relu, and a fair one elsewhere.
    public Dense(int outputs) {
        this(outputs, true, Initialization.HE_UNIFORM);
    }

    @Override
    public Planned plan(Planner planner, Shape input) {
        return planner.reading(this, input, Shape.Columns.LAST_AXIS, grid -> plan(planner, grid));
    }

    private Planned plan(Planner planner, Shape.Grid input) {
        return product(this, planner, input, outputs, "weight", bias ? Optional.of("bias") : Optional.empty(),
                initialization);
    }

    /// x W + b for a layer that has such a product in it, under its own names of W and b.
    static Planned product(Layer layer, Planner planner, Shape.Grid input, int outputs, String weight,
            Optional<String> bias, Initialization initialization) {
        if (outputs < 1) {
            throw planner.mismatch(layer, "at least 1 output", "" + outputs);
        }
        requireFits(planner, layer, input.width(), outputs);
        Panels panels = Panels.ofLayer(input.width(), outputs);
        int w = planner.declare(
                new Tensor.Matrix(planner.name(weight), panels, initialization, panels.inputs(), panels.outputs()));
        int b = bias.map(name -> planner.declareVector(name, outputs, panels.stride(), Tensor.Vector.Role.BIAS))
                .orElse(NO_BIAS);
        int lines = input.lines();
        return new Planned(input.withWidth(outputs), true, (workspace, x, into) -> {
            workspace.needScratch(panels);
            return new Bound(lines, panels, w, b, x, workspace.activation(lines, panels.stride(), true));
        });
    }

    /// The panels of a layer's weights, if they fit an array.
    static Panels panels(Planner planner, Layer layer, int inputs, long outputs) {
        requireFits(planner, layer, inputs, outputs);
        return new Panels(inputs, (int) outputs);
    }

    private static void requireFits(Planner planner, Layer layer, int inputs, long outputs) {
        // Panels pad the outputs to at most 63 more; an array holds 2^31 - 1 floats.
        if (inputs * (outputs + 63) > Integer.MAX_VALUE) {
            throw planner.mismatch(layer, "at most 2^31 weights in one layer",
                    inputs + " inputs times " + outputs + " outputs");
        }
    }

    /// The arithmetic. A batch is a block of lines: x has `lines` rows of `inputs` numbers, y as many of `outputs`.
    /// Workers share the forward pass by panels (columns of W) and blocks of lines, and the backward pass by ranges of
    /// inputs (rows of W). So each output, each input gradient and each weight is computed by one worker, and its sum
    /// has the one order that `DenseKernels` states.
    static final class Bound implements Pass {
        /// Lines in a block and inputs in a range: a multiple of the kernels' tiles of 6 lines and 4 inputs.
        private static final int GRAIN = 24;

        /// Inputs in a range where their gradients are computed too: so many weights are transposed at once. And where
        /// weights lie output after output: whole vectors.
        private static final int GRADIENT_GRAIN = 64;

        /// What the optimizer takes for one weight, in FMAs of the same duration: Adam, 0.32 ns against 0.018 ns (Zen
        /// 4).
        static final int UPDATE_MULTIPLICATIONS = 18;

        private final int linesPerRow;
        private final Panels panels;
        private final int weight;
        private final int bias;
        private final Activation input;
        private final Activation output;

        // Made once: a step allocates nothing.
        private final Step.Work multiplyShare = this::multiplyShare;
        private final Step.Work backwardShare = this::backwardShare;

        private int lines; // of the step that is under way

        Bound(int linesPerRow, Panels panels, int weight, int bias, Activation input, Activation output) {
            this.linesPerRow = linesPerRow;
            this.panels = panels;
            this.weight = weight;
            this.bias = bias;
            this.input = input;
            this.output = output;
        }

        @Override
        public Activation output() {
            return output;
        }

        /// y = x W + b
        @Override
        public void forward(Step step) {
            multiply(step);
            step.watch(output.value(), linesPerRow);
        }

        /// y = x W + b, for a layer that checks its numbers itself.
        void multiply(Step step) {
            lines = step.rows * linesPerRow;
            long multiplications = (long) panels.length() * lines;
            step.share(multiplications, panels.count() * linesInBlocks(), multiplyShare);
        }

        private int linesInBlocks() {
            return Math.ceilDiv(lines, GRAIN);
        }

        /// One worker's share of the blocks, which are counted panel after panel so that a share lies in few panels.
        private void multiplyShare(Step step, int share, int shares, int worker) {
            if (shares == 1) {
                multiplyBlock(step, 0, panels.count(), 0, lines, worker);
                return;
            }
            int blocks = linesInBlocks();
            int block = Workers.cut(panels.count() * blocks, share, shares);
            int end = Workers.cut(panels.count() * blocks, share + 1, shares);
            while (block < end) {
                int panel = block / blocks;
                int next = Math.min(end, (panel + 1) * blocks);
                int fromLine = block % blocks * GRAIN;
                int toLine = Math.min(lines, fromLine + (next - block) * GRAIN);
                multiplyBlock(step, panel, panel + 1, fromLine, toLine, worker);
                block = next;
            }
        }

        /// y = x W + b in some panels of some lines.
        private void multiplyBlock(Step step, int fromPanel, int toPanel, int fromLine, int toLine, int worker) {
            Kernels kernels = step.kernels;
            Block x = input.value();
            Block y = output.value();
            int xAt = x.row(fromLine);
            int yAt = y.row(fromLine);
            int count = toLine - fromLine;
            float @Nullable [] b = bias == NO_BIAS ? null : step.slab.dense(bias).weights();
            kernels.denseForward(panels, fromPanel, toPanel, count, x.values, xAt, x.stride,
                    step.slab.dense(weight).weights(), b, y.values, yAt, y.stride, step.scratch(worker));
        }

        @Override
        public double inputMagnitude(Step step) {
            double sum = 0;
            Block x = input.value();
            for (int line = 0; line < step.rows * linesPerRow; line++) {
                sum += x.magnitude(line, panels.inputs());
            }
            return sum;
        }

        /// dx = dy Wᵀ with the W of forward; dW = xᵀ dy; db = Σ dy
        @Override
        public void backward(Step step) {
            lines = step.rows * linesPerRow;
            int products = input.gradient() == null ? 1 : 2;
            long multiplications = (long) panels.length() * (products * lines + UPDATE_MULTIPLICATIONS);
            step.share(multiplications, Math.ceilDiv(panels.inputs(), inputsInRange()), backwardShare);
        }

        private int inputsInRange() {
            return input.gradient() == null && !panels.byOutput() ? GRAIN : GRADIENT_GRAIN;
        }

        /// One worker's share of the ranges. The first share has the bias too.
        private void backwardShare(Step step, int share, int shares, int worker) {
            int ranges = Math.ceilDiv(panels.inputs(), inputsInRange());
            int from = Workers.cut(ranges, share, shares) * inputsInRange();
            int to = Math.min(panels.inputs(), Workers.cut(ranges, share + 1, shares) * inputsInRange());
            backwardInputs(step, from, to, worker);
            if (share == 0 && bias != NO_BIAS) {
                step.updateBias(bias, panels.stride(), lines, output.requireGradient(), step.tile(worker));
            }
        }

        /// The gradients of some inputs, then the update of their weights.
        private void backwardInputs(Step step, int from, int to, int worker) {
            float[] tile = step.tile(worker);
            Kernels kernels = step.kernels;
            Block x = input.value();
            Block dx = input.gradient();
            Block dy = output.requireGradient();
            Storage.Dense w = step.target.dense(weight);
            if (lines == 1 && step.isFused()) {
                kernels.denseInputGradientAndUpdate(step.optimizer(weight), panels, from, to, step.scale, x.values,
                        x.at, dy.values, dy.at, w.weights(), w.state(), dx == null ? null : dx.values,
                        dx == null ? 0 : dx.at, tile);
                return;
            }
            int dxFrom = Math.max(from, input.wantedFrom());
            int dxTo = Math.min(to, input.wantedTo());
            if (dx != null && dxFrom < dxTo) {
                kernels.denseInputGradient(panels, dxFrom, dxTo, lines, dy.values, dy.at, dy.stride,
                        step.slab.dense(weight).weights(), dx.values, dx.at, dx.stride, step.scratch(worker));
            }
            kernels.denseUpdate(step.optimizer(weight), panels, from, to, lines, step.scale, x.values, x.at, x.stride,
                    dy.values, dy.at, dy.stride, w.weights(), w.state(), tile);
        }
    }
}
