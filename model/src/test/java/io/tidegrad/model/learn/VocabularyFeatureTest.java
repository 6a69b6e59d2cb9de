package io.tidegrad.model.learn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.kernel.ScalarKernels;
import io.tidegrad.engine.layer.EagerWorkers;
import io.tidegrad.engine.layer.Workers;
import io.tidegrad.engine.model.Batch;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.model.Predictor;
import io.tidegrad.engine.random.Murmur3;
import io.tidegrad.model.Specs;
import io.tidegrad.model.feature.Featurizer;
import io.tidegrad.model.feature.MapEvent;
import io.tidegrad.model.feature.Row;
import io.tidegrad.model.safetensors.SafetensorsExport;
import io.tidegrad.model.safetensors.SafetensorsImport;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.proof.LongProof;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Features of values that get a row of their own, from events to weights.
class VocabularyFeatureTest {
    private static final Kernels SCALAR = new ScalarKernels();
    private static final String COUNTED =
            "  - vocabulary: { field: campaign, capacity: 8, waiting: 12, min-count: 3, expire-after: 60, dimension: 4 }\n";
    private static final String NETWORK = """
            network: [ dense: 4, relu, dense: 1 ]
            loss: binary-cross-entropy
            optimizer: { adam: { rate: 0.01 } }
            """;
    private static final String RECIPE = "recipe: lean\n";

    private static ModelSpec spec(String features, String network, int miniBatch) {
        return ModelSpec.parse("""
                model: clicks
                input: { topic: ads }
                label: { field: clicked, threshold: 1 }
                features:
                """ + features + network + "mini-batch: { size: " + miniBatch + " }\n", "clicks.yaml");
    }

    /// Half of the clicks are of few campaigns, each of which is clicked nearly always or nearly never, and of which one ends and
    /// another begins every now and then; the others are of as many that hardly come again, as often as not.
    private static final class Ads {
        private final SplittableRandom random;
        private final int frequent;
        private final int rare;
        private final int lifetime;
        private int number;

        /// @param lifetime events between two changes
        Ads(long seed, int frequent, int rare, int lifetime) {
            random = new SplittableRandom(seed);
            this.frequent = frequent;
            this.rare = rare;
            this.lifetime = lifetime;
        }

        MapEvent next() {
            Map<String, Object> fields = new HashMap<>();
            boolean isRare = random.nextBoolean();
            int first = number++ / lifetime;
            int campaign = first + random.nextInt(frequent);
            String name = isRare ? "rare" + random.nextInt(rare) : "campaign" + campaign;
            double rate = isRare ? 0.5 : Murmur3.hash(name.getBytes(StandardCharsets.UTF_8), 9) < 0 ? 0.05 : 0.95;
            fields.put("campaign", name);
            fields.put("clicked", random.nextDouble() < rate ? 1 : 0);
            return new MapEvent(fields);
        }
    }

    private static Ads few() {
        return new Ads(1, 5, 300, 40);
    }

    private static OnlineModel learned(ModelSpec spec, Kernels kernels, Ads ads, int events) {
        OnlineModel model = OnlineModel.initial(spec, kernels);
        learn(model, ads, events);
        return model;
    }

    private static void learn(OnlineModel model, Ads ads, int events) {
        Featurizer featurizer = new Featurizer(model.spec());
        Row row = featurizer.newRow();
        for (int i = 0; i < events; i++) {
            assertThat(featurizer.featurize(ads.next(), row)).isNull();
            assertThat(model.accept(row)).isNull();
        }
    }

    /// 50 campaigns that drift, and 100,000 that hardly come again: log losses that docs/benchmarks.md tells. 129 buckets are as
    /// many rows as the vocabulary has.
    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "vocabulary: { field: campaign, capacity: 128, min-count: 5, expire-after: 20000, dimension: 4 } | 0.4520",
        "category: { field: campaign, buckets: 129, dimension: 4 }                                       | 0.5797",
        "category: { field: campaign, buckets: 16384, dimension: 4 }                                     | 0.4653",
        "category: { field: campaign, buckets: 1048576, dimension: 4 }                                   | 0.4582"})
    @LongProof("learns 200,000 events")
    void whatComesOftenIsLearnedApartFromWhatHardlyComesAgain(String feature, double logLoss) {
        ModelSpec spec = spec("  - " + feature + "\n",
                "network: [ dense: 1 ]\nloss: binary-cross-entropy\noptimizer: { adagrad: { rate: 0.1 } }\n", 1);
        OnlineModel model = learned(spec, Kernels.active(), new Ads(7, 50, 100_000, 2_000), 200_000);
        assertThat(model.evaluation().logLoss()).isCloseTo(logLoss, within(1e-4));
    }

    @ParameterizedTest
    @CsvSource({"false, 1", "false, 3", "true, 1", "true, 3"})
    void aRestartOtherKernelsAndWorkersChangeNothing(boolean recipe, int miniBatch) {
        ModelSpec spec = spec(COUNTED, recipe ? RECIPE : NETWORK, miniBatch);
        OnlineModel steady = learned(spec, SCALAR, few(), 400);
        assertThat(learned(spec, Kernels.active(), few(), 400).stateHash()).isEqualTo(steady.stateHash());

        OnlineModel restarted = OnlineModel.initial(spec, SCALAR);
        Featurizer featurizer = new Featurizer(spec);
        Ads ads = few();
        for (int i = 0; i < 400; i++) {
            assertThat(restarted.accept(Specs.row(featurizer, ads.next()))).isNull();
            restarted = Specs.restored(restarted);
        }
        assertThat(restarted.stateHash()).isEqualTo(steady.stateHash());
        assertThat(restarted.carry()).isEqualTo(steady.carry());

        try (Workers workers = EagerWorkers.of(2)) {
            OnlineModel shared = OnlineModel.initial(spec, SCALAR);
            shared.shareAmong(workers);
            learn(shared, few(), 400);
            assertThat(shared.stateHash()).isEqualTo(steady.stateHash());
        }
    }

    /// What the trainer said of an event before it learned it, is what a scorer of the version before says, which only looks.
    @ParameterizedTest
    @ValueSource(strings = {NETWORK, RECIPE})
    void aScorerOfTheVersionBeforeSaysTheSame(String network) {
        ModelSpec spec = spec(COUNTED, network, 1);
        OnlineModel model = OnlineModel.initial(spec, SCALAR);
        Featurizer featurizer = new Featurizer(spec);
        Predictor predictor = new Predictor(model.parameters().plan(), SCALAR, 1);
        Batch batch = new Batch(model.parameters().plan().spec().row(), 1);
        batch.resize(1);
        Ads ads = few();
        for (int i = 0; i < 400; i++) {
            Parameters served = model.parameters().servedCopy();
            MapEvent event = ads.next();
            Row asked = featurizer.newRow();
            assertThat(featurizer.featurizeForScoring(event, asked)).isNull();
            System.arraycopy(asked.ids, 0, batch.ids, 0, asked.ids.length);
            float[] scored = new float[1];
            predictor.predict(served, batch, scored);
            assertThat(model.accept(Specs.row(featurizer, event))).isNull();
            assertThat(model.learner().predictions()[0]).isEqualTo(scored[0]);
        }
    }

    /// Of events with the ids of their texts' two hashes; in a recipe each member knows the same values.
    @ParameterizedTest
    @ValueSource(strings = {NETWORK, RECIPE})
    void theRowsAreThoseOfTheCampaignsThatCameOften(String network, @TempDir Path directory) throws Exception {
        ModelSpec spec = spec(COUNTED.replace("waiting: 12", "waiting: 60"), network, 1);
        OnlineModel model = OnlineModel.initial(spec, SCALAR);
        Featurizer featurizer = new Featurizer(spec);
        Ads ads = few();
        Map<String, Integer> seen = new LinkedHashMap<>(); // by campaign, without those that expired
        for (int i = 0; i < 55; i++) {
            MapEvent event = ads.next();
            seen.merge((String) event.get("campaign"), 1, Integer::sum);
            assertThat(model.accept(Specs.row(featurizer, event))).isNull();
        }
        Map<Long, Integer> want = new HashMap<>();
        seen.forEach((campaign, count) -> {
            if (count >= 3) {
                byte[] text = ("campaign=" + campaign).getBytes(StandardCharsets.UTF_8);
                want.put((long) Murmur3.hash(text, 0) << 32 | Integer.toUnsignedLong(Murmur3.hash(text, 1)), count);
            }
        });
        assertThat(counts(model.parameters())).isEqualTo(want).hasSizeBetween(3, 8);

        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        SafetensorsExport.write(model.parameters(), Map.of(), bytes);
        Path file = Files.write(directory.resolve("clicks.safetensors"), bytes.toByteArray());
        String sha256 = HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes.toByteArray()));
        OnlineModel imported = OnlineModel.initial(spec, SCALAR);
        SafetensorsImport.read(file, sha256, imported.parameters());
        assertThat(counts(imported.parameters())).isEqualTo(want);
    }

    /// The values that have a row, in every table of entries, by how often they were seen.
    private static Map<Long, Integer> counts(Parameters parameters) {
        Map<Long, Integer> all = new HashMap<>();
        parameters.plan().tensors().stream().filter(tensor -> tensor.name().endsWith("vocabulary")).forEach(tensor -> {
            float[] entries = parameters.weights(tensor.name());
            Map<Long, Integer> counts = new HashMap<>();
            for (int at = tensor.columns(); at <= 8 * tensor.columns(); at += tensor.columns()) {
                if (entries[at + 3] > 0) {
                    counts.put((long) entries[at] << 48 | (long) entries[at + 1] << 24 | (long) entries[at + 2],
                            (int) entries[at + 3]);
                }
            }
            assertThat(all.isEmpty() || all.equals(counts)).isTrue();
            all.putAll(counts);
        });
        return all;
    }
}
