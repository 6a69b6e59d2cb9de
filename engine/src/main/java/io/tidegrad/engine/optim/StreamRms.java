package io.tidegrad.engine.optim;

import io.tidegrad.engine.kernel.OptimizerStep;
import java.util.List;

/// RMSprop for streams that have no end: its rate falls to a floor instead of 0, and weights are pulled back to where
/// they started, so that a network stays able to learn something new. With update t of the layer, v the running mean of
/// g² and d = w - w₀:
///
/// r = max(floor, rate / sqrt(1 + (t - 1) / decay)); v̂ = v / (1 - alpha^t); w -= r g / (sqrt(v̂) + epsilon) + r pull d.
///
/// This is Adam with beta1 = 0 (Kingma & Ba 2015) and the penalty on the distance to the initial weights of Kumar,
/// Marklund & Van Roy 2023, "Maintaining plasticity via regenerative regularization", taken out of the gradient as AdamW
/// does with its decay. State per weight: v, d; d is the sum of the moves, so the initial weights need not be kept.
///
/// @param rate of the first update
/// @param floor the least rate; a schedule, a layer's factor and a multiplier apply to both
/// @param decay updates after which the rate has fallen to 1 / sqrt(2)
/// @param alpha decay factor of v
/// @param pull how strongly weights are pulled back, relative to the rate; 0 for not at all
public record StreamRms(double rate, double floor, double decay, double alpha, double epsilon,
        double pull) implements Optimizer {
    private static final List<String> STATE = List.of("exp_avg_sq", "moved");

    public StreamRms {
        Require.atLeastZero("stream-rms", "a rate", rate);
        Require.atLeastZero("stream-rms", "a floor", floor);
        Require.aboveZero("stream-rms", "a decay", decay);
        Require.fraction("stream-rms", "alpha", alpha);
        // With epsilon 0, a weight whose gradient has always been 0 would get 0 / 0.
        Require.aboveZero("stream-rms", "an epsilon", epsilon);
        Require.atLeastZero("stream-rms", "a pull", pull);
    }

    /// With the decay, alpha and epsilon that were found on 13 streams.
    public static StreamRms of(double rate, double floor, double pull) {
        return new StreamRms(rate, floor, 100, 0.999, 1e-8, pull);
    }

    @Override
    public List<String> stateNames() {
        return STATE;
    }

    @Override
    public StreamRms withRate(double rate) {
        return new StreamRms(rate, this.rate == 0 ? floor : floor * rate / this.rate, decay, alpha, epsilon, pull);
    }

    @Override
    public void prepare(long t, OptimizerStep step) {
        step.kind = OptimizerStep.Kind.STREAM_RMS;
        step.beta2 = (float) alpha;
        step.oneMinusBeta2 = (float) (1 - alpha);
        step.epsilon = (float) epsilon;
        step.varianceCorrection = Power.isLostIn1(alpha, t) ? 1 : (float) (1 / (1 - Power.of(alpha, t)));
    }

    @Override
    public double rateAt(long t, double scheduled) {
        double falling = scheduled / Math.sqrt(1 + (t - 1) / decay);
        return rate == 0 ? falling : Math.max(floor * (scheduled / rate), falling);
    }

    @Override
    public void setRate(double rate, OptimizerStep step) {
        step.rate = (float) rate;
        step.pull = (float) (rate * pull);
    }
}
