package io.tidegrad.engine.layer;

import java.util.List;

/// A node of the network, which is a tree of sequences and composites (`Concat`), not an arbitrary graph. Each layer is
/// a record that only describes it; formula, forward and backward are next to each other in its file.
///
/// A layer has three forms: the record describes it; `plan` checks the shapes and declares the tensors, once per model;
/// the `Pass` that the plan binds to a workspace does the arithmetic, one per thread.
public sealed interface Layer permits Sequence, Concat, Sum, Mixture, Identity, Rate, OwnOptimizer, InputBound, FromRow,
        Numbers, History, Quantiles, Vocabulary, LearnedCross, Embedding, EmbeddingBag, Bias, Standardise, RunningScale,
        Reshape, Flatten, Transpose, Conv1d, Conv2d, MaxPool2d, AveragePool2d, GlobalAveragePool2d, Dense, Recurrent,
        Relu, LeakyRelu, Elu, Gelu, Silu, Softplus, Sigmoid, Tanh, Softmax, LayerNorm, RmsNorm, BatchNorm, Dropout,
        Residual, SelfAttention {

    /// Checks that `input` fits, declares this layer's tensors and determines the output's shape. Allocates no floats.
    ///
    /// @throws ShapeException `input` doesn't fit; the message names the layer, the shape expected and the shape found
    Planned plan(Planner planner, Shape input);

    /// The layers inside this one, in tree order.
    default List<Layer> layers() {
        return List.of();
    }

    /// The place in the tree of inner layer number `index`, where this layer is at `path`. `Planner` prefixes tensor
    /// names with it.
    default String place(String path, int index) {
        return path.isEmpty() ? "" + index : path + "." + index;
    }

    /// The same layer with other inner layers, of the same number.
    default Layer withLayers(List<Layer> layers) {
        return this;
    }
}
