package io.tidegrad.cli.golden;

import io.tidegrad.engine.model.Batch;
import io.tidegrad.engine.model.Gradients;
import io.tidegrad.engine.model.NetworkSpec;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.engine.model.RowShape;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// A case's network with its initial parameters in the engine, and its rows as the engine's batches.
final class CaseModel {
    private final CaseInputs inputs;
    private final CaseNetwork network;
    private final Parameters parameters;

    CaseModel(Fields golden, CaseInputs inputs, CaseNetwork network, NetworkSpec spec) {
        this.inputs = inputs;
        this.network = network;
        parameters = Parameters.initial(Plan.of(spec));
        Map<String, Tensor> initial = new TreeMap<>(golden.tensors("initial_parameters"));
        network.parameters().forEach((name, parameter) -> {
            Tensor values = initial.remove(name);
            if (values == null || !values.shape().equals(parameter.shape())) {
                throw new GoldenException("initial_parameters." + name + ": expected shape " + parameter.shape()
                        + ", found " + (values == null ? "nothing" : values.shape()));
            }
            parameters.setWeights(parameter.tensor(), parameter.toPlan(values.values()));
        });
        if (!initial.isEmpty()) {
            throw new UnsupportedException("parameters " + initial.keySet());
        }
        golden.tensors("initial_buffers")
                .forEach((name, values) -> parameters.setStatistics(buffer(name), values.doubles()));
    }

    static Gradients.Mode mode(Fields spec) {
        return switch (spec.text("mode")) {
            case "train" -> Gradients.Mode.LEARN;
            case "eval" -> Gradients.Mode.PREDICT;
            case String other -> throw new UnsupportedException("mode " + other);
        };
    }

    /// The only tensor there may be.
    static Tensor only(Map<String, Tensor> tensors, String name) {
        Tensor tensor = tensors.get(name);
        if (tensor == null) {
            throw new GoldenException("expected a tensor '" + name + "', found " + tensors.keySet());
        }
        if (tensors.size() > 1) {
            throw new UnsupportedException("tensors " + tensors.keySet());
        }
        return tensor;
    }

    Parameters parameters() {
        return parameters;
    }

    /// These rows of inputs, targets and sample weights.
    Batch batch(List<Integer> rows, @Nullable Tensor targets, @Nullable Tensor sampleWeights) {
        RowShape shape = parameters.plan().spec().row();
        Batch batch = new Batch(shape, rows.size());
        batch.resize(rows.size());
        for (int r = 0; r < rows.size(); r++) {
            int row = rows.get(r);
            if (row >= inputs.rows()) {
                throw new GoldenException("batches: expected rows below " + inputs.rows() + ", found " + row);
            }
            inputs.copy(row, batch.numbers, r * shape.numbers(), batch.ids, r * shape.ids());
            if (targets != null) {
                System.arraycopy(targets.values(), row * shape.labels(), batch.labels, r * shape.labels(),
                        shape.labels());
            }
            if (sampleWeights != null) {
                batch.sampleWeights[r] = sampleWeights.values()[row];
            }
        }
        return batch;
    }

    /// @param gradientOf of the tensor of this name in the plan
    void checkParameterGradients(Fields expected, Function<String, float[]> gradientOf, Comparison comparison) {
        expected.tensors("parameter_gradients").forEach((name, want) -> {
            CaseNetwork.Parameter parameter = parameter(name);
            comparison.tensor("parameter_gradients." + name, parameter.shape(),
                    parameter.fromPlan(gradientOf.apply(parameter.tensor())), want);
        });
    }

    /// After a batch of all rows.
    ///
    /// @param gradients of the rows' numbers
    void checkInputGradients(Fields expected, float[] gradients, Comparison comparison) {
        expected.tensors("input_gradients").forEach((name, want) -> {
            if (inputs.integers(name)) {
                throw new GoldenException("expected.input_gradients: integers have none: " + name);
            }
            comparison.tensor("input_gradients." + name, inputs.shape(name), inputs.of(name, gradients), want);
        });
    }

    /// What the layers have learned from their inputs.
    void checkBuffers(Fields expected, Comparison comparison) {
        expected.tensors("buffers_after").forEach((name, want) -> comparison.tensor("buffers_after." + name,
                want.shape(), Tensor.floats(parameters.statistics(buffer(name))), want));
    }

    private String buffer(String name) {
        String tensor = network.buffers().get(name);
        if (tensor == null) {
            throw new GoldenException("no buffer is called " + name + "; there are " + network.buffers().keySet());
        }
        return tensor;
    }

    CaseNetwork.Parameter parameter(String name) {
        CaseNetwork.Parameter parameter = network.parameters().get(name);
        if (parameter == null) {
            throw new GoldenException("expected: no parameter is called " + name + "; there are "
                    + new ArrayList<>(network.parameters().keySet()));
        }
        return parameter;
    }
}
