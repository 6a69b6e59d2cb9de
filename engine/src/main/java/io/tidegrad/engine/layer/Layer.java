package io.tidegrad.engine.layer;

/// A node of the network: a tree of sequences and composites (`Concat`), never a free graph. One record a layer: formula,
/// forward and backward in one file.
public sealed interface Layer
        permits Sequence,
                Concat,
                Numbers,
                Embedding,
                Standardise,
                Dense,
                Relu,
                Sigmoid,
                Tanh,
                Softmax {}
