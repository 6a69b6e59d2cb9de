package io.tidegrad.engine.golden;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.model.Batch;
import io.tidegrad.engine.model.Gradients;
import io.tidegrad.engine.model.Learner;
import io.tidegrad.engine.model.NetworkSpec;
import io.tidegrad.engine.model.Parameters;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// The engine against PyTorch's numbers.
class GoldenTest {
    private static final Kernels KERNELS = Kernels.active();

    @ParameterizedTest
    @ValueSource(
            strings = {
                "activation_relu",
                "activation_sigmoid",
                "activation_tanh",
                "activation_softmax",
                "layer_dense",
                "layer_dense_no_bias",
                "layer_mlp_stack",
                "layer_embedding"
            })
    void layersAgreeWithPyTorch(String name) {
        GoldenCase golden = GoldenCase.read(name);
        Parameters parameters = golden.parameters();
        NetworkSpec spec = parameters.plan().spec();
        Batch batch = golden.allRows(spec);
        Gradients gradients = new Gradients(parameters, KERNELS, batch.size());
        float[] upstream = GoldenCase.floats(golden.json.at("/output_gradients/output"));

        gradients.ofOutputs(batch, upstream);

        JsonNode expected = golden.json.get("expected");
        float[] outputs = gradients.outputs(batch.size());
        check(golden, "output", outputs, GoldenCase.floats(expected.at("/outputs/output")));
        double loss = 0;
        for (int i = 0; i < outputs.length; i++) {
            loss += (double) outputs[i] * upstream[i];
        }
        check(golden, "loss", loss, expected.get("loss").asDouble());
        checkGradients(golden, gradients, expected);
        if (expected.has("input_gradients")) {
            float[] want = GoldenCase.floats(expected.at("/input_gradients/x"));
            check(golden, "input gradient", gradients.ofNumbers(), want);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "loss_mse",
                "loss_mse_weighted",
                "loss_bce_logits",
                "loss_bce_logits_extreme",
                "loss_ce_index",
                "loss_ce_one_hot",
                "loss_ce_weighted"
            })
    void lossesAgreeWithPyTorch(String name) {
        GoldenCase golden = GoldenCase.read(name);
        Parameters parameters = golden.parameters();
        Batch batch = golden.allRows(parameters.plan().spec());
        Gradients gradients = new Gradients(parameters, KERNELS, batch.size());

        double loss = gradients.ofLoss(batch);

        JsonNode expected = golden.json.get("expected");
        check(golden, "loss", loss, expected.get("loss").asDouble());
        check(
                golden,
                "loss per sample",
                gradients.rowLosses(),
                GoldenCase.floats(expected.get("loss_per_sample")));
        check(
                golden,
                "input gradient",
                gradients.ofNumbers(),
                GoldenCase.floats(expected.at("/input_gradients/predictions")));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "optimizer_sgd",
                "optimizer_sgd_sample_weights",
                "optimizer_adam",
                "optimizer_adam_default",
                "model_seed_784",
                "model_seed_digits"
            })
    void trainingAgreesWithPyTorch(String name) {
        GoldenCase golden = GoldenCase.read(name);
        Parameters parameters = golden.parameters();
        NetworkSpec spec = parameters.plan().spec();
        int[][] batches = batches(golden);
        int maxBatch = Arrays.stream(batches).mapToInt(rows -> rows.length).max().orElseThrow();
        Learner learner = new Learner(parameters, KERNELS, maxBatch);
        Gradients gradients = new Gradients(parameters, KERNELS, maxBatch);
        JsonNode expected = golden.json.get("expected");

        for (int s = 0; s < batches.length; s++) {
            Batch batch = golden.batch(spec, batches[s]);
            String where = "step " + (s + 1) + ", ";
            gradients.ofLoss(batch);
            if (s == 0) {
                boolean softmax = name.startsWith("model_seed");
                check(
                        golden,
                        "output",
                        softmax ? gradients.predictions() : gradients.outputs(batch.size()),
                        GoldenCase.floats(expected.at("/outputs/output")));
                checkGradients(golden, gradients, expected);
            }
            if (expected.has("gradient_norms")) {
                check(
                        golden,
                        where + "gradient norm",
                        gradients.norm(),
                        expected.get("gradient_norms").get(s).asDouble());
            }
            check(
                    golden,
                    where + "loss",
                    learner.learn(batch),
                    expected.get("losses").get(s).asDouble());
            for (JsonNode after : expected.get("parameters_after")) {
                if (after.get("step").asInt() == s + 1) {
                    checkParameters(golden, where, parameters, after);
                }
            }
        }
    }

    private static int[][] batches(GoldenCase golden) {
        JsonNode batches = golden.json.get("batches");
        int[][] rows = new int[batches.size()][];
        for (int s = 0; s < rows.length; s++) {
            JsonNode batch = batches.get(s);
            rows[s] = IntStream.range(0, batch.size()).map(i -> batch.get(i).asInt()).toArray();
        }
        return rows;
    }

    private static void checkGradients(GoldenCase golden, Gradients gradients, JsonNode expected) {
        expected.path("parameter_gradients")
                .properties()
                .forEach(
                        entry ->
                                check(
                                        golden,
                                        "gradient of " + entry.getKey(),
                                        gradients.of(tensor(golden, entry.getKey())),
                                        golden.weights(entry.getValue())));
    }

    private static void checkParameters(
            GoldenCase golden, String where, Parameters parameters, JsonNode after) {
        after.get("parameters")
                .properties()
                .forEach(
                        entry ->
                                check(
                                        golden,
                                        where + entry.getKey(),
                                        parameters.weights(tensor(golden, entry.getKey())),
                                        golden.weights(entry.getValue())));
    }

    private static String tensor(GoldenCase golden, String name) {
        String tensor = golden.tensorNames.get(name);
        assertThat(tensor).as("tensor %s", name).isNotNull();
        return tensor;
    }

    private static void check(GoldenCase golden, String what, float[] got, float[] want) {
        assertThat(got.length).as(what).isGreaterThanOrEqualTo(want.length);
        for (int i = 0; i < want.length; i++) {
            check(golden, what + "[" + i + "]", got[i], want[i]);
        }
    }

    private static void check(GoldenCase golden, String what, double got, double want) {
        double allowed = golden.atol + golden.rtol * Math.abs(want);
        // NaN fails too.
        assertThat(Math.abs(got - want) <= allowed)
                .as(
                        "%s: %s: got %s, want %s ± %s",
                        golden.json.get("name").asText(), what, got, want, allowed)
                .isTrue();
    }
}
