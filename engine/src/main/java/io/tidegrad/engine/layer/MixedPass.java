package io.tidegrad.engine.layer;

import io.tidegrad.engine.kernel.ScalarMath;

/// What the two kinds of `Mixture` share: members run forward in their order, are mixed, get slopes of their own, and then
/// the mixture's weights learn, row by row.
abstract sealed class MixedPass implements Pass permits MixtureOfClasses, MixtureOfNumbers {
    /// The exponent of what a member's weight is multiplied by.
    static final double SHARPNESS = 0.3;

    private static final double SHARE = 0.001;

    final Branch[] members;
    private final int statistics;
    private final int inputLines;
    private final Activation input;
    private final Activation output;
    private final long weights;

    // Made once: a step allocates nothing.
    private final Step.Work forwardShare = this::forwardShare;
    private final Step.Work backwardShare = this::backwardShare;

    /// @param weights that a row meets in all members together
    MixedPass(Branch[] members, int statistics, int inputLines, Activation input, Activation output, long weights) {
        this.members = members;
        this.weights = weights;
        this.statistics = statistics;
        this.inputLines = inputLines;
        this.input = input;
        this.output = output;
    }

    @Override
    public final Activation output() {
        return output;
    }

    @Override
    public final void forward(Step step) {
        step.shareLayers(multiplications(step), members.length, forwardShare);
        mix(step, state(step), output.value());
    }

    /// Of forward and backward together, so that both are shared alike or not at all.
    private long multiplications(Step step) {
        return weights * (3L * step.rows + Dense.Bound.UPDATE_MULTIPLICATIONS);
    }

    private void forwardShare(Step step, int share, int shares, int worker) {
        int end = Workers.cut(members.length, share + 1, shares);
        for (int m = Workers.cut(members.length, share, shares); m < end; m++) {
            members[m].pass().forward(step);
        }
    }

    @Override
    public final void backward(Step step) {
        for (int m = 0; m < members.length; m++) {
            Activation z = members[m].pass().output();
            slope(step, m, z.value(), z.requireGradient());
        }
        step.shareLayers(multiplications(step), members.length, backwardShare);
        Branch.sumInputGradients(step.rows * inputLines, members, input.gradient());
        if (step.learnsStatistics) {
            double[] state = state(step);
            for (int row = 0; row < step.rows; row++) {
                if (isServed(step, row)) {
                    asServed(step, state, row);
                }
            }
            for (int row = 0; row < step.rows; row++) {
                learn(step, state, row, step.labels[row * step.labelsPerRow], Math.min(1, step.sampleWeights[row]));
            }
        }
    }

    private void backwardShare(Step step, int share, int shares, int worker) {
        int end = Workers.cut(members.length, share + 1, shares);
        for (int m = Workers.cut(members.length, share, shares); m < end; m++) {
            members[m].pass().backward(step);
        }
    }

    /// Whether it is known what members gave a row when it was predicted.
    static boolean isServed(Step step, int row) {
        return step.memberOutputs.length > 0 && !Float.isNaN(step.memberOutputs[row * step.memberOutputsPerRow]);
    }

    /// Computes the output and keeps what the others need.
    abstract void mix(Step step, double[] state, Block y);

    /// dz of the loss of one member.
    abstract void slope(Step step, int member, Block z, Block dz);

    /// Replaces what `mix` kept of a row by what follows from what members gave it when it was predicted, for `learn`. Called
    /// before the first row is learned, so that equal outputs of members give equal bits.
    void asServed(Step step, double[] state, int row) {}

    /// @param importance the row's weight, at most 1
    abstract void learn(Step step, double[] state, int row, float label, double importance);

    double[] state(Step step) {
        return step.slab.statistics(statistics);
    }

    Block values(int member) {
        return members[member].pass().output().value();
    }

    /// Weight number `i` of `count` that stand at `at`: equal before the first row.
    static double weight(double[] state, int at, int i, int count) {
        return state[0] == 0 ? 1.0 / count : state[at + i];
    }

    /// Writes the equal weights down before the first row changes them.
    static void begin(double[] state, int at, int count) {
        for (int i = at; i < at + count; i++) {
            state[i] = weight(state, at, i - at, count);
        }
    }

    /// w = (1 - share) w / Σ w + share / count
    static void share(double[] state, int at, int count) {
        double sum = 0;
        for (int i = at; i < at + count; i++) {
            sum += state[i];
        }
        for (int i = at; i < at + count; i++) {
            state[i] = (1 - SHARE) * (state[i] / sum) + SHARE / count;
        }
    }

    static double exp(double x) {
        return ScalarMath.exp((float) x);
    }

    static double log(double x) {
        return ScalarMath.log((float) x);
    }
}
