package io.tidegrad.engine.layer;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Branches that read the same input. Their outputs are concatenated along the last axis and must have the same other
/// axes. An `Identity` branch passes on the input.
public record Concat(List<Layer> layers) implements Layer {
    public Concat {
        layers = List.copyOf(layers);
    }

    public Concat(Layer... layers) {
        this(List.of(layers));
    }

    @Override
    public Layer withLayers(List<Layer> others) {
        return new Concat(others);
    }

    @Override
    public Planned plan(Planner planner, Shape input) {
        if (layers.isEmpty()) {
            throw planner.mismatch(this, "at least one branch", "none");
        }
        List<Planned> branches = new ArrayList<>();
        boolean trainable = false;
        int width = 0;
        for (int i = 0; i < layers.size(); i++) {
            Planned branch = planner.plan(i, layers.get(i), input).with(Shape.Columns.LAST_AXIS);
            if (i > 0) {
                requireSameLines(planner, branches.getFirst().output(), branch.output());
            }
            branches.add(branch);
            trainable |= branch.trainable();
            width = Math.addExact(width, branch.output().width());
        }
        Shape.Grid output = branches.getFirst().output().withWidth(width);
        boolean anyTrainable = trainable;
        int inputLines = input instanceof Shape.Grid grid ? grid.lines() : 0;
        return new Planned(output, trainable,
                (workspace, x, into) -> bind(workspace, branches, output, inputLines, anyTrainable, x, into));
    }

    private static Pass bind(Workspace workspace, List<Planned> planned, Shape.Grid grid, int inputLines,
            boolean trainable, Activation x, @Nullable Activation into) {
        boolean gradient = trainable || x.gradient() != null || workspace.reportsInputGradients();
        boolean allWanted = x.gradient() != null || workspace.reportsInputGradients();
        Activation output = into != null ? into : output(workspace.activation(grid, gradient), planned, allWanted);
        Branch[] branches = Embeddings.join(workspace, Branch.sideBySide(workspace, planned, x, output));
        Activation[] slices = new Activation[branches.length];
        int column = 0;
        for (int i = 0; i < branches.length; i++) {
            slices[i] = output.from(column);
            column += branches[i].width();
        }
        return new Bound(grid.lines(), inputLines, branches, slices, x.gradient(), output);
    }

    /// Branches at either end that learn nothing, such as the row's numbers, need no gradient.
    private static Activation output(Activation whole, List<Planned> branches, boolean allWanted) {
        if (allWanted) {
            return whole;
        }
        int column = 0;
        int from = Integer.MAX_VALUE;
        int to = 0;
        for (Planned branch : branches) {
            int end = column + branch.output().width();
            if (branch.trainable()) {
                from = Math.min(from, column);
                to = end;
            }
            column = end;
        }
        return new Activation(whole.value(), whole.gradient(), from, to);
    }

    private void requireSameLines(Planner planner, Shape.Grid first, Shape.Grid other) {
        if (!first.withWidth(1).equals(other.withWidth(1))) {
            throw planner.mismatch(this, "branches that differ in their last axis only", first + " and " + other);
        }
    }

    /// @param slices each branch's columns of the output
    private record Bound(int lines, int inputLines, Branch[] branches, Activation[] slices, @Nullable Block dx,
            Activation output) implements Pass {
        @Override
        public void forward(Step step) {
            for (int i = 0; i < branches.length; i++) {
                Pass pass = branches[i].pass();
                pass.forward(step);
                copy(step.rows * lines, branches[i].width(), pass.output().value(), slices[i].value());
            }
        }

        @Override
        public void backward(Step step) {
            for (int i = 0; i < branches.length; i++) {
                Pass pass = branches[i].pass();
                Block dy = slices[i].gradient();
                Block branchDy = pass.output().gradient();
                if (dy != null && branchDy != null) {
                    copy(step.rows * lines, branches[i].width(), dy, branchDy);
                }
                pass.backward(step);
            }
            Branch.sumInputGradients(step.rows * inputLines, branches, dx);
        }

        /// Copies a branch's output, unless the branch wrote directly into its slice.
        private static void copy(int lines, int width, Block from, Block to) {
            if (from.values != to.values) {
                for (int line = 0; line < lines; line++) {
                    System.arraycopy(from.values, from.row(line), to.values, to.row(line), width);
                }
            }
        }
    }
}
