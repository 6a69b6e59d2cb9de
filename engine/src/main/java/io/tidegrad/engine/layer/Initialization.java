package io.tidegrad.engine.layer;

import io.tidegrad.engine.random.CounterRandom;

/// The distribution that initial weights are drawn from; biases start at 0.
public enum Initialization {
    /// Uniform within ±sqrt(6 / inputs). He et al. 2015, for relu.
    HE_UNIFORM,
    /// Normal with deviation sqrt(2 / inputs). He et al. 2015, for relu.
    HE_NORMAL,
    /// Uniform within ±sqrt(6 / (inputs + outputs)). Glorot & Bengio 2010.
    XAVIER_UNIFORM,
    /// Normal with deviation sqrt(2 / (inputs + outputs)). Glorot & Bengio 2010.
    XAVIER_NORMAL;

    private static final long BEFORE_THE_FIRST_STEP = 0;

    public boolean isNormal() {
        return this == HE_NORMAL || this == XAVIER_NORMAL;
    }

    /// The bound of a uniform scheme, the deviation of a normal one.
    public float scale(int inputs, int outputs) {
        double fans = switch (this) {
            case HE_UNIFORM, HE_NORMAL -> inputs;
            case XAVIER_UNIFORM, XAVIER_NORMAL -> (double) inputs + outputs;
        };
        return (float) Math.sqrt((isNormal() ? 2 : 6) / fans);
    }

    /// Draws weight number `index` of a tensor with this `scale`; a pure function of its arguments.
    ///
    /// @param tensor the tensor's place in the plan
    public float draw(long seed, int tensor, long index, float scale) {
        return isNormal() ? scale * CounterRandom.normal(seed, tensor, BEFORE_THE_FIRST_STEP, index)
                : uniform(seed, tensor, index, scale);
    }

    /// Draws uniformly within ±bound.
    public static float uniform(long seed, int tensor, long index, float bound) {
        return bound * (2 * CounterRandom.uniform(seed, tensor, BEFORE_THE_FIRST_STEP, index) - 1);
    }
}
