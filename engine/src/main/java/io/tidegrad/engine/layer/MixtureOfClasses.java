package io.tidegrad.engine.layer;

/// `Mixture` of members that predict classes, or yes and no.
///
/// State: t, v by member, w by member and of q, then F, S, V, rows since the last restart, restarts, and the number of
/// updates before the last one.
final class MixtureOfClasses extends MixedPass {
    private static final int V_AT = 1;
    private static final double LEAST = 1e-6;
    private static final double LOG_LEAST = log(LEAST);
    private static final double STACKING_RATE = 5e-3;
    private static final double STACKING_RATE_MIN = 5e-4;
    private static final double STACKING_DECAY = 100;
    private static final double FAST_ROWS = 100;
    private static final double SLOW_ROWS = 2_000;
    private static final double ROWS_OF_VARIANCE = 200;
    private static final double SURE = 5;
    private static final double ROWS_BETWEEN = 300;

    private final int outputs;
    private final int classes;
    private final int restarted;
    private final int count; // of members
    private final int wAt;
    private final int alarmAt;
    private final double[] p; // (maxRows, members, classes)
    private final double[] l; // (maxRows, members, classes), centred
    private final double[] q; // (maxRows, classes)
    private final double[] mixed; // (classes)

    MixtureOfClasses(Branch[] members, int statistics, int inputLines, Activation input, Activation output,
            long weights, int outputs, int restarted, Workspace workspace) {
        super(members, statistics, inputLines, input, output, weights);
        this.outputs = outputs;
        this.restarted = restarted;
        classes = Math.max(2, outputs);
        count = members.length;
        wAt = V_AT + count;
        alarmAt = alarmAt(count);
        p = workspace.doubles(Math.multiplyExact(workspace.maxRows(), Math.multiplyExact(count, classes)));
        l = workspace.doubles(Math.multiplyExact(workspace.maxRows(), Math.multiplyExact(count, classes)));
        q = workspace.doubles(Math.multiplyExact(workspace.maxRows(), classes));
        mixed = workspace.doubles(classes);
    }

    private static int alarmAt(int count) {
        return V_AT + 2 * count + 1;
    }

    static int state(int count) {
        return alarmAt(count) + 6;
    }

    static MemberShares shares(int statistics, int count, String path) {
        return new MemberShares(statistics, V_AT + count, count, true, path);
    }

    static Restart restart(int statistics, int count, int from, int to) {
        return new Restart(statistics, alarmAt(count) + 4, alarmAt(count) + 5, from, to);
    }

    @Override
    void mix(Step step, double[] state, Block y) {
        for (int row = 0; row < step.rows; row++) {
            for (int m = 0; m < count; m++) {
                Block z = values(m);
                predict(row, m, z.values, z.row(row));
            }
            stack(state, row);
            for (int k = 0; k < classes; k++) {
                double sum = weight(state, wAt, count, count + 1) * q[row * classes + k];
                for (int m = 0; m < count; m++) {
                    sum += weight(state, wAt, m, count + 1) * p[at(row, m) + k];
                }
                mixed[k] = log(sum);
            }
            int yAt = y.row(row);
            if (outputs == 1) {
                y.values[yAt] = (float) (mixed[1] - mixed[0]);
            } else {
                for (int k = 0; k < classes; k++) {
                    y.values[yAt + k] = (float) mixed[k];
                }
            }
        }
    }

    private int at(int row, int member) {
        return (row * count + member) * classes;
    }

    /// p = softmax(z), and l from ln p = z - max - ln Σ e^(z - max). A logit z stands for (0, z).
    private void predict(int row, int member, float[] z, int zAt) {
        int at = at(row, member);
        double most = outputs == 1 ? 0 : z[zAt];
        for (int k = 0; k < classes; k++) {
            l[at + k] = outputs > 1 ? z[zAt + k] : k == 0 ? 0 : z[zAt];
            most = Math.max(most, l[at + k]);
        }
        double sum = exponentials(p, at, l, at, most);
        double logSum = log(sum);
        double mean = 0;
        for (int k = 0; k < classes; k++) {
            p[at + k] /= sum;
            l[at + k] = Math.max(LOG_LEAST, l[at + k] - most - logSum);
            mean += l[at + k];
        }
        mean /= classes;
        for (int k = 0; k < classes; k++) {
            l[at + k] -= mean;
        }
    }

    /// Writes e^(x - most) and returns the sum. Of two classes the larger x gives e^0, which is 1.
    private double exponentials(double[] to, int toAt, double[] x, int at, double most) {
        if (classes == 2) {
            int larger = x[at] < x[at + 1] ? 1 : 0;
            double smaller = exp(x[at + 1 - larger] - most);
            to[toAt + larger] = 1;
            to[toAt + 1 - larger] = smaller;
            return smaller + 1;
        }
        double sum = 0;
        for (int k = 0; k < classes; k++) {
            to[toAt + k] = exp(x[at + k] - most);
            sum += to[toAt + k];
        }
        return sum;
    }

    /// q = softmax over k of Σ_m v_m l_mk
    private void stack(double[] state, int row) {
        int qAt = row * classes;
        double most = Double.NEGATIVE_INFINITY;
        for (int k = 0; k < classes; k++) {
            double sum = 0;
            for (int m = 0; m < count; m++) {
                sum += weight(state, V_AT, m, count) * l[at(row, m) + k];
            }
            q[qAt + k] = sum;
            most = Math.max(most, sum);
        }
        double sum = exponentials(q, qAt, q, qAt, most);
        for (int k = 0; k < classes; k++) {
            q[qAt + k] /= sum;
        }
    }

    /// ω (p - y)
    @Override
    void slope(Step step, int member, Block z, Block dz) {
        for (int row = 0; row < step.rows; row++) {
            float label = step.labels[row * step.labelsPerRow];
            int at = at(row, member);
            int dzAt = dz.row(row);
            for (int o = 0; o < outputs; o++) {
                int k = outputs == 1 ? 1 : o;
                dz.values[dzAt + o] = (float) (step.sampleWeights[row] * (p[at + k] - part(label, k)));
            }
        }
    }

    /// How much of the label is class k: of one logit the label is a probability, else a class.
    private double part(float label, int k) {
        if (outputs == 1) {
            return k == 1 ? label : 1 - label;
        }
        return label == k ? 1 : 0;
    }

    private double probability(double[] ofClasses, int at, float label) {
        double sum = 0;
        for (int k = 0; k < classes; k++) {
            sum += part(label, k) * ofClasses[at + k];
        }
        return Math.max(LEAST, sum);
    }

    @Override
    void asServed(Step step, double[] state, int row) {
        for (int m = 0; m < count; m++) {
            predict(row, m, step.memberOutputs, row * step.memberOutputsPerRow + m * outputs);
        }
        stack(state, row);
    }

    @Override
    void learn(Step step, double[] state, int row, float label, double importance) {
        begin(state, V_AT, count);
        begin(state, wAt, count + 1);
        double t = ++state[0];
        if (restarted != Mixture.NONE) {
            watch(step, state, row, label);
        }
        double rate = importance * Math.max(STACKING_RATE_MIN, STACKING_RATE / Math.sqrt(1 + (t - 1) / STACKING_DECAY));
        for (int m = 0; m < count; m++) {
            double slope = 0;
            for (int k = 0; k < classes; k++) {
                slope += (q[row * classes + k] - part(label, k)) * l[at(row, m) + k];
            }
            state[V_AT + m] -= rate * slope;
            state[wAt + m] *= exp(importance * SHARPNESS * log(probability(p, at(row, m), label)));
        }
        state[wAt + count] *= exp(importance * SHARPNESS * log(probability(q, row * classes, label)));
        share(state, wAt, count + 1);
    }

    /// Notices that the others' mixture has become worse, and says that its member starts again.
    private void watch(Step step, double[] state, int row, float label) {
        double sum = 0;
        double weights = 0;
        for (int m = 0; m < count; m++) {
            if (m != restarted) {
                sum += state[wAt + m] * probability(p, at(row, m), label);
                weights += state[wAt + m];
            }
        }
        double loss = -log(Math.max(LEAST, sum / weights));
        double rows = ++state[alarmAt + 3];
        state[alarmAt] += Math.max(1 / rows, 1 / FAST_ROWS) * (loss - state[alarmAt]);
        double e = loss - state[alarmAt + 1];
        double weight = Math.max(1 / rows, 1 / SLOW_ROWS);
        state[alarmAt + 1] += weight * e;
        state[alarmAt + 2] = (1 - weight) * (state[alarmAt + 2] + weight * e * e);
        double rise = state[alarmAt] - state[alarmAt + 1];
        if (rows > ROWS_BETWEEN && rise > SURE * Math.sqrt(state[alarmAt + 2] / ROWS_OF_VARIANCE)) {
            for (int i = 0; i < 4; i++) {
                state[alarmAt + i] = 0;
            }
            state[alarmAt + 4]++;
            state[alarmAt + 5] = step.number + 1;
        }
    }
}
