package io.tidegrad.cli.golden;

import io.tidegrad.engine.loss.BinaryCrossEntropy;
import io.tidegrad.engine.loss.CategoricalCrossEntropy;
import io.tidegrad.engine.loss.Ctc;
import io.tidegrad.engine.loss.Hinge;
import io.tidegrad.engine.loss.Huber;
import io.tidegrad.engine.loss.Loss;
import io.tidegrad.engine.loss.MeanAbsoluteError;
import io.tidegrad.engine.loss.MeanSquaredError;
import io.tidegrad.engine.loss.Poisson;
import io.tidegrad.engine.loss.Quantile;
import io.tidegrad.engine.loss.Reduction;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// A case's loss, with what its predictions are compared with.
///
/// @param lines of one row's predictions: all their axes but the last
/// @param width of a line
/// @param labels (rows, labels), as the engine's loss takes them
/// @param fusesLast whether the loss applies the network's last layer, so that what it reads are not the outputs
record LossSpec(Loss loss, Reduction reduction, int lines, int width, Tensor labels, @Nullable Tensor sampleWeights,
        boolean fusesLast) {
    private static final String BINARY = "binary_cross_entropy_with_logits";
    private static final String CATEGORICAL = "categorical_cross_entropy";
    private static final String BY_LABEL_LENGTH = "mean_over_label_length";

    private static final Set<String> KNOWN =
            Set.of("mse", "mae", "huber", BINARY, CATEGORICAL, "hinge", "poisson_nll", "quantile", "ctc");

    /// Asked first, for this reason tells people most.
    static void requireKnown(Fields spec) {
        String type = spec.object("loss").text("type");
        if (!KNOWN.contains(type)) {
            throw new UnsupportedException("loss " + type);
        }
    }

    /// @param rows of the case's inputs
    /// @param predictions the shape of one row's
    /// @param lastType of the layer that puts them out
    static LossSpec of(Fields golden, Fields spec, int rows, List<Integer> predictions, String lastType) {
        Map<String, Tensor> targets = golden.tensors("targets");
        targets.forEach((name, tensor) -> requireRows("targets." + name, rows, tensor));
        Tensor sampleWeights = golden.has("sample_weights") ? golden.tensor("sample_weights") : null;
        if (sampleWeights != null) {
            requireRows("sample_weights", rows, sampleWeights);
            Comparison.equal("sample_weights, axes", sampleWeights.shape().size(), 1);
        }
        Fields fields = spec.object("loss");
        int width = predictions.isEmpty() ? 1 : predictions.getLast();
        int lines = Tensor.product(predictions) / width;
        Tensor labels = fields.text("type").equals("ctc") ? ctcLabels(targets) : CaseModel.only(targets, "y");
        Loss loss = loss(fields, predictions, lastType, labels);
        Reduction reduction = reduction(fields);
        fields.requireAllRead();
        String mismatch = loss.mismatch(lines, width);
        if (mismatch != null) {
            throw new UnsupportedException("loss " + fields.text("type") + ": " + mismatch);
        }
        return new LossSpec(loss, reduction, lines, width, labels, sampleWeights,
                loss instanceof CategoricalCrossEntropy && lastType.equals("softmax"));
    }

    private static void requireRows(String what, int rows, Tensor tensor) {
        if (tensor.rows() != rows) {
            throw new GoldenException(what + ": expected " + rows + " rows, found " + tensor.rows());
        }
    }

    private static Reduction reduction(Fields fields) {
        String reduction = fields.text("reduction");
        // Dividing by a label's length is the loss's; then it is a mean.
        boolean byLength = reduction.equals(BY_LABEL_LENGTH) && fields.text("type").equals("ctc");
        return switch (byLength ? "mean" : reduction) {
            case "mean" -> Reduction.MEAN;
            case "weighted_mean" -> Reduction.WEIGHTED_MEAN;
            case "sum" -> Reduction.SUM;
            default -> throw new UnsupportedException("reduction " + reduction);
        };
    }

    private static Loss loss(Fields fields, List<Integer> predictions, String lastType, Tensor labels) {
        String type = fields.text("type");
        try {
            return switch (type) {
                case "mse" -> sameShape(new MeanSquaredError(), predictions, labels);
                case "mae" -> sameShape(new MeanAbsoluteError(), predictions, labels);
                case "huber" -> sameShape(new Huber(fields.number("delta")), predictions, labels);
                case "hinge" -> sameShape(new Hinge(), predictions, labels);
                case "poisson_nll" -> {
                    if (fields.flag("full", false)) {
                        throw new UnsupportedException("loss poisson_nll with full");
                    }
                    yield sameShape(new Poisson(fields.flag("log_input", true), fields.number("eps", 1e-8)),
                            predictions, labels);
                }
                case BINARY -> {
                    if (lastType.equals("sigmoid") || lastType.equals("softmax")) {
                        throw new UnsupportedException("loss " + type + " after " + lastType);
                    }
                    yield sameShape(new BinaryCrossEntropy(list(fields, "pos_weight")), predictions, labels);
                }
                case "quantile" -> {
                    requireShape("one label a line", lineShape(predictions), labels);
                    yield new Quantile(list(fields, "quantiles"));
                }
                case CATEGORICAL -> categorical(fields, predictions, lastType, labels);
                case "ctc" -> new Ctc(fields.count("blank"), labels.rowLength() - 2,
                        fields.text("reduction").equals(BY_LABEL_LENGTH), fields.flag("zero_infinity", false));
                default -> throw new IllegalStateException("loss " + type);
            };
        } catch (IllegalArgumentException e) {
            throw new UnsupportedException("loss " + type + ": " + e.getMessage());
        }
    }

    private static List<Double> list(Fields fields, String name) {
        return fields.has(name) ? Arrays.stream(fields.numbers(name)).boxed().toList() : List.of();
    }

    private static List<Integer> lineShape(List<Integer> predictions) {
        return predictions.isEmpty() ? predictions : predictions.subList(0, predictions.size() - 1);
    }

    private static Loss sameShape(Loss loss, List<Integer> predictions, Tensor labels) {
        requireShape("rows of shape " + predictions, predictions, labels);
        return loss;
    }

    private static void requireShape(String expected, List<Integer> shape, Tensor labels) {
        if (!labels.rowShape().equals(shape)) {
            throw new GoldenException("targets.y: expected " + expected + ", found " + labels.rowShape());
        }
    }

    private static Loss categorical(Fields fields, List<Integer> predictions, String lastType, Tensor labels) {
        boolean fromLogits = fields.flag("from_logits", true);
        boolean softmax = lastType.equals("softmax");
        if (fromLogits && softmax) {
            throw new UnsupportedException("loss categorical_cross_entropy of logits after softmax");
        }
        if (predictions.isEmpty()) {
            throw new GoldenException("predictions: expected classes on the last axis, found none");
        }
        boolean indices = labels.rowShape().equals(lineShape(predictions));
        if (!indices) {
            requireShape("class indices or rows of shape " + predictions, predictions, labels);
        }
        return new CategoricalCrossEntropy(!indices,
                // Of a softmax layer the logits are there, and the loss applies it.
                fromLogits || softmax, fields.number("label_smoothing", 0), list(fields, "class_weights"),
                fields.has("ignore_index") ? (int) fields.number("ignore_index") : null);
    }

    /// A row's labels, its label's length, the lines that count.
    private static Tensor ctcLabels(Map<String, Tensor> targets) {
        Tensor y = tensor(targets, "y");
        Tensor labelLengths = tensor(targets, "label_lengths");
        Tensor inputLengths = tensor(targets, "input_lengths");
        if (targets.size() > 3) {
            throw new UnsupportedException("tensors " + targets.keySet());
        }
        int labels = y.rowLength();
        float[] values = new float[y.rows() * (labels + 2)];
        for (int row = 0; row < y.rows(); row++) {
            System.arraycopy(y.values(), row * labels, values, row * (labels + 2), labels);
            values[row * (labels + 2) + labels] = labelLengths.values()[row];
            values[row * (labels + 2) + labels + 1] = inputLengths.values()[row];
        }
        return new Tensor(List.of(y.rows(), labels + 2), values, true);
    }

    private static Tensor tensor(Map<String, Tensor> targets, String name) {
        Tensor tensor = targets.get(name);
        if (tensor == null) {
            throw new GoldenException("targets: expected a tensor '" + name + "', found " + targets.keySet());
        }
        return tensor;
    }
}
