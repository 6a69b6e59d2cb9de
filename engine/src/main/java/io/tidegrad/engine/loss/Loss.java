package io.tidegrad.engine.loss;

/// Compares predictions with labels; gradients are of the mean over the batch.
public sealed interface Loss
        permits BinaryCrossEntropy, CategoricalCrossEntropy, MeanSquaredError {}
