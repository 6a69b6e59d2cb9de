package io.tidegrad.engine.testing;

import io.tidegrad.engine.layer.AveragePool2d;
import io.tidegrad.engine.layer.BatchNorm;
import io.tidegrad.engine.layer.Bias;
import io.tidegrad.engine.layer.Concat;
import io.tidegrad.engine.layer.Conv1d;
import io.tidegrad.engine.layer.Conv2d;
import io.tidegrad.engine.layer.Dense;
import io.tidegrad.engine.layer.Dropout;
import io.tidegrad.engine.layer.Elu;
import io.tidegrad.engine.layer.Embedding;
import io.tidegrad.engine.layer.EmbeddingBag;
import io.tidegrad.engine.layer.Extent;
import io.tidegrad.engine.layer.Flatten;
import io.tidegrad.engine.layer.FromRow;
import io.tidegrad.engine.layer.Gelu;
import io.tidegrad.engine.layer.GlobalAveragePool2d;
import io.tidegrad.engine.layer.History;
import io.tidegrad.engine.layer.Identity;
import io.tidegrad.engine.layer.InputBound;
import io.tidegrad.engine.layer.Layer;
import io.tidegrad.engine.layer.LayerNorm;
import io.tidegrad.engine.layer.LeakyRelu;
import io.tidegrad.engine.layer.LearnedCross;
import io.tidegrad.engine.layer.MaxPool2d;
import io.tidegrad.engine.layer.Mixture;
import io.tidegrad.engine.layer.Numbers;
import io.tidegrad.engine.layer.Quantiles;
import io.tidegrad.engine.layer.OwnOptimizer;
import io.tidegrad.engine.layer.Rate;
import io.tidegrad.engine.layer.Recurrent;
import io.tidegrad.engine.layer.Relu;
import io.tidegrad.engine.layer.Reshape;
import io.tidegrad.engine.layer.Residual;
import io.tidegrad.engine.layer.RmsNorm;
import io.tidegrad.engine.layer.RunningScale;
import io.tidegrad.engine.layer.SelfAttention;
import io.tidegrad.engine.layer.Sequence;
import io.tidegrad.engine.layer.Sigmoid;
import io.tidegrad.engine.layer.Silu;
import io.tidegrad.engine.layer.Softmax;
import io.tidegrad.engine.layer.Softplus;
import io.tidegrad.engine.layer.Standardise;
import io.tidegrad.engine.layer.Sum;
import io.tidegrad.engine.layer.Tanh;
import io.tidegrad.engine.layer.Tensor;
import io.tidegrad.engine.layer.Transpose;
import io.tidegrad.engine.layer.Vocabulary;
import io.tidegrad.engine.loss.Link;
import io.tidegrad.engine.model.Batch;
import io.tidegrad.engine.model.Gradients;
import io.tidegrad.engine.model.NetworkSpec;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.random.Murmur3;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.DoubleUnaryOperator;
import java.util.function.IntFunction;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/// The mathematics again, in doubles, straight from the formulas and without a single idea in common
/// with the engine: an oracle for losses, predictions and, by central differences, gradients.
public final class DoubleNetwork {
    private final NetworkSpec spec;

    /// Tensor name → weights (rows, columns); open to be changed.
    public final Map<String, double[]> weights = new HashMap<>();

    private final Map<String, double[]> start = new HashMap<>();
    private final Map<String, double[]> statistics = new HashMap<>();

    /// The rows' numbers; open to be changed.
    public final double[] numbers;

    private final Batch batch;
    private final Gradients.Mode mode;
    private final long updates;
    private int dropouts; // seen so far in a pass

    /// As layers behave when they predict.
    public DoubleNetwork(Parameters parameters, Batch batch) {
        this(parameters, batch, Gradients.Mode.PREDICT);
    }

    public DoubleNetwork(Parameters parameters, Batch batch, Gradients.Mode mode) {
        spec = parameters.plan().spec();
        this.batch = batch;
        this.mode = mode;
        updates = parameters.updates();
        for (Tensor tensor : parameters.plan().tensors()) {
            if (tensor instanceof Tensor.Statistics) {
                statistics.put(tensor.name(), parameters.statistics(tensor.name()));
            } else {
                weights.put(tensor.name(), doubles(parameters.weights(tensor.name())));
                start.put(tensor.name(), doubles(parameters.weights(tensor.name())));
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

        /// What a loss makes of it, line by line.
        Values through(Link link) {
            return mapRows(axes, row -> DoubleLoss.predict(link, row, axes.getLast()));
        }

        /// Each line along the last axis by itself.
        Values mapLines(int newWidth, UnaryOperator<double[]> f) {
            int width = axes.getLast();
            List<Integer> newAxes = new ArrayList<>(axes.subList(0, axes.size() - 1));
            newAxes.add(newWidth);
            return mapRows(newAxes,
                    row -> IntStream.range(0, row.length / width)
                            .mapToObj(line -> f.apply(Arrays.copyOfRange(row, line * width, (line + 1) * width)))
                            .flatMapToDouble(Arrays::stream).toArray());
        }
    }

    /// As the spec reduces it.
    public double batchLoss() {
        Values y = run(spec.network());
        int width = y.axes.getLast();
        double[][] rows = predict(y);
        double[] predictions = Arrays.stream(rows).flatMapToDouble(Arrays::stream).toArray();
        return new DoubleLoss(spec.loss(), spec.reduction(), rows[0].length / width, width).of(predictions,
                batch.labels, batch.sampleWeights);
    }

    /// The gradient of `batchLoss` with respect to `values[index]`, by central differences; NaN where the loss has a
    /// kink there.
    public double gradient(double[] values, int index) {
        double at = values[index];
        double h = 1e-6 * Math.max(1, Math.abs(at));
        double middle = batchLoss();
        values[index] = at + h;
        double above = batchLoss();
        values[index] = at - h;
        double below = batchLoss();
        values[index] = at;
        double right = (above - middle) / h;
        double left = (middle - below) / h;
        // Twice what the caller tolerates: a smaller kink doesn't show.
        boolean kink = Math.abs(right - left) > 4e-5 * (1 + Math.abs(right));
        return kink ? Double.NaN : (right + left) / 2;
    }

    /// Probabilities or values of each row.
    public double[][] predict() {
        return predict(run(spec.network()));
    }

    private Values run(Layer network) {
        dropouts = 0;
        return run(network, "", new Values(List.of(0), new double[batch.size()][0]));
    }

    private double[][] predict(Values y) {
        Layer last = last(spec.network());
        Link link = spec.loss().link();
        boolean applied = link == Link.LOGIT && last instanceof Sigmoid
                || link == Link.MULTINOMIAL_LOGIT && last instanceof Softmax;
        return applied ? y.rows : y.through(link).rows;
    }

    private static Layer last(Layer layer) {
        return switch (layer) {
            case Sequence(List<Layer> layers) -> last(layers.getLast());
            case Rate(double factor, Layer inner) -> last(inner);
            default -> layer;
        };
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
            case Sum(List<Layer> layers) -> {
                Values y = run(layers.getFirst(), child(path, 0), x);
                for (int i = 1; i < layers.size(); i++) {
                    y = new Values(y.axes, DoubleNorms.sum(y.rows, run(layers.get(i), child(path, i), x).rows));
                }
                yield y;
            }
            case Mixture mixture -> {
                List<double[][]> members = new ArrayList<>();
                for (int m = 0; m < mixture.members().size(); m++) {
                    members.add(run(mixture.members().get(m), child(path, m), x).rows);
                }
                yield new Values(List.of(members.getFirst()[0].length),
                        DoubleMixture.mixed(mixture.target(), statistics(path, "weights"), members));
            }
            case Rate(double factor, Layer inner) -> run(inner, path, x);
            case OwnOptimizer(var optimizer, Layer inner) -> run(inner, path, x);
            case InputBound(double bound, Layer inner) -> run(inner, path, x);
            case FromRow(Layer inner) -> run(inner, path, x); // what reads the row reads it from the batch
            case Identity identity -> x;
            case Numbers(int from, int count) -> ofRows(count, row -> {
                int at = row * spec.row().numbers() + from;
                return Arrays.copyOfRange(numbers, at, at + count);
            });
            case History history ->
                ofRows(history.valuesWidth() + history.lags(), row -> history(history, weights(path, "history"), row));
            case Quantiles quantiles -> ofRows(quantiles.dimension(), row -> {
                int at = bucket(quantiles, statistics(path, "statistics"), row) * quantiles.dimension();
                return Arrays.copyOfRange(weights(path, "weight"), at, at + quantiles.dimension());
            });
            case Vocabulary vocabulary -> ofRows(vocabulary.dimension(), row -> {
                int at = row(vocabulary, weights(path, "vocabulary"), row) * vocabulary.dimension();
                return Arrays.copyOfRange(weights(path, "weight"), at, at + vocabulary.dimension());
            });
            case LearnedCross cross -> ofRows(cross.dimension(), row -> {
                int at = row(cross, row) * cross.dimension();
                return Arrays.copyOfRange(weights(path, "weight"), at, at + cross.dimension());
            });
            case Embedding embedding -> ofRows(embedding.columns() * embedding.dimension(),
                    row -> embedded(embedding, child(path, "weight"), row));
            case EmbeddingBag bag -> ofRows(bag.dimension(), row -> bagged(bag, weights(path, "weight"), row));
            case Bias bias -> {
                double[] b = weights(path, "bias");
                yield x.mapLines(b.length, line -> sum(line, b));
            }
            case Standardise(double clip) -> {
                double[] state = Objects.requireNonNull(statistics.get(child(path, "statistics")));
                yield x.mapRows(x.axes, row -> standardised(state, clip, row));
            }
            case RunningScale scale -> {
                double[] state = statistics(path, "statistics");
                yield x.mapRows(x.axes, row -> DoubleMixture.scaled(state, scale, row));
            }
            case Reshape(List<Integer> axes) -> new Values(axes, x.rows);
            case Flatten flatten -> new Values(List.of(x.rows[0].length), x.rows);
            case Transpose transpose -> {
                int rows = x.axes.get(0);
                int columns = x.axes.get(1);
                yield x.mapRows(List.of(columns, rows), row -> IntStream.range(0, row.length)
                        .mapToDouble(i -> row[i % rows * columns + i / rows]).toArray());
            }
            case Dense(int outputs, boolean bias, var initialization) -> {
                double[] w = weights(path, "weight");
                double[] b = bias ? weights(path, "bias") : new double[outputs];
                yield x.mapLines(outputs, line -> product(line, w, b));
            }
            case Conv2d(int channels, Extent kernel, Extent stride, Extent padding, boolean bias, var i) ->
                DoubleImages.convolution(x, kernel, stride, padding, weights(path, "weight"),
                        bias ? weights(path, "bias") : new double[channels]);
            case Conv1d(int channels, int kernel, int stride, int padding, boolean bias, var i) -> {
                Values y = DoubleImages.convolution(new Values(List.of(x.axes.get(0), 1, x.axes.get(1)), x.rows),
                        new Extent(1, kernel), new Extent(1, stride), new Extent(0, padding), weights(path, "weight"),
                        bias ? weights(path, "bias") : new double[channels]);
                yield new Values(List.of(channels, y.axes.get(2)), y.rows);
            }
            case MaxPool2d(Extent kernel, Extent stride, Extent padding) ->
                DoubleImages.maxPool(x, kernel, stride, padding);
            case AveragePool2d(Extent kernel, Extent stride, Extent padding) ->
                DoubleImages.averagePool(x, kernel, stride, padding);
            case GlobalAveragePool2d pool -> DoubleImages.globalAveragePool(x);
            case Recurrent recurrent -> recurrent(recurrent, path, x);
            case Relu relu -> x.map(v -> Math.max(v, 0));
            case LeakyRelu(double slope) -> x.map(v -> DoubleActivations.leakyRelu(slope, v));
            case Elu(double alpha) -> x.map(v -> DoubleActivations.elu(alpha, v));
            case Gelu(var form) -> x.map(form == Gelu.Form.ERF ? DoubleActivations::gelu : DoubleActivations::geluTanh);
            case Silu silu -> x.map(DoubleActivations::silu);
            case Softplus softplus -> x.map(DoubleActivations::softplus);
            case Sigmoid sigmoid -> x.through(Link.LOGIT);
            case Tanh tanh -> x.map(Math::tanh);
            case Softmax softmax -> x.through(Link.MULTINOMIAL_LOGIT);
            case LayerNorm(double epsilon) -> {
                double[] w = weights(path, "weight");
                double[] b = weights(path, "bias");
                yield x.mapLines(w.length, line -> DoubleNorms.layerNorm(line, epsilon, w, b));
            }
            case RmsNorm(double epsilon) -> {
                double[] w = weights(path, "weight");
                yield x.mapLines(w.length, line -> DoubleNorms.rmsNorm(line, epsilon, w));
            }
            case BatchNorm(double epsilon, double momentum) -> new Values(x.axes,
                    DoubleNorms.batchNorm(x.rows, x.axes.getFirst(), learns(), epsilon,
                            statistics(path, "running_mean"), statistics(path, "running_var"), weights(path, "weight"),
                            weights(path, "bias")));
            case Dropout dropout -> new Values(x.axes, dropped(dropout, x.rows));
            case Residual(Layer inner) -> {
                Values y = run(inner, child(path, 0), x);
                yield new Values(x.axes, DoubleNorms.sum(x.rows, y.rows));
            }
            case SelfAttention(int heads, boolean causal) -> x.mapRows(x.axes,
                    row -> DoubleNorms.selfAttention(row, x.axes.getLast(), heads, causal,
                            weights(path, "in_proj_weight"), weights(path, "in_proj_bias"),
                            weights(path, "out_proj_weight"), weights(path, "out_proj_bias")));
        };
    }

    private boolean learns() {
        return mode != Gradients.Mode.PREDICT;
    }

    /// The draws themselves are by definition those of the engine.
    private double[][] dropped(Dropout dropout, double[][] rows) {
        int stream = dropouts++;
        if (!learns()) {
            return rows;
        }
        double[] factors = dropout.maskFrom() == Dropout.DRAWN
                ? DoubleNorms.drawnMask(spec.seed(), stream, updates + 1, rows.length * rows[0].length, dropout.rate())
                : new double[0];
        double[][] y = new double[rows.length][rows[0].length];
        for (int row = 0; row < rows.length; row++) {
            for (int i = 0; i < y[row].length; i++) {
                double factor = factors.length > 0 ? factors[row * y[row].length + i]
                        : numbers[row * spec.row().numbers() + dropout.maskFrom() + i];
                y[row][i] = rows[row][i] * factor / (1 - dropout.rate());
            }
        }
        return y;
    }

    private Values recurrent(Recurrent layer, String path, Values x) {
        DoubleRecurrent oracle = new DoubleRecurrent(layer, parameter -> weights(path, parameter));
        int steps = x.axes.getFirst();
        int directions = layer.bidirectional() ? 2 : 1;
        int states = layer.cell() == Recurrent.Cell.LSTM ? 2 : 1;
        double[][] initial = layer.initial().isEmpty() ? new double[batch.size()][states * directions * layer.hidden()]
                : run(layer.initial().getFirst(), child(path, "initial"), x).rows;
        double[][] y = new double[batch.size()][];
        for (int row = 0; row < y.length; row++) {
            int length =
                    layer.lengthAt() == Recurrent.WHOLE ? steps : batch.ids[row * spec.row().ids() + layer.lengthAt()];
            y[row] = oracle.run(x.rows[row], steps, length, initial[row]);
        }
        return new Values(layer.output() == Recurrent.Output.SEQUENCE ? List.of(steps, directions * layer.hidden())
                : List.of(y[0].length), y);
    }

    private Values ofRows(int width, IntFunction<double[]> row) {
        return new Values(List.of(width), IntStream.range(0, batch.size()).mapToObj(row).toArray(double[][]::new));
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
                joined[i] = column < leftWidth ? left.rows[row][line * leftWidth + column]
                        : right.rows[row][line * (width - leftWidth) + column - leftWidth];
            }
            rows[row] = joined;
        }
        return new Values(axes, rows);
    }

    /// The row at the padding index is a constant: it stays what it was when the weights were read.
    private double[] embedded(Embedding layer, String tensor, int row) {
        int dimension = layer.dimension();
        double[] y = new double[layer.columns() * dimension];
        for (int column = 0; column < layer.columns(); column++) {
            int id = batch.ids[row * spec.row().ids() + layer.from() + column];
            double[] table = Objects.requireNonNull((id == layer.paddingIndex() ? start : weights).get(tensor));
            System.arraycopy(table, id * dimension, y, column * dimension, dimension);
        }
        return y;
    }

    private double[] bagged(EmbeddingBag layer, double[] table, int row) {
        double[] y = new double[layer.dimension()];
        int ids = row * spec.row().ids();
        int count = layer.countAt() == EmbeddingBag.ALL ? layer.columns() : batch.ids[ids + layer.countAt()];
        for (int c = 0; c < count; c++) {
            double factor = switch (layer.mode()) {
                case SUM -> 1;
                case MEAN -> 1.0 / count;
                case ROOT -> 1 / Math.sqrt(count);
            };
            if (layer.weightsFrom() != EmbeddingBag.UNWEIGHTED) {
                factor = numbers[row * spec.row().numbers() + layer.weightsFrom() + c];
            }
            int id = batch.ids[ids + layer.from() + c];
            for (int i = 0; i < y.length; i++) {
                y[i] += factor * table[id * y.length + i];
            }
        }
        return y;
    }

    private double[] history(History layer, double[] table, int row) {
        int ids = row * spec.row().ids();
        int columns = table.length / layer.rows();
        int at = batch.ids[ids + layer.keyAt()] * columns;
        int timeAt = at + (layer.numberAt() == History.NONE ? 2 : 2 + layer.lags());
        double[] y = new double[layer.valuesWidth() + layer.lags()];
        double known = table[at + 1] == batch.ids[ids + layer.keyAt() + 1] ? table[at] : 0;
        for (int lag = 1; lag <= layer.lags(); lag++) {
            y[y.length - layer.lags() + lag - 1] = lag > known ? 1 : 0;
        }
        int to = 0;
        for (History.Value value : layer.values()) {
            for (int lag = 1; lag <= layer.width(value); lag++) {
                y[to++] = lag > known ? 0 : remembered(layer, value, lag, table, at, timeAt, row);
            }
        }
        return y;
    }

    private double remembered(History layer, History.Value value, int lag, double[] table, int at, int timeAt,
            int row) {
        int ids = row * spec.row().ids();
        return switch (value) {
            case LAG -> table[at + 1 + lag];
            case DIFFERENCE -> (lag == 1 ? numbers[row * spec.row().numbers() + layer.numberAt()] : table[at + lag])
                    - table[at + 1 + lag];
            case COUNT -> Math.log1p(table[at]);
            case SINCE_LAST -> {
                double now = batch.ids[ids + layer.timeAt()] * 0x1p24 + batch.ids[ids + layer.timeAt() + 1];
                double last = table[timeAt] * 0x1p24 + table[timeAt + 1];
                yield Math.log1p(Math.max(0, now - last) / 1000);
            }
        };
    }

    /// From the bytes of the words, and what the network's first such layer has learned.
    private int row(LearnedCross cross, int row) {
        int ids = row * spec.row().ids();
        ByteBuffer words = ByteBuffer.allocate(Integer.BYTES * (1 + cross.parts().size()))
                .order(ByteOrder.LITTLE_ENDIAN).putInt(batch.ids[ids + cross.hashAt()]);
        for (LearnedCross.Part part : cross.parts()) {
            switch (part) {
                case LearnedCross.Part.Bucket(int numberAt, int missingAt, int of) -> {
                    Map.Entry<String, Layer> learned = first(spec.network(), "",
                            layer -> layer instanceof Quantiles quantiles && quantiles.numberAt() == of);
                    Quantiles layer = (Quantiles) learned.getValue();
                    words.putInt(bucket(
                            new Quantiles(numberAt, missingAt, layer.buckets(), layer.dimension(), layer.update()),
                            statistics(learned.getKey(), "statistics"), row));
                }
                case LearnedCross.Part.Value(int keyAt, int of) -> {
                    Map.Entry<String, Layer> learned = first(spec.network(), "",
                            layer -> layer instanceof Vocabulary vocabulary && vocabulary.keyAt() == of);
                    Vocabulary layer = (Vocabulary) learned.getValue();
                    int known = row(
                            new Vocabulary(keyAt, layer.capacity(), layer.waiting(), layer.minCount(),
                                    layer.expireAfter(), layer.dimension(), layer.update()),
                            weights(learned.getKey(), "vocabulary"), row);
                    words.putInt(known == 0 ? 0 : batch.ids[ids + keyAt]);
                }
            }
        }
        return Integer.remainderUnsigned(Murmur3.hash(words.array(), 0), cross.buckets());
    }

    private static Map.Entry<String, Layer> first(Layer layer, String path, Predicate<Layer> isWanted) {
        return all(layer, path).filter(place -> isWanted.test(place.getValue())).findFirst().orElseThrow();
    }

    private static Stream<Map.Entry<String, Layer>> all(Layer layer, String path) {
        return Stream.concat(Stream.of(Map.entry(path, layer)), IntStream.range(0, layer.layers().size()).boxed()
                .flatMap(i -> all(layer.layers().get(i), layer.place(path, i))));
    }

    /// Looks at the entries of all rows, whatever chains and lists say.
    private int row(Vocabulary layer, double[] entries, int row) {
        int ids = row * spec.row().ids() + layer.keyAt();
        int columns = entries.length / (1 + layer.capacity() + layer.waiting());
        long key = (long) batch.ids[ids] << 32 | Integer.toUnsignedLong(batch.ids[ids + 1]);
        for (int at = columns; at <= layer.capacity() * columns; at += columns) {
            long found = (long) entries[at] << 48 | (long) entries[at + 1] << 24 | (long) entries[at + 2];
            if (found == key && entries[at + 3] > 0) {
                return at / columns;
            }
        }
        return 0;
    }

    private int bucket(Quantiles layer, double[] state, int row) {
        if (layer.missingAt() != Quantiles.NEVER_MISSING
                && batch.ids[row * spec.row().ids() + layer.missingAt()] != 0) {
            return layer.buckets();
        }
        double x = numbers[row * spec.row().numbers() + layer.numberAt()];
        int markers = (int) state[0];
        int weightsAt = 2 + (state.length - 2) / 2;
        int below = -1; // the last marker that is not above x
        double reached = 0;
        double total = 0;
        for (int i = 0; i < markers; i++) {
            if (state[2 + i] <= x) {
                below = i;
                reached = total + state[weightsAt + i] / 2;
            }
            total += state[weightsAt + i];
        }
        if (below < 0 || markers <= layer.buckets()) {
            return Math.max(below, 0) * layer.buckets() / Math.max(markers, 1);
        }
        if (below + 1 < markers) {
            double share = (x - state[2 + below]) / (state[3 + below] - state[2 + below]);
            reached += share * (state[weightsAt + below] + state[weightsAt + below + 1]) / 2;
        }
        return (int) (reached * layer.buckets() / total);
    }

    private static double[] sum(double[] x, double[] b) {
        double[] y = x.clone();
        for (int i = 0; i < y.length; i++) {
            y[i] += b[i];
        }
        return y;
    }

    private static double[] standardised(double[] state, double clip, double[] x) {
        double[] y = new double[x.length];
        for (int i = 0; i < x.length; i++) {
            double deviation = Math.sqrt(state[1 + x.length + i] / state[0]);
            double limit = Math.min(Math.sqrt(state[0]), clip);
            y[i] = state[0] >= 2 && deviation > 0 ? Math.clamp((x[i] - state[1 + i]) / deviation, -limit, limit) : 0;
        }
        return y;
    }

    /// x W + b
    static double[] product(double[] x, double[] w, double[] b) {
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

    private double[] statistics(String path, String name) {
        return Objects.requireNonNull(statistics.get(child(path, name)));
    }

    private static double[] map(double[] x, DoubleUnaryOperator f) {
        return Arrays.stream(x).map(f).toArray();
    }

    static double sigmoid(double x) {
        return 1 / (1 + Math.exp(-x));
    }

    static double[] softmax(double[] x) {
        double max = Arrays.stream(x).max().orElseThrow();
        double[] e = map(x, v -> Math.exp(v - max));
        double sum = Arrays.stream(e).sum();
        return map(e, v -> v / sum);
    }
}
