package io.tidegrad.model.safetensors;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.tidegrad.engine.kernel.ScalarKernels;
import io.tidegrad.engine.layer.Tensor;
import io.tidegrad.engine.model.Batch;
import io.tidegrad.engine.model.Learner;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.engine.model.Predictor;
import io.tidegrad.engine.snapshot.ModelHash;
import io.tidegrad.model.Specs;
import io.tidegrad.model.feature.Featurizer;
import io.tidegrad.model.feature.MapEvent;
import io.tidegrad.model.feature.Row;
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
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
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

    private static final String CAMPAIGNS = """
            model: clicks
            input: { topic: clicks }
            label: { field: clicked }
            features:
              - number: { field: price, scale: standard }
              - vocabulary: { field: campaign, capacity: 6, waiting: 4, min-count: 2, expire-after: 30, dimension: 2 }
            network: [ dense: 1 ]
            loss: binary-cross-entropy
            optimizer: { adam: { rate: 0.01 } }
            """;

    private static final String VALUES = """
            { "count": 1000, "fields": { "price": { "mean": 4, "deviation": 2 } },
              "vocabularies": { "campaign": [ ["spring", 700], [null, 20], [7, 30], [true, 1], [0.5, 9] ] } }
            """;

    /// What a batch job has: a row of the table for all other values, then one for each value.
    private static final float[] TABLE = {0.5f, -0.25f, 1, 2, -3, 4, 0.125f, -0.5f, 7, -6, -1, -2};

    private static final float[] DENSE = {0.75f, -1.5f, 0.25f};
    private static final float BIAS = 0.375f;

    private OnlineModel campaigns(String json, Map<String, float[]> tensors) throws IOException {
        Path weights = file("campaigns.safetensors", tensors);
        Path statistics = Files.writeString(directory.resolve("campaigns.json"), json);
        return OnlineModel
                .initial(ModelSpec.parse(
                        CAMPAIGNS + "initial-weights: { file: " + weights + ", sha256: " + sha256(weights)
                                + ", statistics: { file: " + statistics + ", sha256: " + sha256(statistics) + " } }\n",
                        "spec"), new ScalarKernels());
    }

    private static Map<String, float[]> batchModel() {
        return new LinkedHashMap<>(Map.of("0.1.weight", TABLE, "1.weight", DENSE, "1.bias", new float[]{BIAS}));
    }

    /// A file of tensors: tables and vectors of this network.
    private Path file(String name, Map<String, float[]> tensors) throws IOException {
        ObjectNode header = new ObjectMapper().createObjectNode();
        ByteArrayOutputStream data = new ByteArrayOutputStream();
        tensors.forEach((tensor, values) -> {
            ObjectNode entry = header.putObject(tensor).put("dtype", "F32");
            if (tensor.startsWith("0.1.weight")) {
                entry.putArray("shape").add(values.length / 2).add(2);
            } else if (tensor.startsWith("1.weight")) {
                entry.putArray("shape").add(1).add(values.length);
            } else {
                entry.putArray("shape").add(values.length);
            }
            ByteBuffer bytes = ByteBuffer.allocate(Float.BYTES * values.length).order(ByteOrder.LITTLE_ENDIAN);
            bytes.asFloatBuffer().put(values);
            entry.putArray("data_offsets").add(data.size()).add(data.size() + bytes.capacity());
            data.writeBytes(bytes.array());
        });
        byte[] text = header.toString().getBytes(StandardCharsets.UTF_8);
        Path file = directory.resolve(name);
        try (OutputStream to = Files.newOutputStream(file)) {
            to.write(ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN).putLong(0, text.length).array());
            to.write(text);
            data.writeTo(to);
        }
        return file;
    }

    private static Map<String, @Nullable Object> click(@Nullable Object campaign, double price) {
        Map<String, @Nullable Object> event = new HashMap<>();
        event.put("campaign", campaign);
        event.put("price", price);
        event.put("clicked", 1);
        return event;
    }

    private static float predicted(OnlineModel model, Map<String, @Nullable Object> event) {
        Parameters parameters = model.parameters();
        Row row = Specs.row(new Featurizer(model.spec()), new MapEvent(event));
        Batch batch = new Batch(parameters.plan().spec().row(), 1);
        batch.resize(1);
        System.arraycopy(row.numbers, 0, batch.numbers, 0, row.numbers.length);
        System.arraycopy(row.ids, 0, batch.ids, 0, row.ids.length);
        float[] prediction = new float[1];
        new Predictor(parameters.plan(), new ScalarKernels(), 1).predict(parameters, batch, prediction);
        return prediction[0];
    }

    /// The batch job's prediction, from its own rows.
    private static double expected(int tableRow, double price) {
        double z =
                BIAS + DENSE[0] * (price - 4) / 2 + DENSE[1] * TABLE[2 * tableRow] + DENSE[2] * TABLE[2 * tableRow + 1];
        return 1 / (1 + Math.exp(-z));
    }

    @Test
    void aVocabularyOfABatchJobPredictsAsTheJobDoes() throws IOException {
        OnlineModel model = campaigns(VALUES, batchModel());
        List<@Nullable Object> values = Arrays.asList("never seen", "spring", null, 7L, true, 0.5);
        for (int row = 0; row < values.size(); row++) {
            assertThat((double) predicted(model, click(values.get(row), 5.5))).as("%s", values.get(row))
                    .isCloseTo(expected(row, 5.5), within(1e-6));
        }
        // As everywhere, a category is its text.
        assertThat((double) predicted(model, click("7", 4))).isCloseTo(expected(3, 4), within(1e-6));
        assertThat(model.parameters().updates()).isZero();
    }

    /// It gives rows to new values, counts on and forgets, as one that has learned them itself.
    @Test
    void aVocabularyOfABatchJobGoesOn() throws IOException {
        OnlineModel model = campaigns(VALUES, batchModel());
        Featurizer featurizer = new Featurizer(model.spec());
        for (int i = 0; i < 40; i++) {
            Object value = i % 2 == 0 ? "spring" : i % 4 == 1 ? "autumn" : "rare " + i;
            assertThat(model.accept(Specs.row(featurizer, new MapEvent(click(value, i))))).isNull();
        }
        float[] entries = model.parameters().weights("0.1.vocabulary");
        assertThat(entries[10 + 3]).isEqualTo(720); // spring
        assertThat(entries[6 * 10 + 3]).isEqualTo(10); // autumn has the row behind those of the job
        // After 30 events without them the others are forgotten.
        assertThat(new float[]{entries[23], entries[33], entries[43], entries[53]}).containsExactly(0, 0, 0, 0);
        assertThat(entries[4]).isEqualTo(2);
    }

    /// What the file lacks behind the rows of the values are rows that are drawn when they are given to a value.
    @Test
    void theTableMayHaveAllRowsAndTheOptimizersState() throws IOException {
        Map<String, float[]> all = batchModel();
        all.put("0.1.weight", Arrays.copyOf(TABLE, 14));
        assertThat((double) predicted(campaigns(VALUES, all), click("spring", 1))).isCloseTo(expected(1, 1),
                within(1e-6));
        Map<String, float[]> state = batchModel();
        float[] means = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
        for (String part : List.of("exp_avg", "exp_avg_sq")) {
            state.put("0.1.weight." + part, means);
            state.put("1.weight." + part, DENSE.clone());
            state.put("1.bias." + part, new float[]{BIAS});
        }
        state.put("1.weight.exp_avg_sq", new float[]{1, 2, 3});
        state.put("step", new float[]{300});
        Parameters parameters = campaigns(VALUES, state).parameters();
        assertThat(parameters.updates()).isEqualTo(300);
        assertThat(parameters.state("0.1.weight", 1)).startsWith(means).endsWith(0, 0).hasSize(14);
        assertThat(parameters.state("0.1.vocabulary", 1)).containsOnly(0);
    }

    @Test
    void everyMemberOfARecipeHasTheBatchJobsVocabulary() throws IOException {
        String yaml = CAMPAIGNS.replaceFirst("(?s)network:.*", "") + "loss: binary-cross-entropy\nrecipe: lean\n";
        Parameters parameters = Parameters.initial(Plan.of(ModelSpec.parse(yaml, "spec").network()));
        Path all = directory.resolve("all.safetensors");
        try (OutputStream to = Files.newOutputStream(all)) {
            SafetensorsExport.write(parameters, Map.of(), to);
        }
        Path weights = edited(all, name -> !name.endsWith(".vocabulary"));
        Path statistics = Files.writeString(directory.resolve("values.json"), VALUES.replaceFirst("\"fields\".*,", ""));
        ModelSpec spec = ModelSpec.parse(yaml + "initial-weights: { file: " + weights + ", sha256: " + sha256(weights)
                + ", statistics: { file: " + statistics + ", sha256: " + sha256(statistics) + " } }\n", "spec");
        Parameters started = OnlineModel.initial(spec, new ScalarKernels()).parameters();
        List<String> names = started.plan().tensors().stream().map(Tensor::name)
                .filter(name -> name.endsWith(".vocabulary")).toList();
        assertThat(names).hasSize(2);
        for (String name : names) {
            assertThat(started.weights(name)[4]).isEqualTo(5);
            assertThat(started.weights(name)).isEqualTo(started.weights(names.getFirst()));
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            ["spring", 700] | "spring"       | expected campaign[0]: the value and how often it was seen, a whole number from 1 on, like ["spring", 812], found "spring"
            ["spring", 700] | ["spring", 0]  | found ["spring",0]
            ["spring", 700] | ["spring", 1.5] | found ["spring",1.5]
            ["spring", 700] | ["7", 700]     | expected campaign[2]: each value once, found 7, which is campaign[0] already
            ["spring", 700] | [["a"], 700]   | expected campaign[0]: a text, a finite number, true, false, or null for a missing one, found ["a"]
            ["spring", 700] | ["spring", 941] | expected campaign: values that were seen 1000 times together, the count of all rows, at most, found 1001 times
            ["spring", 700] | ["spring", 7], ["a", 1], ["b", 1] | expected campaign: at most 6 values, the capacity of its vocabulary, found 7; raise the capacity, or leave out values that came seldom
            "campaign"      | "campaigns"    | expected vocabularies: the fields of those in the spec, [campaign], found [campaigns]
            "vocabularies"  | "vocabulary"   | expected the keys count, fields and vocabularies, found vocabulary
            """)
    void wrongVocabulariesAreRefused(String right, String wrong, String message) {
        assertThat(VALUES).contains(right);
        assertThatThrownBy(() -> campaigns(VALUES.replace(right, wrong), batchModel()))
                .isInstanceOf(InitialWeightsException.class).hasMessageContainingAll("campaigns.json: ", message);
    }

    @Test
    void aTableThatIsNotOfTheVocabularyIsRefused() {
        Map<String, float[]> tensors = batchModel();
        tensors.put("0.1.weight", Arrays.copyOf(TABLE, 10));
        assertThatThrownBy(() -> campaigns(VALUES, tensors)).isInstanceOf(InitialWeightsException.class)
                .hasMessageContaining(
                        "0.1.weight: expected F32, F16 or BF16 [7, 2] or [6, 2], a row for what is no value"
                                + " and one for each value in the statistics, found F32 [5, 2]");
        Map<String, float[]> both = batchModel();
        both.put("0.1.vocabulary", new float[110]);
        assertThatThrownBy(() -> campaigns(VALUES, both)).isInstanceOf(InitialWeightsException.class)
                .hasMessageContaining("0.1.vocabulary: expected no such tensor");
    }

    private static String sha256(Path file) throws IOException {
        return HexFormat.of().formatHex(ModelHash.sha256().digest(Files.readAllBytes(file)));
    }
}
