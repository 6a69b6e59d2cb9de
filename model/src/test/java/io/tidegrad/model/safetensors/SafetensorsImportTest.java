package io.tidegrad.model.safetensors;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.tidegrad.engine.kernel.ScalarKernels;
import io.tidegrad.engine.model.Batch;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.engine.model.Predictor;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.spec.ModelSpec;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Weights that PyTorch trained and saved (`src/test/pytorch/readings.py`).
class SafetensorsImportTest {
    private static final Path PYTORCH = Path.of("src/test/resources/pytorch");
    private static final Path READINGS = PYTORCH.resolve("readings.safetensors");

    private static final String SPEC = """
            model: readings
            input: { topic: readings, event-time: at }
            label: { field: over }
            features:
              - number: { field: a, scale: standard }
              - number: { field: b }
              - category: { field: place, buckets: 2048, dimension: 4 }
            network: [ dense: 8, relu, dense: 1 ]
            loss: binary-cross-entropy
            optimizer: { adam: { rate: 0.01 } }
            """;

    @TempDir
    Path directory;

    @Test
    void aModelStartedFromPyTorchsWeightsAnswersAsPyTorchDoes() throws IOException {
        OnlineModel model = OnlineModel.initial(spec(SPEC, READINGS), new ScalarKernels());
        Parameters parameters = model.parameters();
        JsonNode expected = new ObjectMapper().readTree(PYTORCH.resolve("readings.json").toFile());
        int rows = expected.get("numbers").size();
        Batch batch = new Batch(parameters.plan().spec().row(), rows);
        batch.resize(rows);
        for (int row = 0; row < rows; row++) {
            for (int i = 0; i < 2; i++) {
                batch.numbers[2 * row + i] = expected.at("/numbers/" + row + "/" + i).floatValue();
            }
            batch.ids[row] = expected.at("/ids/" + row + "/0").intValue();
        }
        float[] predictions = new float[rows];
        new Predictor(parameters.plan(), new ScalarKernels(), rows).predict(parameters, batch, predictions);
        for (int row = 0; row < rows; row++) {
            assertThat(predictions[row]).as("row %d", row)
                    .isCloseTo(expected.at("/predictions/" + row + "/0").floatValue(), within(1e-6f));
        }
    }

    @Test
    void whatIsExportedIsWhatPyTorchSaved() throws IOException {
        Parameters parameters = OnlineModel.initial(spec(SPEC, READINGS), new ScalarKernels()).parameters();
        ByteArrayOutputStream exported = new ByteArrayOutputStream();
        SafetensorsExport.write(parameters, Map.of(), exported);
        assertThat(tensors(exported.toByteArray())).isEqualTo(tensors(Files.readAllBytes(READINGS)));
    }

    /// Name, type, shape → the tensor's bytes.
    private static Map<String, String> tensors(byte[] file) throws IOException {
        SafetensorsReader reader = new SafetensorsReader(new ByteArrayInputStream(file), file.length);
        long dataAt = file.length - reader.entries().getLast().end();
        assertThat(dataAt % Long.BYTES).isZero();
        Map<String, String> tensors = new LinkedHashMap<>();
        for (SafetensorsEntry entry : reader.entries()) {
            tensors.put(entry.name() + " " + entry.dtype() + " " + entry.shape(),
                    HexFormat.of().formatHex(file, (int) (dataAt + entry.begin()), (int) (dataAt + entry.end())));
        }
        return tensors;
    }

    @Test
    void allThatDoesNotFitIsToldAtOnce() {
        assertThatThrownBy(() -> start(SPEC.replace("dense: 8", "dense: 9").replace("relu,", "")))
                .isInstanceOf(InitialWeightsException.class)
                .hasMessageContainingAll("readings.safetensors don't fit the network:",
                        "1.weight: expected F32, F16 or BF16 [9, 6], found F32 [8, 6]",
                        "1.bias: expected F32, F16 or BF16 [9], found F32 [8]",
                        "3.weight: expected no such tensor, found F32 [1, 8]",
                        "2.weight: expected F32, F16 or BF16 [1, 9], found none");
    }

    @Test
    void anotherFileIsRefusedWhateverIsInIt() throws IOException {
        byte[] bytes = Files.readAllBytes(READINGS);
        bytes[bytes.length - 1] ^= 1;
        Path other = Files.write(directory.resolve("other.safetensors"), bytes);
        assertThatThrownBy(() -> check(other, sha256(READINGS))).isInstanceOf(InitialWeightsException.class)
                .hasMessageContainingAll("expected the file with SHA-256 " + sha256(READINGS),
                        "found one with " + sha256(other));
        Path noWeights = Files.writeString(directory.resolve("no.safetensors"), "no weights");
        assertThatThrownBy(() -> check(noWeights, sha256(READINGS)))
                .hasMessageContaining("expected the file with SHA-256 ");
        assertThatThrownBy(() -> check(noWeights, sha256(noWeights))).isInstanceOf(InitialWeightsException.class)
                .hasMessageContaining("not a safetensors file: expected a header");
    }

    @Test
    void aFileThatIsNotThereIsNamedWithItsDirectory() {
        Path missing = Path.of("missing.safetensors");
        assertThatThrownBy(() -> check(missing, sha256(READINGS))).isInstanceOf(InitialWeightsException.class)
                .hasMessageContainingAll("initial weights missing.safetensors: expected a file, found none",
                        Path.of("").toAbsolutePath().toString());
    }

    @Test
    void numbersThatAreNotFiniteAreRefused() throws IOException {
        Parameters parameters = Parameters.initial(plan());
        float[] weights = parameters.weights("1.bias");
        weights[3] = Float.NaN;
        parameters.setWeights("1.bias", weights);
        parameters.setStatistics("0.1.1.statistics", new double[]{4, -1, -0.5});
        Path file = directory.resolve("nan.safetensors");
        try (var to = Files.newOutputStream(file)) {
            SafetensorsExport.write(parameters, Map.of(), to);
        }
        assertThatThrownBy(() -> check(file, sha256(file))).isInstanceOf(InitialWeightsException.class)
                .hasMessageContainingAll("1.bias, number 3: expected a finite one, found NaN",
                        "0.1.1.statistics, number 2: expected a finite one, and as count or sum of squares"
                                + " none below 0, found -0.5");
    }

    private static void check(Path file, String sha256) {
        ModelSpec spec = ModelSpec.parse(SPEC, "spec");
        SafetensorsImport.check(spec,
                new ModelSpec.InitialWeights(new ModelSpec.HashedFile(file.toString(), sha256), null),
                Plan.of(spec.network()));
    }

    private static Plan plan() {
        return Plan.of(ModelSpec.parse(SPEC, "spec").network());
    }

    private static void start(String yaml) {
        OnlineModel.initial(spec(yaml, READINGS), new ScalarKernels());
    }

    private static ModelSpec spec(String yaml, Path weights) {
        return ModelSpec.parse(yaml + "initial-weights: { file: " + weights + ", sha256: " + sha256(weights) + " }\n",
                "spec");
    }

    private static String sha256(Path file) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(file)));
        } catch (NoSuchAlgorithmException | IOException e) {
            throw new IllegalStateException(e);
        }
    }
}
