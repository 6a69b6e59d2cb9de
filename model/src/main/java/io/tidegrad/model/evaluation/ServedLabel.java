package io.tidegrad.model.evaluation;

import io.tidegrad.model.stream.Served;

/// What an example says of a prediction of this model that was served: its label, and, where the example is a correction,
/// the label that it had before.
///
/// @param label NaN if it has none any more, or one that the model can't read, or one of which the model has to say
///     which class it is
/// @param oldLabel NaN if it had none, or one that the model can't read
/// @param weight of the example
public record ServedLabel(Served served, float label, float oldLabel, double weight) {
}
