package io.tidegrad.model.learn;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.kernel.ScalarKernels;
import io.tidegrad.engine.layer.EagerWorkers;
import io.tidegrad.engine.layer.Quantiles;
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
import java.util.SplittableRandom;
import java.util.stream.DoubleStream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Features of a number's bucket, from events to weights.
class QuantilesFeatureTest {
    private static final Kernels SCALAR = new ScalarKernels();
    private static final String QUANTILES = "  - quantiles: { field: amount, buckets: 16, dimension: 4 }\n";
    private static final String NUMBER = "  - number: { field: amount, scale: standard, missing: indicator }\n";
    private static final String NETWORK = """
            network: [ dense: 1 ]
            loss: binary-cross-entropy
            optimizer: { adam: { rate: 0.01 } }
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

    /// Fraud is what has an amount in the middle, or none; amounts have heavy tails.
    private static final class Payments {
        private final SplittableRandom random = new SplittableRandom(1);

        MapEvent next() {
            Map<String, Object> fields = new HashMap<>();
            boolean isMissing = random.nextInt(10) == 0;
            double share = random.nextDouble();
            if (!isMissing) {
                fields.put("amount", Math.tan(Math.PI * (share - 0.5)) * 1e9);
            }
            fields.put("fraud", isMissing || share > 0.25 && share < 0.625 ? 1 : 0);
            return new MapEvent(fields);
        }
    }

    private static OnlineModel learned(ModelSpec spec, Kernels kernels, int events) {
        OnlineModel model = OnlineModel.initial(spec, kernels);
        learn(model, events);
        return model;
    }

    private static void learn(OnlineModel model, int events) {
        Featurizer featurizer = new Featurizer(model.spec());
        Payments payments = new Payments();
        for (int i = 0; i < events; i++) {
            assertThat(model.accept(Specs.row(featurizer, payments.next()))).isNull();
        }
    }

    /// A linear model of buckets, which a linear model of numbers can not be.
    @ParameterizedTest
    @ValueSource(ints = {1, 5})
    void itLearnsWhatIsNotALine(int miniBatch) {
        OnlineModel buckets = learned(spec(QUANTILES, NETWORK, miniBatch), Kernels.active(), 10_000);
        OnlineModel numbers = learned(spec(NUMBER, NETWORK, miniBatch), Kernels.active(), 10_000);

        assertThat(buckets.evaluation().logLoss()).isLessThan(0.5 * buckets.evaluation().priorLogLoss());
        assertThat(numbers.evaluation().logLoss()).isGreaterThan(0.8 * numbers.evaluation().priorLogLoss());
    }

    @ParameterizedTest
    @CsvSource({"false, 1", "false, 3", "true, 1", "true, 3"})
    void aRestartOtherKernelsAndWorkersChangeNothing(boolean recipe, int miniBatch) {
        ModelSpec spec = spec(QUANTILES, recipe ? RECIPE : NETWORK, miniBatch);
        OnlineModel steady = learned(spec, SCALAR, 120);
        assertThat(learned(spec, Kernels.active(), 120).stateHash()).isEqualTo(steady.stateHash());

        OnlineModel restarted = OnlineModel.initial(spec, SCALAR);
        Featurizer featurizer = new Featurizer(spec);
        Payments payments = new Payments();
        for (int i = 0; i < 120; i++) {
            assertThat(restarted.accept(Specs.row(featurizer, payments.next()))).isNull();
            restarted = Specs.restored(restarted);
        }
        assertThat(restarted.stateHash()).isEqualTo(steady.stateHash());
        assertThat(restarted.carry()).isEqualTo(steady.carry());

        try (Workers workers = EagerWorkers.of(2)) {
            OnlineModel shared = OnlineModel.initial(spec, SCALAR);
            shared.shareAmong(workers);
            learn(shared, 120);
            assertThat(shared.stateHash()).isEqualTo(steady.stateHash());
        }
    }

    /// What the trainer said of an event before it learned it, is what a scorer of the version before says.
    @ParameterizedTest
    @ValueSource(strings = {NETWORK, RECIPE})
    void aScorerOfTheVersionBeforeSaysTheSame(String network) {
        ModelSpec spec = spec(QUANTILES, network, 1);
        OnlineModel model = OnlineModel.initial(spec, SCALAR);
        Featurizer featurizer = new Featurizer(spec);
        Predictor predictor = new Predictor(model.parameters().plan(), SCALAR, 1);
        Batch batch = new Batch(model.parameters().plan().spec().row(), 1);
        batch.resize(1);
        Payments payments = new Payments();
        for (int i = 0; i < 120; i++) {
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

    /// In a recipe each member has its own table, with bounds that are the same.
    @ParameterizedTest
    @ValueSource(strings = {NETWORK, RECIPE})
    void aSafetensorsFileHasTheBounds(String network, @TempDir Path directory) throws Exception {
        OnlineModel model = learned(spec(QUANTILES, network, 1), SCALAR, 300);
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        SafetensorsExport.write(model.parameters(), Map.of(), bytes);
        Path file = Files.write(directory.resolve("cards.safetensors"), bytes.toByteArray());
        String sha256 = HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes.toByteArray()));

        OnlineModel imported = OnlineModel.initial(spec(QUANTILES, network, 1), SCALAR);
        SafetensorsImport.read(file, sha256, imported.parameters());

        assertThat(bounds(imported.parameters())).isEqualTo(bounds(model.parameters()))
                .hasSize(network.equals(NETWORK) ? 1 : 2);
        assertThat(bounds(model.parameters()).getFirst()).isSorted().doesNotHaveDuplicates();
    }

    private static List<List<Double>> bounds(Parameters parameters) {
        return parameters.plan().tensors().stream().map(Tensor::name).filter(name -> name.endsWith("statistics"))
                .map(name -> {
                    double[] bounds = new double[15];
                    Quantiles.bounds(parameters.statistics(name), 16, bounds);
                    return DoubleStream.of(bounds).boxed().toList();
                }).toList();
    }
}
