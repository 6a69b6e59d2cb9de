package io.tidegrad.engine.layer;

import java.util.List;

/// `layer`, a `Dense`, a table or a `Sum` of such, whose steps don't grow with the number and the size of what it reads:
/// the rate of its weights is multiplied by min(1, sqrt(bound / m)), where m is the sum of the magnitudes of its inputs,
/// the mean over the rows of the mini-batch. A step of r in each of n weights moves an output by r m, so without the
/// bound a rate that suits 4 inputs is far too large for 784.
///
/// Input, output and names are those of `layer`.
public record InputBound(double bound, Layer layer) implements Layer {
    public InputBound {
        if (!(bound > 0 && bound <= Float.MAX_VALUE)) {
            throw new IllegalArgumentException("input bound: expected a bound above 0, found " + bound);
        }
    }

    @Override
    public List<Layer> layers() {
        return List.of(layer);
    }

    @Override
    public Layer withLayers(List<Layer> layers) {
        return new InputBound(bound, layers.getFirst());
    }

    @Override
    public String place(String path, int index) {
        return path;
    }

    @Override
    public Planned plan(Planner planner, Shape input) {
        Planner bounded = planner.withInputBound();
        int number = bounded.inputBound();
        Planned planned = layer.plan(bounded, input);
        return new Planned(planned.output(), planned.trainable(),
                (workspace, x, into) -> new Bound(bound, number, planned.binding().bind(workspace, x, into)));
    }

    private record Bound(double bound, int number, Pass pass) implements Pass {
        @Override
        public Activation output() {
            return pass.output();
        }

        @Override
        public void forward(Step step) {
            pass.forward(step);
        }

        @Override
        public void backward(Step step) {
            double magnitude = pass.inputMagnitude(step) / step.rows;
            if (magnitude > bound) {
                step.inputBounds.multiplyRate(number, Math.sqrt(bound / magnitude));
            }
            pass.backward(step);
        }

        @Override
        public double inputMagnitude(Step step) {
            return pass.inputMagnitude(step);
        }
    }
}
