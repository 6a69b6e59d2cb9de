package io.tidegrad.engine.loss;

import io.tidegrad.engine.kernel.ScalarMath;
import java.util.Arrays;

/// The forward-backward algorithm of Graves et al. 2006, section 4.1, in logarithms of probabilities.
///
/// A label of S classes is a path through 2S + 1 states: blanks before, between and after. From one line to the next a
/// path stays, advances by one state, or by two if that skips a blank between different classes. α is the logarithm of
/// the probability of all paths into a state, β of all paths from it to the end. γ = Σ e^(α + β - ln P) over a class's
/// states is the probability that this line has the class, and dz = p - γ.
final class CtcPass implements LossPass {
    private final Ctc loss;
    private final int lines;
    private final int classes;
    private final int labels; // of a row
    private final float[] posteriors; // (maxRows, lines, classes): γ
    private final boolean[] impossible; // (maxRows)
    private final int[] classOf; // (2 labelsMax + 1): of each state of the row at hand
    private final double[] normalisers; // (lines): ln Σ_k e^z_k
    private final double[] alphas; // (lines, states)
    private double[] betas; // (states): of the next line
    private double[] spare; // (states): of the line at hand

    CtcPass(Ctc loss, int maxRows, int lines, int classes) {
        this.loss = loss;
        this.lines = lines;
        this.classes = classes;
        labels = loss.labels(lines, classes);
        int statesMax = 2 * loss.labelsMax() + 1;
        posteriors = new float[Math.multiplyExact(maxRows, Math.multiplyExact(lines, classes))];
        impossible = new boolean[maxRows];
        classOf = new int[statesMax];
        normalisers = new double[lines];
        alphas = new double[Math.multiplyExact(lines, statesMax)];
        betas = new double[statesMax];
        spare = new double[statesMax];
    }

    @Override
    public void losses(int rows, float[] y, int at, int stride, float[] labelsOfRows, RowLosses to) {
        for (int row = 0; row < rows; row++) {
            int labelAt = row * labels;
            float length = labelsOfRows[labelAt + loss.labelsMax()];
            float steps = labelsOfRows[labelAt + loss.labelsMax() + 1];
            int from = row * lines * classes;
            Arrays.fill(posteriors, from, from + lines * classes, 0);
            impossible[row] = false;
            double l = Double.NaN;
            if (isCount(length, loss.labelsMax()) && isCount(steps, lines)
                    && setStates(labelsOfRows, labelAt, (int) length)) {
                int first = at + row * lines * stride;
                l = loss((int) steps, 2 * (int) length + 1, y, first, stride, from);
            }
            if (l == Double.POSITIVE_INFINITY && loss.zeroInfinity()) {
                impossible[row] = true;
                l = 0;
            }
            to.set(row, l, loss.perLabel() ? 1 / (double) Math.max(1, length) : 1, 1);
        }
    }

    private static boolean isCount(float count, int max) {
        return count >= 0 && count <= max && count == (int) count;
    }

    /// Sets the states of a label. Returns false if an index is no class or is the blank.
    private boolean setStates(float[] labelsOfRows, int at, int length) {
        classOf[0] = loss.blank();
        for (int i = 0; i < length; i++) {
            float label = labelsOfRows[at + i];
            if (!isCount(label, classes - 1) || label == loss.blank()) {
                return false;
            }
            classOf[2 * i + 1] = (int) label;
            classOf[2 * i + 2] = loss.blank();
        }
        return true;
    }

    /// Returns -ln P of one row and writes its posteriors, starting at `posteriorAt`.
    private double loss(int steps, int states, float[] y, int at, int stride, int posteriorAt) {
        if (steps == 0) {
            return states == 1 ? 0 : Double.POSITIVE_INFINITY;
        }
        for (int t = 0; t < steps; t++) {
            normalisers[t] = LossPass.logSumExp(y, at + t * stride, classes);
        }
        for (int t = 0; t < steps; t++) {
            int now = t * states;
            for (int s = 0; s < states; s++) {
                double ways;
                if (t == 0) {
                    ways = s < 2 ? 0 : Double.NEGATIVE_INFINITY;
                } else {
                    int before = now - states;
                    ways = logSum(alphas[before + s], s > 0 ? alphas[before + s - 1] : Double.NEGATIVE_INFINITY,
                            skips(s) ? alphas[before + s - 2] : Double.NEGATIVE_INFINITY);
                }
                alphas[now + s] = ways + emission(t, s, y, at + t * stride);
            }
        }
        int last = (steps - 1) * states + states - 1;
        double logP = logSum(alphas[last], states > 1 ? alphas[last - 1] : Double.NEGATIVE_INFINITY,
                Double.NEGATIVE_INFINITY);
        if (Double.isFinite(logP)) {
            setPosteriors(logP, steps, states, y, at, stride, posteriorAt);
        }
        return -logP;
    }

    /// Whether a path may go from state s - 2 to s: not if that skips the blank between two equal classes.
    private boolean skips(int s) {
        return s > 1 && classOf[s] != loss.blank() && classOf[s] != classOf[s - 2];
    }

    /// ln p of the state's class in line t.
    private double emission(int t, int s, float[] y, int lineAt) {
        return y[lineAt + classOf[s]] - normalisers[t];
    }

    private void setPosteriors(double logP, int steps, int states, float[] y, int at, int stride, int posteriorAt) {
        for (int t = steps - 1; t >= 0; t--) {
            int next = at + (t + 1) * stride;
            for (int s = 0; s < states; s++) {
                double ways;
                if (t == steps - 1) {
                    ways = s >= states - 2 ? 0 : Double.NEGATIVE_INFINITY;
                } else {
                    boolean skipped = s + 2 < states && skips(s + 2);
                    ways = logSum(betas[s] + emission(t + 1, s, y, next),
                            s + 1 < states ? betas[s + 1] + emission(t + 1, s + 1, y, next) : Double.NEGATIVE_INFINITY,
                            skipped ? betas[s + 2] + emission(t + 1, s + 2, y, next) : Double.NEGATIVE_INFINITY);
                }
                spare[s] = ways;
                posteriors[posteriorAt + t * classes + classOf[s]] +=
                        ScalarMath.exp((float) (alphas[t * states + s] + ways - logP));
            }
            double[] done = betas;
            betas = spare;
            spare = done;
        }
    }

    /// ln (e^a + e^b + e^c): the largest, in double, plus what the others add, in float precision.
    private static double logSum(double a, double b, double c) {
        double max = Math.max(a, Math.max(b, c));
        if (max == Double.NEGATIVE_INFINITY) {
            return max;
        }
        float sum = ScalarMath.exp((float) (a - max)) + ScalarMath.exp((float) (b - max))
                + ScalarMath.exp((float) (c - max));
        return max + ScalarMath.log(sum);
    }

    /// dz = w m (p - γ)
    @Override
    public void gradient(int rows, float[] predictions, float[] labelsOfRows, float[] sampleWeights, float[] dy,
            int dyAt, int dyStride) {
        for (int row = 0; row < rows; row++) {
            float length = labelsOfRows[row * labels + loss.labelsMax()];
            float weight = sampleWeights[row] / (loss.perLabel() ? Math.max(1, length) : 1);
            int steps = (int) labelsOfRows[row * labels + loss.labelsMax() + 1];
            for (int t = 0; t < lines; t++) {
                int from = (row * lines + t) * classes;
                int to = dyAt + (row * lines + t) * dyStride;
                if (t >= steps || impossible[row]) {
                    Arrays.fill(dy, to, to + classes, 0);
                } else {
                    for (int k = 0; k < classes; k++) {
                        dy[to + k] = weight * (predictions[from + k] - posteriors[from + k]);
                    }
                }
            }
        }
    }
}
