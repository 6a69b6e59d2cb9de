package io.tidegrad.engine.loss;

/// -ln p[y], from logits; one label float: the class index, or (`oneHot`) one float a class.
public record CategoricalCrossEntropy(boolean oneHot) implements Loss {}
