package io.tidegrad.replay.backtest;

import org.jspecify.annotations.Nullable;

/// How learning stands after a number of examples that is a power of two, and after the last one.
///
/// @param loss mean since the start; `Headline` says of what
/// @param lossSinceLast mean since the row before; NaN if that was nothing
/// @param example how many were learned
/// @param weight sum of their weights
/// @param label of the example; NaN for a list
/// @param prediction of the example, before it was learned: a probability of yes, the likeliest class, or a value; NaN for
///     a list
/// @param labelName the name of that class; null for what is no class, or one without a name
/// @param predictionName likewise; null as well for a class that had not been learned by then
/// @param features numbers and ids of the example's row
public record ProgressRow(double loss, double lossSinceLast, long example, double weight, double label,
        double prediction, @Nullable String labelName, @Nullable String predictionName, int features) {
}
