package io.tidegrad.model.safetensors;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.tidegrad.engine.kernel.ScalarKernels;
import io.tidegrad.engine.layer.BatchNorm;
import io.tidegrad.engine.layer.Conv1d;
import io.tidegrad.engine.layer.Conv2d;
import io.tidegrad.engine.layer.Dense;
import io.tidegrad.engine.layer.Extent;
import io.tidegrad.engine.layer.Flatten;
import io.tidegrad.engine.layer.Initialization;
import io.tidegrad.engine.layer.Layer;
import io.tidegrad.engine.layer.LayerNorm;
import io.tidegrad.engine.layer.MaxPool2d;
import io.tidegrad.engine.layer.Numbers;
import io.tidegrad.engine.layer.Recurrent;
import io.tidegrad.engine.layer.Relu;
import io.tidegrad.engine.layer.Reshape;
import io.tidegrad.engine.layer.Residual;
import io.tidegrad.engine.layer.RmsNorm;
import io.tidegrad.engine.layer.SelfAttention;
import io.tidegrad.engine.layer.Sequence;
import io.tidegrad.engine.layer.Tanh;
import io.tidegrad.engine.loss.MeanSquaredError;
import io.tidegrad.engine.model.Batch;
import io.tidegrad.engine.model.NetworkSpec;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.engine.model.Predictor;
import io.tidegrad.engine.model.RowShape;
import io.tidegrad.engine.optim.Sgd;
import io.tidegrad.engine.testing.RandomNetworks;
import io.tidegrad.model.Specs;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.model.spec.RecipeTest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class TorchLayoutTest {
    private static final Path PYTORCH = Path.of("src/test/resources/pytorch/layers");
    private static final int NETWORKS = 200;

    @TempDir
    Path directory;

    /// The networks of `src/test/pytorch/layers.py`, behind the row's numbers.
    static List<Case> cases() {
        return List.of(
                new Case("conv2d", new Reshape(2, 7, 6),
                        new Conv2d(3, new Extent(3, 2), new Extent(2, 1), new Extent(1, 0), true,
                                Initialization.HE_UNIFORM),
                        new Relu(), new MaxPool2d(2), new Flatten(), new Dense(4)),
                new Case("conv1d", new Reshape(3, 9), new Conv1d(4, 3, 2, 1, true, Initialization.HE_UNIFORM),
                        new Tanh(), new Flatten(), new Dense(2)),
                new Case("rnn", new Reshape(5, 3), recurrent(Recurrent.Cell.RNN, false), new Flatten(), new Dense(2)),
                new Case("gru", new Reshape(5, 3), recurrent(Recurrent.Cell.GRU, true), new Flatten(), new Dense(2)),
                new Case("lstm", new Reshape(5, 3), recurrent(Recurrent.Cell.LSTM, true), new Flatten(), new Dense(2)),
                new Case("norms", new Dense(10), new BatchNorm(), new Reshape(2, 5), new LayerNorm(), new RmsNorm(),
                        new Flatten(), new Dense(3)),
                new Case("attention", new Reshape(4, 6),
                        new Residual(new Sequence(new LayerNorm(), new SelfAttention(2, false))), new Flatten(),
                        new Dense(2)));
    }

    record Case(String name, Layer... layers) {
        @Override
        public String toString() {
            return name;
        }
    }

    private static Layer recurrent(Recurrent.Cell cell, boolean bidirectional) {
        return new Recurrent(cell, 4, bidirectional, Recurrent.Output.SEQUENCE, Recurrent.WHOLE, List.of());
    }

    @ParameterizedTest
    @MethodSource("cases")
    void pyTorchsLayersGiveItsNumbers(Case tested) throws IOException {
        JsonNode json = new ObjectMapper().readTree(PYTORCH.resolve(tested.name() + ".json").toFile());
        float[] numbers = floats(json.get("numbers"));
        float[] expected = floats(json.get("outputs"));
        int rows = json.get("numbers").size();
        RowShape row = new RowShape(numbers.length / rows, 0, expected.length / rows);
        NetworkSpec spec = new NetworkSpec(
                row, new Sequence(Stream
                        .concat(Stream.of(new Numbers(0, row.numbers())), Arrays.stream(tested.layers())).toList()),
                new MeanSquaredError(), new Sgd(0.1), 1);
        Parameters parameters = Parameters.initial(Plan.of(spec));
        Path file = PYTORCH.resolve(tested.name() + ".safetensors");
        SafetensorsImport.read(file, sha256(file), parameters);
        Batch batch = new Batch(row, rows);
        batch.resize(rows);
        System.arraycopy(numbers, 0, batch.numbers, 0, numbers.length);
        float[] found = new float[expected.length];
        new Predictor(parameters.plan(), new ScalarKernels(), rows).predict(parameters, batch, found);
        assertThat(found).containsExactly(expected, within(2e-6f));
    }

    static List<Integer> seeds() {
        return RandomNetworks.seeds(NETWORKS).boxed().toList();
    }

    /// The random networks, those of two recipes, one with a history and quantiles, and one with a cross of what is learned.
    static List<NetworkSpec> networks() {
        return Stream.concat(seeds().stream().map(seed -> new RandomNetworks(seed).spec()),
                Stream.of(RecipeTest.YES_NO, RecipeTest.NUMBER, Specs.EVERY_LAYER, Specs.LEARNED_CROSS)
                        .map(yaml -> ModelSpec.parse(yaml, "recipe").network()))
                .toList();
    }

    @ParameterizedTest
    @MethodSource("networks")
    void nothingIsLostOnTheWayThereAndBack(NetworkSpec spec) throws IOException {
        Parameters written = Parameters.initial(Plan.of(spec));
        Path file = directory.resolve("weights.safetensors");
        try (var to = Files.newOutputStream(file)) {
            SafetensorsExport.write(written, Map.of(), to);
        }
        Parameters read = Parameters.blank(Plan.of(spec));
        SafetensorsImport.read(file, sha256(file), read);
        byte[] expected = new byte[Parameters.PAGE_BYTES];
        byte[] found = new byte[Parameters.PAGE_BYTES];
        for (int page = 0; page < written.servedPages(); page++) {
            written.readPage(page, expected, 0);
            read.readPage(page, found, 0);
            assertThat(found).as("%s", spec.network()).isEqualTo(expected);
        }
    }

    /// A layer that no seed draws would have its layout untested.
    @Test
    void everyLayerIsSeen() {
        Set<Class<?>> seen = new HashSet<>();
        networks().forEach(spec -> RandomNetworks.layers(spec.network()).forEach(layer -> seen.add(layer.getClass())));
        assertThat(seen).containsExactlyInAnyOrder(Layer.class.getPermittedSubclasses());
    }

    private static float[] floats(JsonNode rows) {
        float[] values = new float[rows.size() * rows.get(0).size()];
        int at = 0;
        for (JsonNode row : rows) {
            for (JsonNode value : row) {
                values[at++] = value.floatValue();
            }
        }
        return values;
    }

    private static String sha256(Path file) throws IOException {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(file)));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }
}
