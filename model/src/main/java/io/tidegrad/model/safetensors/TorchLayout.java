package io.tidegrad.model.safetensors;

import io.tidegrad.engine.layer.BatchNorm;
import io.tidegrad.engine.layer.Concat;
import io.tidegrad.engine.layer.Conv1d;
import io.tidegrad.engine.layer.Conv2d;
import io.tidegrad.engine.layer.Dense;
import io.tidegrad.engine.layer.Embedding;
import io.tidegrad.engine.layer.EmbeddingBag;
import io.tidegrad.engine.layer.FromRow;
import io.tidegrad.engine.layer.History;
import io.tidegrad.engine.layer.InputBound;
import io.tidegrad.engine.layer.Layer;
import io.tidegrad.engine.layer.LearnedCross;
import io.tidegrad.engine.layer.Mixture;
import io.tidegrad.engine.layer.OwnOptimizer;
import io.tidegrad.engine.layer.Quantiles;
import io.tidegrad.engine.layer.Rate;
import io.tidegrad.engine.layer.Recurrent;
import io.tidegrad.engine.layer.Residual;
import io.tidegrad.engine.layer.RunningScale;
import io.tidegrad.engine.layer.SelfAttention;
import io.tidegrad.engine.layer.Sequence;
import io.tidegrad.engine.layer.Standardise;
import io.tidegrad.engine.layer.Sum;
import io.tidegrad.engine.layer.Tensor;
import io.tidegrad.engine.layer.Vocabulary;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.model.safetensors.TorchTensor.Kind;
import java.util.ArrayList;
import java.util.List;

/// A model's tensors, in plan order, as a PyTorch module with the same tree names them and lays them out: `Sequence` is
/// `Sequential`, `Concat` is a `ModuleList` whose outputs are concatenated, `Dense` is `Linear`, …
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
            throw new IllegalStateException("expected PyTorch's names of "
                    + plan.tensors().stream().map(Tensor::name).toList() + ", found " + layout.tensors);
        }
        return List.copyOf(layout.tensors);
    }

    private void add(Layer layer, String path) {
        switch (layer) {
            case Sequence _,Concat _,Sum _,Rate _,OwnOptimizer _,InputBound _,FromRow _,Residual _ ->
                addInner(layer, path);
            case Mixture mixture -> {
                addVector(path, "weights", "weights", Kind.DOUBLES);
                addInner(layer, path);
            }
            case RunningScale scale -> addVector(path, "statistics", "statistics", Kind.DOUBLES);
            case Dense dense -> {
                addTransposed(path, "weight", "weight");
                if (dense.bias()) {
                    addVector(path, "bias");
                }
            }
            // A table has the same axes in both.
            case Embedding _,EmbeddingBag _,LearnedCross _ -> add(path, "weight", axes(path, "weight"), List.of(0, 1));
            case Quantiles quantiles -> {
                addVector(path, "statistics", "statistics", Kind.DOUBLES);
                add(path, "weight", axes(path, "weight"), List.of(0, 1));
            }
            case Vocabulary vocabulary -> {
                add(path, "vocabulary", axes(path, "vocabulary"), List.of(0, 1));
                add(path, "weight", axes(path, "weight"), List.of(0, 1));
            }
            case History history -> add(path, "history", axes(path, "history"), List.of(0, 1));
            // PyTorch: (outputs, inputs, height, width); here rows are (height, width, inputs).
            case Conv2d conv ->
                addConvolution(path, conv.bias(), List.of(conv.kernel().height(), conv.kernel().width()));
            case Conv1d conv -> addConvolution(path, conv.bias(), List.of(conv.kernel()));
            // PyTorch: (gates · hidden, inputs), in the same order of gates.
            case Recurrent recurrent -> {
                for (String direction : recurrent.bidirectional() ? List.of("", "_reverse") : List.of("")) {
                    for (String name : List.of("weight_ih", "weight_hh")) {
                        addTransposed(path, name + direction, name + "_l0" + direction);
                    }
                    for (String name : List.of("bias_ih", "bias_hh")) {
                        addVector(path, name + direction, name + "_l0" + direction, Kind.WEIGHTS);
                    }
                }
                addInner(layer, path);
            }
            case BatchNorm norm -> {
                addVector(path, "weight");
                addVector(path, "bias");
                addVector(path, "running_mean", "running_mean", Kind.MEANS);
                addVector(path, "running_var", "running_var", Kind.VARIANCES);
            }
            // PyTorch's MultiheadAttention: (3 · width, width), and a Linear named out_proj.
            case SelfAttention attention -> {
                addTransposed(path, "in_proj_weight", "in_proj_weight");
                addVector(path, "in_proj_bias");
                addTransposed(path, "out_proj_weight", "out_proj.weight");
                addVector(path, "out_proj_bias", "out_proj.bias", Kind.WEIGHTS);
            }
            case Standardise standardise -> addVector(path, "statistics", "statistics", Kind.MOMENTS);
            // No weights, or vectors that have the same names in both.
            default -> addVectors(path);
        }
    }

    private void addVectors(String path) {
        String prefix = child(path, "");
        for (Tensor tensor : plan.tensors()) {
            String name = tensor.name();
            if (tensor instanceof Tensor.Vector && name.startsWith(prefix) && name.indexOf('.', prefix.length()) < 0) {
                addVector(path, name.substring(prefix.length()));
            }
        }
    }

    private void addInner(Layer layer, String path) {
        for (int i = 0; i < layer.layers().size(); i++) {
            add(layer.layers().get(i), layer.place(path, i));
        }
    }

    private void addConvolution(String path, boolean bias, List<Integer> kernel) {
        int places = kernel.stream().reduce(1, (a, b) -> a * b);
        int rank = kernel.size();
        List<Integer> axes = new ArrayList<>(kernel);
        axes.add(tensor(path, "weight").rows() / places);
        axes.add(tensor(path, "weight").columns());
        List<Integer> order = new ArrayList<>(List.of(rank + 1, rank));
        for (int axis = 0; axis < rank; axis++) {
            order.add(axis);
        }
        add(path, "weight", axes, order);
        if (bias) {
            addVector(path, "bias");
        }
    }

    private void addVector(String path, String name) {
        addVector(path, name, name, Kind.WEIGHTS);
    }

    private void addVector(String path, String name, String torchName, Kind kind) {
        Tensor tensor = tensor(path, name);
        tensors.add(
                new TorchTensor(child(path, torchName), tensor.name(), List.of(tensor.columns()), List.of(0), kind));
    }

    /// Adds a matrix that is (inputs, outputs) here and (outputs, inputs) in PyTorch.
    private void addTransposed(String path, String name, String torchName) {
        tensors.add(new TorchTensor(child(path, torchName), child(path, name), axes(path, name), List.of(1, 0),
                Kind.WEIGHTS));
    }

    private void add(String path, String name, List<Integer> axes, List<Integer> order) {
        String full = child(path, name);
        tensors.add(new TorchTensor(full, full, axes, order, Kind.WEIGHTS));
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
