package io.tidegrad.model.safetensors;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.tidegrad.engine.kernel.ScalarKernels;
import io.tidegrad.engine.layer.Tensor;
import io.tidegrad.engine.model.Batch;
import io.tidegrad.engine.model.Learner;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.engine.snapshot.ModelHash;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.spec.ModelSpec;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.Map;
import java.util.function.Predicate;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// A model goes on where PyTorch stopped: from its weights, its optimizer's state (`src/test/pytorch/warm.py`) and a batch
/// job's statistics of numbers.
class WarmStartTest {
    private static final Path SAVED = Path.of("src/test/resources/pytorch/warm");

    private static final String SPEC = """
            model: readings
            input: { topic: readings, event-time: at }
            label: { field: over }
            features:
              - number: { field: a }
              - number: { field: b }
              - category: { field: place, buckets: 16, dimension: 4, update: dense }
            network: [ dense: 8, relu, dense: 1 ]
            loss: binary-cross-entropy
            optimizer: { %s }
            """;

    @TempDir
    Path directory;

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            adam     | adam: { rate: 0.003 }
            amsgrad  | adam: { rate: 0.003, amsgrad: true }
            adamw    | adamw: { rate: 0.003, weight-decay: 0.01 }
            adagrad  | adagrad: { rate: 0.05, epsilon: 1e-10, initial-accumulator: 0 }
            rmsprop  | rmsprop: { rate: 0.001, alpha: 0.99, epsilon: 1e-8, centered: true, momentum: 0.9 }
            momentum | sgd: { rate: 0.01, momentum: 0.9 }
            """)
    void anOptimizerGoesOnWherePyTorchsStopped(String name, String optimizer) throws IOException {
        Path file = SAVED.resolve(name + ".safetensors");
        JsonNode after = new ObjectMapper().readTree(SAVED.resolve(name + ".json").toFile());
        Parameters warm = started(SPEC.formatted(optimizer), file).parameters();
        assertThat(warm.updates()).isEqualTo(300);
        assertThat(warm.examples()).isZero();
        assertThat(distance(warm, after)).isGreaterThan(1e-3); // the rows change something
        assertThat(distance(learned(warm, after), after)).isLessThan(2e-6);

        Parameters cold = started(SPEC.formatted(optimizer), withoutState(file)).parameters();
        assertThat(cold.updates()).isZero();
        assertThat(distance(learned(cold, after), after)).isGreaterThan(1e-3);
    }

    private static OnlineModel started(String yaml, Path weights) throws IOException {
        return OnlineModel.initial(ModelSpec
                .parse(yaml + "initial-weights: { file: " + weights + ", sha256: " + sha256(weights) + " }\n", "spec"),
                new ScalarKernels());
    }

    private static Parameters learned(Parameters parameters, JsonNode rows) {
        Learner learner = new Learner(parameters, new ScalarKernels(), 1);
        Batch batch = new Batch(parameters.plan().spec().row(), 1);
        batch.resize(1);
        for (int row = 0; row < rows.get("ids").size(); row++) {
            batch.numbers[0] = rows.at("/numbers/" + row + "/0").floatValue();
            batch.numbers[1] = rows.at("/numbers/" + row + "/1").floatValue();
            batch.ids[0] = rows.at("/ids/" + row).intValue();
            batch.labels[0] = rows.at("/labels/" + row).floatValue();
            learner.learn(batch);
        }
        return parameters;
    }

    /// The largest difference of a weight.
    private static double distance(Parameters found, JsonNode expected) {
        double distance = 0;
        for (TorchTensor tensor : TorchLayout.of(found.plan())) {
            float[] weights = tensor.toTorch(found.weights(tensor.tensor()));
            JsonNode theirs = expected.get("weights").get(tensor.name());
            assertThat(theirs.size()).isEqualTo(weights.length);
            for (int i = 0; i < weights.length; i++) {
                distance = Math.max(distance, Math.abs(weights[i] - theirs.get(i).doubleValue()));
            }
        }
        return distance;
    }

    /// The same weights alone.
    private Path withoutState(Path file) throws IOException {
        return edited(file, name -> !name.startsWith("step") && !name.matches(".*(exp_avg.*|sum|.*_avg|.*_buffer)"));
    }

    /// A copy with the tensors that are kept.
    private Path edited(Path file, Predicate<String> isKept) throws IOException {
        byte[] bytes = Files.readAllBytes(file);
        int header = (int) ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong();
        ObjectNode tensors = (ObjectNode) new ObjectMapper().readTree(bytes, Long.BYTES, header);
        ByteArrayOutputStream data = new ByteArrayOutputStream();
        ObjectNode kept = new ObjectMapper().createObjectNode();
        for (Map.Entry<String, JsonNode> tensor : tensors.properties()) {
            if (!tensor.getKey().equals("__metadata__") && isKept.test(tensor.getKey())) {
                int begin = tensor.getValue().at("/data_offsets/0").intValue();
                int end = tensor.getValue().at("/data_offsets/1").intValue();
                ObjectNode moved = tensor.getValue().deepCopy();
                moved.putArray("data_offsets").add(data.size()).add(data.size() + end - begin);
                kept.set(tensor.getKey(), moved);
                data.write(bytes, Long.BYTES + header + begin, end - begin);
            }
        }
        byte[] text = kept.toString().getBytes(StandardCharsets.UTF_8);
        Path copy = directory.resolve("edited.safetensors");
        try (OutputStream to = Files.newOutputStream(copy)) {
            to.write(ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN).putLong(0, text.length).array());
            to.write(text);
            data.writeTo(to);
        }
        return copy;
    }

    @Test
    void halfOfAnOptimizersStateIsRefused() throws IOException {
        Path file = SAVED.resolve("adam.safetensors");
        Path partless = edited(file, name -> !name.equals("1.weight.exp_avg_sq"));
        assertThatThrownBy(() -> started(SPEC.formatted("adam: { rate: 0.003 }"), partless))
                .isInstanceOf(InitialWeightsException.class).hasMessageContaining(
                        "1.weight.exp_avg_sq: expected F32, F16 or BF16 [8, 6], because the file has a part of the "
                                + "optimizer's state, found none");
        Path stepless = edited(file, name -> !name.equals("step"));
        assertThatThrownBy(() -> started(SPEC.formatted("adam: { rate: 0.003 }"), stepless))
                .isInstanceOf(InitialWeightsException.class).hasMessageContaining(
                        "step: expected the number of updates, because the file has the optimizer's state, found none");
        assertThatThrownBy(() -> started(SPEC.formatted("adagrad: { rate: 0.05 }"), file))
                .isInstanceOf(InitialWeightsException.class).hasMessageContainingAll(
                        "1.weight.exp_avg: expected no such tensor, found F32 [8, 6]", "1.weight.sum: expected");
    }

    @Test
    void numbersThatNoOptimizerHasAreRefused() throws IOException {
        Path negative = changed("1.bias.exp_avg_sq", -1);
        assertThatThrownBy(() -> started(SPEC.formatted("adam: { rate: 0.003 }"), negative))
                .isInstanceOf(InitialWeightsException.class)
                .hasMessageContaining("1.bias.exp_avg_sq, number 0: expected a finite one from 0 on, found -1.0");
        Path half = changed("step", 300.5f);
        assertThatThrownBy(() -> started(SPEC.formatted("adam: { rate: 0.003 }"), half))
                .isInstanceOf(InitialWeightsException.class)
                .hasMessageContaining("step: expected a whole number from 0 to 2^53, found 300.5");
    }

    /// Adam's file with another first number of a tensor.
    private Path changed(String tensor, float value) throws IOException {
        byte[] bytes = Files.readAllBytes(SAVED.resolve("adam.safetensors"));
        ByteBuffer file = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        int header = (int) file.getLong();
        int begin =
                new ObjectMapper().readTree(bytes, Long.BYTES, header).path(tensor).at("/data_offsets/0").intValue();
        file.putFloat(Long.BYTES + header + begin, value);
        return Files.write(directory.resolve("changed.safetensors"), bytes);
    }

    private static final String SCALED = """
            model: readings
            input: { topic: readings, event-time: at }
            label: { field: over }
            features:
              - number: { field: a, scale: standard, missing: indicator }
              - number: { field: b }
              - number: { field: c, scale: standard }
            network: [ dense: 2, relu, dense: 1 ]
            loss: binary-cross-entropy
            optimizer: { adam: { rate: 0.01 } }
            """;

    private static final String STATISTICS = """
            { "count": 400, "fields": {
              "c": { "mean": 3, "deviation": 0.5 }, "a": { "mean": -1.5, "deviation": 2 } } }
            """;

    private OnlineModel scaled(String json) throws IOException {
        Parameters parameters = Parameters.initial(Plan.of(ModelSpec.parse(SCALED, "spec").network()));
        Path all = directory.resolve("all.safetensors");
        try (OutputStream to = Files.newOutputStream(all)) {
            SafetensorsExport.write(parameters, Map.of(), to);
        }
        return scaled(json, edited(all, name -> !name.endsWith(".statistics")));
    }

    private OnlineModel scaled(String json, Path weights) throws IOException {
        Path statistics = Files.writeString(directory.resolve("scale.json"), json);
        return OnlineModel
                .initial(ModelSpec.parse(
                        SCALED + "initial-weights: { file: " + weights + ", sha256: " + sha256(weights)
                                + ", statistics: { file: " + statistics + ", sha256: " + sha256(statistics) + " } }\n",
                        "spec"), new ScalarKernels());
    }

    @Test
    void numbersAreScaledByTheStatisticsOfABatchJob() throws IOException {
        Parameters parameters = scaled(STATISTICS).parameters();
        String statistics = parameters.plan().tensors().stream().map(Tensor::name)
                .filter(name -> name.endsWith(".statistics")).findFirst().orElseThrow();
        assertThat(parameters.statistics(statistics)).containsExactly(400, -1.5, 3, 1600, 100);
        assertThat(parameters.updates()).isZero();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            "count": 400 | "count": 1        | expected count: how many rows were seen, a whole number from 2 to 2^53, found 1
            "count": 400 | "count": 4e2      | expected count: how many rows were seen, a whole number from 2 to 2^53, found 400.0
            "mean": 3    | "mean": "3"       | expected c: mean, a finite number, found "3"
            "mean": 3,   | ''                | expected c: mean, a finite number, found none
            0.5          | -0.5              | expected c: deviation, a finite number from 0 on, found -0.5
            "c":         | "b":              | expected fields: those that the spec gives scale: standard, [a, c], found [a, b]
            "c":         | "a":              | Duplicate field 'a'
            400,         | 400               | expected JSON, found Unexpected character
            """)
    void wrongStatisticsAreRefused(String right, String wrong, String message) {
        assertThat(STATISTICS).contains(right);
        assertThatThrownBy(() -> scaled(STATISTICS.replace(right, wrong))).isInstanceOf(InitialWeightsException.class)
                .hasMessageContainingAll("scale.json: ", message);
    }

    @Test
    void statisticsOfTwoFilesAreRefused() throws IOException {
        Path both = directory.resolve("both.safetensors");
        try (OutputStream to = Files.newOutputStream(both)) {
            SafetensorsExport.write(Parameters.initial(Plan.of(ModelSpec.parse(SCALED, "spec").network())), Map.of(),
                    to);
        }
        assertThatThrownBy(() -> scaled(STATISTICS, both)).isInstanceOf(InitialWeightsException.class)
                .hasMessageContaining(".statistics: expected no such tensor, found F64 [5]");
    }

    private static String sha256(Path file) throws IOException {
        return HexFormat.of().formatHex(ModelHash.sha256().digest(Files.readAllBytes(file)));
    }
}
