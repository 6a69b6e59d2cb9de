package io.tidegrad.engine.layer;

import java.util.ArrayList;
import java.util.List;

/// Branches that read the same and have outputs of the same shape, which are added in their order: y = Σ f(x). A linear
/// model of numbers and categories is the sum of a `Dense` and of tables as wide as the output.
public record Sum(List<Layer> layers) implements Layer {
    public Sum {
        layers = List.copyOf(layers);
    }

    public Sum(Layer... layers) {
        this(List.of(layers));
    }

    @Override
    public Layer withLayers(List<Layer> others) {
        return new Sum(others);
    }

    @Override
    public Planned plan(Planner planner, Shape input) {
        if (layers.isEmpty()) {
            throw planner.mismatch(this, "at least one branch", "none");
        }
        List<Planned> branches = new ArrayList<>();
        boolean trainable = false;
        for (int i = 0; i < layers.size(); i++) {
            Planned branch = planner.plan(i, layers.get(i), input).with(Shape.Columns.LAST_AXIS);
            branches.add(branch);
            trainable |= branch.trainable();
            if (!branch.output().equals(branches.getFirst().output())) {
                throw planner.mismatch(this, "branches whose outputs have the same shape",
                        branches.getFirst().output() + " and " + branch.output());
            }
        }
        Shape.Grid output = branches.getFirst().output();
        boolean anyTrainable = trainable;
        int inputLines = input instanceof Shape.Grid grid ? grid.lines() : 0;
        return new Planned(output, trainable, (workspace, x, into) -> {
            boolean gradient = anyTrainable || x.gradient() != null || workspace.reportsInputGradients();
            Shape.Grid all = output.withWidth(Math.multiplyExact(output.width(), branches.size()));
            List<Branch> bound = Branch.sideBySide(workspace, branches, x, workspace.activation(all, gradient));
            Activation[] parts = bound.stream().map(branch -> branch.pass().output()).toArray(Activation[]::new);
            return new Bound(output.lines(), output.width(), inputLines, Embeddings.join(workspace, bound), parts, x,
                    workspace.activation(output, gradient));
        });
    }

    /// @param parts what is added
    private record Bound(int lines, int width, int inputLines, Branch[] branches, Activation[] parts, Activation input,
            Activation output) implements Pass {
        @Override
        public void forward(Step step) {
            for (Branch branch : branches) {
                branch.pass().forward(step);
            }
            Block y = output.value();
            for (int i = 0; i < parts.length; i++) {
                Block part = parts[i].value();
                for (int line = 0; line < step.rows * lines; line++) {
                    int at = y.row(line);
                    int partAt = part.row(line);
                    for (int column = 0; column < width; column++) {
                        float before = i == 0 ? 0 : y.values[at + column];
                        y.values[at + column] = before + part.values[partAt + column];
                    }
                }
            }
        }

        /// The gradient of each part is that of the sum.
        @Override
        public void backward(Step step) {
            Block dy = output.gradient();
            for (Activation part : parts) {
                Block partDy = part.gradient();
                if (dy != null && partDy != null) {
                    for (int line = 0; line < step.rows * lines; line++) {
                        int at = dy.row(line);
                        int partAt = partDy.row(line);
                        for (int column = 0; column < width; column++) { // mostly there is one, not worth a call
                            partDy.values[partAt + column] = dy.values[at + column];
                        }
                    }
                }
            }
            for (Branch branch : branches) {
                branch.pass().backward(step);
            }
            Branch.sumInputGradients(step.rows * inputLines, branches, input.gradient());
        }

        @Override
        public double inputMagnitude(Step step) {
            double sum = 0;
            for (Branch branch : branches) {
                sum += branch.pass().inputMagnitude(step);
            }
            return sum;
        }
    }
}
