package io.tidegrad.engine.testing;

import io.tidegrad.engine.loss.BinaryCrossEntropy;
import io.tidegrad.engine.loss.CategoricalCrossEntropy;
import io.tidegrad.engine.loss.Ctc;
import io.tidegrad.engine.loss.FakeNegativeWeighted;
import io.tidegrad.engine.loss.Hinge;
import io.tidegrad.engine.loss.Huber;
import io.tidegrad.engine.loss.Link;
import io.tidegrad.engine.loss.Loss;
import io.tidegrad.engine.loss.MeanAbsoluteError;
import io.tidegrad.engine.loss.MeanSquaredError;
import io.tidegrad.engine.loss.Poisson;
import io.tidegrad.engine.loss.Quantile;
import io.tidegrad.engine.loss.Reduction;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// Losses again, in doubles, from predictions and straight from their definitions: CTC, for one, is a sum over every
/// alignment that there is.
///
/// @param lines of a row
/// @param width of a line
public record DoubleLoss(Loss loss, Reduction reduction, int lines, int width) {
    /// What is reduced: all elements of a batch, whatever row they belong to.
    ///
    /// @param loss with its weight
    /// @param weight of its label
    private record Element(double loss, double weight) {
    }

    /// @param predictions (rows, lines, width)
    /// @param labels (rows, labels)
    /// @param sampleWeights (rows)
    public double of(double[] predictions, float[] labels, float[] sampleWeights) {
        double sum = 0;
        double weights = 0;
        double counts = 0;
        for (int row = 0; row < predictions.length / (lines * width); row++) {
            for (Element element : elements(predictions, labels, row)) {
                sum += sampleWeights[row] * element.loss;
                weights += sampleWeights[row] * element.weight;
                counts++;
            }
        }
        double by = switch (reduction) {
            case MEAN -> counts;
            case WEIGHTED_MEAN -> weights;
            case SUM -> 1;
        };
        return by == 0 ? 0 : sum / by;
    }

    /// The mean over one row's elements, by their labels' weights.
    public double ofRow(double[] predictions, float[] labels, int row) {
        List<Element> elements = elements(predictions, labels, row);
        double weights = elements.stream().mapToDouble(Element::weight).sum();
        return elements.isEmpty() ? 0 : elements.stream().mapToDouble(Element::loss).sum() / weights;
    }

    private List<Element> elements(double[] p, float[] labels, int row) {
        List<Element> elements = new ArrayList<>();
        int labelAt = row * loss.labels(lines, width);
        int at = row * lines * width;
        switch (loss) {
            case Ctc ctc -> {
                float[] own = Arrays.copyOfRange(labels, labelAt, labelAt + ctc.labelsMax() + 2);
                elements.add(ctc(ctc, Arrays.copyOfRange(p, at, at + lines * width), own));
            }
            case CategoricalCrossEntropy classes -> {
                for (int line = 0; line < lines; line++) {
                    double[] probabilities = Arrays.copyOfRange(p, at + line * width, at + (line + 1) * width);
                    int from = labelAt + line * (classes.oneHot() ? width : 1);
                    Integer ignored = classes.ignoreIndex();
                    if (classes.oneHot()) {
                        float[] targets = Arrays.copyOfRange(labels, from, from + width);
                        elements.add(classes(classes, probabilities, targets));
                    } else if (ignored == null || labels[from] != ignored) {
                        float[] targets = new float[width];
                        targets[(int) labels[from]] = 1;
                        elements.add(classes(classes, probabilities, targets));
                    }
                }
            }
            default -> {
                for (int i = 0; i < lines * width; i++) {
                    float y = labels[labelAt + (loss instanceof Quantile ? i / width : i)];
                    elements.add(new Element(element(p[at + i], y, i % width), 1));
                }
            }
        }
        return elements;
    }

    private double element(double p, double y, int column) {
        return switch (loss) {
            case BinaryCrossEntropy(List<Double> weights) -> {
                double weight = weights.isEmpty() ? 1 : weights.get(weights.size() == 1 ? 0 : column);
                double happened = y == 0 ? 0 : weight * y * Math.log(p);
                yield -happened - (y == 1 ? 0 : (1 - y) * Math.log(1 - p));
            }
            case MeanSquaredError() -> (p - y) * (p - y);
            case MeanAbsoluteError() -> Math.abs(p - y);
            case Huber(double delta) ->
                Math.abs(p - y) <= delta ? (p - y) * (p - y) / 2 : delta * (Math.abs(p - y) - delta / 2);
            case Hinge() -> Math.max(0, 1 - p * y);
            case Poisson(boolean logInput, double epsilon) -> p - y * Math.log(p + (logInput ? 0 : epsilon));
            case Quantile(List<Double> quantiles) ->
                y >= p ? quantiles.get(column) * (y - p) : (1 - quantiles.get(column)) * (p - y);
            case CategoricalCrossEntropy classes -> throw new IllegalStateException();
            case Ctc ctc -> throw new IllegalStateException();
            // Its weights are constants to the gradient, so it is held against a definition of its own.
            case FakeNegativeWeighted weighted -> throw new IllegalStateException();
        };
    }

    private static Element classes(CategoricalCrossEntropy loss, double[] probabilities, float[] targets) {
        double sum = 0;
        double weight = 0;
        int classes = targets.length;
        for (int k = 0; k < classes; k++) {
            double c = loss.classWeights().isEmpty() ? 1 : loss.classWeights().get(k);
            double e = loss.labelSmoothing();
            double target = (1 - e) * targets[k] + e / classes;
            sum -= target == 0 ? 0 : c * target * Math.log(probabilities[k]);
            weight += c * targets[k];
        }
        return new Element(sum, loss.oneHot() ? 1 : weight);
    }

    /// Every path of classes through the lines, one after another.
    private Element ctc(Ctc ctc, double[] p, float[] labels) {
        int length = (int) labels[ctc.labelsMax()];
        int steps = (int) labels[ctc.labelsMax() + 1];
        List<Integer> want = new ArrayList<>();
        for (int i = 0; i < length; i++) {
            want.add((int) labels[i]);
        }
        double probability = 0;
        for (long path = 0; path < Math.round(Math.pow(width, steps)); path++) {
            List<Integer> spelled = new ArrayList<>();
            double product = 1;
            int before = ctc.blank();
            long rest = path;
            for (int t = 0; t < steps; t++) {
                int k = (int) (rest % width);
                rest /= width;
                product *= p[t * width + k];
                if (k != ctc.blank() && k != before) {
                    spelled.add(k);
                }
                before = k;
            }
            if (spelled.equals(want)) {
                probability += product;
            }
        }
        double weight = ctc.perLabel() ? 1.0 / Math.max(1, length) : 1;
        boolean impossible = probability == 0 && ctc.zeroInfinity();
        return new Element(impossible ? 0 : -weight * Math.log(probability), weight);
    }

    /// What `Link` makes of a line's or more lines' outputs.
    public static double[] predict(Link link, double[] z, int width) {
        double[] p = z.clone();
        for (int at = 0; at < z.length; at += width) {
            double sum = 0;
            double max = Arrays.stream(z, at, at + width).max().orElseThrow();
            for (int k = at; k < at + width; k++) {
                p[k] = switch (link) {
                    case IDENTITY -> z[k];
                    case LOG -> Math.exp(z[k]);
                    case LOGIT -> 1 / (1 + Math.exp(-z[k]));
                    case MULTINOMIAL_LOGIT -> Math.exp(z[k] - max);
                };
                sum += p[k];
            }
            for (int k = at; k < at + width && link == Link.MULTINOMIAL_LOGIT; k++) {
                p[k] /= sum;
            }
        }
        return p;
    }
}
