package io.tidegrad.model.learn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.kernel.ScalarKernels;
import io.tidegrad.engine.layer.RunningScale;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.snapshot.ModelHash;
import io.tidegrad.engine.testing.DoubleMixture;
import io.tidegrad.model.Specs;
import io.tidegrad.model.feature.Featurizer;
import io.tidegrad.model.feature.MapEvent;
import io.tidegrad.model.feature.NeutralRow;
import io.tidegrad.model.feature.Row;
import io.tidegrad.model.safetensors.InitialWeightsException;
import io.tidegrad.model.safetensors.SafetensorsExport;
import io.tidegrad.model.safetensors.SafetensorsImport;
import io.tidegrad.model.spec.ModelSpec;
import java.io.ByteArrayOutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Numbers with a scale of their own, from events to weights.
class RunningScaleFeatureTest {
    private static final Kernels SCALAR = new ScalarKernels();
    private static final String FEATURES = """
            features:
              - number: { field: size, scale: running }
              - number: { field: price, scale: running, missing: indicator }
              - number: { field: angle, scale: running, missing: indicator }
            """;
    /// Scales of every kind, of which some have neighbours in the row and some have not.
    private static final String MIXED = """
            features:
              - number: { field: size, scale: { running: { clip: 1.25 } } }
              - number: { field: size-2, scale: standard }
              - number: { field: price, scale: { running: { forget: 0.01, heavy-tails: false } }, missing: 3 }
              - number: { field: angle, scale: { running: { clip: 1.25 } }, missing: indicator }
              - number: { field: size-3 }
              - number: { field: price-2, scale: { standard: { clip: 2 } }, missing: 5 }
              - number: { field: price-3, scale: { standard: { clip: 2 } }, missing: indicator }
              - category: { field: place, buckets: 16 }
            """;
    private static final String NETWORK = """
            network: [ dense: { units: 8, init: he-normal, input-bound: 8 }, relu,
                       dense: { units: 1, bias: false, init: small-normal, input-bound: 16 }, bias ]
            loss: binary-cross-entropy
            optimizer: { stream-rms: { pull: 0 } }
            """;

    private static ModelSpec spec(String features, String rest) {
        return ModelSpec.parse("model: m\ninput: { topic: t }\nlabel: { field: y, threshold: 0 }\n" + features + rest,
                "scales.yaml");
    }

    /// A number of millions, one with a heavy tail and one of few values; the last two are missing now and then.
    private static MapEvent event(long number) {
        SplittableRandom random = new SplittableRandom(number);
        Map<String, Object> fields = new HashMap<>();
        double price = Math.exp(2 * random.nextGaussian());
        double size = 5e6 + 1e6 * random.nextGaussian();
        for (String field : List.of("size", "size-2", "size-3")) {
            fields.put(field, size);
        }
        int angle = random.nextInt(4);
        fields.put("place", "p" + random.nextInt(5));
        fields.put("y", Math.log(price) + angle - 1.5 + 0.3 * random.nextGaussian());
        if (random.nextInt(10) > 0) {
            for (String field : List.of("price", "price-2", "price-3")) {
                fields.put(field, price);
            }
        }
        if (random.nextInt(3) > 0) {
            fields.put("angle", angle);
        }
        return new MapEvent(fields);
    }

    private static OnlineModel learned(ModelSpec spec, int events) {
        OnlineModel model = OnlineModel.initial(spec, SCALAR);
        Featurizer featurizer = new Featurizer(spec);
        for (int i = 0; i < events; i++) {
            assertThat(model.accept(Specs.row(featurizer, event(i)))).isNull();
        }
        return model;
    }

    @Test
    void theStatisticsAreThoseOfTheFormulas() {
        double[] found = learned(spec(FEATURES, NETWORK), 500).parameters().statistics("0.1.statistics");
        double[] want = new double[3 * 8];
        List<String> fields = List.of("size", "price", "angle");
        for (int i = 0; i < 500; i++) {
            for (int f = 0; f < 3; f++) {
                if (event(i).get(fields.get(f)) instanceof Number number) {
                    DoubleMixture.learn(want, 8 * f, number.floatValue(), RunningScale.FORGET);
                }
            }
        }
        assertThat(found).hasSameSizeAs(want);
        for (int i = 0; i < want.length; i++) {
            assertThat(found[i]).as("statistic %s", i).isCloseTo(want[i], within(1e-5 * (1 + Math.abs(want[i]))));
        }
        assertThat(found[8]).as("prices that were there").isBetween(400.0, 490.0);
    }

    /// The scale, the bounds and the step of a recipe's member, said one by one, give its statistics, bit for bit, and its
    /// weights, but for the rounding of the loss's slope, which a mixture computes in doubles.
    @Test
    void aRecipesMemberCanBeWrittenAsANetwork() {
        ModelSpec recipe = spec(FEATURES, "recipe: { members: [steady, linear], hidden: 8, pull: 0 }\n");
        ModelSpec network = spec(FEATURES, NETWORK);
        OnlineModel one = OnlineModel.initial(recipe, SCALAR);
        OnlineModel other = OnlineModel.initial(network, SCALAR);
        Map<String, String> names = Map.of("2.0.1.weight", "1.weight", "2.0.1.bias", "1.bias", "2.0.3.weight",
                "3.weight", "2.0.4.bias", "4.bias");
        names.forEach((of, to) -> other.parameters().setWeights(to, one.parameters().weights(of)));
        Featurizer featurizer = new Featurizer(network);
        Featurizer ofRecipe = new Featurizer(recipe);
        for (int i = 0; i < 400; i++) {
            assertThat(one.accept(Specs.row(ofRecipe, event(i)))).isNull();
            assertThat(other.accept(Specs.row(featurizer, event(i)))).isNull();
        }
        assertThat(other.parameters().statistics("0.1.statistics"))
                .isEqualTo(one.parameters().statistics("1.statistics"));
        names.forEach((of, to) -> {
            float[] want = one.parameters().weights(of);
            float[] found = other.parameters().weights(to);
            for (int i = 0; i < want.length; i++) {
                assertThat(found[i]).as("%s, number %s", to, i).isCloseTo(want[i], within(2e-4f));
            }
        });
    }

    @ParameterizedTest
    @ValueSource(strings = {FEATURES + NETWORK, MIXED + NETWORK, MIXED + NETWORK + "mini-batch: { size: 3 }\n"})
    void aModelRestoredAfterEveryRowIsTheModelThatNeverStopped(String yaml) {
        ModelSpec spec = spec(yaml, "");
        OnlineModel steady = learned(spec, 60);
        OnlineModel restarted = OnlineModel.initial(spec, SCALAR);
        Featurizer featurizer = new Featurizer(spec);
        for (int i = 0; i < 60; i++) {
            assertThat(restarted.accept(Specs.row(featurizer, event(i)))).isNull();
            restarted = Specs.restored(restarted);
        }
        assertThat(restarted.weightsHash()).isEqualTo(steady.weightsHash());
        assertThat(restarted.stateHash()).isEqualTo(steady.stateHash());
    }

    @Test
    void numbersOfOneScaleAreReadTogether() {
        ModelSpec spec = spec(MIXED, NETWORK);
        // The row: indicator of angle, size-3, indicator of price-3; then what is scaled. Nothing is missing in a neutral one.
        assertThat(spec.layout().rawNumbers()).isEqualTo(3);
        assertThat(spec.layout().scaledNumbers()).isEqualTo(6);
        OnlineModel model = learned(spec, 200);
        Row neutral = NeutralRow.of(spec, model.parameters());
        double size = 0;
        for (int i = 0; i < 200; i++) {
            size += event(i).get("size") instanceof Number number ? number.floatValue() / 200 : 0;
        }
        float[] mean = new float[9];
        Parameters parameters = model.parameters();
        mean[3] = (float) parameters.statistics("0.3.1.statistics")[1];
        mean[4] = (float) parameters.statistics("0.1.1.statistics")[1];
        mean[5] = (float) parameters.statistics("0.4.1.statistics")[1];
        mean[6] = (float) parameters.statistics("0.3.1.statistics")[9];
        mean[7] = (float) parameters.statistics("0.2.1.statistics")[1];
        mean[8] = (float) parameters.statistics("0.2.1.statistics")[2];
        assertThat(neutral.numbers).containsExactly(mean);
        assertThat((double) mean[3]).isCloseTo(size, within(10.0));
        assertThat((double) mean[4]).isCloseTo(size, within(10.0));
        assertThat(parameters.statistics("0.3.1.statistics")[8]).as("angles that were there").isBetween(110.0, 160.0);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            running                                                      | running
            { running: { forget: 1e-5, clip: 5, heavy-tails: true } }    | running
            { running: { forget: 0, clip: 8.0, heavy-tails: false } }    | {running: {forget: 0, clip: 8, heavy-tails: false}}
            { running: { forget: 0.000002 } }                            | {running: {forget: 0.000002}}
            { standard: { clip: 8 } }                                    | {standard: {clip: 8}}
            standard                                                     | standard
            """)
    void aScaleIsWrittenWithoutWhatIsDefault(String written, String canonical) {
        ModelSpec spec = spec(FEATURES.replace("size, scale: running", "size, scale: " + written), NETWORK);
        assertThat(spec.canonical()).contains("field: \"size\", scale: " + canonical + "}");
        ModelSpec again = ModelSpec.parse(spec.canonical(), "canonical");
        assertThat(again.canonical()).isEqualTo(spec.canonical());
        assertThat(again.network()).isEqualTo(spec.network());
    }

    /// As in a recipe: nothing multiplies the number itself.
    @Test
    void aNumberMayBeAsLargeAsInARecipe() {
        ModelSpec spec = spec(FEATURES, NETWORK);
        OnlineModel model = learned(spec, 100);
        Row row = Specs.row(new Featurizer(spec), new MapEvent(Map.of("size", 1e30, "price", 1, "angle", 1, "y", 1)));
        assertThat(model.accept(row)).isNull();
    }

    @Test
    void itsStatisticsGoWithTheWeightsAndCannotComeFromABatchJob(@TempDir Path directory) throws Exception {
        ModelSpec spec = spec(MIXED, NETWORK);
        OnlineModel model = learned(spec, 100);
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        SafetensorsExport.write(model.parameters(), Map.of(), bytes);
        Path file = Files.write(directory.resolve("all.safetensors"), bytes.toByteArray());
        String digest = HexFormat.of().formatHex(ModelHash.sha256().digest(bytes.toByteArray()));
        Parameters read = Parameters.initial(model.parameters().plan());
        SafetensorsImport.read(file, digest, read);
        for (String statistics : List.of("0.1.1.statistics", "0.3.1.statistics", "0.4.1.statistics")) {
            assertThat(read.statistics(statistics)).isEqualTo(model.parameters().statistics(statistics));
        }

        String json = "{ \"count\": 9, \"fields\": { \"size\": { \"mean\": 3, \"deviation\": 0.5 } } }";
        Path scale = Files.writeString(directory.resolve("scale.json"), json);
        ModelSpec warm = spec(FEATURES,
                NETWORK + "initial-weights: { file: " + file + ", sha256: " + digest + ", statistics: { file: " + scale
                        + ", sha256: " + HexFormat.of().formatHex(ModelHash.sha256().digest(Files.readAllBytes(scale)))
                        + " } }\n");
        assertThatThrownBy(() -> OnlineModel.initial(warm, SCALAR)).isInstanceOf(InitialWeightsException.class)
                .hasMessageContainingAll("expected a spec with a number of scale: standard", "found [size]",
                        "the statistics of scale: running are more than a mean and a deviation: write them into the"
                                + " .safetensors file");
    }
}
