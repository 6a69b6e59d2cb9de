package io.tidegrad.engine.layer;

/// How weights are drawn; biases start at 0.
public enum Initialization {
    /// Uniform within ±sqrt(6 / inputs). He et al. 2015, for relu.
    HE_UNIFORM,
    /// Normal with deviation sqrt(2 / inputs). He et al. 2015, for relu.
    HE_NORMAL,
    /// Uniform within ±sqrt(6 / (inputs + outputs)). Glorot & Bengio 2010.
    XAVIER_UNIFORM,
    /// Normal with deviation sqrt(2 / (inputs + outputs)). Glorot & Bengio 2010.
    XAVIER_NORMAL
}
