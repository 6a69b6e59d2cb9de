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
import java.util.Objects;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// A case's network with its initial parameters in the engine, and its rows as the engine's batches.
final class CaseModel {
    private final RowColumns columns;
    private final CaseNetwork network;
    private final Parameters parameters;
    private final Map<String, Tensor> inputs;

    CaseModel(
            Fields golden,
            Map<String, Tensor> inputs,
            RowColumns columns,
            CaseNetwork network,
            NetworkSpec spec) {
        this.inputs = inputs;
        this.columns = columns;
        this.network = network;
        parameters = Parameters.initial(Plan.of(spec));
        Map<String, Tensor> initial = new TreeMap<>(golden.tensors("initial_parameters"));
        network.parameters()
                .forEach(
                        (name, parameter) -> {
                            Tensor values = initial.remove(name);
                            if (values == null || !values.shape().equals(parameter.shape())) {
                                throw new GoldenException(
                                        "initial_parameters."
                                                + name
                                                + ": expected shape "
                                                + parameter.shape()
                                                + ", found "
                                                + (values == null ? "nothing" : values.shape()));
                            }
                            parameters.setWeights(
                                    parameter.tensor(), parameter.toPlan(values.values()));
                        });
        if (!initial.isEmpty()) {
            throw new UnsupportedException("parameters " + initial.keySet());
        }
    }

    /// Layers that the engine has do the same in both.
    static void requireMode(Fields spec) {
        String mode = spec.text("mode");
        if (!mode.equals("train") && !mode.equals("eval")) {
            throw new UnsupportedException("mode " + mode);
        }
    }

    /// The only tensor there may be.
    static Tensor only(Map<String, Tensor> tensors, String name) {
        Tensor tensor = tensors.get(name);
        if (tensor == null) {
            throw new GoldenException(
                    "expected a tensor '" + name + "', found " + tensors.keySet());
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
            if (row >= columns.rows()) {
                throw new GoldenException(
                        "batches: expected rows below " + columns.rows() + ", found " + row);
            }
            for (Map.Entry<String, Tensor> entry : inputs.entrySet()) {
                Tensor input = entry.getValue();
                int length = input.rowLength();
                int from = columns.from(entry.getKey());
                for (int i = 0; i < length; i++) {
                    float value = input.values()[row * length + i];
                    if (input.integers()) {
                        batch.ids[r * shape.ids() + from + i] = (int) value;
                    } else {
                        batch.numbers[r * shape.numbers() + from + i] = value;
                    }
                }
            }
            if (targets != null) {
                System.arraycopy(
                        targets.values(),
                        row * shape.labels(),
                        batch.labels,
                        r * shape.labels(),
                        shape.labels());
            }
            if (sampleWeights != null) {
                batch.sampleWeights[r] = sampleWeights.values()[row];
            }
        }
        return batch;
    }

    void checkParameterGradients(Fields expected, Gradients gradients, Comparison comparison) {
        expected.tensors("parameter_gradients")
                .forEach(
                        (name, want) -> {
                            CaseNetwork.Parameter parameter = parameter(name);
                            comparison.tensor(
                                    "parameter_gradients." + name,
                                    parameter.shape(),
                                    parameter.fromPlan(gradients.of(parameter.tensor())),
                                    want);
                        });
    }

    /// After a batch of all rows.
    ///
    /// @param inputs as the case has them
    void checkInputGradients(
            Fields expected,
            Map<String, Tensor> inputs,
            Gradients gradients,
            Comparison comparison) {
        expected.tensors("input_gradients")
                .forEach(
                        (name, want) -> {
                            if (columns.input(name).integers()) {
                                throw new GoldenException(
                                        "expected.input_gradients: integers have none: " + name);
                            }
                            comparison.tensor(
                                    "input_gradients." + name,
                                    Objects.requireNonNull(inputs.get(name)).shape(),
                                    columns.of(name, gradients.ofNumbers()),
                                    want);
                        });
    }

    CaseNetwork.Parameter parameter(String name) {
        CaseNetwork.Parameter parameter = network.parameters().get(name);
        if (parameter == null) {
            throw new GoldenException(
                    "expected: no parameter is called "
                            + name
                            + "; there are "
                            + new ArrayList<>(network.parameters().keySet()));
        }
        return parameter;
    }
}
