package io.tidegrad.model.spec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidegrad.engine.layer.Concat;
import io.tidegrad.engine.layer.Conv2d;
import io.tidegrad.engine.layer.Dense;
import io.tidegrad.engine.layer.Embedding;
import io.tidegrad.engine.layer.EmbeddingBag;
import io.tidegrad.engine.layer.Extent;
import io.tidegrad.engine.layer.History;
import io.tidegrad.engine.layer.Identity;
import io.tidegrad.engine.layer.Initialization;
import io.tidegrad.engine.layer.Layer;
import io.tidegrad.engine.layer.Numbers;
import io.tidegrad.engine.layer.Quantiles;
import io.tidegrad.engine.layer.Recurrent;
import io.tidegrad.engine.layer.Relu;
import io.tidegrad.engine.layer.Reshape;
import io.tidegrad.engine.layer.RunningScale;
import io.tidegrad.engine.layer.Sequence;
import io.tidegrad.engine.layer.Standardise;
import io.tidegrad.engine.layer.Vocabulary;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.model.Specs;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Every layer of the engine can be written in YAML.
class NetworkLayersTest {
    private static ModelSpec spec(String network) {
        return ModelSpec.parse("""
                model: m
                input: { topic: t }
                label: { field: y }
                features:
                  - pixels: { field: image, width: 4, height: 6 }
                  - number: { field: distance }
                loss: mean-squared-error
                optimizer: adam
                network:\s""" + network, "spec.yaml");
    }

    @Test
    void everyLayerComesBackFromItsCanonicalForm() {
        ModelSpec spec = ModelSpec.parse(Specs.EVERY_LAYER, "every-layer.yaml");
        ModelSpec again = ModelSpec.parse(spec.canonical(), "canonical");
        assertThat(again.canonical()).isEqualTo(spec.canonical());
        assertThat(again.layers()).isEqualTo(spec.layers());
        assertThat(again.features()).isEqualTo(spec.features());
        assertThat(again.network()).isEqualTo(spec.network());
        assertThat(again.weightField()).isEqualTo("how much");
        assertThat(again.outputs()).isEqualTo(1);
    }

    @Test
    void noLayerOfTheEngineIsForgotten() {
        Set<Class<?>> written = new HashSet<>();
        collect(ModelSpec.parse(Specs.EVERY_LAYER, "every-layer.yaml").network().network(), written);
        collect(spec("[ flatten, softmax ]".replace("softmax", "dense: 1")).network().network(), written);
        collect(ModelSpec.parse(RecipeTest.YES_NO, "recipe").network().network(), written);
        collect(ModelSpec.parse(Specs.LEARNED_CROSS, "crosses.yaml").network().network(), written);
        // Softmax alone belongs to another loss.
        written.add(io.tidegrad.engine.layer.Softmax.class);
        assertThat(written).containsAll(List.of(Layer.class.getPermittedSubclasses()));
    }

    private static void collect(Layer layer, Set<Class<?>> into) {
        into.add(layer.getClass());
        layer.layers().forEach(inner -> collect(inner, into));
        if (layer instanceof Sequence(List<Layer> layers)) {
            layers.forEach(inner -> collect(inner, into));
        }
        if (layer instanceof Concat(List<Layer> layers)) {
            layers.forEach(inner -> collect(inner, into));
        }
    }

    @Test
    void branchesOfTheRowReadTheColumnsOfTheirFeatures() {
        ModelSpec spec = ModelSpec.parse(Specs.EVERY_LAYER, "every-layer.yaml");
        Sequence network = (Sequence) spec.network().network();
        List<Layer> branches = ((Concat) network.layers().getFirst()).layers();
        // Raw: 64 pixels, 24 readings, the indicator of distance, speed; then distance; then 3
        // weights of tags.
        assertThat(((Sequence) branches.getFirst()).layers()).startsWith(new Numbers(0, 64), new Reshape(1, 8, 8));
        // Ids: the length of readings (0), 5 words and their number (1 to 6), 3 tags and their
        // number (7 to 10), …
        Layer gru = ((Sequence) branches.get(1)).layers().get(4);
        assertThat(gru.layers()).hasSize(1);
        assertThat(((Recurrent) gru.layers().getFirst()).lengthAt()).isEqualTo(0);
        assertThat(((Sequence) branches.get(2)).layers().getFirst())
                .isEqualTo(new Embedding(1, 5, 51, 4, Embedding.Update.DENSE, 50));
        assertThat(((Concat) ((Sequence) branches.get(3)).layers().getFirst()).layers()).containsExactly(
                new Numbers(88, 2), new Sequence(List.of(new Numbers(90, 1), new Standardise())),
                new EmbeddingBag(7, 3, 10, 91, 20, 4, EmbeddingBag.Mode.SUM, Embedding.Update.TOUCHED),
                new EmbeddingBag(11, 2, 13, -1, 10, 2, EmbeddingBag.Mode.MEAN, Embedding.Update.TOUCHED),
                new Embedding(14, 1, 9, 1, Embedding.Update.TOUCHED),
                new Sequence(
                        new History(15, 94, History.NONE, 9,
                                List.of(History.Value.LAG, History.Value.DIFFERENCE, History.Value.COUNT)),
                        new RunningScale(List.of(3, 3, RunningScale.NEVER_MISSING))),
                new Quantiles(95, 17, 5, 2, Embedding.Update.TOUCHED),
                new Vocabulary(18, 6, 4, 2, 20, 3, Embedding.Update.TOUCHED));
        assertThat(spec.network().row().numbers()).isEqualTo(96);
        assertThat(spec.network().row().ids()).isEqualTo(20);
        Plan.of(spec.network());
    }

    @Test
    void withoutFeaturesInTheNetworkAllComeFirst() {
        Sequence network = (Sequence) spec("[ branches: [ [], [ dense: 2 ] ], relu, dense: 1 ]").network().network();
        assertThat(network.layers()).startsWith(new Numbers(0, 25),
                new Concat(new Identity(), new Sequence(new Dense(2, true, Initialization.XAVIER_UNIFORM))),
                new Relu());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
                    leaky-relu: { slope: 0.01 }                                | leaky-relu
                    leaky-relu: { slope: 0.10 }                                | leaky-relu: {slope: 0.1}
                    elu: { alpha: 1 }                                          | elu
                    gelu: { form: erf }                                        | gelu
                    gelu: { form: tanh }                                       | gelu: {form: tanh}
                    layer-norm: { epsilon: 1e-5 }                              | layer-norm
                    rms-norm: { epsilon: 1e-5, rate-factor: 2 }                | rms-norm: {rate-factor: 2}
                    batch-norm: { epsilon: 1e-5, momentum: 0.1 }               | batch-norm
                    batch-norm: { momentum: 0.5, frozen: true }                | batch-norm: {frozen: true, momentum: 0.5}
                    dropout: { rate: 0.5 }                                     | dropout: 0.5
                    dense: { units: 25 }                                       | dense: 25
                    dense: { units: 25, input-bound: 8.0 }                     | dense: {units: 25, input-bound: 8}
                    dense: { input-bound: 0.5, units: 25, rate-factor: 2 }     | dense: {units: 25, rate-factor: 2, input-bound: 0.5}
                    residual: [ dense: 25, relu ]                              | residual: [dense: 25, relu]
                    branches: [ [ ], [ relu ] ]                                | branches: [[], [relu]]
                    """)
    void aLayerIsWrittenWithoutWhatIsDefault(String written, String canonical) {
        ModelSpec spec = spec("[ " + written + ", dense: 1 ]");
        assertThat(spec.canonical()).contains("network: [" + canonical + ", dense: 1]\n");
        assertThat(ModelSpec.parse(spec.canonical(), "canonical").network()).isEqualTo(spec.network());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
                    conv2d: { channels: 2, kernel: 3, stride: 1, padding: 0 }, relu | conv2d: {channels: 2, kernel: 3}, relu
                    conv2d: { channels: 2, kernel: [3, 3], init: he-uniform }       | conv2d: {channels: 2, kernel: 3, init: he-uniform}
                    conv2d: { channels: 2, kernel: [3, 2], stride: [2, 1] }         | conv2d: {channels: 2, kernel: [3, 2], stride: [2, 1]}
                    max-pool: { kernel: 2, stride: 2, padding: 0 }                  | max-pool: 2
                    average-pool: { kernel: [2, 1], stride: 1 }                     | average-pool: {kernel: [2, 1], stride: 1}
                    reshape: [6, 4], gru: { hidden: 5, output: last }               | reshape: [6, 4], gru: 5
                    reshape: [6, 4], lstm: { hidden: 5, bidirectional: true }       | reshape: [6, 4], lstm: {hidden: 5, bidirectional: true}
                    reshape: [6, 4], self-attention: { heads: 2, causal: false }    | reshape: [6, 4], self-attention: 2
                    reshape: [6, 4], conv1d: { channels: 3, kernel: 2, bias: true } | reshape: [6, 4], conv1d: {channels: 3, kernel: 2}
                    """)
    void aLayerOfImagesOrStepsIsWrittenWithoutWhatIsDefault(String written, String canonical) {
        ModelSpec spec = spec("[ branches: [ [ features: [image], reshape: [1, 6, 4], " + written
                + ", flatten ], [ features: [distance] ] ], dense: 1 ]");
        assertThat(spec.canonical()).contains("features: [\"image\"], reshape: [1, 6, 4], " + canonical + ", flatten]");
        assertThat(ModelSpec.parse(spec.canonical(), "canonical").network()).isEqualTo(spec.network());
    }

    @Test
    void aConvolutionBeforeAReluStartsAsHeSays() {
        Sequence network = (Sequence) spec(
                "[ features: [image], reshape: [1, 6, 4], conv2d: { channels: 2, kernel: 3 }, relu, flatten, dense: 1 ]\n"
                        .replace("features: [image]", "features: [image, distance]").replace("[1, 6, 4]", "[1, 5, 5]"))
                .network().network();
        assertThat(network.layers()).contains(new Conv2d(2, Extent.of(3)));
    }

    @Test
    void theOutlineTellsPlacesShapesAndWeights() {
        List<LayerOutline> outline = ModelSpec.parse(Specs.EVERY_LAYER, "every-layer.yaml").outline();
        assertThat(outline.stream().map(o -> o.place() + " " + o.layer() + " " + o.output() + " " + o.weights()))
                .contains(
                        "[0].branches[0][2] conv2d: {channels: 3, kernel: [3, 2], stride: [1, 2], padding: 1, bias: false,"
                                + " rate-factor: 0.5} (3, 8, 5) 18",
                        "[0].branches[0][9] global-average-pool a vector of 4 0",
                        "[0].branches[1][5].initial[1] dense: 10 a vector of 10 30",
                        "[0].branches[1][5] lstm: {hidden: 5, output: state} a vector of 10 290",
                        "[3].residual[0] dense: 8 a vector of 8 72", "[8] sigmoid a vector of 1 0");
    }

    @Property(tries = 300)
    void aSpecWithAPieceCutOutIsASpecOrRefusedWithItsLine(
            @ForAll @net.jqwik.api.constraints.IntRange(min = 0, max = 999) int permille,
            @ForAll @net.jqwik.api.constraints.IntRange(min = 1, max = 40) int length) {
        int from = Specs.EVERY_LAYER.length() * permille / 1000;
        String cut = Specs.EVERY_LAYER.substring(0, from)
                + Specs.EVERY_LAYER.substring(Math.min(Specs.EVERY_LAYER.length(), from + length));
        try {
            ModelSpec spec = ModelSpec.parse(cut, "cut");
            Plan.of(spec.network());
            assertThat(ModelSpec.parse(spec.canonical(), "canonical").canonical()).isEqualTo(spec.canonical());
        } catch (SpecException refused) {
            assertThat(refused.problems()).isNotEmpty()
                    .allMatch(problem -> problem.matches("(?s)line \\d+, column \\d+: .+"));
        }
    }

    @Test
    void aLayerThatDoesNotFitIsNamedAsItWasWritten() {
        assertThatThrownBy(() -> spec("[ dense: 4, residual: [ dense: 3 ], reshape: [2, 2], dense: 1 ]"))
                .isInstanceOf(SpecException.class)
                .hasMessageContaining("network[1]: residual: expected a layer whose output has the shape of its input,"
                        + " a vector of 4, found a vector of 3");
    }
}
