package io.tidegrad.engine.layer;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Branches that read the same input; outputs side by side on the last axis.
public record Concat(List<Layer> layers) implements Layer {
    public Concat {
        layers = List.copyOf(layers);
    }

    public Concat(Layer... layers) {
        this(List.of(layers));
    }

    @Override
    public Planned plan(Planner planner, Shape input) {
        if (layers.isEmpty()) {
            throw planner.mismatch(this, "at least one branch", "none");
        }
        List<Planned> branches = new ArrayList<>();
        boolean trainable = false;
        int total = 0;
        for (int i = 0; i < layers.size(); i++) {
            Planned branch = layers.get(i).plan(planner.child(i), input);
            branches.add(branch);
            trainable |= branch.trainable();
            total = Math.addExact(total, branch.width());
        }
        int width = total;
        boolean anyTrainable = trainable;
        return new Planned(
                new Shape.Vector(width),
                trainable,
                (workspace, x, into) -> bind(workspace, branches, width, anyTrainable, x, into));
    }

    private static Pass bind(
            Workspace workspace,
            List<Planned> planned,
            int width,
            boolean trainable,
            Activation x,
            @Nullable Activation into) {
        boolean gradient = trainable || x.gradient() != null || workspace.reportsInputGradients();
        Activation output = into != null ? into : workspace.activation(width, gradient);
        Branch[] branches = new Branch[planned.size()];
        int column = 0;
        for (int i = 0; i < branches.length; i++) {
            int branchWidth = planned.get(i).width();
            Activation slice = output.from(column);
            // Branches overwrite their input's gradient, so each gets one of its own and the sum is
            // taken here.
            Block dx = x.gradient() == null ? null : workspace.block(x.gradient().stride);
            Pass pass =
                    planned.get(i).binding().bind(workspace, new Activation(x.value(), dx), slice);
            branches[i] = new Branch(pass, slice, branchWidth, dx);
            column += branchWidth;
        }
        return new Bound(branches, x.gradient(), output);
    }

    /// @param slice the branch's columns of the output
    /// @param dx the branch's share of the input's gradient
    private record Branch(Pass pass, Activation slice, int width, @Nullable Block dx) {}

    private record Bound(Branch[] branches, @Nullable Block dx, Activation output) implements Pass {
        @Override
        public void forward(Step step) {
            for (Branch branch : branches) {
                branch.pass.forward(step);
                copy(step.rows, branch.width, branch.pass.output().value(), branch.slice.value());
            }
        }

        @Override
        public void backward(Step step) {
            for (Branch branch : branches) {
                Block dy = branch.slice.gradient();
                Block branchDy = branch.pass.output().gradient();
                if (dy != null && branchDy != null) {
                    copy(step.rows, branch.width, dy, branchDy);
                }
                branch.pass.backward(step);
            }
            if (dx != null) {
                sumInputGradients(step.rows, dx);
            }
        }

        /// dx = sum of the branches' dx, in their order.
        private void sumInputGradients(int rows, Block dx) {
            Arrays.fill(dx.values, dx.at, dx.row(rows), 0);
            for (Branch branch : branches) {
                if (branch.dx != null) {
                    for (int i = 0; i < rows * dx.stride; i++) {
                        dx.values[dx.at + i] += branch.dx.values[i];
                    }
                }
            }
        }

        /// Nothing to do where the branch wrote into its slice.
        private static void copy(int rows, int width, Block from, Block to) {
            if (from.values != to.values) {
                for (int row = 0; row < rows; row++) {
                    System.arraycopy(from.values, from.row(row), to.values, to.row(row), width);
                }
            }
        }
    }
}
