package io.tidegrad.cli.golden;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.tidegrad.engine.kernel.Kernels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.TreeSet;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/// The engine and the evaluation against numbers from outside, and the runner against cases that were tampered with.
class GoldenCasesTest {
    static final Path CASES = Path.of("src/test/resources/golden");

    /// What the engine can do, by name: a case that stops passing is a loss, one that begins to is worth a line here.
    static final List<String> PASS = List.of("activation_elu", "activation_gelu_erf", "activation_gelu_tanh",
            "activation_leaky_relu", "activation_relu", "activation_sigmoid", "activation_silu", "activation_softmax",
            "activation_softplus", "activation_tanh", "drift_ddm", "drift_ddm_levels", "drift_page_hinkley",
            "drift_page_hinkley_none", "init_statistics", "layer_avgpool2d", "layer_avgpool2d_padding",
            "layer_batch_norm_2d_train", "layer_batch_norm_eval", "layer_batch_norm_train", "layer_conv1d",
            "layer_conv2d", "layer_conv2d_stride_padding", "layer_dense", "layer_dense_no_bias",
            "layer_dense_time_axis", "layer_dropout_eval", "layer_dropout_mask", "layer_embedding",
            "layer_embedding_bag_mean", "layer_embedding_bag_sum", "layer_embedding_padding", "layer_flatten",
            "layer_global_avgpool2d", "layer_gru", "layer_gru_lengths", "layer_layer_norm", "layer_lstm",
            "layer_lstm_bidirectional", "layer_lstm_lengths", "layer_maxpool2d", "layer_maxpool2d_padding",
            "layer_mlp_stack", "layer_residual", "layer_rms_norm", "layer_rnn", "layer_self_attention_causal",
            "loss_bce_logits", "loss_bce_logits_extreme", "loss_bce_logits_pos_weight", "loss_bce_logits_weighted",
            "loss_ce_class_weights", "loss_ce_index", "loss_ce_one_hot", "loss_ce_probabilities", "loss_ce_smoothing",
            "loss_ce_soft", "loss_ce_weighted", "loss_ctc", "loss_ctc_sum", "loss_hinge", "loss_huber", "loss_mae",
            "loss_mse", "loss_mse_weighted", "loss_poisson_log", "loss_poisson_rate", "loss_quantile", "metric_binary",
            "metric_multiclass", "metric_multiclass_absent", "metric_prequential", "metric_regression",
            "model_batchnorm_mlp", "model_click", "model_cnn", "model_deep_relu_20", "model_deep_sigmoid_20",
            "model_gru_classifier", "model_mixture_classes", "model_mixture_number", "model_mixture_yes_no",
            "model_residual_mlp", "model_running_scale", "model_seed_784", "model_seed_digits", "model_seq2seq_gru",
            "model_speech_ctc", "model_transformer", "optimizer_adagrad", "optimizer_adam", "optimizer_adam_amsgrad",
            "optimizer_adam_default", "optimizer_adam_warmup_cosine", "optimizer_adamw", "optimizer_clip_norm",
            "optimizer_clip_norm_idle", "optimizer_clip_value", "optimizer_elastic", "optimizer_ftrl",
            "optimizer_ftrl_batch", "optimizer_ftrl_online", "optimizer_l1", "optimizer_l2", "optimizer_momentum",
            "optimizer_nesterov", "optimizer_rmsprop", "optimizer_rmsprop_centered", "optimizer_schedule_step",
            "optimizer_sgd", "optimizer_sgd_sample_weights", "optimizer_sparse_adagrad", "optimizer_stream_rms",
            "optimizer_stream_rms_floor", "optimizer_touched_adam", "optimizer_touched_adamw",
            "optimizer_touched_amsgrad", "optimizer_touched_ftrl", "optimizer_touched_momentum",
            "optimizer_touched_nesterov", "optimizer_touched_rmsprop", "optimizer_touched_rmsprop_centered",
            "schedule_cosine", "schedule_exponential", "schedule_inverse_sqrt", "schedule_linear_warmup",
            "schedule_one_cycle", "schedule_step", "schedule_warmup_cosine");

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Kernels KERNELS = Kernels.active();

    @TempDir
    private Path folder = Path.of("");

    @Test
    void theListsAreWhatTheEngineCanDo() throws IOException {
        TreeSet<String> passed = new TreeSet<>();
        TreeSet<String> skipped = new TreeSet<>();
        List<String> failed = new ArrayList<>();
        try (Stream<Path> files = Files.list(CASES)) {
            for (Path file : files.toList()) {
                String name = file.getFileName().toString().replace(".json", "");
                switch (GoldenCase.run(file, KERNELS)) {
                    case Outcome.Passed() -> passed.add(name);
                    case Outcome.Skipped(String reason) -> skipped.add(name);
                    case Outcome.Failed(String difference) -> failed.add(name + ": " + difference);
                }
            }
        }
        assertThat(failed).isEmpty();
        assertThat(passed).containsExactlyElementsOf(PASS);
        assertThat(skipped).isEmpty();
    }

    private static ObjectNode read(String name) throws IOException {
        return (ObjectNode) JSON.readTree(CASES.resolve(name + ".json").toFile());
    }

    private Outcome run(JsonNode golden) throws IOException {
        Path file = folder.resolve("case.json");
        JSON.writeValue(file.toFile(), golden);
        return GoldenCase.run(file, KERNELS);
    }

    static List<String> passing() {
        return PASS;
    }

    /// Every entry of `expected` is compared: one wrong number in it is found, wherever it is.
    @ParameterizedTest
    @MethodSource("passing")
    void oneWrongNumberAnywhereFailsTheCase(String name) throws IOException {
        ObjectNode golden = read(name);
        Random random = new Random(name.hashCode());
        List<Spot> spots = new ArrayList<>();
        collectSpots("expected", golden.get("expected"), spots);
        assertThat(spots).isNotEmpty();
        for (Spot spot : spots) {
            JsonNode right = spot.spoil(random);
            assertThat(run(golden)).as("%s, %s", name, spot.path).isInstanceOf(Outcome.Failed.class);
            spot.restore(right);
        }
        assertThat(run(golden)).isEqualTo(new Outcome.Passed());
    }

    /// A number of `expected`, or a list of which any may be spoilt.
    private record Spot(String path, ArrayNode list, ObjectNode parent, String field, int[] index) {
        JsonNode spoil(Random random) {
            if (list.isEmpty()) {
                JsonNode right = parent.get(field);
                parent.put(field, wrong(right.doubleValue()));
                return right;
            }
            index[0] = random.nextInt(list.size());
            JsonNode right = list.get(index[0]);
            list.set(index[0], JSON.getNodeFactory().numberNode(wrong(right.doubleValue())));
            return right;
        }

        void restore(JsonNode right) {
            if (list.isEmpty()) {
                parent.set(field, right);
            } else {
                list.set(index[0], right);
            }
        }

        private static double wrong(double right) {
            return right + 0.01 * Math.max(0.1, Math.abs(right));
        }
    }

    private static void collectSpots(String path, JsonNode node, List<Spot> spots) {
        if (node instanceof ArrayNode list && !list.isEmpty() && list.get(0).isNumber()) {
            spots.add(new Spot(path, list, JSON.createObjectNode(), "", new int[1]));
        } else if (node instanceof ArrayNode list) {
            for (int i = 0; i < list.size(); i++) {
                collectSpots(path + "[" + i + "]", list.get(i), spots);
            }
        } else if (node instanceof ObjectNode object) {
            object.properties().forEach(entry -> {
                String field = entry.getKey();
                JsonNode value = entry.getValue();
                boolean layout = List.of("shape", "step", "sample_size", "fan_in", "fan_out").contains(field)
                        || field.endsWith("_at_sample_size");
                if (value.isNumber() && !layout) {
                    spots.add(new Spot(path + "." + field, JSON.createArrayNode(), object, field, new int[1]));
                } else if (value.isContainerNode() && !layout) {
                    collectSpots(path + "." + field, value, spots);
                }
            });
        }
    }

    @Test
    void theDifferenceSaysWhatGotWantAndWhere() throws IOException {
        ObjectNode golden = read("layer_dense");
        ArrayNode data = (ArrayNode) golden.at("/expected/parameter_gradients/fc.weight/data");
        data.set(8 + 2, JSON.getNodeFactory().numberNode(1.5));

        assertThat(((Outcome.Failed) run(golden)).difference())
                .matches("parameter_gradients\\.fc\\.weight, got -?\\d+\\.\\d+, want 1\\.5 ± 3\\.2e-05, at \\[1, 2]");
    }

    @ParameterizedTest
    @ValueSource(doubles = {Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY})
    void whatIsNotFiniteNeverPasses(double got) {
        Comparison anything = new Comparison(1e30, 1e30);
        for (double want : new double[]{0, 1, 1e300}) {
            assertThatThrownBy(() -> anything.number("loss", got, want))
                    .isInstanceOf(Comparison.DifferenceException.class)
                    .hasMessageStartingWith("loss, got " + got + ", want " + want);
        }
    }

    /// What the runner has never heard of may mean anything: the case must not pass.
    @ParameterizedTest
    @CsvSource({"layer_dense, , wobble", "layer_dense, /spec, wobble", "layer_dense, /spec/layers/0, wobble",
        "layer_dense, /expected, wobble", "layer_dense, /expected/outputs, h_n",
        "layer_dense, /initial_parameters, other.weight", "loss_mse, /spec/loss, wobble",
        "loss_mse, /targets, label_lengths", "optimizer_sgd, /spec, schedule",
        "optimizer_sgd, /spec/optimizer, weight_decay", "optimizer_clip_norm, /spec/gradient_clipping, wobble",
        "optimizer_l2, /spec/regularization, wobble", "optimizer_sgd, /expected/parameters_after/0, optimizer_state",
        "init_statistics, /expected/rows/0, median", "metric_binary, /expected, wobble",
        "metric_regression, /spec, wobble", "metric_prequential, /spec, wobble", "drift_ddm, /spec, wobble",
        "drift_ddm, /expected, statistic", "drift_page_hinkley, /inputs, y"})
    void anUnknownFieldAnywhereSkipsTheCase(String name, @Nullable String place, String field) throws IOException {
        ObjectNode golden = read(name);
        ObjectNode object = place == null ? golden : (ObjectNode) golden.at(place);
        JsonNode value = JSON.readTree("{\"type\": \"x\", \"shape\": [1], \"dtype\": \"f32\", \"data\": [1]}");
        object.set(field, value);

        assertThat(run(golden)).isInstanceOf(Outcome.Skipped.class);
        assertThat(((Outcome.Skipped) run(golden)).reason()).containsAnyOf(field,
                field.equals("schedule") ? "schedule x" : field);
    }

    /// What would be another computation than the engine's is not mistaken for it.
    @Test
    void anActivationBeforeALossOfLogitsIsNotFused() throws IOException {
        ObjectNode golden = read("model_seed_digits");
        ((ObjectNode) golden.at("/spec/loss")).put("from_logits", true);

        assertThat(((Outcome.Skipped) run(golden)).reason())
                .isEqualTo("loss categorical_cross_entropy of logits after softmax");
    }

    @ParameterizedTest
    @ValueSource(strings = {"loss_mse", "loss_mae", "loss_huber", "loss_quantile", "loss_hinge", "loss_poisson_log",
        "loss_bce_logits", "loss_bce_logits_pos_weight", "loss_ce_index", "loss_ce_soft", "loss_ce_smoothing"})
    void theSumOfALossIsItsMeanTimesItsElements(String name) throws IOException {
        ObjectNode golden = read(name);
        int[] shape =
                IntStream.range(0, 2).map(axis -> golden.at("/inputs/predictions/shape/" + axis).asInt()).toArray();
        int factor = shape[0] * (name.startsWith("loss_ce") ? 1 : shape[1]);
        ((ObjectNode) golden.at("/spec/loss")).put("reduction", "sum");
        ObjectNode expected = (ObjectNode) golden.get("expected");
        expected.put("loss", expected.get("loss").asDouble() * factor);
        scale((ArrayNode) expected.at("/input_gradients/predictions/data"), factor);

        assertThat(run(golden)).isEqualTo(new Outcome.Passed());
    }

    /// Rows of a line each are one row of lines, whose mean is the same.
    @Test
    void classesOfLinesAreClassesOfRows() throws IOException {
        ObjectNode golden = read("loss_ce_smoothing");
        ((ObjectNode) golden.at("/spec/loss")).put("ignore_index", -100);
        reshape((ObjectNode) golden.at("/inputs/predictions"), 2, 3, 5);
        reshape((ObjectNode) golden.at("/targets/y"), 2, 3);
        ObjectNode expected = (ObjectNode) golden.get("expected");
        reshape((ObjectNode) expected.at("/input_gradients/predictions"), 2, 3, 5);
        // Where lines may be ignored, a sample's is the sum of those that are not.
        ObjectNode perSample = (ObjectNode) expected.get("loss_per_sample");
        reshape(perSample, 2);
        JsonNode lines = perSample.get("data");
        ArrayNode sums = JSON.createArrayNode();
        for (int row = 0; row < 2; row++) {
            double sum = 0;
            for (int line = 3 * row; line < 3 * row + 3; line++) {
                sum += lines.get(line).asDouble();
            }
            sums.add(sum);
        }
        perSample.set("data", sums);

        assertThat(run(golden)).isEqualTo(new Outcome.Passed());
    }

    private static void reshape(ObjectNode tensor, int... axes) {
        ArrayNode shape = tensor.putArray("shape");
        for (int axis : axes) {
            shape.add(axis);
        }
    }

    private static void scale(ArrayNode data, double factor) {
        for (int i = 0; i < data.size(); i++) {
            data.set(i, JSON.getNodeFactory().numberNode(data.get(i).asDouble() * factor));
        }
    }

    /// The same network, spelled with names: every input has one, and so has every layer.
    @Test
    void layersReadWhatTheyName() throws IOException {
        ObjectNode golden = read("layer_mlp_stack");
        ObjectNode inputs = (ObjectNode) golden.get("inputs");
        inputs.set("left", inputs.remove("x"));
        ObjectNode gradients = (ObjectNode) golden.at("/expected/input_gradients");
        gradients.set("left", gradients.remove("x"));
        ((ObjectNode) golden.at("/spec/layers/0")).putArray("inputs").add("left");

        assertThat(run(golden)).isEqualTo(new Outcome.Passed());
    }

    /// A dense layer on two inputs joined is one on the whole.
    @Test
    void inputsAreJoinedInTheOrderOfTheirNames() throws IOException {
        ObjectNode golden = read("layer_dense");
        ObjectNode inputs = (ObjectNode) golden.get("inputs");
        ObjectNode gradients = (ObjectNode) golden.at("/expected/input_gradients");
        for (ObjectNode tensors : List.of(inputs, gradients)) {
            JsonNode x = Objects.requireNonNull(tensors.remove("x"));
            // Against the order of names, which is that of the columns inside.
            tensors.set("b", columns(x, 0, 3));
            tensors.set("a", columns(x, 3, 8));
        }
        ArrayNode layers = (ArrayNode) golden.at("/spec/layers");
        ObjectNode join = JSON.createObjectNode().put("type", "concat").put("name", "joined");
        join.putArray("inputs").add("b").add("a");
        layers.insert(0, join);

        assertThat(run(golden)).isEqualTo(new Outcome.Passed());
    }

    private static JsonNode columns(JsonNode x, int from, int to) {
        int rows = x.at("/shape/0").asInt();
        int width = x.at("/shape/1").asInt();
        ObjectNode part = JSON.createObjectNode().put("dtype", "f32");
        part.putArray("shape").add(rows).add(to - from);
        ArrayNode data = part.putArray("data");
        for (int row = 0; row < rows; row++) {
            for (int column = from; column < to; column++) {
                data.add(x.get("data").get(row * width + column));
            }
        }
        return part;
    }

    /// Half of the gradient through each of two equal branches is the whole of it.
    @Test
    void branchesOfOneLayerMeetInAConcat() throws IOException {
        ObjectNode golden = read("layer_dense");
        joined(golden, "fc", "fc");
        ObjectNode gradient = (ObjectNode) golden.at("/output_gradients/output");
        scale((ArrayNode) gradient.get("data"), 0.5);
        sideBySide(gradient);
        sideBySide((ObjectNode) golden.at("/expected/outputs/output"));

        assertThat(run(golden)).isEqualTo(new Outcome.Passed());
    }

    private static void joined(ObjectNode golden, String... names) {
        ArrayNode layers = (ArrayNode) golden.at("/spec/layers");
        ArrayNode inputs = layers.addObject().put("type", "concat").putArray("inputs");
        for (String name : names) {
            inputs.add(name);
        }
    }

    /// Each row twice, one beside the other.
    private static void sideBySide(ObjectNode tensor) {
        int rows = tensor.at("/shape/0").asInt();
        int width = tensor.at("/shape/1").asInt();
        JsonNode data = tensor.get("data");
        ArrayNode twice = JSON.createArrayNode();
        for (int i = 0; i < rows * 2 * width; i++) {
            twice.add(data.get(i / (2 * width) * width + i % width));
        }
        tensor.set("data", twice);
        reshape(tensor, rows, 2 * width);
    }

    /// The engine's tree has a place for each layer, and no place twice.
    @Test
    void aLayerWithWeightsThatIsReadAtTwoPlacesIsSkipped() throws IOException {
        ObjectNode golden = read("layer_dense");
        joined(golden, "fc", "x", "fc");

        assertThat(((Outcome.Skipped) run(golden)).reason()).isEqualTo("fc.weight, which is read twice");
    }

    /// A dense table moves every row in every step: the cases tell the two apart. (Under FTRL and Adagrad a gradient of
    /// 0 moves nothing.)
    @ParameterizedTest
    @ValueSource(strings = {"adam", "amsgrad", "adamw", "momentum", "nesterov", "rmsprop", "rmsprop_centered"})
    void touchedNumbersAreNotThoseOfADenseTable(String name) throws IOException {
        ObjectNode golden = read("optimizer_touched_" + name);
        ((ObjectNode) golden.at("/spec/optimizer")).remove("sparse_embedding");

        assertThat(run(golden)).isInstanceOf(Outcome.Failed.class);
    }

    /// What no rate can change has no schedule.
    @Test
    void ftrlWithAScheduleIsSkipped() throws IOException {
        ObjectNode golden = read("optimizer_ftrl");
        ((ObjectNode) golden.get("spec")).putObject("schedule").put("type", "exponential").put("gamma", 0.9);

        assertThat(((Outcome.Skipped) run(golden)).reason())
                .startsWith("schedule: expected none, for FtrlProximal has one rate");
    }

    /// A file that is no case at all: told with its name, never as passed or skipped.
    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
                    /inputs/x/data    | []                        | inputs.x: shape [5, 8] does not fit 0 values
                    /inputs/x         | 7                         | inputs.x: expected an object, found 7
                    /spec/layers/0/in | 9                         | layer fc: in is 9, but it reads [8]
                    /kind             | 3                         | kind: expected a text, found 3
                    /tolerance/rtol   | "small"                   | tolerance.rtol: expected a number, found "small"
                    /spec/layers/0/inputs | ["y"]                 | expected an input or an earlier layer, found 'y'
                    /initial_parameters/fc.bias | {"shape": [1], "dtype": "f32", "data": [1]} | initial_parameters.fc.bias: expected shape [4], found [1]
                    """)
    void aDamagedCaseIsToldApartFromOneThatFails(String place, String value, String message) throws IOException {
        ObjectNode golden = read("layer_dense");
        int slash = place.lastIndexOf('/');
        JsonNode parent = golden.at(place.substring(0, slash));
        ((ObjectNode) parent).set(place.substring(slash + 1), JSON.readTree(value));

        assertThatThrownBy(() -> run(golden)).isInstanceOf(GoldenException.class)
                .hasMessage(folder.resolve("case.json") + ": " + message);
    }

    @Test
    void anIdBeyondItsTableIsAMistakeOfTheCase() throws IOException {
        ObjectNode golden = read("layer_embedding");
        ((ArrayNode) golden.at("/inputs/x/data")).set(0, JSON.getNodeFactory().numberNode(10));

        assertThatThrownBy(() -> run(golden)).isInstanceOf(GoldenException.class)
                .hasMessageEndingWith("case.json: inputs: row 0, id 0: found 10, expected 0 to 9");
    }
}
