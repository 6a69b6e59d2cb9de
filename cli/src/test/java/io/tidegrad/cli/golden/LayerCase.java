package io.tidegrad.cli.golden;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.layer.Embedding;
import io.tidegrad.engine.layer.Layer;
import io.tidegrad.engine.loss.MeanSquaredError;
import io.tidegrad.engine.model.Gradients;
import io.tidegrad.engine.model.NetworkSpec;
import io.tidegrad.engine.model.RowShape;
import io.tidegrad.engine.optim.Sgd;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/// Layers, forward and backward, from given gradients of the outputs.
///
/// A last recurrent layer puts out its final states too. The engine's puts out one of both: it is run once for each,
/// and the gradients are added, as a gradient of a sum is.
final class LayerCase {
    private final Fields golden;
    private final Fields expected;
    private final Comparison comparison;
    private final Kernels kernels;
    private final CaseInputs inputs;
    private final CaseNetwork network;
    private final Gradients.Mode mode;
    private final Map<String, Tensor> upstream;
    private final Map<String, Tensor> wanted;
    private final Map<String, float[]> parameterGradients = new LinkedHashMap<>();
    private float[] inputGradients = {};
    private double loss;

    static void run(Fields golden, Comparison comparison, Kernels kernels) {
        new LayerCase(golden, comparison, kernels).run();
    }

    private LayerCase(Fields golden, Comparison comparison, Kernels kernels) {
        this.golden = golden;
        this.comparison = comparison;
        this.kernels = kernels;
        Fields spec = golden.object("spec");
        List<Fields> layers = CaseNetwork.layers(spec);
        spec.ignore("inputs_without_gradient"); // then `expected` has none for them
        inputs = new CaseInputs(golden.tensors("inputs"), layers);
        network = new CaseNetwork(layers, "x", inputs, Embedding.Update.TOUCHED);
        mode = CaseModel.mode(spec);
        spec.requireAllRead();
        expected = golden.object("expected");
        upstream = new TreeMap<>(golden.tensors("output_gradients"));
        wanted = new TreeMap<>(expected.tensors("outputs"));
    }

    private void run() {
        expected.requireOnly("outputs", "loss", "input_gradients", "parameter_gradients", "buffers_after");
        CaseModel model = model(network.network());
        List<Integer> shape = new ArrayList<>(List.of(inputs.rows()));
        shape.addAll(network.outputShape());
        runOutputs(model, mode, Map.of("output", new Output(shape, identity(shape))));
        Layer lastState = network.lastState();
        if (lastState != null && (upstream.size() > 0 || wanted.size() > 0)) {
            CaseModel states = model(lastState);
            runOutputs(states, mode, states(states.parameters().plan().outputs()));
        }
        if (!upstream.isEmpty() || !wanted.isEmpty()) {
            throw new UnsupportedException("outputs " + upstream.keySet() + " and " + wanted.keySet());
        }
        if (expected.has("loss")) {
            comparison.number("loss", loss, expected.number("loss"));
        }
        model.checkInputGradients(expected, inputGradients, comparison);
        model.checkParameterGradients(expected, tensor -> parameterGradients.get(tensor), comparison);
        if (expected.has("buffers_after")) {
            if (mode == Gradients.Mode.LEARN) {
                gradients(model, Gradients.Mode.LEARN_STATISTICS).ofOutputs(model.batch(inputs.allRows(), null, null),
                        new float[Tensor.product(shape)]);
            }
            model.checkBuffers(expected, comparison);
        }
        golden.requireAllRead();
        expected.requireAllRead();
    }

    /// @param shape in the case's layout
    /// @param places (rows, of a row): index in what the engine puts out → index in the case; -1 for what is of another
    private record Output(List<Integer> shape, int[] places) {
    }

    private static int[] identity(List<Integer> shape) {
        int[] places = new int[Tensor.product(shape)];
        for (int i = 0; i < places.length; i++) {
            places[i] = i;
        }
        return places;
    }

    /// The engine's state of a row is h forward, h backward, c forward, c backward; a case has h_n and c_n, and both
    /// directions of each on a first axis of their own.
    private Map<String, Output> states(int width) {
        List<String> names = network.lastType().equals("lstm") ? List.of("h_n", "c_n") : List.of("h_n");
        int directions = network.isLastBidirectional() ? 2 : 1;
        int rows = inputs.rows();
        int hidden = width / names.size() / directions;
        Map<String, Output> outputs = new LinkedHashMap<>();
        for (int s = 0; s < names.size(); s++) {
            int[] places = new int[rows * width];
            for (int i = 0; i < places.length; i++) {
                int row = i / width;
                int block = i % width / hidden;
                int direction = block % directions;
                places[i] = block / directions == s ? (direction * rows + row) * hidden + i % hidden : -1;
            }
            List<Integer> shape = new ArrayList<>(directions == 2 ? List.of(2) : List.of());
            shape.addAll(List.of(rows, hidden));
            outputs.put(names.get(s), new Output(shape, places));
        }
        return outputs;
    }

    private CaseModel model(Layer layer) {
        return new CaseModel(golden, inputs, network,
                new NetworkSpec(new RowShape(inputs.numbers(), inputs.ids(), network.width(layer)), layer,
                        new MeanSquaredError(), new Sgd(0), 1));
    }

    private Gradients gradients(CaseModel model, Gradients.Mode how) {
        return new Gradients(model.parameters(), kernels, inputs.rows(), how);
    }

    private void runOutputs(CaseModel model, Gradients.Mode how, Map<String, Output> outputs) {
        int length = inputs.rows() * model.parameters().plan().outputs();
        float[] dy = new float[length];
        outputs.forEach((name, output) -> {
            Tensor given = upstream.get(name);
            if (given != null) {
                Comparison.equal("output_gradients." + name + ", shape", output.shape, given.shape());
                for (int i = 0; i < length; i++) {
                    dy[i] += output.places[i] < 0 ? 0 : given.values()[output.places[i]];
                }
            }
        });
        Gradients gradients = gradients(model, how);
        gradients.ofOutputs(model.batch(inputs.allRows(), null, null), dy);
        float[] y = gradients.outputs(inputs.rows());
        for (int i = 0; i < length; i++) {
            loss += (double) y[i] * dy[i];
        }
        outputs.forEach((name, output) -> {
            upstream.remove(name);
            Tensor want = wanted.remove(name);
            if (want != null) {
                float[] got = new float[Tensor.product(output.shape)];
                for (int i = 0; i < length; i++) {
                    if (output.places[i] >= 0) {
                        got[output.places[i]] = y[i];
                    }
                }
                comparison.tensor("outputs." + name, output.shape, got, want);
            }
        });
        inputGradients = sum(inputGradients, gradients.ofNumbers());
        network.parameters().values().forEach(parameter -> parameterGradients.merge(parameter.tensor(),
                gradients.of(parameter.tensor()), LayerCase::sum));
    }

    private static float[] sum(float[] one, float[] other) {
        float[] sum = other.clone();
        for (int i = 0; i < one.length; i++) {
            sum[i] += one[i];
        }
        return sum;
    }
}
