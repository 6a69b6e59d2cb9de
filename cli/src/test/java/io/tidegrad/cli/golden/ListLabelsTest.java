package io.tidegrad.cli.golden;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.snapshot.ModelHash;
import io.tidegrad.model.feature.Event;
import io.tidegrad.model.feature.Featurizer;
import io.tidegrad.model.feature.MapEvent;
import io.tidegrad.model.feature.Row;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.safetensors.SafetensorsExport;
import io.tidegrad.model.spec.ModelSpec;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.function.IntFunction;
import java.util.function.IntUnaryOperator;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Specs whose labels are lists, against PyTorch's numbers: a spec, PyTorch's weights in a file and a case's rows as
/// events give the losses of the case, step for step.
class ListLabelsTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int IGNORED = -100;

    @TempDir
    private Path directory = Path.of("");

    @Test
    void aClassForEachStepIsLearnedAsPyTorchLearnsIt() throws IOException {
        JsonNode golden = read("model_transformer");
        String yaml = """
                model: next
                input: { topic: t }
                label: { field: y, kind: steps }
                features:
                  - categories: { field: x, count: 5, buckets: 499, dimension: 8 }
                network:
                  - reshape: [5, 8]
                  - residual: [ layer-norm, self-attention: { heads: 2, causal: true } ]
                  - residual: [ layer-norm, dense: 12, gelu, dense: 8 ]
                  - layer-norm
                  - dense: 9
                loss: categorical-cross-entropy
                optimizer: { sgd: { rate: 0.1 } }
                mini-batch: { size: 2 }
                """;
        Featurizer featurizer = new Featurizer(ModelSpec.parse(yaml, "next.yaml"));
        Map<String, IntFunction<Integer>> places = Map.of("emb.weight", id -> place(featurizer, "x", id));
        OnlineModel model = started(yaml, golden, names(golden), places);
        learns(golden, model,
                row -> new MapEvent(Map.of("x", ints(golden.at("/inputs/x"), row), "y", labels(golden, row))));
    }

    /// The decoder reads the label, shifted by a step, and starts from where the encoder ended.
    @Test
    void aDecoderIsTaughtByTheLabelAsPyTorchTeachesIt() throws IOException {
        JsonNode golden = read("model_seq2seq_gru");
        String yaml = """
                model: translate
                input: { topic: t }
                label: { field: y, kind: steps, lengths: y }
                features:
                  - categories: { field: src, count: 5, buckets: 499, dimension: 4, update: dense }
                  - shifted-label: { field: y, count: 4, classes: 9, start: 1, dimension: 4, update: dense }
                network:
                  - features: [y]
                  - reshape: [4, 4]
                  - gru:
                      hidden: 5
                      output: sequence
                      lengths: y
                      initial: [ features: [src], reshape: [5, 4], gru: { hidden: 5, output: state, lengths: src } ]
                  - dense: 9
                loss: categorical-cross-entropy
                optimizer: { adam: { rate: 0.01 } }
                mini-batch: { size: 3 }
                """;
        Featurizer featurizer = new Featurizer(ModelSpec.parse(yaml, "translate.yaml"));
        OnlineModel model = started(yaml, golden,
                List.of("tgt_emb.weight", "decoder.weight_ih", "decoder.weight_hh", "decoder.bias_ih",
                        "decoder.bias_hh", "src_emb.weight", "encoder.weight_ih", "encoder.weight_hh",
                        "encoder.bias_ih", "encoder.bias_hh", "out.weight", "out.bias"),
                Map.of("src_emb.weight", id -> place(featurizer, "src", id), "tgt_emb.weight", id -> id));
        List<Integer> lengths = ints(golden.at("/inputs/src_lengths/data"));
        learns(golden, model, row -> new MapEvent(Map.of("src",
                ints(golden.at("/inputs/src"), row).subList(0, lengths.get(row)), "y", labels(golden, row))));
    }

    @Test
    void aSequenceIsLearnedByCtcAsPyTorchLearnsIt() throws IOException {
        JsonNode golden = read("model_speech_ctc");
        String yaml = """
                model: speech
                input: { topic: t }
                label: { field: y, kind: sequence, count: 2 }
                features:
                  - sequence: { field: x, steps: 4, width: 9 }
                network:
                  - reshape: [4, 9]
                  - conv1d: { channels: 5, kernel: 3, padding: 1 }
                  - relu
                  - transpose
                  - lstm: { hidden: 4, bidirectional: true, output: sequence }
                  - dense: 5
                loss: ctc
                optimizer: { adam: { rate: 0.01 } }
                mini-batch: { size: 2 }
                """;
        OnlineModel model = started(yaml, golden, names(golden), Map.of());
        List<Integer> lengths = ints(golden.at("/targets/label_lengths/data"));
        float[] x = floats(golden.at("/inputs/x/data"));
        learns(golden, model, row -> new MapEvent(Map.of("x", Arrays.copyOfRange(x, row * 36, (row + 1) * 36), "y",
                ints(golden.at("/targets/y"), row).subList(0, lengths.get(row)))), row -> 1);
    }

    private static JsonNode read(String name) throws IOException {
        return JSON.readTree(GoldenCasesTest.CASES.resolve(name + ".json").toFile());
    }

    private static List<String> names(JsonNode golden) {
        List<String> names = new ArrayList<>();
        golden.get("initial_parameters").fieldNames().forEachRemaining(names::add);
        return names;
    }

    /// The row of a hashed table that a case's row is.
    private static int place(Featurizer featurizer, String field, int id) {
        Row row = featurizer.newRow();
        assertThat(featurizer.featurizeForScoring(new MapEvent(Map.of(field, List.of(id))), row)).isNull();
        return row.ids[0];
    }

    /// A model that starts from the case's weights.
    ///
    /// @param order the case's names in the order in which the spec's network has them
    /// @param places of the rows of a table that has others, too, by name
    private OnlineModel started(String yaml, JsonNode golden, List<String> order,
            Map<String, IntFunction<Integer>> places) throws IOException {
        OnlineModel drawn = OnlineModel.initial(ModelSpec.parse(yaml, "drawn.yaml"), Kernels.active());
        List<String> names =
                SafetensorsExport.names(drawn.parameters()).stream().map(name -> name.split(" ")[0]).toList();
        assertThat(names).hasSameSizeAs(order);
        ObjectNode header = JSON.createObjectNode();
        List<float[]> tensors = new ArrayList<>();
        int at = 0;
        for (int i = 0; i < names.size(); i++) {
            JsonNode tensor = golden.get("initial_parameters").get(order.get(i));
            List<Integer> shape = ints(tensor.get("shape"));
            float[] values = floats(tensor.get("data"));
            IntFunction<Integer> place = places.get(order.get(i));
            if (place != null) {
                int width = shape.get(1);
                float[] table = drawn.parameters().weights(names.get(i));
                for (int row = 0; row < shape.getFirst(); row++) {
                    System.arraycopy(values, row * width, table, place.apply(row) * width, width);
                }
                values = table;
                shape = List.of(table.length / width, width);
            }
            header.set(names.get(i),
                    JSON.createObjectNode().put("dtype", "F32").<ObjectNode>set("shape", JSON.valueToTree(shape))
                            .set("data_offsets", JSON.valueToTree(List.of(at, at + Float.BYTES * values.length))));
            tensors.add(values);
            at += Float.BYTES * values.length;
        }
        byte[] text = JSON.writeValueAsBytes(header);
        ByteBuffer file = ByteBuffer.allocate(Long.BYTES + text.length + at).order(ByteOrder.LITTLE_ENDIAN);
        file.putLong(text.length).put(text);
        tensors.forEach(values -> {
            for (float value : values) {
                file.putFloat(value);
            }
        });
        Path weights = Files.write(directory.resolve("weights.safetensors"), file.array());
        String sha256 = HexFormat.of().formatHex(ModelHash.sha256().digest(file.array()));
        String started = yaml + "initial-weights: { file: \"" + weights + "\", sha256: \"" + sha256 + "\" }\n";
        return OnlineModel.initial(ModelSpec.parse(started, "started.yaml"), Kernels.active());
    }

    /// Learns the case's batches; the progressive log loss must be the case's losses, each over the labels of its batch.
    private static void learns(JsonNode golden, OnlineModel model, IntFunction<Event> event) {
        learns(golden, model, event, row -> (int) labels(golden, row).stream().filter(label -> label != null).count());
    }

    /// @param counts how many labels a row has
    private static void learns(JsonNode golden, OnlineModel model, IntFunction<Event> event, IntUnaryOperator counts) {
        Featurizer featurizer = new Featurizer(model.spec());
        double rtol = golden.at("/tolerance/rtol").doubleValue();
        double atol = golden.at("/tolerance/atol").doubleValue();
        double sumBefore = 0;
        int labels = 0;
        for (int step = 0; step < golden.get("batches").size(); step++) {
            int before = labels;
            for (int row : ints(golden.at("/batches/" + step))) {
                Row made = featurizer.newRow();
                assertThat(featurizer.featurize(event.apply(row), made)).isNull();
                assertThat(model.accept(made)).isNull();
                labels += counts.applyAsInt(row);
            }
            double sum = model.evaluation().logLoss() * labels;
            double want = golden.at("/expected/losses/" + step).doubleValue();
            assertThat((sum - sumBefore) / (labels - before)).as("the loss of step %d", step).isCloseTo(want,
                    within(atol + rtol * Math.abs(want)));
            sumBefore = sum;
        }
        assertThat(model.parameters().updates()).isEqualTo(golden.get("batches").size());
    }

    /// Null where a step has no class; the list ends with the last one that has.
    private static List<@Nullable Integer> labels(JsonNode golden, int row) {
        List<@Nullable Integer> labels = new ArrayList<>(ints(golden.at("/targets/y"), row));
        labels.replaceAll(label -> label == null || label == IGNORED ? null : label);
        while (labels.getLast() == null) {
            labels.removeLast();
        }
        return labels;
    }

    private static List<Integer> ints(JsonNode tensor, int row) {
        int width = tensor.at("/shape/1").intValue();
        return ints(tensor.get("data")).subList(row * width, (row + 1) * width);
    }

    private static List<Integer> ints(JsonNode array) {
        List<Integer> ints = new ArrayList<>();
        array.forEach(value -> ints.add(value.intValue()));
        return ints;
    }

    private static float[] floats(JsonNode array) {
        float[] floats = new float[array.size()];
        for (int i = 0; i < floats.length; i++) {
            floats[i] = array.get(i).floatValue();
        }
        return floats;
    }
}
