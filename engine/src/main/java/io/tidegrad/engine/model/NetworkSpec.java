package io.tidegrad.engine.model;

import io.tidegrad.engine.layer.Layer;
import io.tidegrad.engine.loss.Loss;
import io.tidegrad.engine.loss.Reduction;
import io.tidegrad.engine.optim.Clipping;
import io.tidegrad.engine.optim.Optimizer;
import io.tidegrad.engine.optim.Regularization;
import io.tidegrad.engine.optim.Schedule;

/// Describes what is learned and how; it holds no weights. A `Plan` is derived from it. A step computes forward, loss
/// and gradients; then clips; then adds the regularization's gradient; then applies the optimizer at the scheduled
/// rate.
///
/// @param row what one row holds
/// @param network a tree of layers that reads the row and ends in the predictions. A last `Sigmoid` or `Softmax` is
///     fused with its cross-entropy; if it is left out, the loss applies it, so predictions are probabilities either
///     way
/// @param reduction how the losses of a batch's rows become one loss
/// @param seed seed of all random numbers (initialisation, dropout), which are pure functions of (seed, purpose, step,
///     index)
public record NetworkSpec(RowShape row, Layer network, Loss loss, Reduction reduction, Optimizer optimizer,
        Schedule schedule, Clipping clipping, Regularization regularization, long seed) {

    public NetworkSpec {
        if (optimizer.hasFixedRate() && !(schedule instanceof Schedule.Constant)) {
            throw new IllegalArgumentException("schedule: expected none, for " + optimizer.getClass().getSimpleName()
                    + " has one rate for all updates; found " + schedule);
        }
    }

    /// A spec with the batch's mean loss and a constant rate.
    public NetworkSpec(RowShape row, Layer network, Loss loss, Optimizer optimizer, Clipping clipping,
            Regularization regularization, long seed) {
        this(row, network, loss, Reduction.MEAN, optimizer, Schedule.CONSTANT, clipping, regularization, seed);
    }

    /// A spec without schedule, clipping and regularization.
    public NetworkSpec(RowShape row, Layer network, Loss loss, Optimizer optimizer, long seed) {
        this(row, network, loss, optimizer, new Clipping.None(), Regularization.NONE, seed);
    }

    /// The same spec, at a constant rate, with another network that reads the same rows.
    NetworkSpec withNetwork(Layer other) {
        return new NetworkSpec(row, other, loss, reduction, optimizer, Schedule.CONSTANT, clipping, regularization,
                seed);
    }
}
