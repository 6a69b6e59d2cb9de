package io.tidegrad.model.learn;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.kernel.ScalarKernels;
import io.tidegrad.engine.layer.EagerWorkers;
import io.tidegrad.engine.layer.Workers;
import io.tidegrad.engine.model.Batch;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.model.Predictor;
import io.tidegrad.model.Specs;
import io.tidegrad.model.feature.Featurizer;
import io.tidegrad.model.feature.MapEvent;
import io.tidegrad.model.feature.Row;
import io.tidegrad.model.safetensors.SafetensorsExport;
import io.tidegrad.model.safetensors.SafetensorsImport;
import io.tidegrad.model.spec.ModelSpec;
import java.io.ByteArrayOutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Crosses of what other features have learned, from events to weights.
class LearnedCrossFeatureTest {
    private static final Kernels SCALAR = new ScalarKernels();
    private static final String LEARNED = """
              - quantiles: { field: amount, buckets: 4, dimension: 2 }
              - vocabulary: { field: shop, capacity: 8, waiting: 12, min-count: 3, expire-after: 60, dimension: 2 }
            """;
    private static final String CROSSES =
            "  - crosses: { fields: [{ quantiles: amount }, { vocabulary: shop }, kind], buckets: 512, dimension: 4 }\n";
    private static final String NETWORK = """
            network: [ dense: 4, relu, dense: 1 ]
            loss: binary-cross-entropy
            optimizer: { adam: { rate: 0.01 } }
            """;
    private static final String SUM = """
            network: [ dense: 1 ]
            loss: binary-cross-entropy
            optimizer: { adagrad: { rate: 0.1 } }
            """;
    private static final String RECIPE = "recipe: lean\n";

    private static ModelSpec spec(String features, String network, int miniBatch) {
        return ModelSpec.parse("""
                model: cards
                input: { topic: payments }
                label: { field: fraud, threshold: 1 }
                features:
                """ + features + network + "mini-batch: { size: " + miniBatch + " }\n", "cards.yaml");
    }

    /// A fraud is a large amount of one kind, or a small one of the other, nine times in ten.
    private static MapEvent event(SplittableRandom random) {
        Map<String, Object> fields = new HashMap<>();
        double amount = Math.exp(3 * random.nextDouble());
        boolean isLarge = amount > Math.exp(1.5);
        boolean isFirst = random.nextBoolean();
        if (random.nextInt(10) > 0) {
            fields.put("amount", amount);
        }
        fields.put("shop", "shop" + (random.nextBoolean() ? random.nextInt(6) : random.nextInt(500)));
        fields.put("kind", isFirst ? "a" : "b");
        fields.put("fraud", (isLarge == isFirst) == (random.nextInt(10) > 0) ? 1 : 0);
        return new MapEvent(fields);
    }

    private static OnlineModel learned(ModelSpec spec, Kernels kernels, int events) {
        OnlineModel model = OnlineModel.initial(spec, kernels);
        learn(model, events);
        return model;
    }

    private static void learn(OnlineModel model, int events) {
        Featurizer featurizer = new Featurizer(model.spec());
        SplittableRandom random = new SplittableRandom(3);
        for (int i = 0; i < events; i++) {
            assertThat(model.accept(Specs.row(featurizer, event(random)))).isNull();
        }
    }

    /// No weight of a bucket or of a kind alone says anything of fraud, and the sum of theirs neither.
    @Test
    void whatOnlyBucketAndKindTogetherSayIsLearned() {
        double alone = learned(spec(LEARNED + "  - category: { field: kind, buckets: 64, dimension: 1 }\n", SUM, 1),
                SCALAR, 4_000).evaluation().logLoss();
        double crossed = learned(spec(LEARNED + CROSSES, SUM, 1), SCALAR, 4_000).evaluation().logLoss();
        assertThat(alone).isGreaterThan(0.65);
        assertThat(crossed).isLessThan(0.55);
    }

    @ParameterizedTest
    @CsvSource({"false, 1", "false, 3", "true, 1", "true, 3"})
    void aRestartOtherKernelsAndWorkersChangeNothing(boolean recipe, int miniBatch) {
        ModelSpec spec = spec(CROSSES + LEARNED, recipe ? RECIPE : NETWORK, miniBatch);
        OnlineModel steady = learned(spec, SCALAR, 300);
        assertThat(learned(spec, Kernels.active(), 300).stateHash()).isEqualTo(steady.stateHash());

        OnlineModel restarted = OnlineModel.initial(spec, SCALAR);
        Featurizer featurizer = new Featurizer(spec);
        SplittableRandom random = new SplittableRandom(3);
        for (int i = 0; i < 300; i++) {
            assertThat(restarted.accept(Specs.row(featurizer, event(random)))).isNull();
            restarted = Specs.restored(restarted);
        }
        assertThat(restarted.stateHash()).isEqualTo(steady.stateHash());
        assertThat(restarted.carry()).isEqualTo(steady.carry());

        try (Workers workers = EagerWorkers.of(2)) {
            OnlineModel shared = OnlineModel.initial(spec, SCALAR);
            shared.shareAmong(workers);
            learn(shared, 300);
            assertThat(shared.stateHash()).isEqualTo(steady.stateHash());
        }
    }

    /// What the trainer said of an event before it learned it, is what a scorer of the version before says.
    @ParameterizedTest
    @ValueSource(strings = {NETWORK, RECIPE})
    void aScorerOfTheVersionBeforeSaysTheSame(String network) {
        ModelSpec spec = spec(CROSSES + LEARNED, network, 1);
        OnlineModel model = OnlineModel.initial(spec, SCALAR);
        Featurizer featurizer = new Featurizer(spec);
        Predictor predictor = new Predictor(model.parameters().plan(), SCALAR, 1);
        SplittableRandom random = new SplittableRandom(3);
        for (int i = 0; i < 300; i++) {
            Parameters served = model.parameters().servedCopy();
            MapEvent event = event(random);
            assertThat(model.accept(Specs.row(featurizer, event))).isNull();
            assertThat(model.learner().predictions()[0]).isEqualTo(scored(featurizer, predictor, served, event));
        }
    }

    private static float scored(Featurizer featurizer, Predictor predictor, Parameters served, MapEvent event) {
        Row asked = featurizer.newRow();
        assertThat(featurizer.featurizeForScoring(event, asked)).isNull();
        Batch batch = new Batch(served.plan().spec().row(), 1);
        batch.resize(1);
        System.arraycopy(asked.numbers, 0, batch.numbers, 0, asked.numbers.length);
        System.arraycopy(asked.ids, 0, batch.ids, 0, asked.ids.length);
        float[] scored = new float[1];
        predictor.predict(served, batch, scored);
        return scored[0];
    }

    @ParameterizedTest
    @ValueSource(strings = {NETWORK, RECIPE})
    void anImportedFileAnswersAsTheModelThatItWasExportedOf(String network, @TempDir Path directory) throws Exception {
        ModelSpec spec = spec(CROSSES + LEARNED, network, 1);
        OnlineModel model = learned(spec, SCALAR, 300);
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        SafetensorsExport.write(model.parameters(), Map.of(), bytes);
        Path file = Files.write(directory.resolve("cards.safetensors"), bytes.toByteArray());
        String sha256 = HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes.toByteArray()));
        OnlineModel imported = OnlineModel.initial(spec, SCALAR);
        SafetensorsImport.read(file, sha256, imported.parameters());

        Featurizer featurizer = new Featurizer(spec);
        Predictor predictor = new Predictor(model.parameters().plan(), SCALAR, 1);
        SplittableRandom random = new SplittableRandom(4);
        for (int i = 0; i < 100; i++) {
            MapEvent event = event(random);
            assertThat(scored(featurizer, predictor, imported.parameters(), event))
                    .isEqualTo(scored(featurizer, predictor, model.parameters(), event));
        }
    }
}
