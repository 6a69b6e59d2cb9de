package io.tidegrad.engine.layer;

import java.util.List;

/// A node of the network: a tree of sequences and composites (`Concat`), never a free graph. One record a layer, pure
/// description; formula, forward and backward stand in its file, as neighbours.
///
/// A layer lives in three stages: the record says what it is; `plan` checks the shapes and declares the tensors, once a
/// model; the `Pass` that the plan binds to a workspace does the arithmetic, once a thread.
public sealed interface Layer permits Sequence, Concat, Identity, Rate, Numbers, Embedding, EmbeddingBag, Bias,
        Standardise, Reshape, Flatten, Transpose, Conv1d, Conv2d, MaxPool2d, AveragePool2d, GlobalAveragePool2d, Dense,
        Recurrent, Relu, LeakyRelu, Elu, Gelu, Silu, Softplus, Sigmoid, Tanh, Softmax, LayerNorm, RmsNorm, BatchNorm,
        Dropout, Residual, SelfAttention {

    /// Checks that `input` fits, declares this layer's tensors and says what comes out. No float is allocated.
    ///
    /// @throws ShapeException naming the layer, what it expects and what it found
    Planned plan(Planner planner, Shape input);

    /// The layers that this one holds, in the order of the tree.
    default List<Layer> layers() {
        return List.of();
    }

    /// The place in the tree of the layer number `index` inside this one, which stands at `path`; `Planner` writes it
    /// before the names of tensors.
    default String place(String path, int index) {
        return path.isEmpty() ? "" + index : path + "." + index;
    }

    /// The same layer around others, as many as it holds.
    default Layer withLayers(List<Layer> layers) {
        return this;
    }
}
