package io.tidegrad.loadtests.bench;

import io.tidegrad.engine.layer.Concat;
import io.tidegrad.engine.layer.Dense;
import io.tidegrad.engine.layer.Embedding;
import io.tidegrad.engine.layer.Layer;
import io.tidegrad.engine.layer.Numbers;
import io.tidegrad.engine.layer.Relu;
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
import io.tidegrad.schemas.settings.NearestName;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/// What is measured: pure description, so that another workload is another line of `ALL`.
public sealed interface Workload {
    /// As on the command line.
    String name();

    String description();

    /// The sizes that are measured where none is asked for.
    List<Integer> batches();

    /// Rows in memory to updated weights, at each mini-batch.
    record Learning(String name, String description, NetworkSpec spec, List<Integer> batches)
            implements Workload {
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
        public String description() {
            return "predict with " + learning.name;
        }

        @Override
        public List<Integer> batches() {
            return List.of(1, 64);
        }
    }

    /// One kernel of dense layers, without a network around it.
    ///
    /// @param shapes of the layers; a step runs it once on each
    record Loop(
            String name,
            String description,
            Kernel kernel,
            List<Shape> shapes,
            List<Integer> batches)
            implements Workload {
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
        public record Shape(int inputs, int outputs) {}

        /// Of one step, an FMA counted as two.
        public double flops(int rows) {
            return shapes.stream().mapToDouble(s -> 2.0 * rows * s.inputs * s.outputs).sum();
        }
    }

    long SEED = 42;

    List<Learning> LEARNING =
            List.of(
                    new Learning(
                            "W1",
                            "784-10(relu)-10, softmax cross-entropy, Adam",
                            classifier(784, 10, 10),
                            List.of(1, 32, 256)),
                    new Learning(
                            "W2",
                            "784-512(relu)-256(relu)-10, softmax cross-entropy, Adam",
                            classifier(784, 512, 256, 10),
                            List.of(1, 32, 128)),
                    new Learning(
                            "W3",
                            "64-128(relu)-64(relu)-1, sigmoid, binary cross-entropy, Adam",
                            binary(
                                    new RowShape(64, 0, 1),
                                    new Numbers(0, 64),
                                    Adam.of(0.001),
                                    128,
                                    64),
                            List.of(1, 32, 256)),
                    new Learning(
                            "W5",
                            "26 ids in a 2^20 x 16 table and 13 numbers, 429-128(relu)-64(relu)-1, Adagrad, touched rows",
                            binary(
                                    new RowShape(13, 26, 1),
                                    new Concat(
                                            new Embedding(
                                                    0, 26, 1 << 20, 16, Embedding.Update.TOUCHED),
                                            new Numbers(0, 13)),
                                    new Adagrad(0.01, 1e-10, 0),
                                    128,
                                    64),
                            List.of(1, 256)));

    List<Loop> LOOPS =
            List.of(
                    new Loop(
                            "gemm",
                            "forward of dense 784-512",
                            Loop.Kernel.FORWARD,
                            List.of(new Loop.Shape(784, 512)),
                            List.of(8, 32, 128)),
                    new Loop(
                            "dw",
                            "weight gradient of dense 784-512",
                            Loop.Kernel.WEIGHT_GRADIENT,
                            List.of(new Loop.Shape(784, 512)),
                            List.of(8, 32, 128)),
                    new Loop(
                            "dx",
                            "input gradient of dense 512-256",
                            Loop.Kernel.INPUT_GRADIENT,
                            List.of(new Loop.Shape(512, 256)),
                            List.of(8, 32, 128)),
                    new Loop(
                            "adam",
                            "weight gradient of one row and Adam, fused, W2's matrices",
                            Loop.Kernel.ADAM,
                            List.of(
                                    new Loop.Shape(784, 512),
                                    new Loop.Shape(512, 256),
                                    new Loop.Shape(256, 10)),
                            List.of(1)));

    List<Workload> ALL =
            Stream.<Workload>concat(
                            Stream.concat(
                                    LEARNING.stream(), LEARNING.stream().map(Predicting::new)),
                            LOOPS.stream())
                    .toList();

    /// @throws IllegalArgumentException there is none of this name; names the nearest
    static Workload named(String name) {
        Optional<Workload> found =
                ALL.stream().filter(workload -> workload.name().equalsIgnoreCase(name)).findFirst();
        return found.orElseThrow(
                () ->
                        new IllegalArgumentException(
                                "--workload: expected one that there is, found '"
                                        + name
                                        + "'"
                                        + NearestName.hint(
                                                name, ALL.stream().map(Workload::name).toList())));
    }

    private static NetworkSpec classifier(int inputs, int... widths) {
        return spec(
                new RowShape(inputs, 0, 1),
                layers(new Numbers(0, inputs), new Softmax(), widths),
                new CategoricalCrossEntropy(false),
                Adam.of(0.001));
    }

    private static NetworkSpec binary(
            RowShape row, Layer input, Optimizer optimizer, int... hidden) {
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
