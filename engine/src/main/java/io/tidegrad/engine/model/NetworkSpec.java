package io.tidegrad.engine.model;

import io.tidegrad.engine.layer.Layer;
import io.tidegrad.engine.loss.Loss;
import io.tidegrad.engine.loss.Reduction;
import io.tidegrad.engine.optim.Clipping;
import io.tidegrad.engine.optim.Optimizer;
import io.tidegrad.engine.optim.Regularization;
import io.tidegrad.engine.optim.Schedule;

/// What to learn, without a single float: pure description. A `Plan` is derived from it. A step is forward, loss,
/// gradients; then clipping; then regularization; then the optimizer at the scheduled rate.
///
/// @param row what one row holds
/// @param network a tree of layers; reads the row, ends in the loss's predictions. A last `Sigmoid` or `Softmax` before
///     its cross-entropy is fused with it; without one the loss applies it; predictions are always probabilities
/// @param reduction what a batch makes of its rows' losses
/// @param seed of everything random (initialisation, dropout): counter-based, a pure function of (seed, purpose, step,
///     index)
public record NetworkSpec(RowShape row, Layer network, Loss loss, Reduction reduction, Optimizer optimizer,
        Schedule schedule, Clipping clipping, Regularization regularization, long seed) {

    public NetworkSpec {
        if (optimizer.hasFixedRate() && !(schedule instanceof Schedule.Constant)) {
            throw new IllegalArgumentException("schedule: expected none, for " + optimizer.getClass().getSimpleName()
                    + " has one rate for all updates; found " + schedule);
        }
    }

    /// Of the batch's mean loss, at the optimizer's base rate.
    public NetworkSpec(RowShape row, Layer network, Loss loss, Optimizer optimizer, Clipping clipping,
            Regularization regularization, long seed) {
        this(row, network, loss, Reduction.MEAN, optimizer, Schedule.CONSTANT, clipping, regularization, seed);
    }

    /// Neither scheduled nor clipped nor regularized.
    public NetworkSpec(RowShape row, Layer network, Loss loss, Optimizer optimizer, long seed) {
        this(row, network, loss, optimizer, new Clipping.None(), Regularization.NONE, seed);
    }

    /// The same steps, all at the base rate, for another network that reads the same rows.
    NetworkSpec withNetwork(Layer other) {
        return new NetworkSpec(row, other, loss, reduction, optimizer, Schedule.CONSTANT, clipping, regularization,
                seed);
    }
}
