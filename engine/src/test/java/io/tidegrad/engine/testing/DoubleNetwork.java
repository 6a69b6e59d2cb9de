package io.tidegrad.engine.testing;

import io.tidegrad.engine.layer.AveragePool2d;
import io.tidegrad.engine.layer.Concat;
import io.tidegrad.engine.layer.Conv1d;
import io.tidegrad.engine.layer.Conv2d;
import io.tidegrad.engine.layer.Dense;
import io.tidegrad.engine.layer.Embedding;
import io.tidegrad.engine.layer.Extent;
import io.tidegrad.engine.layer.Flatten;
import io.tidegrad.engine.layer.GlobalAveragePool2d;
import io.tidegrad.engine.layer.Identity;
import io.tidegrad.engine.layer.Layer;
import io.tidegrad.engine.layer.MaxPool2d;
import io.tidegrad.engine.layer.Numbers;
import io.tidegrad.engine.layer.Rate;
import io.tidegrad.engine.layer.Relu;
import io.tidegrad.engine.layer.Reshape;
import io.tidegrad.engine.layer.Sequence;
import io.tidegrad.engine.layer.Sigmoid;
import io.tidegrad.engine.layer.Softmax;
import io.tidegrad.engine.layer.Standardise;
import io.tidegrad.engine.layer.Tanh;
import io.tidegrad.engine.layer.Tensor;
import io.tidegrad.engine.layer.Transpose;
import io.tidegrad.engine.loss.BinaryCrossEntropy;
import io.tidegrad.engine.loss.CategoricalCrossEntropy;
import io.tidegrad.engine.loss.MeanSquaredError;
import io.tidegrad.engine.model.Batch;
import io.tidegrad.engine.model.NetworkSpec;
import io.tidegrad.engine.model.Parameters;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.DoubleUnaryOperator;
import java.util.function.IntFunction;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;

/// The mathematics again, in doubles, straight from the formulas and without a single idea in common
/// with the engine: an oracle for losses, predictions and, by central differences, gradients.
public final class DoubleNetwork {
    private final NetworkSpec spec;

    /// Tensor name → weights (rows, columns); open to be changed.
    public final Map<String, double[]> weights = new HashMap<>();

    private final Map<String, double[]> statistics = new HashMap<>();

    /// The rows' numbers; open to be changed.
    public final double[] numbers;

    private final Batch batch;

    public DoubleNetwork(Parameters parameters, Batch batch) {
        spec = parameters.plan().spec();
        this.batch = batch;
        for (Tensor tensor : parameters.plan().tensors()) {
            if (tensor instanceof Tensor.Statistics) {
                statistics.put(tensor.name(), parameters.statistics(tensor.name()));
            } else {
                weights.put(tensor.name(), doubles(parameters.weights(tensor.name())));
            }
        }
        numbers = doubles(batch.numbers);
    }

    public static double[] doubles(float[] floats) {
        double[] doubles = new double[floats.length];
        for (int i = 0; i < floats.length; i++) {
            doubles[i] = floats[i];
        }
        return doubles;
    }

    /// What a layer puts out: for each row its numbers in row-major order.
    ///
    /// @param axes of a row
    record Values(List<Integer> axes, double[][] rows) {
        Values map(DoubleUnaryOperator f) {
            return mapRows(axes, row -> Arrays.stream(row).map(f).toArray());
        }

        Values mapRows(List<Integer> newAxes, UnaryOperator<double[]> f) {
            return new Values(newAxes, Arrays.stream(rows).map(f).toArray(double[][]::new));
        }

        /// Each line along the last axis by itself.
        Values mapLines(int newWidth, UnaryOperator<double[]> f) {
            int width = axes.getLast();
            List<Integer> newAxes = new ArrayList<>(axes.subList(0, axes.size() - 1));
            newAxes.add(newWidth);
            return mapRows(
                    newAxes,
                    row ->
                            IntStream.range(0, row.length / width)
                                    .mapToObj(
                                            line ->
                                                    f.apply(
                                                            Arrays.copyOfRange(
                                                                    row,
                                                                    line * width,
                                                                    (line + 1) * width)))
                                    .flatMapToDouble(Arrays::stream)
                                    .toArray());
        }
    }

    /// Σ w_i l_i / N
    public double meanLoss() {
        double[][] predictions = predict();
        double sum = 0;
        for (int row = 0; row < batch.size(); row++) {
            sum += batch.sampleWeights[row] * loss(predictions[row], row);
        }
        return sum / batch.size();
    }

    /// The gradient of `meanLoss` with respect to `values[index]`, by central differences; NaN where the loss has a kink
    /// there.
    public double gradient(double[] values, int index) {
        double at = values[index];
        double h = 1e-6 * Math.max(1, Math.abs(at));
        double middle = meanLoss();
        values[index] = at + h;
        double above = meanLoss();
        values[index] = at - h;
        double below = meanLoss();
        values[index] = at;
        double right = (above - middle) / h;
        double left = (middle - below) / h;
        // Twice what the caller tolerates: a smaller kink doesn't show.
        boolean kink = Math.abs(right - left) > 4e-5 * (1 + Math.abs(right));
        return kink ? Double.NaN : (right + left) / 2;
    }

    /// Probabilities or values of each row.
    public double[][] predict() {
        Values y = run(spec.network(), "", new Values(List.of(0), new double[batch.size()][0]));
        Layer last = last(spec.network());
        return switch (spec.loss()) {
            case BinaryCrossEntropy loss ->
                    last instanceof Sigmoid ? y.rows : y.map(DoubleNetwork::sigmoid).rows;
            case CategoricalCrossEntropy loss ->
                    last instanceof Softmax
                            ? y.rows
                            : y.mapRows(y.axes, DoubleNetwork::softmax).rows;
            case MeanSquaredError loss -> y.rows;
        };
    }

    private static Layer last(Layer layer) {
        return switch (layer) {
            case Sequence(List<Layer> layers) -> last(layers.getLast());
            case Rate(double factor, Layer inner) -> last(inner);
            default -> layer;
        };
    }

    private double loss(double[] p, int row) {
        int labels = spec.row().labels();
        double sum = 0;
        for (int o = 0; o < p.length; o++) {
            double y =
                    switch (spec.loss()) {
                        case CategoricalCrossEntropy(boolean oneHot) when !oneHot ->
                                batch.labels[row] == o ? 1 : 0;
                        case CategoricalCrossEntropy c -> batch.labels[row * labels + o];
                        case BinaryCrossEntropy b -> batch.labels[row * labels + o];
                        case MeanSquaredError m -> batch.labels[row * labels + o];
                    };
            sum +=
                    switch (spec.loss()) {
                        case BinaryCrossEntropy loss ->
                                -(y * Math.log(p[o]) + (1 - y) * Math.log(1 - p[o])) / p.length;
                        case CategoricalCrossEntropy loss -> y == 0 ? 0 : -y * Math.log(p[o]);
                        case MeanSquaredError loss -> (p[o] - y) * (p[o] - y) / p.length;
                    };
        }
        return sum;
    }

    private Values run(Layer layer, String path, Values x) {
        return switch (layer) {
            case Sequence(List<Layer> layers) -> {
                Values y = x;
                for (int i = 0; i < layers.size(); i++) {
                    y = run(layers.get(i), child(path, i), y);
                }
                yield y;
            }
            case Concat(List<Layer> layers) -> {
                Values y = run(layers.getFirst(), child(path, 0), x);
                for (int i = 1; i < layers.size(); i++) {
                    y = sideBySide(y, run(layers.get(i), child(path, i), x));
                }
                yield y;
            }
            case Identity identity -> x;
            case Rate(double factor, Layer inner) -> run(inner, path, x);
            case Numbers(int from, int count) ->
                    ofRows(
                            count,
                            row -> {
                                int at = row * spec.row().numbers() + from;
                                return Arrays.copyOfRange(numbers, at, at + count);
                            });
            case Embedding embedding ->
                    ofRows(
                            embedding.columns() * embedding.dimension(),
                            row -> embedded(embedding, weights(path, "weight"), row));
            case Standardise standardise -> {
                double[] state = Objects.requireNonNull(statistics.get(child(path, "statistics")));
                yield x.mapRows(x.axes, row -> standardised(state, row));
            }
            case Reshape(List<Integer> axes) -> new Values(axes, x.rows);
            case Flatten flatten -> new Values(List.of(x.rows[0].length), x.rows);
            case Transpose transpose -> {
                int rows = x.axes.get(0);
                int columns = x.axes.get(1);
                yield x.mapRows(
                        List.of(columns, rows),
                        row ->
                                IntStream.range(0, row.length)
                                        .mapToDouble(i -> row[i % rows * columns + i / rows])
                                        .toArray());
            }
            case Dense(int outputs, boolean bias, var initialization) -> {
                double[] w = weights(path, "weight");
                double[] b = bias ? weights(path, "bias") : new double[outputs];
                yield x.mapLines(outputs, line -> product(line, w, b));
            }
            case Conv2d(
                            int channels,
                            Extent kernel,
                            Extent stride,
                            Extent padding,
                            boolean bias,
                            var i) ->
                    DoubleImages.convolution(
                            x,
                            kernel,
                            stride,
                            padding,
                            weights(path, "weight"),
                            bias ? weights(path, "bias") : new double[channels]);
            case Conv1d(int channels, int kernel, int stride, int padding, boolean bias, var i) -> {
                Values y =
                        DoubleImages.convolution(
                                new Values(List.of(x.axes.get(0), 1, x.axes.get(1)), x.rows),
                                new Extent(1, kernel),
                                new Extent(1, stride),
                                new Extent(0, padding),
                                weights(path, "weight"),
                                bias ? weights(path, "bias") : new double[channels]);
                yield new Values(List.of(channels, y.axes.get(2)), y.rows);
            }
            case MaxPool2d(Extent kernel, Extent stride, Extent padding) ->
                    DoubleImages.maxPool(x, kernel, stride, padding);
            case AveragePool2d(Extent kernel, Extent stride, Extent padding) ->
                    DoubleImages.averagePool(x, kernel, stride, padding);
            case GlobalAveragePool2d pool -> DoubleImages.globalAveragePool(x);
            case Relu relu -> x.map(v -> Math.max(v, 0));
            case Sigmoid sigmoid -> x.map(DoubleNetwork::sigmoid);
            case Tanh tanh -> x.map(Math::tanh);
            case Softmax softmax -> x.mapLines(x.axes.getLast(), DoubleNetwork::softmax);
        };
    }

    private Values ofRows(int width, IntFunction<double[]> row) {
        return new Values(
                List.of(width),
                IntStream.range(0, batch.size()).mapToObj(row).toArray(double[][]::new));
    }

    private static Values sideBySide(Values left, Values right) {
        int leftWidth = left.axes.getLast();
        int width = leftWidth + right.axes.getLast();
        List<Integer> axes = new ArrayList<>(left.axes.subList(0, left.axes.size() - 1));
        axes.add(width);
        double[][] rows = new double[left.rows.length][];
        for (int row = 0; row < rows.length; row++) {
            double[] joined = new double[left.rows[row].length + right.rows[row].length];
            for (int i = 0; i < joined.length; i++) {
                int line = i / width;
                int column = i % width;
                joined[i] =
                        column < leftWidth
                                ? left.rows[row][line * leftWidth + column]
                                : right.rows[row][line * (width - leftWidth) + column - leftWidth];
            }
            rows[row] = joined;
        }
        return new Values(axes, rows);
    }

    private double[] embedded(Embedding layer, double[] table, int row) {
        int dimension = layer.dimension();
        double[] y = new double[layer.columns() * dimension];
        for (int column = 0; column < layer.columns(); column++) {
            int id = batch.ids[row * spec.row().ids() + layer.from() + column];
            System.arraycopy(table, id * dimension, y, column * dimension, dimension);
        }
        return y;
    }

    private static double[] standardised(double[] state, double[] x) {
        double[] y = new double[x.length];
        for (int i = 0; i < x.length; i++) {
            double deviation = Math.sqrt(state[1 + x.length + i] / state[0]);
            double limit = Math.sqrt(state[0]);
            y[i] =
                    state[0] >= 2 && deviation > 0
                            ? Math.clamp((x[i] - state[1 + i]) / deviation, -limit, limit)
                            : 0;
        }
        return y;
    }

    /// x W + b
    private static double[] product(double[] x, double[] w, double[] b) {
        double[] y = b.clone();
        for (int o = 0; o < y.length; o++) {
            for (int i = 0; i < x.length; i++) {
                y[o] += x[i] * w[i * y.length + o];
            }
        }
        return y;
    }

    private static String child(String path, Object name) {
        return path.isEmpty() ? "" + name : path + "." + name;
    }

    private double[] weights(String path, String parameter) {
        return Objects.requireNonNull(weights.get(child(path, parameter)));
    }

    private static double[] map(double[] x, DoubleUnaryOperator f) {
        return Arrays.stream(x).map(f).toArray();
    }

    private static double sigmoid(double x) {
        return 1 / (1 + Math.exp(-x));
    }

    private static double[] softmax(double[] x) {
        double max = Arrays.stream(x).max().orElseThrow();
        double[] e = map(x, v -> Math.exp(v - max));
        double sum = Arrays.stream(e).sum();
        return map(e, v -> v / sum);
    }
}
