package io.tidegrad.engine.layer;

import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// Reinterprets numbers in row-major order as a grid with other axes or other columns. Copies them only if their place
/// in memory has to change.
final class Arrange {
    private Arrange() {}

    /// @throws IllegalArgumentException if the sizes differ
    static Planned relayout(Shape.Grid from, Shape.Grid to) {
        if (from.size() != to.size()) {
            throw new IllegalArgumentException(from + " and " + to + " differ in size");
        }
        return new Planned(to, false, (workspace, x, into) -> bind(from, to, workspace, x, into));
    }

    private static Pass bind(Shape.Grid from, Shape.Grid to, Workspace workspace, Activation x,
            @Nullable Activation into) {
        Block dx = x.gradient();
        int stride = x.value().stride;
        boolean isStill = from.lines() == 1 && to.lines() == 1;
        if (into == null && (isStill || from.isTight(stride) && to.isTight(to.width()))) {
            Block value = new Block(x.value().values, x.value().at, isStill ? stride : to.width());
            Block dy = dx == null ? null : workspace.block(to);
            if (workspace.isCounting()) {
                workspace.count(dx == null ? 0 : 2L * Integer.BYTES * to.size());
                return new View(x, new Activation(value, dy), null);
            }
            return new View(x, new Activation(value, dy), Copy.between(from, to, dy, dx));
        }
        Activation y = into != null ? into : workspace.activation(to, dx != null);
        if (workspace.isCounting()) {
            workspace.count((dx == null ? 2L : 4L) * Integer.BYTES * to.size());
            return new Copied(y, null, null);
        }
        return new Copied(y, Copy.between(from, to, y.value(), x.value()), Copy.between(from, to, y.gradient(), dx));
    }

    /// The numbers are not copied; gradients are, because their lines have padding.
    private record View(Activation input, Activation output, @Nullable Copy gradient) implements Pass {
        @Override
        public void forward(Step step) {
            output.value().values = input.value().values;
            output.value().at = input.value().at;
        }

        @Override
        public void backward(Step step) {
            if (gradient != null) {
                gradient.toFrom(step.rows);
            }
        }
    }

    private record Copied(Activation output, @Nullable Copy value, @Nullable Copy gradient) implements Pass {
        @Override
        public void forward(Step step) {
            if (value != null) {
                value.fromTo(step.rows);
            }
        }

        @Override
        public void backward(Step step) {
            if (gradient != null) {
                gradient.toFrom(step.rows);
            }
        }
    }

    /// @param fromAt row-major index → address in a row of `from`
    /// @param toAt row-major index → address in a row of `to`
    private record Copy(Block from, int fromLines, int[] fromAt, Block to, int toLines, int[] toAt) {
        static @Nullable Copy between(Shape.Grid from, Shape.Grid to, @Nullable Block toBlock,
                @Nullable Block fromBlock) {
            if (fromBlock == null || toBlock == null) {
                return null;
            }
            return new Copy(fromBlock, from.lines(), addresses(from, fromBlock.stride), toBlock, to.lines(),
                    addresses(to, toBlock.stride));
        }

        private static int[] addresses(Shape.Grid grid, int stride) {
            return IntStream.range(0, grid.size()).map(i -> grid.address(i, stride)).toArray();
        }

        void fromTo(int rows) {
            copy(rows, from, fromLines, fromAt, to, toLines, toAt);
        }

        void toFrom(int rows) {
            copy(rows, to, toLines, toAt, from, fromLines, fromAt);
        }

        private static void copy(int rows, Block x, int xLines, int[] xAt, Block y, int yLines, int[] yAt) {
            float[] xs = x.values;
            float[] ys = y.values;
            for (int row = 0; row < rows; row++) {
                int xRow = x.row(row * xLines);
                int yRow = y.row(row * yLines);
                for (int i = 0; i < xAt.length; i++) {
                    ys[yRow + yAt[i]] = xs[xRow + xAt[i]];
                }
            }
        }
    }
}
