package io.tidegrad.model.safetensors;

import io.tidegrad.engine.layer.Concat;
import io.tidegrad.engine.layer.Dense;
import io.tidegrad.engine.layer.Embedding;
import io.tidegrad.engine.layer.Flatten;
import io.tidegrad.engine.layer.Identity;
import io.tidegrad.engine.layer.Layer;
import io.tidegrad.engine.layer.Numbers;
import io.tidegrad.engine.layer.Rate;
import io.tidegrad.engine.layer.Relu;
import io.tidegrad.engine.layer.Reshape;
import io.tidegrad.engine.layer.Sequence;
import io.tidegrad.engine.layer.Sigmoid;
import io.tidegrad.engine.layer.Softmax;
import io.tidegrad.engine.layer.Standardise;
import io.tidegrad.engine.layer.Tanh;
import io.tidegrad.engine.layer.Tensor;
import io.tidegrad.engine.layer.Transpose;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.model.safetensors.TorchTensor.Kind;
import java.util.ArrayList;
import java.util.List;

/// A model's tensors as a PyTorch module of the same tree has them: `Sequence` as `Sequential`, `Concat` as a `ModuleList`
/// whose outputs are joined, `Dense` as `Linear`, … In plan order.
final class TorchLayout {
    private final Plan plan;
    private final List<TorchTensor> tensors = new ArrayList<>();

    private TorchLayout(Plan plan) {
        this.plan = plan;
    }

    static List<TorchTensor> of(Plan plan) {
        TorchLayout layout = new TorchLayout(plan);
        layout.add(plan.beforeLoss(), "");
        if (layout.tensors.size() != plan.tensors().size()) {
            throw new IllegalStateException(
                    "expected PyTorch's names of "
                            + plan.tensors().stream().map(Tensor::name).toList()
                            + ", found "
                            + layout.tensors);
        }
        return List.copyOf(layout.tensors);
    }

    private void add(Layer layer, String path) {
        switch (layer) {
            case Sequence sequence -> addInner(layer, path);
            case Concat concat -> addInner(layer, path);
            case Rate rate -> addInner(layer, path);
            // PyTorch: (outputs, inputs).
            case Dense dense -> {
                add(path, "weight", axes(path, "weight"), List.of(1, 0));
                if (dense.bias()) {
                    addVector(path, "bias");
                }
            }
            case Embedding embedding -> addAsItIs(path, "weight");
            case Standardise standardise -> addVector(path, "statistics");
            case Identity identity -> {}
            case Numbers numbers -> {}
            case Reshape reshape -> {}
            case Flatten flatten -> {}
            case Transpose transpose -> {}
            case Relu relu -> {}
            case Sigmoid sigmoid -> {}
            case Tanh tanh -> {}
            case Softmax softmax -> {}
        }
    }

    private void addInner(Layer layer, String path) {
        for (int i = 0; i < layer.layers().size(); i++) {
            add(layer.layers().get(i), layer.place(path, i));
        }
    }

    private void addVector(String path, String name) {
        add(path, name, List.of(tensor(path, name).columns()), List.of(0));
    }

    /// A matrix with the same axes in both.
    private void addAsItIs(String path, String name) {
        add(path, name, axes(path, name), List.of(0, 1));
    }

    private void add(String path, String name, List<Integer> axes, List<Integer> order) {
        Tensor tensor = tensor(path, name);
        Kind kind = tensor instanceof Tensor.Statistics ? Kind.MOMENTS : Kind.WEIGHTS;
        tensors.add(new TorchTensor(tensor.name(), tensor.name(), axes, order, kind));
    }

    private List<Integer> axes(String path, String name) {
        Tensor tensor = tensor(path, name);
        return List.of(tensor.rows(), tensor.columns());
    }

    private Tensor tensor(String path, String name) {
        return plan.tensors().get(plan.tensor(child(path, name)));
    }

    private static String child(String path, String name) {
        return path.isEmpty() ? name : path + "." + name;
    }
}
