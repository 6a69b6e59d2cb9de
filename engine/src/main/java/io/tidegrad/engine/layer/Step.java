package io.tidegrad.engine.layer;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.kernel.OptimizerStep;
import java.util.Arrays;

/// What all layers share during one step: the rows, the slab, the optimizer's scalars. Mutable and reused, so that a
/// step allocates nothing.
///
/// Two plans use the same layers and give the same bits. **Fused** (`target == slab`): kernels apply the optimizer
/// while they compute the gradient, which is never stored. **With a gradient slab** (`target` is another one): the
/// optimizer is `OptimizerStep.Kind.GRADIENT`, and a second pass over all weights follows (`GradientSlab`).
public final class Step {
    public final Kernels kernels;
    final Workers workers;

    /// Tensor → what the optimizer does to it; tensors that are treated alike share one.
    public OptimizerStep[] optimizers = {};

    public int rows;
    public float[] numbers = {}; // (rows, numbersPerRow)
    public int numbersPerRow;
    public int[] ids = {}; // (rows, idsPerRow)
    public int idsPerRow;

    /// Read by forward and backward.
    public Slab slab = Slab.EMPTY;

    /// Changed by backward.
    public Slab target = Slab.EMPTY;

    /// Each gradient is this times the sum over rows.
    public float scale = 1;

    /// Whether this is a step of learning: what behaves otherwise while it learns does.
    public boolean learns;

    /// Whether layers that learn from their inputs do so in `backward`.
    public boolean learnsStatistics;

    /// Steps taken before this one, and the network's seed: what random streams are drawn from.
    public long number;

    public long seed;

    /// The gradient of `numbers`, added to by the layers that read them; empty where nobody asks.
    public float[] numbersGradient = {};

    public TouchedRows touchedRows = (tensor, rows, count) -> {
    };

    private final float[][] tiles; // a worker's own scratch, for kernels
    private final float[][] scratch; // the same, for what takes more than a tile
    private final boolean[] faulty; // (maxRows)

    /// Told of the table rows that this step changes, before it does.
    @FunctionalInterface
    public interface TouchedRows {
        /// @param rows the first `count` of them, in order of first touch
        void touched(int tensor, int[] rows, int count);
    }

    public Step(Kernels kernels, int maxRows) {
        this(kernels, maxRows, Workers.NONE);
    }

    public Step(Kernels kernels, int maxRows, Workers workers) {
        this.kernels = kernels;
        this.workers = workers;
        tiles = new float[workers.count()][Kernels.TILES];
        scratch = new float[workers.count()][0];
        faulty = new boolean[maxRows];
    }

    /// Makes the step ready for another batch.
    public void begin(int rows, float[] numbers, int numbersPerRow, int[] ids, int idsPerRow) {
        this.rows = rows;
        this.numbers = numbers;
        this.numbersPerRow = numbersPerRow;
        this.ids = ids;
        this.idsPerRow = idsPerRow;
        Arrays.fill(faulty, 0, rows, false);
    }

    /// Whether something not finite went through the network with this row, even where a relu hid it from the loss.
    public boolean isFaulty(int row) {
        return faulty[row];
    }

    float[] tile(int worker) {
        return tiles[worker];
    }

    /// A worker's own, as much as the workspace's passes asked for (`Workspace.needScratch`).
    float[] scratch(int worker) {
        return scratch[worker];
    }

    /// Comes after the passes are bound and before the first step.
    public void allocateScratch(Workspace workspace) {
        for (int worker = 0; worker < scratch.length; worker++) {
            scratch[worker] = new float[workspace.scratch()];
        }
    }

    OptimizerStep optimizer(int tensor) {
        return optimizers[tensor];
    }

    boolean isFused() {
        return slab == target;
    }

    /// A vector that is added to every line: its gradient is Σ dy.
    void updateBias(int tensor, int width, int lines, Block dy, float[] tile) {
        Storage.Dense b = target.dense(tensor);
        kernels.biasUpdate(optimizer(tensor), width, lines, scale, dy.values, dy.at, dy.stride, b.weights(), b.state(),
                tile);
    }

    /// A vector that multiplies every line of x: its gradient is Σ x dy.
    void updateScale(int tensor, int width, int lines, Block x, Block dy, float[] tile) {
        Storage.Dense w = target.dense(tensor);
        for (int from = 0; from < width; from += Kernels.TILE) {
            int count = Math.min(Kernels.TILE, width - from);
            kernels.columnProducts(count, lines, scale, x.values, x.at + from, x.stride, dy.values, dy.at + from,
                    dy.stride, tile);
            kernels.update(optimizer(tensor), count, tile, 0, w.weights(), from, w.state(), from, 0);
        }
    }

    /// Looks at the first column only: through a dense layer a NaN or an infinity reaches every output.
    void watch(Block y, int lines) {
        for (int row = 0; row < rows; row++) {
            for (int line = 0; line < lines; line++) {
                watch(row, y.values[y.row(row * lines + line)]);
            }
        }
    }

    /// Marks the row if the number is not finite.
    void watch(int row, float number) {
        if (!Float.isFinite(number)) {
            faulty[row] = true;
        }
    }
}
