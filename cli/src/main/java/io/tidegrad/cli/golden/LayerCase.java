package io.tidegrad.cli.golden;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.layer.Embedding;
import io.tidegrad.engine.loss.MeanSquaredError;
import io.tidegrad.engine.model.Batch;
import io.tidegrad.engine.model.Gradients;
import io.tidegrad.engine.model.NetworkSpec;
import io.tidegrad.engine.model.RowShape;
import io.tidegrad.engine.optim.Sgd;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/// Layers, forward and backward, from given gradients of the output.
final class LayerCase {
    private LayerCase() {}

    static void run(Fields golden, Comparison comparison, Kernels kernels) {
        Fields spec = golden.object("spec");
        List<Fields> layers = CaseNetwork.layers(spec);
        Fields expected = golden.object("expected");
        expected.requireOnly("outputs", "loss", "input_gradients", "parameter_gradients");
        CaseModel.requireMode(spec);
        spec.ignore("inputs_without_gradient"); // then `expected` has none for them
        Map<String, Tensor> inputs = golden.tensors("inputs");
        List<Integer> positions = positions(layers, inputs);
        Map<String, Tensor> rows = new TreeMap<>(inputs);
        rows.replaceAll((name, input) -> input.withFirstAxesMerged(positions.size()));
        RowColumns columns = new RowColumns(rows);
        CaseNetwork network = new CaseNetwork(layers, "x", columns, Embedding.Update.TOUCHED);
        spec.requireAllRead();
        Tensor upstream = CaseModel.only(golden.tensors("output_gradients"), "output");
        int outputs = Tensor.product(network.outputShape());
        CaseModel model =
                new CaseModel(
                        golden,
                        rows,
                        columns,
                        network,
                        new NetworkSpec(
                                new RowShape(columns.numbers(), columns.ids(), outputs),
                                network.network(),
                                new MeanSquaredError(),
                                new Sgd(0),
                                1));
        golden.requireAllRead();

        Batch batch = model.batch(columns.allRows(), null, null);
        Gradients gradients = new Gradients(model.parameters(), kernels, batch.size());
        List<Integer> shape = new ArrayList<>(positions);
        shape.addAll(network.outputShape());
        Comparison.equal("output_gradients.output, shape", shape, upstream.shape());
        gradients.ofOutputs(batch, upstream.values());

        float[] got = gradients.outputs(batch.size());
        Map<String, Tensor> wanted = expected.tensors("outputs");
        if (!wanted.isEmpty()) {
            Tensor want = CaseModel.only(wanted, "output");
            comparison.tensor("outputs.output", shape, got, want);
        }
        if (expected.has("loss")) {
            double loss = 0;
            for (int i = 0; i < got.length; i++) {
                loss += (double) got[i] * upstream.values()[i];
            }
            comparison.number("loss", loss, expected.number("loss"));
        }
        model.checkInputGradients(expected, inputs, gradients, comparison);
        model.checkParameterGradients(expected, gradients, comparison);
        expected.requireAllRead();
    }

    /// The axes of the inputs that count as rows: the batch, and where no layer looks across them, all but the last.
    private static List<Integer> positions(List<Fields> layers, Map<String, Tensor> inputs) {
        Tensor first = inputs.values().iterator().next();
        boolean onePlace =
                inputs.size() == 1
                        && !first.integers()
                        && first.shape().size() > 2
                        && CaseNetwork.worksOnLastAxis(layers);
        return first.shape().subList(0, onePlace ? first.shape().size() - 1 : 1);
    }
}
