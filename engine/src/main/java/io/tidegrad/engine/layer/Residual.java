package io.tidegrad.engine.layer;

import java.util.List;
import org.jspecify.annotations.Nullable;

/// y = x + f(x), where f is a layer that keeps the axes. He et al. 2015, "Deep residual learning for image
/// recognition".
public record Residual(Layer layer) implements Layer {
    @Override
    public List<Layer> layers() {
        return List.of(layer);
    }

    @Override
    public Layer withLayers(List<Layer> others) {
        return new Residual(others.getFirst());
    }

    @Override
    public Planned plan(Planner planner, Shape input) {
        Shape.Grid grid = planner.grid(this, input);
        Planned inner = planner.plan(0, layer, grid);
        if (!inner.output().axes().equals(grid.axes())) {
            throw planner.mismatch(this, "a layer whose output has the shape of its input, " + grid,
                    inner.output().toString());
        }
        Planned branch = inner.with(grid.columns());
        return new Planned(grid, branch.trainable(), (workspace, x, into) -> {
            // The branch overwrites its input's gradient, so the sum is computed here.
            Block branchDx = workspace.like(x.gradient());
            Pass pass = branch.binding().bind(workspace, new Activation(x.value(), branchDx), null);
            Block dy = pass.output().gradient();
            return new Bound(grid.lines(), grid.width(), pass, x, branchDx, new Activation(workspace.block(grid), dy));
        });
    }

    /// @param branchDx the branch's share of the input's gradient
    /// @param output its gradient is also that of the branch's output
    private record Bound(int lines, int width, Pass branch, Activation input, @Nullable Block branchDx,
            Activation output) implements Pass {
        @Override
        public void forward(Step step) {
            branch.forward(step);
            add(step, input.value(), branch.output().value(), output.value());
        }

        /// dx = dy + f'(x) dy
        @Override
        public void backward(Step step) {
            branch.backward(step);
            Block dx = input.gradient();
            if (dx != null && branchDx != null) {
                add(step, output.requireGradient(), branchDx, dx);
            }
        }

        private void add(Step step, Block a, Block b, Block sum) {
            for (int line = 0; line < step.rows * lines; line++) {
                int aAt = a.row(line);
                int bAt = b.row(line);
                int sumAt = sum.row(line);
                for (int i = 0; i < width; i++) {
                    sum.values[sumAt + i] = a.values[aAt + i] + b.values[bAt + i];
                }
            }
        }
    }
}
