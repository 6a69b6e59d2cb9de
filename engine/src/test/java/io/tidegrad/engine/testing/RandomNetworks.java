package io.tidegrad.engine.testing;

import io.tidegrad.engine.layer.Bias;
import io.tidegrad.engine.layer.Concat;
import io.tidegrad.engine.layer.Dense;
import io.tidegrad.engine.layer.Elu;
import io.tidegrad.engine.layer.Embedding;
import io.tidegrad.engine.layer.EmbeddingBag;
import io.tidegrad.engine.layer.Flatten;
import io.tidegrad.engine.layer.Gelu;
import io.tidegrad.engine.layer.Identity;
import io.tidegrad.engine.layer.Initialization;
import io.tidegrad.engine.layer.Layer;
import io.tidegrad.engine.layer.LeakyRelu;
import io.tidegrad.engine.layer.Numbers;
import io.tidegrad.engine.layer.Rate;
import io.tidegrad.engine.layer.Relu;
import io.tidegrad.engine.layer.Reshape;
import io.tidegrad.engine.layer.Sequence;
import io.tidegrad.engine.layer.Sigmoid;
import io.tidegrad.engine.layer.Silu;
import io.tidegrad.engine.layer.Softmax;
import io.tidegrad.engine.layer.Softplus;
import io.tidegrad.engine.layer.Standardise;
import io.tidegrad.engine.layer.Tanh;
import io.tidegrad.engine.layer.Transpose;
import io.tidegrad.engine.loss.BinaryCrossEntropy;
import io.tidegrad.engine.loss.CategoricalCrossEntropy;
import io.tidegrad.engine.loss.Loss;
import io.tidegrad.engine.loss.MeanSquaredError;
import io.tidegrad.engine.model.Batch;
import io.tidegrad.engine.model.NetworkSpec;
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
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;

/// Networks and rows of every kind and awkward size (not a multiple of any vector, one wide, one row), all from one seed:
/// a failing test names it.
public final class RandomNetworks {
    /// Rows of every table, few enough that ids repeat.
    private static final int TABLE_ROWS = 7;

    private final Random random;

    public RandomNetworks(long seed) {
        // Spread: the first draws of neighbouring seeds are alike.
        random = new Random(seed * 0x9E3779B97F4A7C15L);
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
        return switch (between(0, 10)) {
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
        return switch (between(0, 9)) {
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
        Regularization.Scope scope =
                random.nextBoolean() ? Regularization.Scope.ALL : Regularization.Scope.WEIGHTS;
        return switch (between(0, 4)) {
            case 0 -> new Regularization(0, 0.1, scope);
            case 1 -> new Regularization(0.01, 0, scope);
            case 2 -> new Regularization(0.01, 0.05, scope);
            default -> Regularization.NONE;
        };
    }

    /// The same network, clipped and regularized in another way.
    public static NetworkSpec with(
            NetworkSpec spec, Clipping clipping, Regularization regularization) {
        return new NetworkSpec(
                spec.row(),
                spec.network(),
                spec.loss(),
                spec.optimizer(),
                spec.schedule(),
                clipping,
                regularization,
                spec.seed());
    }

    public static NetworkSpec with(NetworkSpec spec, Schedule schedule) {
        return new NetworkSpec(
                spec.row(),
                spec.network(),
                spec.loss(),
                spec.optimizer(),
                schedule,
                spec.clipping(),
                spec.regularization(),
                spec.seed());
    }

    public NetworkSpec spec(Optimizer optimizer) {
        int numbers = between(1, 40);
        int ids = between(0, 4);
        List<Layer> layers = new ArrayList<>();
        // One more says how many of a bag's ids count.
        int rowIds = ids == 0 ? 0 : ids + 1;
        layers.add(input(numbers, ids, optimizer));
        for (int hidden = between(0, 3); hidden > 0; hidden--) {
            layers.add(rated(between(0, 3) == 0 ? shaped() : hidden(), optimizer));
            layers.add(activation());
        }
        int outputs = between(1, 3) == 1 ? 1 : between(2, 12);
        Loss loss =
                switch (between(0, 3)) {
                    case 0 -> new BinaryCrossEntropy();
                    case 1 -> new MeanSquaredError();
                    default -> new CategoricalCrossEntropy(random.nextBoolean());
                };
        if (outputs < loss.outputsMin()) {
            outputs = 5;
        }
        layers.add(new Dense(outputs, random.nextBoolean(), initialization()));
        if (random.nextBoolean()) {
            // Fused with the loss, or not, as the case may be.
            switch (loss) {
                case BinaryCrossEntropy b -> layers.add(new Sigmoid());
                case CategoricalCrossEntropy c -> layers.add(new Softmax());
                case MeanSquaredError m -> layers.add(activation());
            }
        }
        RowShape row = new RowShape(numbers, rowIds, loss.labels(outputs));
        return new NetworkSpec(row, new Sequence(layers), loss, optimizer, random.nextLong());
    }

    /// What reads the row.
    private Layer input(int numbers, int ids, Optimizer optimizer) {
        List<Layer> branches = new ArrayList<>();
        int from = between(0, numbers - 1);
        Layer some = new Numbers(from, between(1, numbers - from));
        branches.add(random.nextBoolean() ? some : new Sequence(some, new Standardise()));
        if (random.nextBoolean()) {
            branches.add(
                    new Sequence(new Numbers(0, numbers), new Dense(between(1, 70)), activation()));
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

    private Embedding embedding(int ids) {
        int from = between(0, ids - 1);
        return new Embedding(
                from,
                between(1, ids - from),
                TABLE_ROWS,
                dimension(),
                update(),
                between(0, 2) == 0 ? between(0, TABLE_ROWS - 1) : Embedding.NO_PADDING);
    }

    private EmbeddingBag bag(int numbers, int ids) {
        int from = between(0, ids - 1);
        int columns = between(1, ids - from);
        boolean weighted = columns <= numbers && random.nextBoolean();
        return new EmbeddingBag(
                from,
                columns,
                random.nextBoolean() ? ids : EmbeddingBag.ALL,
                weighted ? between(0, numbers - columns) : EmbeddingBag.UNWEIGHTED,
                TABLE_ROWS,
                dimension(),
                weighted || random.nextBoolean() ? EmbeddingBag.Mode.SUM : EmbeddingBag.Mode.MEAN,
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
        return new Sequence(
                new Dense(lines * width), new Reshape(lines, width), inner(), new Flatten());
    }

    /// What reads a matrix.
    private Layer inner() {
        return switch (between(0, 2)) {
            case 0 -> new Sequence(new Transpose(), new Dense(between(1, 70)), new Transpose());
            case 1 -> new Sequence(new Transpose(), activation());
            default -> new Concat(new Identity(), new Dense(between(1, 20)));
        };
    }

    private Layer hidden() {
        Layer dense = new Dense(between(1, 140), random.nextBoolean(), initialization());
        return switch (between(0, 5)) {
            case 0 -> new Sequence(dense, new Standardise());
            case 2 -> new Sequence(dense, new Bias());
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

    private Layer activation() {
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

    private Initialization initialization() {
        Initialization[] all = Initialization.values();
        return all[between(0, all.length - 1)];
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
        for (int row = 0; row < rows; row++) {
            batch.sampleWeights[row] = random.nextBoolean() ? 1 : 2 * random.nextFloat();
            switch (spec.loss()) {
                case BinaryCrossEntropy loss -> {
                    for (int o = 0; o < labels; o++) {
                        batch.labels[row * labels + o] = random.nextInt(2);
                    }
                }
                case CategoricalCrossEntropy(boolean oneHot) -> {
                    for (int o = 0; o < labels; o++) {
                        batch.labels[row * labels + o] = 0;
                    }
                    if (oneHot) {
                        batch.labels[row * labels + random.nextInt(labels)] = 1;
                    } else {
                        batch.labels[row] = random.nextInt(2);
                    }
                }
                case MeanSquaredError loss -> {
                    for (int o = 0; o < labels; o++) {
                        batch.labels[row * labels + o] = (float) random.nextGaussian();
                    }
                }
            }
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
