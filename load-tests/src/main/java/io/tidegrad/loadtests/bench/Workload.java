package io.tidegrad.loadtests.bench;

import io.tidegrad.engine.layer.Bias;
import io.tidegrad.engine.layer.Concat;
import io.tidegrad.engine.layer.Conv2d;
import io.tidegrad.engine.layer.Dense;
import io.tidegrad.engine.layer.Embedding;
import io.tidegrad.engine.layer.EmbeddingBag;
import io.tidegrad.engine.layer.Extent;
import io.tidegrad.engine.layer.Flatten;
import io.tidegrad.engine.layer.Layer;
import io.tidegrad.engine.layer.LayerNorm;
import io.tidegrad.engine.layer.MaxPool2d;
import io.tidegrad.engine.layer.Numbers;
import io.tidegrad.engine.layer.Recurrent;
import io.tidegrad.engine.layer.Relu;
import io.tidegrad.engine.layer.Reshape;
import io.tidegrad.engine.layer.Residual;
import io.tidegrad.engine.layer.SelfAttention;
import io.tidegrad.engine.layer.Sequence;
import io.tidegrad.engine.layer.Sigmoid;
import io.tidegrad.engine.layer.Softmax;
import io.tidegrad.engine.loss.BinaryCrossEntropy;
import io.tidegrad.engine.loss.CategoricalCrossEntropy;
import io.tidegrad.engine.loss.Loss;
import io.tidegrad.engine.model.NetworkSpec;
import io.tidegrad.engine.model.RowShape;
import io.tidegrad.engine.optim.Adagrad;
import io.tidegrad.engine.optim.Adam;
import io.tidegrad.engine.optim.Optimizer;
import io.tidegrad.localstack.streams.ShippedStream;
import io.tidegrad.schemas.settings.NearestName;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/// What is measured: pure description, so that another workload is another line of `ALL`.
public sealed interface Workload {
    /// As on the command line.
    String name();

    /// The sizes that are measured where none is asked for.
    List<Integer> batches();

    /// Rows in memory to updated weights, at each mini-batch.
    record Learning(String name, NetworkSpec spec, List<Integer> batches) implements Workload {
        @Override
        public String toString() {
            return name;
        }
    }

    /// Rows in memory to predictions in memory, by the model of a learning workload as it starts.
    record Predicting(Learning learning) implements Workload {
        @Override
        public String name() {
            return "S1-" + learning.name;
        }

        @Override
        public List<Integer> batches() {
            return List.of(1, 64);
        }
    }

    /// One kernel of dense layers, without a network around it.
    ///
    /// @param shapes of the layers; a step runs it once on each
    record Loop(String name, Kernel kernel, List<Shape> shapes, List<Integer> batches) implements Workload {
        public enum Kernel {
            /// y = x W
            FORWARD,
            /// dW = xᵀ dy, stored
            WEIGHT_GRADIENT,
            /// dx = dy Wᵀ
            INPUT_GRADIENT,
            /// dW of one row and Adam, dW not stored
            ADAM
        }

        /// Of a weight matrix.
        public record Shape(int inputs, int outputs) {
        }

        /// Of one step, an FMA counted as two.
        public double flops(int rows) {
            return shapes.stream().mapToDouble(s -> 2.0 * rows * s.inputs * s.outputs).sum();
        }
    }

    /// y[p, o] = b[o] + Σ x[p + (u, v), c] W[u, v, c, o]: a 3 x 3 kernel over an image within a border of zeros, as
    /// many patches as it has pixels. Forward, without a network around it.
    ///
    /// @param side of the image
    record Convolution(String name, int side, int channels, int outputs, List<Integer> batches) implements Workload {
        static final int KERNEL = 3;

        /// Of one image, an FMA counted as two.
        double flops() {
            return 2.0 * side * side * KERNEL * KERNEL * channels * outputs;
        }
    }

    /// Events in memory to the values of some of their 40 fields, which lie in five nested records.
    ///
    /// @param fields how many are looked at
    record Decoding(String name, int fields, List<Integer> batches) implements Workload {
        /// Spread evenly over `all`.
        List<String> pathsOf(List<String> all) {
            return IntStream.range(0, fields).mapToObj(i -> all.get(i * all.size() / fields)).toList();
        }
    }

    /// Rows of flights in memory to updated weights and their evaluation, watched and not.
    record Watching(String name, List<Integer> batches) implements Workload {
    }

    /// Rows of flights in memory to updated weights and their evaluation, by recipes and by a hidden layer of 64 with Adam.
    record Recipes(String name, List<Integer> batches) implements Workload {
    }

    /// Flights as they lie in a topic, in memory, to the updated weights of a linear model and their evaluation.
    ///
    /// @param pairs whether it also has a weight for each pair of categories
    record Linear(String name, boolean pairs, List<Integer> batches) implements Workload {
    }

    /// A file of shipped events to updated weights, with all that a backtest evaluates.
    record Backtesting(String name, ShippedStream stream, List<Integer> batches) implements Workload {
    }

    long SEED = 42;

    /// 40 ids in a table of 2^22 numbers.
    Learning LOGISTIC = new Learning("W4",
            spec(new RowShape(0, 40, 1),
                    new Sequence(List.of(new EmbeddingBag(0, 40, EmbeddingBag.ALL, EmbeddingBag.UNWEIGHTED, 1 << 22, 1,
                            EmbeddingBag.Mode.SUM, Embedding.Update.TOUCHED), new Bias(), new Sigmoid())),
                    new BinaryCrossEntropy(), new Adagrad(0.01, 1e-10, 0)),
            List.of(1, 256));

    List<Learning> LEARNING = List.of(new Learning("W1", dense(784, 10, 10), List.of(1, 32, 256)),
            new Learning("W2", dense(784, 512, 256, 10), List.of(1, 32, 128)), new Learning("W3",
                    binary(new RowShape(64, 0, 1), new Numbers(0, 64), Adam.of(0.001), 128, 64), List.of(1, 32, 256)),
            LOGISTIC,
            new Learning("W5",
                    binary(new RowShape(13, 26, 1),
                            new Concat(new Embedding(0, 26, 1 << 20, 16, Embedding.Update.TOUCHED), new Numbers(0, 13)),
                            new Adagrad(0.01, 1e-10, 0), 128, 64),
                    List.of(1, 256)),
            new Learning("W6",
                    classifier(784, new Reshape(1, 28, 28), new Conv2d(8, Extent.of(3)), new Relu(), new MaxPool2d(2),
                            new Conv2d(16, Extent.of(3)), new Relu(), new MaxPool2d(2), new Flatten()),
                    List.of(1, 32)),
            recurrent("W7-gru", Recurrent.Cell.GRU), recurrent("W7-lstm", Recurrent.Cell.LSTM),
            new Learning("W8", classifier(32 * 64, new Reshape(32, 64),
                    new Residual(new Sequence(List.of(new LayerNorm(), new SelfAttention(4, false)))), new Flatten()),
                    List.of(1, 32)));

    /// Which tell what a field takes.
    List<Learning> FIELDS = List.of(fields(26), fields(50), fields(200));

    /// Of which it is also asked what a prediction takes.
    List<String> PREDICTED = List.of("W1", "W2", "W3", "W5");

    List<Loop> LOOPS =
            List.of(new Loop("gemm", Loop.Kernel.FORWARD, List.of(new Loop.Shape(784, 512)), List.of(8, 32, 128)),
                    new Loop("dw", Loop.Kernel.WEIGHT_GRADIENT, List.of(new Loop.Shape(784, 512)), List.of(8, 32, 128)),
                    new Loop("dx", Loop.Kernel.INPUT_GRADIENT, List.of(new Loop.Shape(512, 256)), List.of(8, 32, 128)),
                    new Loop("adam", Loop.Kernel.ADAM,
                            List.of(new Loop.Shape(784, 512), new Loop.Shape(512, 256), new Loop.Shape(256, 10)),
                            List.of(1)));

    List<Predicting> PREDICTING =
            LEARNING.stream().filter(learning -> PREDICTED.contains(learning.name())).map(Predicting::new).toList();

    List<Convolution> CONVOLUTIONS =
            List.of(new Convolution("conv-1", 28, 1, 16, List.of(1)), new Convolution("conv", 28, 8, 16, List.of(1)));

    List<Decoding> DECODING =
            List.of(new Decoding("decode-40", 40, List.of(1)), new Decoding("decode-10", 10, List.of(1)));

    List<Workload> ALL = Stream
            .of(LEARNING, FIELDS, PREDICTING, LOOPS, CONVOLUTIONS, DECODING,
                    List.of(new Watching("watch", List.of(1, 32)), new Recipes("recipe", List.of(1)),
                            new Linear("linear", false, List.of(1, 32)), new Linear("linear-pairs", true, List.of(1)),
                            new Backtesting("backtest", ShippedStream.FLIGHTS, List.of(1))))
            .<Workload>flatMap(List::stream).toList();

    /// @throws IllegalArgumentException there is none of this name; names the nearest
    static Workload named(String name) {
        Optional<Workload> found = ALL.stream().filter(workload -> workload.name().equalsIgnoreCase(name)).findFirst();
        return found.orElseThrow(() -> new IllegalArgumentException("--workload: expected one that there is, found '"
                + name + "'" + NearestName.hint(name, ALL.stream().map(Workload::name).toList())));
    }

    private static NetworkSpec dense(int inputs, int... widths) {
        return classifier(inputs, layers(new Numbers(0, inputs), new Softmax(), widths));
    }

    /// So many categories, each with a table of its own of 16,384 rows and 4 columns, beside 13 numbers.
    private static Learning fields(int count) {
        Layer[] inputs = IntStream.rangeClosed(0, count).mapToObj(
                i -> i == count ? new Numbers(0, 13) : new Embedding(i, 1, 1 << 14, 4, Embedding.Update.TOUCHED))
                .toArray(Layer[]::new);
        return new Learning("fields-" + count,
                binary(new RowShape(13, count, 1), new Concat(inputs), new Adagrad(0.01, 1e-10, 0), 64), List.of(1));
    }

    /// 32 steps of 32 numbers.
    private static Learning recurrent(String name, Recurrent.Cell cell) {
        return new Learning(name,
                classifier(32 * 32, new Reshape(32, 32), new Recurrent(cell, 64, Recurrent.Output.LAST)),
                List.of(1, 32));
    }

    /// Layers on so many numbers, then ten classes.
    private static NetworkSpec classifier(int numbers, Layer... layers) {
        List<Layer> network = new ArrayList<>(List.of(new Numbers(0, numbers)));
        network.addAll(List.of(layers));
        network.addAll(List.of(new Dense(10), new Softmax()));
        return classifier(numbers, new Sequence(network));
    }

    private static NetworkSpec classifier(int numbers, Sequence network) {
        return spec(new RowShape(numbers, 0, 1), network, new CategoricalCrossEntropy(false), Adam.of(0.001));
    }

    private static NetworkSpec binary(RowShape row, Layer input, Optimizer optimizer, int... hidden) {
        int[] widths = Arrays.copyOf(hidden, hidden.length + 1);
        widths[hidden.length] = 1;
        return spec(row, layers(input, new Sigmoid(), widths), new BinaryCrossEntropy(), optimizer);
    }

    private static NetworkSpec spec(RowShape row, Layer network, Loss loss, Optimizer optimizer) {
        return new NetworkSpec(row, network, loss, optimizer, SEED);
    }

    private static Sequence layers(Layer input, Layer last, int... widths) {
        List<Layer> layers = new ArrayList<>(List.of(input));
        for (int i = 0; i < widths.length; i++) {
            layers.add(new Dense(widths[i]));
            layers.add(i < widths.length - 1 ? new Relu() : last);
        }
        return new Sequence(layers);
    }
}
