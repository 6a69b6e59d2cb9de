package io.tidegrad.engine.loss;

import io.tidegrad.engine.kernel.ScalarMath;
import java.util.Arrays;

/// With the weighted targets a_k = c_k t_k, a line's loss is -Σ_k a_k ln p_k.
final class CategoricalCrossEntropyPass implements LossPass {
    private final boolean oneHot;
    private final boolean fromLogits;
    private final boolean smooths;
    private final int lines;
    private final int classes;
    private final float kept; // 1 - e
    private final float share; // e / K
    private final float ignored; // NaN for none
    // For labels that are class indices, (classes):
    private final double[] weights; // c
    private final float[] others; // a_k of a class that is not the label
    private final float[] happened; // a_k of the one that is
    private final float[] totals; // Σ_j a_j where k is the label

    CategoricalCrossEntropyPass(CategoricalCrossEntropy loss, int lines, int classes) {
        oneHot = loss.oneHot();
        fromLogits = loss.fromLogits();
        smooths = loss.labelSmoothing() > 0;
        this.lines = lines;
        this.classes = classes;
        kept = (float) (1 - loss.labelSmoothing());
        share = (float) (loss.labelSmoothing() / classes);
        ignored = loss.ignoreIndex() == null ? Float.NaN : loss.ignoreIndex();
        weights = new double[classes];
        others = new float[classes];
        happened = new float[classes];
        totals = new float[classes];
        double sum = 0;
        for (int k = 0; k < classes; k++) {
            weights[k] = loss.classWeights().isEmpty() ? 1 : loss.classWeights().get(k);
            sum += weights[k];
        }
        double e = loss.labelSmoothing();
        for (int k = 0; k < classes; k++) {
            others[k] = (float) (weights[k] * e / classes);
            happened[k] = (float) (weights[k] * (1 - e + e / classes));
            totals[k] = (float) (weights[k] * (1 - e) + sum * e / classes);
        }
    }

    @Override
    public void losses(int rows, float[] y, int at, int stride, float[] labels, RowLosses to) {
        for (int row = 0; row < rows; row++) {
            double sum = 0;
            double weight = 0;
            int count = 0;
            for (int line = row * lines; line < (row + 1) * lines; line++) {
                int lineAt = at + line * stride;
                if (oneHot) {
                    sum += ofProbabilities(y, lineAt, labels, line * classes);
                    weight++;
                    count++;
                } else if (labels[line] != ignored) {
                    float label = labels[line];
                    int k = (int) label;
                    boolean isClass = k == label && k >= 0 && k < classes;
                    sum += isClass ? ofClass(y, lineAt, k) : Double.NaN;
                    weight += isClass ? weights[k] : 1;
                    count++;
                }
            }
            to.set(row, count == 0 ? 0 : sum / weight, weight, count);
        }
    }

    /// -ln p_k from the network's output z_k for class k and the line's normaliser.
    private double surprise(float z, double normaliser) {
        return fromLogits ? normaliser - z : -ScalarMath.log(z);
    }

    private double normaliser(float[] y, int at) {
        return fromLogits ? LossPass.logSumExp(y, at, classes) : 0;
    }

    private double ofProbabilities(float[] y, int at, float[] labels, int labelAt) {
        double normaliser = normaliser(y, at);
        double sum = 0;
        for (int k = 0; k < classes; k++) {
            float target = kept * labels[labelAt + k] + share;
            // A class with target 0 adds nothing, even if its logit is minus infinity.
            if (target != 0) {
                sum += target * surprise(y[at + k], normaliser);
            }
        }
        return sum;
    }

    private double ofClass(float[] y, int at, int label) {
        double normaliser = normaliser(y, at);
        if (!smooths) {
            return happened[label] * surprise(y[at + label], normaliser);
        }
        double sum = 0;
        for (int k = 0; k < classes; k++) {
            sum += (k == label ? happened[k] : others[k]) * surprise(y[at + k], normaliser);
        }
        return sum;
    }

    /// From logits dz_k = w (p_k Σ_j a_j - a_k); from probabilities dp_k = -w a_k / p_k.
    @Override
    public void gradient(int rows, float[] predictions, float[] labels, float[] sampleWeights, float[] dy, int dyAt,
            int dyStride) {
        for (int line = 0; line < rows * lines; line++) {
            float weight = sampleWeights[line / lines];
            int to = dyAt + line * dyStride;
            int from = line * classes;
            if (oneHot) {
                float total = 0;
                for (int k = 0; k < classes; k++) {
                    total += kept * labels[from + k] + share;
                }
                for (int k = 0; k < classes; k++) {
                    float target = kept * labels[from + k] + share;
                    dy[to + k] = weight * slope(predictions[from + k], total, target);
                }
            } else if (labels[line] == ignored) {
                Arrays.fill(dy, to, to + classes, 0);
            } else {
                int label = (int) labels[line];
                float total = totals[label];
                for (int k = 0; k < classes; k++) {
                    dy[to + k] = weight * slope(predictions[from + k], total, others[k]);
                }
                dy[to + label] = weight * slope(predictions[from + label], total, happened[label]);
            }
        }
    }

    private float slope(float p, float total, float target) {
        if (fromLogits) {
            return p * total - target;
        }
        return target == 0 ? 0 : -target / p;
    }
}
