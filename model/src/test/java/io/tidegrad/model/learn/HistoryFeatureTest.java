package io.tidegrad.model.learn;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.kernel.ScalarKernels;
import io.tidegrad.engine.layer.EagerWorkers;
import io.tidegrad.engine.layer.Tensor;
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
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Features of what came before with the same key, from events to weights.
class HistoryFeatureTest {
    private static final Kernels SCALAR = new ScalarKernels();
    private static final int BUCKETS = 64;
    private static final int COUNTS = 512;
    private static final int SHOPS = 16;
    private static final String HISTORIES = """
              - history: { key: card, field: amount, time: at, values: [lag, difference, count, since-last], buckets: 64 }
              - history: { key: [card, shop], values: [count], buckets: 512 }
              - history: { key: shop, field: amount, values: [difference, lag], lags: 3, buckets: 16 }
            """;
    private static final String NETWORK = """
            network: [ dense: 8, relu, dense: 1 ]
            loss: binary-cross-entropy
            optimizer: { adam: { rate: 0.01 } }
            """;
    private static final String RECIPE = "recipe: auto\n";

    private static ModelSpec spec(String histories, String network, int miniBatch) {
        return ModelSpec.parse("""
                model: cards
                input: { topic: payments }
                label: { field: more, threshold: 1 }
                features:
                  - number: { field: amount, scale: standard }
                """ + histories + network + "mini-batch: { size: " + miniBatch + " }\n", "cards.yaml");
    }

    private static ModelSpec spec(String network, int miniBatch) {
        return spec(HISTORIES, network, miniBatch);
    }

    /// Each card has a level of its own, far from the others'; the label says whether this payment is above the card's last.
    private static final class Payments {
        private final SplittableRandom random = new SplittableRandom(1);
        private final Map<Integer, Double> last = new HashMap<>();
        private long at = 1_700_000_000_000L;

        MapEvent next() {
            int card = random.nextInt(30);
            double amount = 1_000 * (card * 7 % 30) + 10 * random.nextGaussian();
            at += random.nextInt(100_000);
            boolean more = last.getOrDefault(card, amount) < amount;
            last.put(card, amount);
            return new MapEvent(Map.of("card", "c" + card, "shop", random.nextInt(3), "amount", amount, "at", at,
                    "more", more ? 1 : 0));
        }
    }

    private static OnlineModel learned(ModelSpec spec, Kernels kernels, int events) {
        OnlineModel model = OnlineModel.initial(spec, kernels);
        Featurizer featurizer = new Featurizer(spec);
        Payments payments = new Payments();
        for (int i = 0; i < events; i++) {
            assertThat(model.accept(Specs.row(featurizer, payments.next()))).isNull();
        }
        return model;
    }

    private static float[] memory(OnlineModel model, int number) {
        List<String> names = model.parameters().plan().tensors().stream().map(Tensor::name)
                .filter(name -> name.endsWith("history")).toList();
        assertThat(names).hasSize(3);
        return model.parameters().weights(names.get(number));
    }

    @ParameterizedTest
    @CsvSource({"false, 1", "false, 3", "true, 1", "true, 3"})
    void theMemoryIsThatOfAMapByKey(boolean recipe, int miniBatch) {
        ModelSpec spec = spec(recipe ? RECIPE : NETWORK, miniBatch);
        OnlineModel model = learned(spec, SCALAR, 300);
        Featurizer featurizer = new Featurizer(spec);
        Payments payments = new Payments();
        float[] last = new float[BUCKETS * 5];
        float[] counts = new float[COUNTS * 2];
        float[] shops = new float[SHOPS * 5];
        int replaced = 0;
        for (int i = 0; i < 300; i++) {
            MapEvent event = payments.next();
            Row row = Specs.row(featurizer, event);
            replaced += remember(last, row.ids[0], 5, row.ids[1]) ? 1 : 0;
            remember(counts, row.ids[4], 2, row.ids[5]);
            int shop = row.ids[6] * 5;
            remember(shops, row.ids[6], 5, row.ids[7]);
            shops[shop + 4] = shops[shop + 3];
            shops[shop + 3] = shops[shop + 2];
            shops[shop + 2] = number(event, "amount").floatValue();
            long time = number(event, "at").longValue();
            last[row.ids[0] * 5 + 2] = number(event, "amount").floatValue();
            last[row.ids[0] * 5 + 3] = (float) (time / (1 << 24));
            last[row.ids[0] * 5 + 4] = (float) (time % (1 << 24));
        }
        assertThat(memory(model, 0)).isEqualTo(last);
        assertThat(memory(model, 1)).isEqualTo(counts);
        assertThat(memory(model, 2)).isEqualTo(shops);
        assertThat(replaced).isPositive();
    }

    /// Counts an event of a key. Returns whether another key had the row.
    private static boolean remember(float[] memory, int row, int columns, int tag) {
        int at = row * columns;
        boolean same = memory[at] > 0 && memory[at + 1] == (float) tag;
        boolean replaced = memory[at] > 0 && !same;
        memory[at] = same ? memory[at] + 1 : 1;
        memory[at + 1] = (float) tag;
        return replaced;
    }

    private static Number number(MapEvent event, String field) {
        return (Number) Objects.requireNonNull(event.get(field));
    }

    @ParameterizedTest
    @ValueSource(strings = {NETWORK, RECIPE})
    void aSafetensorsFileHasTheMemory(String network, @TempDir Path directory) throws Exception {
        OnlineModel model = learned(spec(network, 1), SCALAR, 100);
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        SafetensorsExport.write(model.parameters(), Map.of(), bytes);
        Path file = Files.write(directory.resolve("cards.safetensors"), bytes.toByteArray());
        String sha256 = HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes.toByteArray()));

        OnlineModel imported = OnlineModel.initial(spec(network, 1), SCALAR);
        SafetensorsImport.read(file, sha256, imported.parameters());

        assertThat(memory(imported, 0)).isEqualTo(memory(model, 0));
        assertThat(memory(imported, 2)).isEqualTo(memory(model, 2));
        assertThat(SafetensorsExport.names(model.parameters()))
                .anyMatch(name -> name.startsWith("0.") && name.contains("history"));
    }

    @ParameterizedTest
    @CsvSource({"false, 1", "false, 3", "true, 1", "true, 3"})
    void aRestartOtherKernelsAndWorkersChangeNothing(boolean recipe, int miniBatch) {
        ModelSpec spec = spec(recipe ? RECIPE : NETWORK, miniBatch);
        OnlineModel steady = learned(spec, SCALAR, 60);
        assertThat(learned(spec, Kernels.active(), 60).stateHash()).isEqualTo(steady.stateHash());

        OnlineModel restarted = OnlineModel.initial(spec, SCALAR);
        Featurizer featurizer = new Featurizer(spec);
        Payments payments = new Payments();
        for (int i = 0; i < 60; i++) {
            assertThat(restarted.accept(Specs.row(featurizer, payments.next()))).isNull();
            restarted = Specs.restored(restarted);
        }
        assertThat(restarted.stateHash()).isEqualTo(steady.stateHash());
        assertThat(restarted.carry()).isEqualTo(steady.carry());

        try (Workers workers = EagerWorkers.of(2)) {
            OnlineModel shared = OnlineModel.initial(spec, SCALAR);
            shared.shareAmong(workers);
            Payments again = new Payments();
            for (int i = 0; i < 60; i++) {
                assertThat(shared.accept(Specs.row(featurizer, again.next()))).isNull();
            }
            assertThat(shared.stateHash()).isEqualTo(steady.stateHash());
        }
    }

    /// What the trainer said of an event before it learned it, is what a scorer of the version before says.
    @ParameterizedTest
    @ValueSource(strings = {NETWORK, RECIPE})
    void aScorerOfTheVersionBeforeSaysTheSame(String network) {
        ModelSpec spec = spec(network, 1);
        OnlineModel model = OnlineModel.initial(spec, SCALAR);
        Featurizer featurizer = new Featurizer(spec);
        Predictor predictor = new Predictor(model.parameters().plan(), SCALAR, 1);
        Batch batch = new Batch(model.parameters().plan().spec().row(), 1);
        batch.resize(1);
        Payments payments = new Payments();
        for (int i = 0; i < 80; i++) {
            Parameters served = model.parameters().servedCopy();
            MapEvent event = payments.next();
            Row asked = featurizer.newRow();
            assertThat(featurizer.featurizeForScoring(event, asked)).isNull();
            System.arraycopy(asked.numbers, 0, batch.numbers, 0, asked.numbers.length);
            System.arraycopy(asked.ids, 0, batch.ids, 0, asked.ids.length);
            float[] scored = new float[1];
            predictor.predict(served, batch, scored);
            assertThat(model.accept(Specs.row(featurizer, event))).isNull();
            assertThat(model.learner().predictions()[0]).isEqualTo(scored[0]);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {NETWORK, RECIPE})
    void itLearnsWhatOneEventAloneDoesNotSay(String network) {
        ProgressiveLoss with = loss(learned(spec(network, 1), Kernels.active(), 4_000));
        ProgressiveLoss without = loss(learned(spec("", network, 1), Kernels.active(), 4_000));

        assertThat(with.model).isLessThan(0.6 * with.prior);
        assertThat(without.model).isGreaterThan(0.95 * without.prior);
    }

    private record ProgressiveLoss(double model, double prior) {
    }

    private static ProgressiveLoss loss(OnlineModel model) {
        return new ProgressiveLoss(model.evaluation().logLoss(), model.evaluation().priorLogLoss());
    }

    /// The label says whether this card's amount rose as it did the time before.
    @Test
    void moreLagsSayWhatOneDoesNot() {
        double one = risenAgain(1);
        double two = risenAgain(2);
        assertThat(two).isLessThan(0.2);
        assertThat(one).isGreaterThan(0.5);
    }

    private static double risenAgain(int lags) {
        ModelSpec spec = ModelSpec.parse("""
                model: cards
                input: { topic: payments }
                label: { field: again }
                features:
                  - history: { key: card, field: amount, values: [difference], lags: %d, buckets: 64 }
                network: [ dense: 16, relu, dense: 1 ]
                loss: binary-cross-entropy
                optimizer: { adam: { rate: 0.01 } }
                """.formatted(lags), "cards.yaml");
        OnlineModel model = OnlineModel.initial(spec, Kernels.active());
        Featurizer featurizer = new Featurizer(spec);
        SplittableRandom random = new SplittableRandom(1);
        double[] amounts = new double[20];
        boolean[] rose = new boolean[20];
        for (int i = 0; i < 6_000; i++) {
            int card = i % 20;
            boolean rises = random.nextBoolean();
            amounts[card] += rises ? 10 : -10;
            assertThat(model.accept(Specs.row(featurizer, new MapEvent(
                    Map.of("card", "c" + card, "amount", amounts[card], "again", rises == rose[card] ? 1 : 0)))))
                    .isNull();
            rose[card] = rises;
        }
        return model.evaluation().logLoss();
    }

    @Test
    void anEventThatIsRejectedIsNotRemembered() {
        ModelSpec spec = ModelSpec.parse(
                spec(NETWORK, 1).yaml().replace("topic: payments", "topic: payments, event-time: at, max-ahead: P1D"),
                "cards.yaml");
        OnlineModel model = learned(spec, SCALAR, 50);
        String before = model.weightsHash();
        Row row = Specs.row(new Featurizer(spec), new Payments().next());
        row.eventTime += 10_000_000_000L;

        assertThat(model.accept(row)).isNotNull();
        assertThat(model.weightsHash()).isEqualTo(before);
    }
}
