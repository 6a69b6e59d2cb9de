package io.tidegrad.engine.layer;

/// `Mixture` of members that predict a number, in deviations of the label from its mean.
///
/// State: t, w by member, then the label's mean and variance, and ē.
final class MixtureOfNumbers extends MixedPass {
    private static final int W_AT = 1;
    private static final double ERROR_MAX = 3;
    private static final double ERRORS_MAX = 20;
    private static final double FORGET = 1e-5;
    private static final double FORGET_ERROR = 1e-3;
    private static final double HELD_WITHIN = 20;

    private final int count; // of members
    private final int labelAt;

    MixtureOfNumbers(Branch[] members, int statistics, int inputLines, Activation input, Activation output,
            long weights) {
        super(members, statistics, inputLines, input, output, weights);
        count = members.length;
        labelAt = W_AT + count;
    }

    static int state(int count) {
        return W_AT + count + 3;
    }

    static MemberShares shares(int statistics, int count, String path) {
        return new MemberShares(statistics, W_AT, count, false, path);
    }

    private double deviation(double[] state) {
        return Math.sqrt(state[labelAt + 1]);
    }

    /// μ + s Σ w p
    @Override
    void mix(Step step, double[] state, Block y) {
        double deviation = deviation(state);
        for (int row = 0; row < step.rows; row++) {
            double sum = 0;
            for (int m = 0; m < count; m++) {
                Block z = values(m);
                sum += weight(state, W_AT, m, count) * z.values[z.row(row)];
            }
            y.values[y.row(row)] = (float) (state[labelAt] + deviation * sum);
        }
    }

    /// The label in deviations from its mean; 0 while there is no deviation.
    private double standard(double[] state, float label) {
        double deviation = deviation(state);
        return deviation > 0 ? (label - state[labelAt]) / deviation : 0;
    }

    /// ω (p - y), held within ±3 ω; 0 while the label has no deviation.
    @Override
    void slope(Step step, int member, Block z, Block dz) {
        double[] state = state(step);
        for (int row = 0; row < step.rows; row++) {
            double error = z.values[z.row(row)] - standard(state, step.labels[row * step.labelsPerRow]);
            double held = deviation(state) > 0 ? Math.clamp(error, -ERROR_MAX, ERROR_MAX) : 0;
            dz.values[dz.row(row)] = (float) (step.sampleWeights[row] * held);
        }
    }

    @Override
    void learn(Step step, double[] state, int row, float label, double importance) {
        begin(state, W_AT, count);
        double t = ++state[0];
        if (deviation(state) > 0) {
            weigh(step, state, row, standard(state, label), importance, t);
        }
        double weight = Math.max(1 / t, FORGET);
        double y = label;
        if (state[labelAt + 1] > 0) {
            double reach = HELD_WITHIN * deviation(state);
            y = Math.clamp(y, state[labelAt] - reach, state[labelAt] + reach);
        }
        double e = y - state[labelAt];
        state[labelAt] += weight * e;
        state[labelAt + 1] = (1 - weight) * (state[labelAt + 1] + weight * e * e);
    }

    private void weigh(Step step, double[] state, int row, double label, double importance, double t) {
        double least = Double.MAX_VALUE;
        for (int m = 0; m < count; m++) {
            least = Math.min(least, error(step, m, row, label));
        }
        double usual = state[labelAt + 2];
        if (usual > 0) {
            for (int m = 0; m < count; m++) {
                double errors = Math.min(error(step, m, row, label) / usual, ERRORS_MAX);
                state[W_AT + m] *= exp(-importance * SHARPNESS * errors);
            }
            share(state, W_AT, count);
        }
        state[labelAt + 2] += Math.max(1 / t, FORGET_ERROR) * (least - usual);
    }

    private double error(Step step, int member, int row, double label) {
        Block z = values(member);
        float given = isServed(step, row) ? step.memberOutputs[row * step.memberOutputsPerRow + member]
                : z.values[z.row(row)];
        return Math.abs(given - label);
    }
}
