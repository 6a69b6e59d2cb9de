package io.tidegrad.engine.testing;

import io.tidegrad.engine.layer.Concat;
import io.tidegrad.engine.layer.Dense;
import io.tidegrad.engine.layer.Embedding;
import io.tidegrad.engine.layer.Layer;
import io.tidegrad.engine.layer.Numbers;
import io.tidegrad.engine.layer.Relu;
import io.tidegrad.engine.layer.Sequence;
import io.tidegrad.engine.layer.Sigmoid;
import io.tidegrad.engine.layer.Softmax;
import io.tidegrad.engine.layer.Standardise;
import io.tidegrad.engine.layer.Tanh;
import io.tidegrad.engine.layer.Tensor;
import io.tidegrad.engine.loss.Link;
import io.tidegrad.engine.model.Batch;
import io.tidegrad.engine.model.NetworkSpec;
import io.tidegrad.engine.model.Parameters;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.DoubleUnaryOperator;

/// The mathematics again, in doubles, one row at a time, straight from the formulas and without a single idea in common
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

    /// As the spec reduces it.
    public double batchLoss() {
        int outputs = predict(0).length;
        double[] predictions = new double[batch.size() * outputs];
        for (int row = 0; row < batch.size(); row++) {
            System.arraycopy(predict(row), 0, predictions, row * outputs, outputs);
        }
        return new DoubleLoss(spec.loss(), spec.reduction(), 1, outputs)
                .of(predictions, batch.labels, batch.sampleWeights);
    }

    /// The gradient of `batchLoss` with respect to `values[index]`, by central differences; NaN where the loss has a kink
    /// there.
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

    /// Probabilities or values of one row.
    public double[] predict(int row) {
        double[] y = run(spec.network(), "", new double[0], row);
        Layer last = last(spec.network());
        Link link = spec.loss().link();
        boolean applied =
                link == Link.LOGIT && last instanceof Sigmoid
                        || link == Link.MULTINOMIAL_LOGIT && last instanceof Softmax;
        return applied ? y : DoubleLoss.predict(link, y, y.length);
    }

    private static Layer last(Layer layer) {
        return layer instanceof Sequence(List<Layer> layers) ? last(layers.getLast()) : layer;
    }

    private double[] run(Layer layer, String path, double[] x, int row) {
        return switch (layer) {
            case Sequence(List<Layer> layers) -> {
                double[] y = x;
                for (int i = 0; i < layers.size(); i++) {
                    y = run(layers.get(i), child(path, i), y, row);
                }
                yield y;
            }
            case Concat(List<Layer> layers) -> {
                double[] y = new double[0];
                for (int i = 0; i < layers.size(); i++) {
                    double[] branch = run(layers.get(i), child(path, i), x, row);
                    int at = y.length;
                    y = Arrays.copyOf(y, at + branch.length);
                    System.arraycopy(branch, 0, y, at, branch.length);
                }
                yield y;
            }
            case Numbers(int from, int count) -> {
                int at = row * spec.row().numbers() + from;
                yield Arrays.copyOfRange(numbers, at, at + count);
            }
            case Embedding(
                            int from,
                            int columns,
                            int rows,
                            int dimension,
                            Embedding.Update update) -> {
                double[] table = weights(path, "weight");
                double[] y = new double[columns * dimension];
                for (int column = 0; column < columns; column++) {
                    int id = batch.ids[row * spec.row().ids() + from + column];
                    System.arraycopy(table, id * dimension, y, column * dimension, dimension);
                }
                yield y;
            }
            case Standardise standardise -> {
                double[] state = Objects.requireNonNull(statistics.get(child(path, "statistics")));
                double[] y = new double[x.length];
                for (int i = 0; i < x.length; i++) {
                    double deviation = Math.sqrt(state[1 + x.length + i] / state[0]);
                    double limit = Math.sqrt(state[0]);
                    y[i] =
                            state[0] >= 2 && deviation > 0
                                    ? Math.clamp((x[i] - state[1 + i]) / deviation, -limit, limit)
                                    : 0;
                }
                yield y;
            }
            case Dense(int outputs, boolean bias, var initialization) -> {
                double[] w = weights(path, "weight");
                double[] y = bias ? weights(path, "bias").clone() : new double[outputs];
                for (int o = 0; o < outputs; o++) {
                    for (int i = 0; i < x.length; i++) {
                        y[o] += x[i] * w[i * outputs + o];
                    }
                }
                yield y;
            }
            case Relu relu -> map(x, v -> Math.max(v, 0));
            case Sigmoid sigmoid -> DoubleLoss.predict(Link.LOGIT, x, x.length);
            case Tanh tanh -> map(x, Math::tanh);
            case Softmax softmax -> DoubleLoss.predict(Link.MULTINOMIAL_LOGIT, x, x.length);
        };
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
}
