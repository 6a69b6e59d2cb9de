package io.tidegrad.engine.testing;

import io.tidegrad.engine.layer.BatchNorm;
import io.tidegrad.engine.layer.Bias;
import io.tidegrad.engine.layer.Concat;
import io.tidegrad.engine.layer.Dense;
import io.tidegrad.engine.layer.Dropout;
import io.tidegrad.engine.layer.Elu;
import io.tidegrad.engine.layer.Embedding;
import io.tidegrad.engine.layer.EmbeddingBag;
import io.tidegrad.engine.layer.Flatten;
import io.tidegrad.engine.layer.Gelu;
import io.tidegrad.engine.layer.Identity;
import io.tidegrad.engine.layer.Initialization;
import io.tidegrad.engine.layer.Layer;
import io.tidegrad.engine.layer.LayerNorm;
import io.tidegrad.engine.layer.LeakyRelu;
import io.tidegrad.engine.layer.Numbers;
import io.tidegrad.engine.layer.Rate;
import io.tidegrad.engine.layer.Recurrent;
import io.tidegrad.engine.layer.Relu;
import io.tidegrad.engine.layer.Reshape;
import io.tidegrad.engine.layer.Residual;
import io.tidegrad.engine.layer.RmsNorm;
import io.tidegrad.engine.layer.RunningScale;
import io.tidegrad.engine.layer.SelfAttention;
import io.tidegrad.engine.layer.Sequence;
import io.tidegrad.engine.layer.Shape;
import io.tidegrad.engine.layer.Sigmoid;
import io.tidegrad.engine.layer.Silu;
import io.tidegrad.engine.layer.Softmax;
import io.tidegrad.engine.layer.Softplus;
import io.tidegrad.engine.layer.Standardise;
import io.tidegrad.engine.layer.Sum;
import io.tidegrad.engine.layer.Tanh;
import io.tidegrad.engine.layer.Transpose;
import io.tidegrad.engine.loss.Loss;
import io.tidegrad.engine.loss.Poisson;
import io.tidegrad.engine.loss.Reduction;
import io.tidegrad.engine.model.Batch;
import io.tidegrad.engine.model.NetworkSpec;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.engine.model.RowShape;
import io.tidegrad.engine.optim.Adagrad;
import io.tidegrad.engine.optim.Adam;
import io.tidegrad.engine.optim.AdamW;
import io.tidegrad.engine.optim.Clipping;
import io.tidegrad.engine.optim.FtrlProximal;
import io.tidegrad.engine.optim.Optimizer;
import io.tidegrad.engine.optim.Regularization;
import io.tidegrad.engine.optim.RmsProp;
import io.tidegrad.engine.optim.Schedule;
import io.tidegrad.engine.optim.Sgd;
import io.tidegrad.engine.optim.StreamRms;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;

/// Networks and rows of every kind and awkward size (not a multiple of any vector, one wide, one row), all from one
/// seed: a failing test names it.
public final class RandomNetworks {
    /// Rows of every table, few enough that ids repeat.
    private static final int TABLE_ROWS = 7;

    private final Random random;
    private final long seed; // for what takes turns, because draws would leave some of it out
    private final RandomLosses losses;

    public RandomNetworks(long seed) {
        this.seed = seed;
        // Spread: the first draws of neighbouring seeds are alike.
        random = new Random(seed * 0x9E3779B97F4A7C15L);
        losses = new RandomLosses(random);
    }

    /// Neighbouring seeds have neighbouring turns.
    private int turn(int turns) {
        return Math.floorMod(seed, turns);
    }

    public static IntStream seeds(int count) {
        return IntStream.range(0, count);
    }

    public NetworkSpec spec() {
        NetworkSpec plain = spec(optimizer());
        Schedule schedule = plain.optimizer().hasFixedRate() ? Schedule.CONSTANT : schedule();
        return with(with(plain, schedule), clipping(), regularization());
    }

    /// Every kind, at rates at which nothing explodes.
    private Optimizer optimizer() {
        return switch (between(0, 11)) {
            case 11 -> new StreamRms(0.01, 0.004, 2, 0.9, 1e-2, random.nextBoolean() ? 0 : 0.3);
            case 0 -> new Sgd(0.05);
            case 1 -> new Sgd(0.02, 0.9, false);
            case 2 -> new Sgd(0.02, 0.8, true);
            case 3 -> new Adagrad(0.05, 1e-3, random.nextBoolean() ? 0 : 0.1);
            case 4 -> new Adam(0.01, 0.9, 0.999, 1e-3, true);
            case 5 -> new AdamW(new Adam(0.01, 0.9, 0.99, 1e-3, random.nextBoolean()), 0.1);
            case 6 -> new RmsProp(0.01, 0.9, 1e-2, false, 0);
            case 7 -> new RmsProp(0.01, 0.9, 1e-2, false, 0.8);
            case 8 -> new RmsProp(0.01, 0.9, 1e-2, true, random.nextBoolean() ? 0 : 0.8);
            case 9 -> new FtrlProximal(0.1, 1, random.nextBoolean() ? 0 : 0.01, 0.1);
            default -> new Adam(0.01, 0.9, 0.999, 1e-3);
        };
    }

    /// Every kind, within a few steps.
    private Schedule schedule() {
        return switch (turn(13)) {
            case 0 -> new Schedule.Step(2, 0.5);
            case 1 -> new Schedule.Exponential(random.nextBoolean() ? 0.9 : 1.05);
            case 2 -> new Schedule.LinearWarmup(0.1, 5);
            case 3 -> new Schedule.InverseSqrt(3);
            case 4 -> new Schedule.Cosine(6, 0.001);
            case 5 -> new Schedule.WarmupCosine(2, 6, 0.001);
            case 6 -> new Schedule.OneCycle(7, 0.4, 10, 100);
            case 7 -> new Schedule.WarmRestarts(2, random.nextBoolean() ? 1 : 2, 0.001);
            default -> Schedule.CONSTANT;
        };
    }

    /// Limits of the size of gradients: some steps are clipped, some are not.
    private Clipping clipping() {
        return switch (between(0, 3)) {
            case 0 -> new Clipping.Value(0.05);
            case 1 -> new Clipping.GlobalNorm(0.5);
            default -> new Clipping.None();
        };
    }

    public Regularization regularization() {
        Regularization.Scope scope = random.nextBoolean() ? Regularization.Scope.ALL : Regularization.Scope.WEIGHTS;
        return switch (between(0, 4)) {
            case 0 -> new Regularization(0, 0.1, scope);
            case 1 -> new Regularization(0.01, 0, scope);
            case 2 -> new Regularization(0.01, 0.05, scope);
            default -> Regularization.NONE;
        };
    }

    /// The same network, clipped and regularized in another way.
    public static NetworkSpec with(NetworkSpec spec, Clipping clipping, Regularization regularization) {
        return new NetworkSpec(spec.row(), spec.network(), spec.loss(), spec.reduction(), spec.optimizer(),
                spec.schedule(), clipping, regularization, spec.seed());
    }

    public static NetworkSpec with(NetworkSpec spec, Schedule schedule) {
        return new NetworkSpec(spec.row(), spec.network(), spec.loss(), spec.reduction(), spec.optimizer(), schedule,
                spec.clipping(), spec.regularization(), spec.seed());
    }

    public NetworkSpec spec(Optimizer optimizer) {
        int numbers = between(1, 40);
        int ids = between(0, 4);
        List<Layer> layers = new ArrayList<>();
        // One more says how many of a bag's ids count.
        int rowIds = ids == 0 ? 0 : ids + 1;
        layers.add(input(numbers, ids, optimizer));
        if (turn(3) == 0) {
            layers.add(rated(recurrent(numbers, ids), optimizer));
        }
        for (int hidden = between(0, 3); hidden > 0; hidden--) {
            Layer drawn = switch (between(0, 6)) {
                case 0 -> shaped();
                case 1 -> images();
                default -> hidden();
            };
            layers.add(rated(drawn, optimizer));
            layers.add(activation());
        }
        // Of one line, or of few short ones: the oracle of CTC goes through all there are.
        int lines = between(0, 2) == 0 ? between(2, 3) : 1;
        int outputs = between(1, 3) == 1 ? 1 : between(2, lines == 1 ? 12 : 4);
        Loss loss = losses.draw(lines, outputs);
        if (lines > 1) {
            layers.add(new Dense(lines * 3));
            layers.add(new Reshape(lines, 3));
        }
        layers.add(new Dense(outputs, random.nextBoolean(), initialization()));
        if (RandomLosses.readsPositives(loss)) {
            layers.add(loss instanceof Poisson ? new Sigmoid() : new Softmax());
        } else if (random.nextBoolean()) {
            // Fused with the loss, or not, as the case may be.
            switch (loss.link()) {
                case LOGIT -> layers.add(new Sigmoid());
                case MULTINOMIAL_LOGIT -> layers.add(new Softmax());
                case IDENTITY, LOG -> layers.add(activation());
            }
        }
        RowShape row = new RowShape(numbers, rowIds, loss.labels(lines, outputs));
        return new NetworkSpec(row, new Sequence(layers), loss, reduction(loss, lines * outputs), optimizer,
                Schedule.CONSTANT, new Clipping.None(), Regularization.NONE, random.nextLong());
    }

    /// A sum over many outputs, or of exponentials, explodes at the rates here.
    private Reduction reduction(Loss loss, int outputs) {
        Reduction reduction = losses.reduction();
        boolean explodes = outputs > 1 || loss instanceof Poisson;
        return explodes && reduction == Reduction.SUM ? Reduction.MEAN : reduction;
    }

    /// What reads the row.
    private Layer input(int numbers, int ids, Optimizer optimizer) {
        List<Layer> branches = new ArrayList<>();
        int from = between(0, numbers - 1);
        Layer some = new Numbers(from, between(1, numbers - from));
        branches.add(switch (between(0, 3)) {
            case 0 -> new Sequence(some, random.nextBoolean() ? new Standardise() : new Standardise(1.5));
            case 1 -> new Sequence(new Numbers(0, numbers), runningScale(numbers));
            default -> some;
        });
        if (random.nextBoolean()) {
            branches.add(new Sequence(new Numbers(0, numbers), new Dense(between(1, 70)), activation()));
        }
        if (between(0, 4) == 0) {
            // Pixels as they lie in the row.
            int height = between(1, numbers);
            int width = numbers / height;
            branches.add(new Sequence(new Numbers(numbers - height * width, height * width),
                    new RandomImages(this, 1, height, width).layers()));
        }
        if (ids > 0) {
            branches.add(embedding(ids));
            branches.add(new Sequence(rated(embedding(ids), optimizer), activation()));
            branches.add(new Concat(embedding(ids), new Sequence(new Numbers(0, 1))));
            branches.add(new Sequence(bag(numbers, ids), new Bias()));
            branches.add(bag(numbers, ids));
        }
        if (branches.size() == 1 && random.nextBoolean()) {
            return branches.getFirst();
        }
        return new Concat(branches);
    }

    /// The last number says whether the first is missing, if there are two.
    private Layer runningScale(int numbers) {
        List<Integer> flags = new ArrayList<>();
        for (int i = 0; i < Math.max(1, numbers - 1); i++) {
            flags.add(i == 0 && numbers > 1 ? numbers - 1 : RunningScale.NEVER_MISSING);
        }
        return random.nextBoolean() ? new RunningScale(flags)
                : new RunningScale(flags, random.nextBoolean() ? 0 : 0.05, 1.5, random.nextBoolean());
    }

    private Embedding embedding(int ids) {
        int from = between(0, ids - 1);
        return new Embedding(from, between(1, ids - from), TABLE_ROWS, dimension(), update(),
                between(0, 2) == 0 ? between(0, TABLE_ROWS - 1) : Embedding.NO_PADDING);
    }

    private EmbeddingBag bag(int numbers, int ids) {
        int from = between(0, ids - 1);
        int columns = between(1, ids - from);
        boolean weighted = columns <= numbers && random.nextBoolean();
        return new EmbeddingBag(from, columns, random.nextBoolean() ? ids : EmbeddingBag.ALL,
                weighted ? between(0, numbers - columns) : EmbeddingBag.UNWEIGHTED, TABLE_ROWS, dimension(),
                weighted ? EmbeddingBag.Mode.SUM
                        : EmbeddingBag.Mode.values()[between(0, EmbeddingBag.Mode.values().length - 1)],
                update());
    }

    private int dimension() {
        return switch (between(0, 4)) {
            case 0 -> 1;
            case 1 -> between(16, 20);
            default -> between(2, 9);
        };
    }

    private Embedding.Update update() {
        return random.nextBoolean() ? Embedding.Update.TOUCHED : Embedding.Update.DENSE;
    }

    /// A vector that is seen along several axes on its way.
    private Layer shaped() {
        int lines = between(1, 6);
        int width = between(1, 20);
        return new Sequence(new Dense(lines * width), new Reshape(lines, width), inner(), new Flatten());
    }

    /// What reads a matrix.
    private Layer inner() {
        return switch (between(0, 5)) {
            case 0 -> new Sequence(new Transpose(), new Dense(between(1, 70)), new Transpose());
            case 1 -> new Sequence(new Transpose(), activation());
            case 2 -> new Sequence(norm(), new Transpose(), norm());
            case 3, 4 -> attention();
            default -> new Concat(new Identity(), new Dense(between(1, 20)));
        };
    }

    private Layer images() {
        int channels = between(1, 4);
        int height = between(1, 6);
        int width = between(1, 6);
        return new Sequence(new Dense(channels * height * width),
                new RandomImages(this, channels, height, width).layers());
    }

    /// Heads of any width, over any number of steps.
    private Layer attention() {
        int heads = between(1, 3);
        Layer attention = new SelfAttention(heads, random.nextBoolean());
        return new Sequence(new Dense(heads * between(1, 20)),
                random.nextBoolean() ? attention : new Residual(attention));
    }

    /// With an epsilon that keeps a line of numbers that are nearly equal from becoming anything.
    private Layer norm() {
        double epsilon = 0.01;
        return switch (between(0, 3)) {
            case 0 -> new LayerNorm(epsilon);
            case 1 -> new RmsNorm(epsilon);
            case 2 -> new BatchNorm(epsilon, 0.1 + 0.9 * random.nextDouble());
            default -> new Dropout(0.6 * random.nextDouble());
        };
    }

    /// A vector read as steps. With a length there are as many steps as an id can say.
    private Layer recurrent(int numbers, int ids) {
        int lengthAt = ids > 0 && random.nextBoolean() ? between(0, ids - 1) : Recurrent.WHOLE;
        int steps = lengthAt == Recurrent.WHOLE ? between(1, 5) : between(TABLE_ROWS - 1, 8);
        int width = between(1, 9);
        Recurrent.Output[] outputs = Recurrent.Output.values();
        return new Sequence(new Dense(steps * width), new Reshape(steps, width),
                recurrent(hiddenUnits(), outputs[between(0, outputs.length - 1)], lengthAt, numbers, ids),
                new Flatten());
    }

    private Layer recurrent(int hidden, Recurrent.Output output, int lengthAt, int numbers, int ids) {
        Recurrent.Cell cell = Recurrent.Cell.values()[turn(9) / 3];
        boolean bidirectional = random.nextBoolean();
        List<Layer> initial = List.of();
        if (random.nextBoolean()) {
            initial = List.of(initial(cell, hidden, bidirectional, numbers, ids));
        }
        return new Recurrent(cell, hidden, bidirectional, output, lengthAt, initial);
    }

    /// Made of the row's numbers; or an encoder's last state.
    private Layer initial(Recurrent.Cell cell, int hidden, boolean bidirectional, int numbers, int ids) {
        int states = cell == Recurrent.Cell.LSTM ? 2 : 1;
        if (random.nextBoolean()) {
            return new Sequence(new Numbers(0, numbers), new Dense((bidirectional ? 2 : 1) * states * hidden),
                    new Tanh());
        }
        int lengthAt = ids > 0 && numbers >= TABLE_ROWS ? between(0, ids - 1) : Recurrent.WHOLE;
        return new Sequence(new Numbers(0, numbers), new Reshape(numbers, 1),
                new Recurrent(cell, hidden, bidirectional, Recurrent.Output.STATE, lengthAt, List.of()));
    }

    /// On both sides of a vector and of a panel.
    private int hiddenUnits() {
        return switch (between(0, 3)) {
            case 0 -> between(1, 8);
            case 1 -> 16;
            default -> between(1, 40);
        };
    }

    private Layer hidden() {
        int width = between(1, 140);
        Layer dense = new Dense(width, random.nextBoolean(), initialization());
        return switch (between(0, 8)) {
            case 0 -> new Sequence(dense, new Standardise());
            case 2, 3 -> new Sequence(dense, norm());
            case 4 -> new Sequence(dense, new Residual(new Sequence(activation(), norm())));
            case 5 -> new Sequence(dense, new Residual(new Identity()));
            case 6 -> new Sequence(new Sum(dense, new Dense(width)), new Bias());
            case 1 -> new Concat(dense, new Sequence(new Dense(between(1, 20)), activation()));
            default -> dense;
        };
    }

    /// Some at a rate of their own, some frozen.
    private Layer rated(Layer layer, Optimizer optimizer) {
        return switch (between(0, 7)) {
            case 0 -> Rate.frozen(layer);
            case 1 -> new Rate(optimizer.hasFixedRate() ? 1 : 0.3, layer);
            default -> layer;
        };
    }

    Layer activation() {
        return switch (between(0, 9)) {
            case 0 -> new Relu();
            case 1 -> new Sigmoid();
            case 2 -> new Tanh();
            case 3 -> new LeakyRelu(random.nextDouble());
            case 4 -> new Elu(2 * random.nextDouble());
            case 5 -> new Gelu(Gelu.Form.ERF);
            case 6 -> new Gelu(Gelu.Form.TANH);
            case 7 -> new Silu();
            case 8 -> new Softplus();
            default -> new Softmax();
        };
    }

    Initialization initialization() {
        // Of weights that are all 0, what comes out lies exactly in the kink of a relu.
        Initialization drawn = Initialization.values()[between(0, Initialization.values().length - 1)];
        return drawn == Initialization.ZERO ? Initialization.SMALL_NORMAL : drawn;
    }

    /// A full batch of rows that fit the spec.
    public Batch batch(NetworkSpec spec, int rows) {
        Batch batch = new Batch(spec.row(), rows);
        fill(spec, batch, rows);
        return batch;
    }

    public void fill(NetworkSpec spec, Batch batch, int rows) {
        batch.resize(rows);
        for (int i = 0; i < batch.numbers.length; i++) {
            batch.numbers[i] = (float) random.nextGaussian();
        }
        for (int i = 0; i < batch.ids.length; i++) {
            batch.ids[i] = random.nextInt(TABLE_ROWS);
        }
        limitCounts(spec, batch);
        int labels = spec.row().labels();
        Shape.Grid output = Plan.of(spec).output();
        for (int row = 0; row < rows; row++) {
            batch.sampleWeights[row] = random.nextBoolean() ? 1 : 2 * random.nextFloat();
            losses.labels(spec.loss(), output.lines(), output.width(), batch.labels, row * labels);
        }
    }

    public int between(int from, int to) {
        return from + random.nextInt(to - from + 1);
    }

    /// Every layer of the tree, composites included.
    public static List<Layer> layers(Layer layer) {
        List<Layer> all = new ArrayList<>(List.of(layer));
        layer.layers().forEach(inner -> all.addAll(layers(inner)));
        return all;
    }

    /// Makes the counts of the network's bags what they may be.
    public static void limitCounts(NetworkSpec spec, Batch batch) {
        int ids = spec.row().ids();
        for (Layer layer : layers(spec.network())) {
            if (layer instanceof EmbeddingBag bag && bag.countAt() != EmbeddingBag.ALL) {
                for (int i = bag.countAt(); i < batch.ids.length; i += ids) {
                    batch.ids[i] = Math.min(batch.ids[i], bag.columns());
                }
            }
        }
    }

    /// Every layer by its place in the tree, as `Planner` writes it.
    public static Map<String, Layer> places(Layer layer) {
        Map<String, Layer> places = new HashMap<>();
        collect(layer, "", places);
        return places;
    }

    private static void collect(Layer layer, String path, Map<String, Layer> places) {
        places.put(path, layer);
        List<Layer> inner = layer.layers();
        for (int i = 0; i < inner.size(); i++) {
            collect(inner.get(i), layer.place(path, i), places);
        }
    }
}
