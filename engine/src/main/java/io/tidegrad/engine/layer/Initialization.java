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
    XAVIER_NORMAL,
    /// Normal with deviation 0.1 / sqrt(inputs), for a last layer that should say little at first.
    SMALL_NORMAL,
    /// All 0: for a layer without a hidden one before or behind it, whose outputs need not be told apart.
    ZERO;

    public boolean isNormal() {
        return this == HE_NORMAL || this == XAVIER_NORMAL || this == SMALL_NORMAL;
    }

    /// The bound of a uniform scheme, the deviation of a normal one.
    public float scale(int inputs, int outputs) {
        return (float) switch (this) {
            case HE_UNIFORM -> Math.sqrt(6.0 / inputs);
            case HE_NORMAL -> Math.sqrt(2.0 / inputs);
            case XAVIER_UNIFORM -> Math.sqrt(6 / ((double) inputs + outputs));
            case XAVIER_NORMAL -> Math.sqrt(2 / ((double) inputs + outputs));
            case SMALL_NORMAL -> 0.1 / Math.sqrt(inputs);
            case ZERO -> 0;
        };
    }

    /// Draws weight number `index` of a tensor with this `scale`; a pure function of its arguments.
    ///
    /// @param tensor the tensor's place in the plan
    /// @param draw 0 before the first step, then the number of times that the tensor was drawn again
    public float draw(long seed, int tensor, long draw, long index, float scale) {
        return isNormal() ? scale * CounterRandom.normal(seed, tensor, draw, index)
                : uniform(seed, tensor, draw, index, scale);
    }

    /// Draws uniformly within ±bound; 0, not -0, for a bound of 0.
    public static float uniform(long seed, int tensor, long draw, long index, float bound) {
        return bound == 0 ? 0 : bound * (2 * CounterRandom.uniform(seed, tensor, draw, index) - 1);
    }
}
