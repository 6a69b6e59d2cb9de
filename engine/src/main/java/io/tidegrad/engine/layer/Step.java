package io.tidegrad.engine.layer;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.kernel.OptimizerStep;
import java.util.Arrays;

/// The state that all layers share during one step: the rows, the slab and the optimizer's scalars. It is mutable and
/// reused, so that a step allocates nothing.
///
/// There are two ways to run a step, with the same bits. **Fused** (`target == slab`): kernels apply the optimizer
/// while they compute the gradient, which is never stored. **With a gradient slab** (`target` is another slab): the
/// optimizer is `OptimizerStep.Kind.GRADIENT`, and a second pass over all weights follows (`GradientSlab`).
public final class Step {
    /// What an FMA of whole layers counts. With 8, two workers would share `recipe: auto` of flights at a mini-batch of 1. That
    /// took 2.80 to 6.06 times as long as a hidden layer with Adam; not shared, it took 2.88 to 3.52 times as long.
    private static final int LAYERS_MULTIPLICATIONS = 2;

    public final Kernels kernels;
    private final Workers workers;

    /// The optimizer's scalars by tensor; tensors with the same scalars share an object.
    public OptimizerStep[] optimizers = {};

    public int rows;
    public float[] numbers = {}; // (rows, numbersPerRow)
    public int numbersPerRow;
    public int[] ids = {}; // (rows, idsPerRow)
    public int idsPerRow;

    /// What a learning step compares the output with: (rows, labelsPerRow); read only in `backward`.
    public float[] labels = {};

    public int labelsPerRow;
    public float[] sampleWeights = {}; // (rows)

    /// What the members of a mixture gave each row when it was predicted, (rows, memberOutputsPerRow): NaN first for a row
    /// of which it is not known; empty if of none.
    public float[] memberOutputs = {};

    public int memberOutputsPerRow;

    /// The slab that forward and backward read.
    public Slab slab = Slab.EMPTY;

    /// The slab that backward changes.
    public Slab target = Slab.EMPTY;

    /// The factor of each gradient's sum over rows.
    public float scale = 1;

    /// Whether layers such as dropout behave as in learning, not as in prediction.
    public boolean learns;

    /// Whether layers update their statistics in `backward`.
    public boolean learnsStatistics;

    /// The number of steps taken before this one. With the network's seed it determines the random streams.
    public long number;

    /// The number of rows learned before this step.
    public long examples;

    public long seed;

    /// The gradient of `numbers`, to which the layers that read them add; empty if it is not needed.
    public float[] numbersGradient = {};

    public TouchedRows touchedRows = (tensor, rows, count) -> {
    };

    public NewRows newRows = (tensor, row, draw) -> {
    };

    public InputBounds inputBounds = (bound, factor) -> {
    };

    private final float[][] tiles; // kernels' scratch, by worker
    private final float[][] scratch; // scratch for more than a tile, by worker
    private final boolean[] faulty; // (maxRows)
    private long batch; // batches begun so far

    private Work work = (step, part, parts, worker) -> {
    };
    private final Workers.Work partOfWork = (part, parts, worker) -> work.run(this, part, parts, worker);
    private final Step[] apart; // by worker; none without workers
    private final Workers.Work partApart = this::runApart;

    /// Work of a layer that can be divided into parts, as `Workers.Work`. Made once, so that a step allocates nothing.
    @FunctionalInterface
    interface Work {
        void run(Step step, int part, int parts, int worker);
    }

    /// Called with the table rows that this step is about to change.
    @FunctionalInterface
    public interface TouchedRows {
        /// @param rows the rows, of which the first `count` are valid, in order of first touch
        void touched(int tensor, int[] rows, int count);
    }

    /// Called with a table row that is given to something new: its weights are drawn again, and its optimizer state is what it
    /// is before the first update.
    @FunctionalInterface
    public interface NewRows {
        /// @param draw the number of the draw, for the same row and number the same weights
        void start(int tensor, int row, long draw);
    }

    /// Called before the weights of an `InputBound` are updated.
    @FunctionalInterface
    public interface InputBounds {
        /// @param bound the number of the bound, from 1
        /// @param factor of the rate of its tensors in this step
        void multiplyRate(int bound, double factor);
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
        apart = new Step[workers.count() == 1 ? 0 : workers.count()];
        Arrays.setAll(apart, worker -> new Step(this));
    }

    /// The step of one worker, who runs whole layers of `whole` alone. It has scratch of its own.
    private Step(Step whole) {
        kernels = whole.kernels;
        workers = Workers.NONE;
        tiles = new float[1][Kernels.TILES];
        scratch = new float[1][0];
        faulty = whole.faulty;
        apart = new Step[0];
        touchedRows = (tensor, touched, count) -> {
            synchronized (whole.apart) {
                whole.touchedRows.touched(tensor, touched, count);
            }
        };
        inputBounds = (bound, factor) -> whole.inputBounds.multiplyRate(bound, factor);
    }

    /// Prepares the step for a batch.
    public void begin(int rows, float[] numbers, int numbersPerRow, int[] ids, int idsPerRow) {
        this.rows = rows;
        this.numbers = numbers;
        this.numbersPerRow = numbersPerRow;
        this.ids = ids;
        this.idsPerRow = idsPerRow;
        batch++;
        Arrays.fill(faulty, 0, rows, false);
    }

    /// The number of the batch, from 1. While it is the same, forward reads the same state, and what passes compute of that
    /// alone holds.
    long batch() {
        return batch;
    }

    /// Whether a number that is not finite was seen in the network for this row, even if a relu hid it from the loss.
    public boolean isFaulty(int row) {
        return faulty[row];
    }

    /// Runs work on this step, shared as by `Workers.share`.
    void share(long multiplications, int partsMax, Work work) {
        this.work = work;
        workers.share(multiplications, partsMax, partOfWork);
    }

    /// Runs work whose parts are whole layers, which may share work themselves: a part that is not alone runs on a step of
    /// its worker, in which nothing is shared. Parts must have no tensor in common.
    ///
    /// @param multiplications of the layers' whole step, forward and backward, with the optimizer's, in FMAs
    void shareLayers(long multiplications, int partsMax, Work work) {
        if (apart.length == 0 || numbersGradient.length > 0) {
            work.run(this, 0, 1, 0);
            return;
        }
        for (Step each : apart) {
            each.follow(this);
        }
        this.work = work;
        workers.share(multiplications * LAYERS_MULTIPLICATIONS, partsMax, partApart);
    }

    private void runApart(int part, int parts, int worker) {
        work.run(parts == 1 ? this : apart[worker], part, parts, 0);
    }

    /// Takes over everything but scratch and what is called.
    private void follow(Step whole) {
        optimizers = whole.optimizers;
        rows = whole.rows;
        numbers = whole.numbers;
        numbersPerRow = whole.numbersPerRow;
        ids = whole.ids;
        idsPerRow = whole.idsPerRow;
        labels = whole.labels;
        labelsPerRow = whole.labelsPerRow;
        sampleWeights = whole.sampleWeights;
        memberOutputs = whole.memberOutputs;
        memberOutputsPerRow = whole.memberOutputsPerRow;
        slab = whole.slab;
        target = whole.target;
        scale = whole.scale;
        learns = whole.learns;
        learnsStatistics = whole.learnsStatistics;
        number = whole.number;
        examples = whole.examples;
        seed = whole.seed;
        batch = whole.batch;
    }

    float[] tile(int worker) {
        return tiles[worker];
    }

    /// A worker's scratch, of the size that the workspace's passes requested (`Workspace.needScratch`).
    float[] scratch(int worker) {
        return scratch[worker];
    }

    /// Call it after the passes are bound and before the first step.
    public void allocateScratch(Workspace workspace) {
        for (int worker = 0; worker < scratch.length; worker++) {
            scratch[worker] = new float[workspace.scratch()];
        }
        for (Step each : apart) {
            each.allocateScratch(workspace);
        }
    }

    OptimizerStep optimizer(int tensor) {
        return optimizers[tensor];
    }

    boolean isFused() {
        return slab == target;
    }

    /// Updates a vector that is added to every line: its gradient is Σ dy.
    void updateBias(int tensor, int width, int lines, Block dy, float[] tile) {
        Storage.Dense b = target.dense(tensor);
        kernels.biasUpdate(optimizer(tensor), width, lines, scale, dy.values, dy.at, dy.stride, b.weights(), b.state(),
                tile);
    }

    /// Updates a vector that multiplies every line of x: its gradient is Σ x dy.
    void updateScale(int tensor, int width, int lines, Block x, Block dy, float[] tile) {
        Storage.Dense w = target.dense(tensor);
        for (int from = 0; from < width; from += Kernels.TILE) {
            int count = Math.min(Kernels.TILE, width - from);
            kernels.columnProducts(count, lines, scale, x.values, x.at + from, x.stride, dy.values, dy.at + from,
                    dy.stride, tile);
            kernels.update(optimizer(tensor), count, tile, 0, w.weights(), from, w.state(), from, 0);
        }
    }

    /// Marks rows with numbers that are not finite. Only checks the first column, because a dense layer spreads a NaN
    /// or an infinity to every output.
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
