package io.tidegrad.engine.golden;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.tidegrad.engine.layer.Dense;
import io.tidegrad.engine.layer.Embedding;
import io.tidegrad.engine.layer.Initialization;
import io.tidegrad.engine.layer.Layer;
import io.tidegrad.engine.layer.Numbers;
import io.tidegrad.engine.layer.Relu;
import io.tidegrad.engine.layer.Sequence;
import io.tidegrad.engine.layer.Sigmoid;
import io.tidegrad.engine.layer.Softmax;
import io.tidegrad.engine.layer.Tanh;
import io.tidegrad.engine.loss.BinaryCrossEntropy;
import io.tidegrad.engine.loss.CategoricalCrossEntropy;
import io.tidegrad.engine.loss.Loss;
import io.tidegrad.engine.loss.MeanSquaredError;
import io.tidegrad.engine.model.Batch;
import io.tidegrad.engine.model.NetworkSpec;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.engine.model.RowShape;
import io.tidegrad.engine.optim.Adam;
import io.tidegrad.engine.optim.Optimizer;
import io.tidegrad.engine.optim.Sgd;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.IntStream;

/// One case file: expected numbers from PyTorch in float64. Its layout is that of the golden cases' README: one JSON file a
/// case, tensors as shape and data.
final class GoldenCase {
    private static final ObjectMapper JSON = new ObjectMapper();

    final JsonNode json;
    final String kind;
    final double rtol;
    final double atol;

    /// Name in the case (`fc1.weight`) → name in the plan (`1.weight`).
    final Map<String, String> tensorNames = new LinkedHashMap<>();

    private GoldenCase(JsonNode json) {
        this.json = json;
        kind = json.get("kind").asText();
        rtol = json.at("/tolerance/rtol").asDouble();
        atol = json.at("/tolerance/atol").asDouble();
    }

    static GoldenCase read(String name) {
        try (InputStream in = GoldenCase.class.getResourceAsStream("/golden/" + name + ".json")) {
            return new GoldenCase(JSON.readTree(Objects.requireNonNull(in, name)));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /// The network reads `inputs.x` (or a loss's `predictions`) as the row's numbers or ids.
    NetworkSpec spec() {
        JsonNode input = json.at(kind.equals("loss") ? "/inputs/predictions" : "/inputs/x");
        int width = product(input) / rows(input);
        boolean ids = input.get("dtype").asText().equals("i32");
        List<Layer> layers = new ArrayList<>();
        if (!ids) {
            layers.add(new Numbers(0, width));
        }
        for (JsonNode layer : json.at("/spec/layers")) {
            layers.add(
                    switch (layer.get("type").asText()) {
                        case "dense" -> {
                            boolean bias = layer.get("bias").asBoolean();
                            name(layer, layers.size(), "weight");
                            if (bias) {
                                name(layer, layers.size(), "bias");
                            }
                            yield new Dense(
                                    layer.get("out").asInt(), bias, Initialization.HE_UNIFORM);
                        }
                        case "embedding" -> {
                            name(layer, layers.size(), "weight");
                            yield new Embedding(
                                    0,
                                    width,
                                    layer.get("num").asInt(),
                                    layer.get("dim").asInt(),
                                    Embedding.Update.TOUCHED);
                        }
                        case "relu" -> new Relu();
                        case "sigmoid" -> new Sigmoid();
                        case "tanh" -> new Tanh();
                        case "softmax" -> new Softmax();
                        default -> throw new IllegalArgumentException("" + layer);
                    });
        }
        int labels = json.has("targets") ? product(targets()) / rows(targets()) : outputs();
        return new NetworkSpec(
                new RowShape(ids ? 0 : width, ids ? width : 0, labels),
                new Sequence(layers),
                loss(),
                optimizer(),
                1);
    }

    private void name(JsonNode layer, int place, String parameter) {
        tensorNames.put(layer.get("name").asText() + "." + parameter, place + "." + parameter);
    }

    private int outputs() {
        JsonNode output = json.at("/expected/outputs/output");
        return product(output) / rows(output);
    }

    private JsonNode targets() {
        return json.at("/targets/y");
    }

    private Loss loss() {
        return switch (json.at("/spec/loss/type").asText("mse")) {
            case "mse" -> new MeanSquaredError();
            case "binary_cross_entropy_with_logits" -> new BinaryCrossEntropy();
            case "categorical_cross_entropy" ->
                    new CategoricalCrossEntropy(targets().get("shape").size() == 2);
            default -> throw new IllegalArgumentException("" + json.at("/spec/loss"));
        };
    }

    private Optimizer optimizer() {
        JsonNode optimizer = json.at("/spec/optimizer");
        return switch (optimizer.path("type").asText("sgd")) {
            case "sgd" -> new Sgd(optimizer.path("lr").asDouble(0));
            case "adam" ->
                    new Adam(
                            optimizer.get("lr").asDouble(),
                            optimizer.get("beta1").asDouble(),
                            optimizer.get("beta2").asDouble(),
                            optimizer.get("eps").asDouble());
            default -> throw new IllegalArgumentException("" + optimizer);
        };
    }

    Parameters parameters() {
        Parameters parameters = Parameters.initial(Plan.of(spec()));
        tensorNames.forEach(
                (name, tensor) ->
                        parameters.setWeights(
                                tensor, weights(json.get("initial_parameters").get(name))));
        return parameters;
    }

    /// Our shape of a dense weight is (inputs, outputs), PyTorch's [out, in].
    float[] weights(JsonNode tensor) {
        float[] values = floats(tensor);
        boolean matrix = tensor.get("shape").size() == 2;
        boolean table = json.at("/spec/layers/0/type").asText().equals("embedding");
        return matrix && !table
                ? transposed(values, tensor.at("/shape/0").asInt(), tensor.at("/shape/1").asInt())
                : values;
    }

    private static float[] transposed(float[] values, int rows, int columns) {
        float[] transposed = new float[values.length];
        for (int row = 0; row < rows; row++) {
            for (int column = 0; column < columns; column++) {
                transposed[column * rows + row] = values[row * columns + column];
            }
        }
        return transposed;
    }

    /// The rows of `inputs`, `targets` and `sample_weights`, picked by number.
    Batch batch(NetworkSpec spec, int[] rows) {
        Batch batch = new Batch(spec.row(), rows.length);
        batch.resize(rows.length);
        JsonNode input = json.at(kind.equals("loss") ? "/inputs/predictions" : "/inputs/x");
        float[] values = floats(input);
        for (int r = 0; r < rows.length; r++) {
            for (int i = 0; i < spec.row().numbers(); i++) {
                batch.numbers[r * spec.row().numbers() + i] =
                        values[rows[r] * spec.row().numbers() + i];
            }
            for (int i = 0; i < spec.row().ids(); i++) {
                batch.ids[r * spec.row().ids() + i] = (int) values[rows[r] * spec.row().ids() + i];
            }
        }
        if (json.has("targets")) {
            float[] targets = floats(targets());
            int labels = spec.row().labels();
            for (int r = 0; r < rows.length; r++) {
                System.arraycopy(targets, rows[r] * labels, batch.labels, r * labels, labels);
            }
        }
        if (json.has("sample_weights")) {
            float[] weights = floats(json.get("sample_weights"));
            for (int r = 0; r < rows.length; r++) {
                batch.sampleWeights[r] = weights[rows[r]];
            }
        }
        return batch;
    }

    Batch allRows(NetworkSpec spec) {
        JsonNode input = json.at(kind.equals("loss") ? "/inputs/predictions" : "/inputs/x");
        return batch(spec, IntStream.range(0, rows(input)).toArray());
    }

    static float[] floats(JsonNode tensor) {
        JsonNode data = tensor.get("data");
        float divideBy = tensor.path("divide_by").floatValue();
        float[] values = new float[data.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = data.get(i).floatValue();
            if (divideBy != 0) {
                values[i] /= divideBy;
            }
        }
        return values;
    }

    private static int rows(JsonNode tensor) {
        return tensor.at("/shape/0").asInt();
    }

    private static int product(JsonNode tensor) {
        int product = 1;
        for (JsonNode length : tensor.get("shape")) {
            product *= length.asInt();
        }
        return product;
    }
}
