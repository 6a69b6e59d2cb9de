package io.tidegrad.engine.layer;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.kernel.Panels;
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
        int inputs = planner.width(this, input);
        if (outputs < 1) {
            throw planner.mismatch(this, "at least 1 output", "" + outputs);
        }
        // Panels pad the outputs to at most 63 more; an array holds 2^31 - 1 floats.
        if ((long) inputs * (outputs + 63L) > Integer.MAX_VALUE) {
            throw planner.mismatch(
                    this,
                    "at most 2^31 weights in one layer",
                    inputs + " inputs times " + outputs + " outputs");
        }
        Panels panels = new Panels(inputs, outputs);
        int w = planner.declare(new Tensor.Matrix(planner.name("weight"), panels, initialization));
        int b =
                bias
                        ? planner.declare(
                                new Tensor.Vector(planner.name("bias"), outputs, panels.stride()))
                        : NO_BIAS;
        return new Planned(
                new Shape.Vector(outputs),
                true,
                (workspace, x, into) ->
                        new Bound(panels, w, b, x, workspace.activation(panels.stride(), true)));
    }

    private record Bound(Panels panels, int weight, int bias, Activation input, Activation output)
            implements Pass {
        /// y = x W + b
        @Override
        public void forward(Step step) {
            Block x = input.value();
            Block y = output.value();
            float @Nullable [] b = bias == NO_BIAS ? null : step.slab.dense(bias).weights();
            float[] w = step.slab.dense(weight).weights();
            step.kernels.denseForward(
                    panels, step.rows, x.values, x.at, x.stride, w, b, y.values, y.at, y.stride);
            step.watch(y);
        }

        /// dx = dy Wᵀ with the W of forward; dW = xᵀ dy; db = Σ dy
        @Override
        public void backward(Step step) {
            Kernels kernels = step.kernels;
            Block x = input.value();
            Block dx = input.gradient();
            Block dy = output.requireGradient();
            Storage.Dense w = step.target.dense(weight);
            if (step.rows == 1 && step.isFused()) {
                kernels.denseInputGradientAndUpdate(
                        step.optimizer,
                        panels,
                        step.scale,
                        x.values,
                        x.at,
                        dy.values,
                        dy.at,
                        w.weights(),
                        w.state(),
                        dx == null ? null : dx.values,
                        dx == null ? 0 : dx.at);
            } else {
                if (dx != null) {
                    kernels.denseInputGradient(
                            panels,
                            step.rows,
                            dy.values,
                            dy.at,
                            dy.stride,
                            step.slab.dense(weight).weights(),
                            dx.values,
                            dx.at,
                            dx.stride);
                }
                kernels.denseUpdate(
                        step.optimizer,
                        panels,
                        step.rows,
                        step.scale,
                        x.values,
                        x.at,
                        x.stride,
                        dy.values,
                        dy.at,
                        dy.stride,
                        w.weights(),
                        w.state());
            }
            if (bias != NO_BIAS) {
                Storage.Dense b = step.target.dense(bias);
                kernels.biasUpdate(
                        step.optimizer,
                        panels.stride(),
                        step.rows,
                        step.scale,
                        dy.values,
                        dy.at,
                        dy.stride,
                        b.weights(),
                        b.state());
            }
        }
    }
}
