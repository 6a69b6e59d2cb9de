package io.tidegrad.model.spec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidegrad.engine.layer.Concat;
import io.tidegrad.engine.layer.Dense;
import io.tidegrad.engine.layer.Embedding;
import io.tidegrad.engine.layer.History;
import io.tidegrad.engine.layer.Initialization;
import io.tidegrad.engine.layer.Numbers;
import io.tidegrad.engine.layer.Rate;
import io.tidegrad.engine.layer.Relu;
import io.tidegrad.engine.layer.RunningScale;
import io.tidegrad.engine.layer.Sequence;
import io.tidegrad.engine.layer.Softmax;
import io.tidegrad.engine.layer.Standardise;
import io.tidegrad.engine.loss.BinaryCrossEntropy;
import io.tidegrad.engine.loss.CategoricalCrossEntropy;
import io.tidegrad.engine.loss.FakeNegativeWeighted;
import io.tidegrad.engine.loss.Loss;
import io.tidegrad.engine.model.NetworkSpec;
import io.tidegrad.engine.model.RowShape;
import io.tidegrad.engine.optim.Adam;
import io.tidegrad.engine.optim.Optimizer;
import io.tidegrad.engine.optim.Schedule;
import io.tidegrad.model.Specs;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ModelSpecTest {
    @Test
    void aTimesUnitIsInTheCanonicalTextOnlyWhereItIsNotMilliseconds() {
        String spec = """
                model: m
                input: { topic: t, event-time: at%1$s }
                label: { field: late }
                features:
                  - time-part: { field: at, parts: [hour]%1$s }
                  - cyclic: { field: at, part: hour%1$s }
                  - cross: { fields: [origin, { hour: at%1$s }], buckets: 64 }
                  - history: { key: origin, time: at, values: [since-last], buckets: 64%1$s }
                network: [ dense: 1 ]
                loss: binary-cross-entropy
                optimizer: adam
                """;
        ModelSpec unsaid = ModelSpec.parse(String.format(Locale.ROOT, spec, ""), "unsaid");
        ModelSpec millis = ModelSpec.parse(String.format(Locale.ROOT, spec, ", time-unit: milliseconds"), "millis");
        ModelSpec seconds = ModelSpec.parse(String.format(Locale.ROOT, spec, ", time-unit: seconds"), "seconds");
        assertThat(millis.canonical()).isEqualTo(unsaid.canonical()).doesNotContain("time-unit");
        assertThat(seconds.canonical()).contains("event-time: \"at\", time-unit: seconds}",
                "time-part: {field: \"at\", parts: [hour], time-unit: seconds}",
                "cyclic: {field: \"at\", part: hour, time-unit: seconds}",
                "fields: [\"origin\", {hour: \"at\", time-unit: seconds}]",
                "values: [since-last], time-unit: seconds, buckets: 64}");
        assertThat(seconds.canonical().replace(", time-unit: seconds", "")).isEqualTo(unsaid.canonical());
        ModelSpec again = ModelSpec.parse(seconds.canonical(), "canonical");
        assertThat(again.features()).isEqualTo(seconds.features());
        assertThat(again.fingerprint()).isEqualTo(seconds.fingerprint()).isNotEqualTo(unsaid.fingerprint());
    }

    @Test
    void moreLagsThanOneAreInTheCanonicalTextAndEachHasItsFlag() {
        String spec = """
                model: m
                input: { topic: t }
                label: { field: late }
                features:
                  - history: { key: origin, field: delay, values: [count, lag, difference], buckets: 64%s }
                network: [ dense: 1 ]
                loss: binary-cross-entropy
                optimizer: adam
                """;
        ModelSpec unsaid = ModelSpec.parse(String.format(Locale.ROOT, spec, ""), "unsaid");
        ModelSpec one = ModelSpec.parse(String.format(Locale.ROOT, spec, ", lags: 1"), "one");
        ModelSpec three = ModelSpec.parse(String.format(Locale.ROOT, spec, ", lags: 3"), "three");
        assertThat(one.canonical()).isEqualTo(unsaid.canonical()).doesNotContain("lags");
        assertThat(three.canonical()).contains("values: [count, lag, difference], lags: 3, buckets: 64}");
        assertThat(ModelSpec.parse(three.canonical(), "canonical").fingerprint()).isEqualTo(three.fingerprint())
                .isNotEqualTo(unsaid.fingerprint());
        List<History.Value> values = List.of(History.Value.COUNT, History.Value.LAG, History.Value.DIFFERENCE);
        assertThat(((Sequence) three.network().network()).layers().getFirst())
                .isEqualTo(new Sequence(new History(0, 0, History.NONE, 64, values, 3),
                        new RunningScale(List.of(RunningScale.NEVER_MISSING, 7, 8, 9, 7, 8, 9))));
    }

    private static final Embedding.Update TOUCHED = Embedding.Update.TOUCHED;

    @Test
    void theFlightsSpecBecomesItsNetwork() {
        NetworkSpec network = Specs.flights().network();
        assertThat(network).isEqualTo(new NetworkSpec(new RowShape(1, 4, 1),
                new Sequence(List.of(
                        new Concat(List.of(new Sequence(List.of(new Numbers(0, 1), new Standardise())),
                                new Embedding(0, 1, 25, 4, TOUCHED), new Embedding(1, 1, 8, 4, TOUCHED),
                                new Embedding(2, 1, 512, 4, TOUCHED), new Embedding(3, 1, 8192, 4, TOUCHED))),
                        new Dense(16, true, Initialization.HE_UNIFORM), new Relu(),
                        new Dense(1, true, Initialization.XAVIER_UNIFORM))),
                new BinaryCrossEntropy(), Adam.of(0.001), 42));
    }

    @Test
    void theDigitsSpecBecomesItsNetwork() {
        ModelSpec spec = ModelSpec.parse(Specs.DIGITS, "digits.yaml");
        assertThat(spec.network().network())
                .isEqualTo(new Sequence(List.of(new Numbers(0, 12), new Dense(10, true, Initialization.HE_UNIFORM),
                        new Relu(), new Dense(10, true, Initialization.XAVIER_UNIFORM), new Softmax())));
        assertThat(spec.loss()).isEqualTo(new CategoricalCrossEntropy(false));
        assertThat(spec.outputs()).isEqualTo(10);
        assertThat(spec.miniBatch()).isEqualTo(1);
        assertThat(spec.publish())
                .isEqualTo(new ModelSpec.Publish(Duration.ofMillis(500), new ModelSpec.Keep(5, 24, 31), null));
    }

    @Test
    void theCanonicalFormLeavesDefaultsOut() {
        assertThat(Specs.flights().canonical()).isEqualTo("""
                        model: "flight-delay"
                        input: {topic: "flights", event-time: "departed"}
                        label: {field: "late"}
                        features:
                        - number: {field: "distance", scale: standard}
                        - time-part: {field: "departed", parts: [hour, weekday]}
                        - category: {field: "origin", buckets: 512, dimension: 4}
                        - cross: {fields: ["origin", "destination"], buckets: 8192, dimension: 4}
                        network: [dense: 16, relu, dense: 1]
                        loss: binary-cross-entropy
                        optimizer: adam
                        seed: 42
                        """);
    }

    /// Stored models know their spec by it: a change here orphans every one of them.
    @Test
    void theFingerprintIsTheOneStoredSinceTheFirstFormat() {
        assertThat(HexFormat.of().formatHex(Specs.flights().fingerprint()))
                .isEqualTo("107f56e3e68f7857f55154dd47d4280087411ba5acff90baf2aa44330e54eaf9");
        assertThat(HexFormat.of().formatHex(Specs.flights().featureFingerprint()))
                .isEqualTo("d234a5ed9119b5e78f0c3900c6baa2ea2caf3285f2bc043996d70128c60c1390");
    }

    static final String EVERY_KEY = """
            model: m
            input: { topic: t, event-time: "when", max-ahead: P30D }
            label: { field: "the \\"label\\"", threshold: 1.50 }
            features:
              - number: { field: a, scale: standard, transform: log1p, missing: indicator }
              - number: { field: b, missing: -1.0, clip: [-1.50, 1e3], allow-label: false }
              - category: { field: c, buckets: 7, dimension: 2, update: dense }
              - cross: { fields: [c, "d, e"], buckets: 9, dimension: 1 }
              - time-part: { field: when, parts: [minute-of-day, hour, weekday, day, month], dimension: 3, update: dense }
              - cyclic: { field: bearing, period: 360, missing: 0 }
              - cyclic: { field: when, part: month }
              - pixels: { field: image, width: 2, height: 3, divide-by: 1 }
              - cross: { fields: [c, { weekday: when }, { minute-of-day: when }], buckets: 9 }
              - crosses: { fields: [c, { hour: when }, "f g"], order: 3, buckets: 5, dimension: 3, update: dense }
              - categories: { field: words, count: 2, split: " ", buckets: 5, dimension: 3, update: dense }
              - bag: { field: tags, mode: mean, count: 3, split: "|", buckets: 5 }
              - categories: { field: title, ngrams: 2, count: 2, buckets: 5 }
              - text: { field: review, ngrams: 3, buckets: 9 }
              - history: { key: card, field: amount, time: when, values: [lag, count, since-last, difference], buckets: 99 }
              - history: { values: [count], key: [card, c], buckets: 7 }
              - quantiles: { field: a, buckets: 16, dimension: 4, update: dense }
              - quantiles: { buckets: 256, field: b, update: touched }
              - vocabulary: { field: a, capacity: 100, waiting: 70, min-count: 3, expire-after: 5000000000, dimension: 4, update: dense }
              - vocabulary: { waiting: 9, capacity: 9, field: b, min-count: 5, expire-after: 1000000 }
            network: [ dense: { units: 3, bias: false, init: xavier-normal }, tanh, dense: { units: 4, frozen: true }, dense: { units: 2, rate-factor: 0.10 }, sigmoid, dense: 1, sigmoid ]
            loss: binary-cross-entropy
            optimizer: { adam: { rate: 1e-2, beta1: 0.8, beta2: 0.99, epsilon: 1e-7, amsgrad: true } }
            schedule: { warm-restarts: { period: 1000, period-factor: 2 } }
            quarantine: { gradient: 1e3, loss: 20.0 }
            on-change: { reset-optimizer: true, raise-rate: { for: 5000, by: 2.50 }, false-alarms-every: 1000000 }
            mini-batch: { size: 32, window: PT1H, step: mean }
            learn: { workers: 3 }
            publish: { every: PT10S, keep: { newest: 3, hourly: 2, daily: 0 }, gate: { bounds: { log-loss: [0, 0.7], calibration-bias: [-0.05, 0.05] }, roll-back-after: 10000, against-served: true } }
            watch: { false-alarms-every: 5000, known-in-time: [b, when] }
            seed: -7
            initial-weights: { file: "w.safetensors", sha256: "9798856fbba054a541e4f4e218a52281f1127a7d040ed1db6f816a99e8483acc", statistics: { file: w.json, sha256: "6666666666666666666666666666666666666666666666666666666666666666" } }
            """;

    /// The rule is a way to write them: a model that has the same crosses one by one is the same model.
    @Test
    void crossesByRuleAreTheCrossesOneByOne() {
        String features =
                "  - crosses: { fields: [a, { hour: departed }, c, d], order: 3, buckets: 64, dimension: 4 }\n";
        ModelSpec byRule = ModelSpec.parse(Specs.FLIGHTS.replace("network:", features + "network:"), "spec.yaml");
        StringBuilder oneByOne = new StringBuilder();
        String[] fields = {"\"a\"", "{hour: \"departed\"}", "\"c\"", "\"d\""};
        for (String places : "01 02 03 12 13 23 012 013 023 123".split(" ")) {
            oneByOne.append("- cross: {fields: [")
                    .append(places.chars().mapToObj(place -> fields[place - '0']).collect(Collectors.joining(", ")))
                    .append("], buckets: 64, dimension: 4}\n");
        }
        String canonical = Specs.flights().canonical().replace("network:", oneByOne + "network:");
        assertThat(byRule.canonical()).isEqualTo(canonical);
        assertThat(ModelSpec.parse(canonical, "canonical").fingerprint()).isEqualTo(byRule.fingerprint());
        ModelSpec pairs = ModelSpec
                .parse(Specs.FLIGHTS.replace("network:", features.replace(", order: 3", "") + "network:"), "spec.yaml");
        assertThat(pairs.features()).isEqualTo(byRule.features().subList(0, pairs.features().size()))
                .hasSize(byRule.features().size() - 4);
    }

    @Test
    void crossesHaveWhatOtherFeaturesHaveLearned() {
        String learned = """
                  - crosses: { fields: [a, { quantiles: size }, { vocabulary: a }], buckets: 64 }
                  - quantiles: { field: size, buckets: 8 }
                  - vocabulary: { field: a, capacity: 9 }
                """;
        ModelSpec spec = ModelSpec.parse(Specs.FLIGHTS.replace("network:", learned + "network:"), "spec.yaml");
        String canonical = Specs.flights().canonical().replace("network:", """
                - cross: {fields: ["a", {quantiles: "size"}], buckets: 64, dimension: 8}
                - cross: {fields: ["a", {vocabulary: "a"}], buckets: 64, dimension: 8}
                - cross: {fields: [{quantiles: "size"}, {vocabulary: "a"}], buckets: 64, dimension: 8}
                - quantiles: {field: "size", buckets: 8, dimension: 8}
                - vocabulary: {field: "a", capacity: 9, dimension: 8}
                network:""");
        assertThat(spec.canonical()).isEqualTo(canonical);
        assertThat(ModelSpec.parse(canonical, "canonical").fingerprint()).isEqualTo(spec.fingerprint());
        // Their own ids: the hash of the rest, whether the number is missing, and the two of a value.
        int first = Specs.flights().features().size();
        RowLayout layout = spec.layout();
        assertThat(IntStream.range(first, first + 5).map(layout::idAt).map(id -> id - layout.idAt(first)))
                .containsExactly(0, 2, 5, 9, 10);
        assertThat(layout.ids() - layout.idAt(first)).isEqualTo(12);
        assertThat(IntStream.of(0, 2, 3).map(i -> layout.numberAt(first + i) - layout.numberAt(first)))
                .containsExactly(0, 1, 2);
    }

    @Test
    void aTextIsTheBagThatItStandsFor() {
        ModelSpec text =
                ModelSpec.parse(Specs.FLIGHTS.replace("network:", "  - text: { field: note }\nnetwork:"), "spec.yaml");
        String bag = "- bag: {field: \"note\", count: 128, ngrams: 1, mode: mean, buckets: 65536, dimension: 16}\n";
        assertThat(text.canonical()).isEqualTo(Specs.flights().canonical().replace("network:", bag + "network:"));
        assertThat(ModelSpec.parse(text.canonical(), "canonical").fingerprint()).isEqualTo(text.fingerprint());
    }

    @Test
    void crossesThatReadTheLabelAreOneMistakeOrMeant() {
        String spec = Specs.FLIGHTS.replace("network:",
                "  - crosses: { fields: [a, b, late], buckets: 64, allow-label: false }\nnetwork:");
        assertThatThrownBy(() -> ModelSpec.parse(spec, "spec.yaml")).hasMessageContainingAll("1 mistake",
                "reads 'late'");
        ModelSpec meant = ModelSpec.parse(spec.replace("allow-label: false", "allow-label: true"), "spec.yaml");
        assertThat(meant.canonical()).contains("[\"a\", \"b\"]", "[\"b\", \"late\"]").doesNotContain("allow-label");
    }

    @Test
    void aChallengerAtAChangeIsNoPartOfWhatTheModelLearns() {
        ModelSpec plain = ModelSpec.parse(Specs.FLIGHTS, "spec.yaml");
        ModelSpec with = ModelSpec.parse(Specs.FLIGHTS + "on-change: { challenger: true }\n", "spec.yaml");
        assertThat(with.watch().challenger()).isTrue();
        assertThat(plain.watch().challenger()).isFalse();
        assertThat(with.onChange()).isNull();
        assertThat(with.fingerprint()).isEqualTo(plain.fingerprint());
        assertThatThrownBy(
                () -> ModelSpec.parse(Specs.FLIGHTS + "on-change: { challenger: true, false-alarms-every: 5000 }\n"
                        + "watch: { false-alarms-every: 0 }\n", "spec.yaml"))
                .hasMessageContainingAll("2 mistakes", "begins at the alarm of watch",
                        "begins at an alarm of what is watched");
    }

    @Test
    void theCanonicalFormIsItselfTheSameSpec() {
        ModelSpec spec = ModelSpec.parse(EVERY_KEY, "every-key.yaml");
        ModelSpec again = ModelSpec.parse(spec.canonical(), "canonical");
        assertThat(again.canonical()).isEqualTo(spec.canonical());
        // By how many threads it is learned, and how it is published and watched, is no part of it.
        assertThat(spec.workers(0)).isEqualTo(3);
        assertThat(spec.workers(2)).as("the process decides").isEqualTo(2);
        assertThat(again.workers(0)).isEqualTo(1);
        assertThat(spec.publish()).isEqualTo(new ModelSpec.Publish(Duration.ofSeconds(10), new ModelSpec.Keep(3, 2, 0),
                new ModelSpec.Gate(2_000, new TreeMap<>(Map.of("log_loss", new ModelSpec.Bound(0, 0.7),
                        "calibration_bias", new ModelSpec.Bound(-0.05, 0.05))), 10_000, true)));
        assertThat(again.publish())
                .isEqualTo(new ModelSpec.Publish(Duration.ofMillis(500), new ModelSpec.Keep(5, 24, 31), null));
        assertThat(spec.watch().falseAlarms()).isEqualTo(5_000);
        assertThat(again.watch().falseAlarms()).isEqualTo(1_000_000);
        assertThat(again.onChange()).isEqualTo(spec.onChange())
                .isEqualTo(new OnChange(1_000_000, new OnChange.Raise(2.5, 5_000), true));
        assertThat(again.features()).isEqualTo(spec.features());
        assertThat(again.network()).isEqualTo(spec.network());
        assertThat(again.label()).isEqualTo(spec.label());
        assertThat(again.input()).isEqualTo(spec.input());
        assertThat(again.window()).isEqualTo(Duration.ofHours(1));
        assertThat(again.initialWeights())
                .isEqualTo(
                        new ModelSpec.InitialWeights(
                                new ModelSpec.HashedFile(
                                        "9798856fbba054a541e4f4e218a52281f1127a7d040ed1db6f816a99e8483acc"
                                                + ".safetensors",
                                        "9798856fbba054a541e4f4e218a52281f1127a7d040ed1db6f816a99e8483acc"),
                                new ModelSpec.HashedFile("6".repeat(64) + ".json", "6".repeat(64))));
    }

    @Test
    void namesOfClassesArePartOfTheSpecAndTheirNumberIsNot() {
        String numbered = Specs.FLIGHTS.replace("binary-cross-entropy", "categorical-cross-entropy")
                .replace("dense: 1 ", "dense: 3 ");
        ModelSpec without = ModelSpec.parse(numbered, "spec.yaml");
        ModelSpec counted = ModelSpec.parse(numbered.replace("field: late", "field: late, classes: 3"), "spec.yaml");
        assertThat(counted.canonical()).isEqualTo(without.canonical()).doesNotContain("classes");
        ModelSpec named = ModelSpec.parse(numbered.replace("field: late", "field: late, classes: [on time, \"2\", ü]"),
                "spec.yaml");
        assertThat(named.label().classes()).containsExactly("on time", "2", "ü");
        assertThat(named.canonical()).contains("label: {field: \"late\", classes: [\"on time\", \"2\", \"\\u00fc\"]}");
        assertThat(ModelSpec.parse(named.canonical(), "canonical").label()).isEqualTo(named.label());
        assertThat(named.fingerprint()).isNotEqualTo(without.fingerprint());
    }

    private static final String COPYING = Specs.FLIGHTS.replace("features:\n",
            "features:\n  - category: { field: late, buckets: 2, dimension: 1 }\n");

    @Test
    void aNewSpecWhoseFeatureReadsTheLabelIsRefused() {
        assertThatThrownBy(() -> ModelSpec.parse(COPYING, "spec.yaml")).isInstanceOf(SpecException.class)
                .hasMessageContainingAll("features[0]: reads 'late'", "allow-label: true");
    }

    @Test
    void aRegisteredSpecWhoseFeatureReadsTheLabelIsReadAndSaysSo() {
        ModelSpec spec = ModelSpec.parseRegistered(COPYING, "spec.yaml");
        assertThat(spec.features().getFirst().fields()).containsExactly("late");
        assertThat(spec.labelReads()).singleElement().asString().startsWith("line ")
                .contains("features[0]: reads 'late'");
        assertThat(ModelSpec.parseRegistered(Specs.FLIGHTS, "spec.yaml").labelReads()).isEmpty();
        assertThatThrownBy(() -> ModelSpec.parseRegistered(COPYING.replace("buckets: 2", "buckets: 0"), "spec.yaml"))
                .isInstanceOf(SpecException.class);
    }

    /// So a model that was registered before goes on when its author adds the key.
    @Test
    void allowLabelLetsAFeatureReadTheLabelAndChangesNoFingerprint() {
        ModelSpec allowed =
                ModelSpec.parse(COPYING.replace("dimension: 1 }", "dimension: 1, allow-label: true }"), "spec.yaml");
        ModelSpec registered = ModelSpec.parseRegistered(COPYING, "spec.yaml");
        assertThat(allowed.labelReads()).isEmpty();
        assertThat(allowed.fingerprint()).isEqualTo(registered.fingerprint());
        assertThat(allowed.featureFingerprint()).isEqualTo(registered.featureFingerprint());
        assertThat(allowed.features()).isEqualTo(registered.features());
    }

    /// The weights decide, not where they lie.
    private static final String OF_STREAM =
            Specs.FLIGHTS.replace("input:    { topic: flights, event-time: departed }", "input: { stream: departures }")
                    .replace("label:    { field: late }\n", "");

    @Test
    void aModelOfAStreamNamesNeitherLabelNorWeightNorTime() {
        ModelSpec spec = ModelSpec.parse(OF_STREAM.replace("size: 1 ", "size: 8, window: PT1H "), "of a stream");
        assertThat(spec.stream()).isEqualTo("departures");
        assertThat(spec.weighted()).isTrue();
        assertThat(spec.lateLabels()).isEqualTo(ModelSpec.LateLabels.RELEARN);
        assertThat(spec.canonical()).startsWith("""
                model: "flight-delay"
                input: {stream: "departures"}
                features:
                """);
        assertThat(ModelSpec.parse(spec.canonical(), "canonical").canonical()).isEqualTo(spec.canonical());
        assertThatThrownBy(spec::inputTopic).isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("stream departures");
        ModelSpec placed = spec.onTopic("tidegrad.examples.departures.3");
        assertThat(placed.inputTopic()).isEqualTo("tidegrad.examples.departures.3");
        assertThat(placed.fingerprint()).as("an epoch of the stream is none of the model")
                .isEqualTo(spec.fingerprint());
    }

    @Test
    void whatBecomesOfLateLabelsIsPartOfTheFingerprint() {
        ModelSpec relearn = ModelSpec.parse(OF_STREAM + "late-labels: relearn\n", "spec");
        ModelSpec ignore = ModelSpec.parse(OF_STREAM + "late-labels: ignore\nlabel: { threshold: 15 }\n", "spec");
        assertThat(relearn.fingerprint()).isEqualTo(ModelSpec.parse(OF_STREAM, "spec").fingerprint());
        assertThat(ignore.canonical()).contains("label: {threshold: 15}\nlate-labels: ignore\n");
        assertThat(ModelSpec.parse(ignore.canonical(), "canonical").canonical()).isEqualTo(ignore.canonical());
        ModelSpec fnw = ModelSpec.parse(OF_STREAM + "late-labels: fnw\n", "spec");
        assertThat(fnw.canonical()).contains("late-labels: fnw\n").contains("loss: binary-cross-entropy\n");
        assertThat(ModelSpec.parse(fnw.canonical(), "canonical").canonical()).isEqualTo(fnw.canonical());
    }

    /// What is learned differs, but not what is predicted, nor how a label is read.
    @Test
    void fnwIsALossOfTheEngineForTheLossOfTheSpec() {
        ModelSpec fnw = ModelSpec.parse(OF_STREAM + "late-labels: fnw\n", "spec");
        assertThat(fnw.loss()).isEqualTo(new BinaryCrossEntropy());
        assertThat(fnw.network().loss()).isEqualTo(new FakeNegativeWeighted());
        assertThat(fnw.network().row().labels()).isEqualTo(2);
        ModelSpec relearn = ModelSpec.parse(OF_STREAM, "spec");
        assertThat(relearn.network().loss()).isEqualTo(new BinaryCrossEntropy());
        assertThat(relearn.network().row().labels()).isEqualTo(1);
    }

    @Test
    void theFingerprintKnowsTheInitialWeightsByTheirDigestAlone() {
        String there = Specs.FLIGHTS + "initial-weights: { file: a.safetensors, sha256: " + "7".repeat(64) + " }\n";
        byte[] fingerprint = ModelSpec.parse(there, "spec").fingerprint();
        assertThat(ModelSpec.parse(there.replace("a.safe", "b.safe"), "spec").fingerprint()).isEqualTo(fingerprint);
        assertThat(ModelSpec.parse(there.replace("77 }", "78 }"), "spec").fingerprint()).isNotEqualTo(fingerprint);
        assertThat(Specs.flights().fingerprint()).isNotEqualTo(fingerprint);
        String scaled = there.replace("77 }", "77, statistics: { file: a.json, sha256: " + "6".repeat(64) + " } }");
        assertThat(ModelSpec.parse(scaled, "spec").fingerprint()).isNotEqualTo(fingerprint)
                .isEqualTo(ModelSpec.parse(scaled.replace("a.json", "b.json"), "spec").fingerprint());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
                    optimizer: { sgd: { rate: 0.1, momentum: 0, nesterov: false } } | optimizer: {sgd: {rate: 0.1}}
                    optimizer: { sgd: { rate: 1e-1, momentum: 0.90, nesterov: true } } | optimizer: {sgd: {rate: 0.1, momentum: 0.9, nesterov: true}}
                    optimizer: { adagrad: { rate: 0.01, epsilon: 1e-10, initial-accumulator: 0 } } | optimizer: adagrad
                    optimizer: adagrad | optimizer: adagrad
                    optimizer: { adagrad: { rate: 0.05, initial-accumulator: 0.1 } } | optimizer: {adagrad: {rate: 0.05, initial-accumulator: 0.1}}
                    optimizer: { adam: { amsgrad: true } } | optimizer: {adam: {amsgrad: true}}
                    optimizer: { adam: { amsgrad: false, rate: 0.002 } } | optimizer: {adam: {rate: 0.002}}
                    optimizer: adamw | optimizer: adamw
                    optimizer: { adamw: { weight-decay: 0.01 } } | optimizer: adamw
                    optimizer: { adamw: { rate: 0.002, weight-decay: 0.10, amsgrad: true } } | optimizer: {adamw: {rate: 0.002, amsgrad: true, weight-decay: 0.1}}
                    optimizer: rmsprop | optimizer: rmsprop
                    optimizer: { rmsprop: { rate: 0.01, alpha: 0.99, epsilon: 1e-8, centered: false, momentum: 0 } } | optimizer: rmsprop
                    optimizer: { rmsprop: { rate: 0.02, alpha: 0.9, epsilon: 1e-3, centered: true, momentum: 0.5 } } | optimizer: {rmsprop: {rate: 0.02, alpha: 0.9, epsilon: 0.001, centered: true, momentum: 0.5}}
                    optimizer: { ftrl: { alpha: 0.1, beta: 1, l1: 0, l2: 0 } } | optimizer: {ftrl: {alpha: 0.1}}
                    optimizer: { ftrl: { alpha: 0.1, beta: 0.5, l1: 1.0, l2: 2 } } | optimizer: {ftrl: {alpha: 0.1, beta: 0.5, l1: 1, l2: 2}}
                    schedule: { step: { step-size: 1000, gamma: 0.50 } } | schedule: {step: {step-size: 1000, gamma: 0.5}}
                    schedule: { exponential: { gamma: 0.999 } } | schedule: {exponential: {gamma: 0.999}}
                    schedule: { linear-warmup: { start-factor: 0.1, warmup-steps: 500 } } | schedule: {linear-warmup: {start-factor: 0.1, warmup-steps: 500}}
                    schedule: { inverse-sqrt: { warmup-steps: 4000 } } | schedule: {inverse-sqrt: {warmup-steps: 4000}}
                    schedule: { cosine: { total-steps: 5000, min-rate: 0 } } | schedule: {cosine: {total-steps: 5000}}
                    schedule: { warmup-cosine: { warmup-steps: 10, total-steps: 5000, min-rate: 1e-4 } } | schedule: {warmup-cosine: {warmup-steps: 10, total-steps: 5000, min-rate: 0.0001}}
                    schedule: { one-cycle: { total-steps: 5000, pct-start: 0.3, div-factor: 25, final-div-factor: 10000 } } | schedule: {one-cycle: {total-steps: 5000}}
                    schedule: { one-cycle: { total-steps: 5000, pct-start: 0.2, div-factor: 10, final-div-factor: 100 } } | schedule: {one-cycle: {total-steps: 5000, pct-start: 0.2, div-factor: 10, final-div-factor: 100}}
                    schedule: { warm-restarts: { period: 1000, period-factor: 1, min-rate: 0 } } | schedule: {warm-restarts: {period: 1000}}
                    schedule: { warm-restarts: { period: 1000, period-factor: 2, min-rate: 1e-5 } } | schedule: {warm-restarts: {period: 1000, period-factor: 2, min-rate: 0.00001}}
                    gradient-clipping: { global-norm: 5.0 } | gradient-clipping: {global-norm: 5}
                    gradient-clipping: { value: 1e-1 } | gradient-clipping: {value: 0.1}
                    regularization: { l2: 1e-4, applies-to: all } | regularization: {l2: 0.0001}
                    regularization: { l1: 0.01, l2: 0, applies-to: weights } | regularization: {l1: 0.01, applies-to: weights}
                    regularization: { l2: 0, applies-to: weights } | ''
                    on-change: { reset-optimizer: true } | on-change: {reset-optimizer: true}
                    on-change: { reset-optimizer: false, raise-rate: { for: 1, by: 1e3 }, false-alarms-every: 1000 } | on-change: {false-alarms-every: 1000, raise-rate: {by: 1000, for: 1}}
                    quarantine: { loss: 2e1 } | quarantine: {loss: 20}
                    quarantine: { gradient: 0.5, loss: 1e30 } | quarantine: {loss: 1000000000000000000000000000000, gradient: 0.5}
                    """)
    void howToStepHasOneCanonicalSpelling(String written, String canonical) {
        String optimizer = "optimizer: { adam: { rate: 0.001 } }";
        assertThat(Specs.FLIGHTS).contains(optimizer);
        String lines = written.startsWith("optimizer") ? written : optimizer + "\n" + written;

        ModelSpec spec = ModelSpec.parse(Specs.FLIGHTS.replace(optimizer, lines), "spec.yaml");

        assertThat(spec.canonical().lines().filter(line -> !Specs.flights().canonical().contains(line)))
                .isEqualTo(canonical.isEmpty() ? List.of() : List.of(canonical));
        ModelSpec again = ModelSpec.parse(spec.canonical(), "canonical");
        assertThat(again.canonical()).isEqualTo(spec.canonical());
        assertThat(again.network()).isEqualTo(spec.network());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
                    1 | binary-cross-entropy | binary-cross-entropy
                    1 | { binary-cross-entropy: { positive-weight: 1.0 } } | binary-cross-entropy
                    1 | { binary-cross-entropy: { positive-weight: 4.50 } } | {binary-cross-entropy: {positive-weight: 4.5}}
                    3 | categorical-cross-entropy | categorical-cross-entropy
                    3 | { categorical-cross-entropy: { label-smoothing: 0 } } | categorical-cross-entropy
                    3 | { categorical-cross-entropy: { class-weights: [ 1, 2.0, 1e-1 ], label-smoothing: 0.1 } } | {categorical-cross-entropy: {label-smoothing: 0.1, class-weights: [1, 2, 0.1]}}
                    1 | mean-squared-error | mean-squared-error
                    1 | mean-absolute-error | mean-absolute-error
                    1 | huber | huber
                    1 | { huber: { delta: 1 } } | huber
                    1 | { huber: { delta: 2.0 } } | {huber: {delta: 2}}
                    1 | poisson | poisson
                    2 | { quantile: { quantiles: [ 0.10, 0.9 ] } } | {quantile: {quantiles: [0.1, 0.9]}}
                    1 | hinge | hinge
                    """)
    void everyLossHasOneCanonicalSpelling(int outputs, String written, String canonical) {
        String network = "dense: 1 ]";
        assertThat(Specs.FLIGHTS).contains(network).contains("binary-cross-entropy");

        ModelSpec spec = ModelSpec.parse(
                Specs.FLIGHTS.replace(network, "dense: " + outputs + " ]").replace("binary-cross-entropy", written),
                "spec.yaml");

        assertThat(spec.canonical().lines()).contains("loss: " + canonical);
        ModelSpec again = ModelSpec.parse(spec.canonical(), "canonical");
        assertThat(again.canonical()).isEqualTo(spec.canonical());
        assertThat(again.loss()).isEqualTo(spec.loss());
    }

    /// No switch of the compiler's says that one is missing.
    @Test
    void everyLossOptimizerScheduleAndFeatureIsDeclared() {
        Set<Class<?>> neverNamed = Set.of(FakeNegativeWeighted.class, Schedule.Constant.class);
        assertThat(Losses.FORMS.types()).containsAll(kinds(Loss.class, neverNamed));
        assertThat(Optimizers.OPTIMIZERS.types()).containsAll(kinds(Optimizer.class, neverNamed));
        assertThat(Schedules.forms(1).types()).containsAll(kinds(Schedule.class, neverNamed));
        assertThat(Features.FORMS.types()).containsAll(kinds(Feature.class, neverNamed));
    }

    private static List<Class<?>> kinds(Class<?> sealed, Set<Class<?>> but) {
        return Stream.of(sealed.getPermittedSubclasses())
                .flatMap(kind -> kind.isSealed() ? kinds(kind, but).stream() : Stream.of(kind))
                .filter(kind -> !but.contains(kind)).<Class<?>>map(kind -> kind).toList();
    }

    @Test
    void aDenseMayHaveARateOfItsOwnOrNone() {
        ModelSpec spec = ModelSpec.parse(Specs.FLIGHTS.replace("dense: 16,",
                "dense: { units: 16, frozen: true }, relu," + " dense: { units: 3, rate-factor: 1 }, relu,"
                        + " dense: { units: 8, rate-factor: 0.50, frozen: false },"),
                "spec.yaml");
        assertThat(spec.layers()).startsWith(new NetworkLayer.Single(Rate.frozen(new Dense(16))),
                new NetworkLayer.Single(new Relu()), new NetworkLayer.Single(new Dense(3)),
                new NetworkLayer.Single(new Relu()), new NetworkLayer.Single(new Rate(0.5, new Dense(8))));
        assertThat(spec.canonical()).contains("network: [dense: {units: 16, frozen: true}, relu, dense: 3, relu,"
                + " dense: {units: 8, rate-factor: 0.5}, relu, dense: 1]\n");
    }

    @Test
    void numbersStandRawFirstThenStandardised() {
        ModelSpec spec = ModelSpec.parse(EVERY_KEY, "every-key.yaml");
        RowLayout layout = spec.layout();
        // a's indicator, b, bearing (2), month (2), pixels (6); then a, standardised.
        assertThat(layout.rawNumbers()).isEqualTo(12);
        assertThat(layout.scaledNumbers()).isEqualTo(1);
        assertThat(layout.indicatorAt(0)).isEqualTo(0);
        assertThat(layout.numberAt(0)).isEqualTo(12);
        assertThat(layout.numberAt(1)).isEqualTo(1);
        assertThat(layout.numberAt(5)).isEqualTo(2);
        assertThat(layout.numberAt(7)).isEqualTo(6);
        assertThat(layout.ids()).isEqualTo(19 + 3 + 129 + 4 + 2 + 1 + 1 + 2 + 2);
        assertThat(layout.numbers()).isEqualTo(16); // behind them are one of a history, and two of quantiles
        assertThat(layout.idAt(4)).isEqualTo(2);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
                    PT0.5S             | PT3S
                    rate: 0.001        | rate: 1.0e-3
                    mini-batch: { size: 1 } | mini-batch: { step: mean }
                    model: flight-delay | 'model: "flight-delay"  # a comment'
                    { adam: { rate: 0.001 } } | adam
                    dense: 16,         | dense: { units: 16, init: he-uniform },
                    """)
    void anotherSpellingHasTheSameFingerprint(String one, String other) {
        assertThat(Specs.FLIGHTS).contains(one);
        ModelSpec respelled = ModelSpec.parse(Specs.FLIGHTS.replace(one, other), "respelled.yaml");
        assertThat(respelled.fingerprint()).isEqualTo(Specs.flights().fingerprint());
    }

    @Test
    void theOrderOfKeysChangesNothing() {
        String[] lines = Specs.FLIGHTS.split("\n");
        StringBuilder turned = new StringBuilder();
        for (int i = lines.length - 1; i >= 8; i--) {
            turned.append(lines[i]).append('\n');
        }
        for (int i = 0; i < 8; i++) {
            turned.append(lines[i]).append('\n');
        }
        assertThat(ModelSpec.parse(turned.toString(), "turned.yaml").fingerprint())
                .isEqualTo(Specs.flights().fingerprint());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
                    seed: 42     | seed: 43
                    size: 1      | size: 2
                    rate: 0.001  | rate: 0.0010000001
                    dense: 16    | dense: 17
                    buckets: 512 | buckets: 513
                    field: late  | field: later
                    topic: flights | topic: flight
                    """)
    void anythingThatDecidesABitChangesTheFingerprint(String one, String other) {
        ModelSpec changed = ModelSpec.parse(Specs.FLIGHTS.replace(one, other), "changed.yaml");
        assertThat(changed.fingerprint()).isNotEqualTo(Specs.flights().fingerprint());
    }

    @Test
    void theFeatureFingerprintKnowsFeaturesOnly() {
        ModelSpec other =
                ModelSpec.parse(Specs.FLIGHTS.replace("dense: 16", "dense: 8").replace("42", "1"), "other.yaml");
        assertThat(other.featureFingerprint()).isEqualTo(Specs.flights().featureFingerprint());
        ModelSpec hashed = ModelSpec.parse(Specs.FLIGHTS.replace("8192", "4096"), "hashed.yaml");
        assertThat(hashed.featureFingerprint()).isNotEqualTo(Specs.flights().featureFingerprint());
    }

    @Property(tries = 300)
    void noTextAtAllGetsPastTheReaderWithAnythingButASpecException(@ForAll String text) {
        assertThatThrownBy(() -> ModelSpec.parse(text, "random")).isInstanceOf(SpecException.class);
    }

    @Property(tries = 500)
    void aSpecWithAPieceCutOutIsASpecOrRefusedWithItsLine(
            @ForAll @net.jqwik.api.constraints.IntRange(min = 0, max = 999) int permille,
            @ForAll @net.jqwik.api.constraints.IntRange(min = 1, max = 40) int length) {
        int from = EVERY_KEY.length() * permille / 1000;
        String cut = EVERY_KEY.substring(0, from) + EVERY_KEY.substring(Math.min(EVERY_KEY.length(), from + length));
        try {
            ModelSpec spec = ModelSpec.parse(cut, "cut");
            assertThat(ModelSpec.parse(spec.canonical(), "canonical").canonical()).isEqualTo(spec.canonical());
        } catch (SpecException refused) {
            assertThat(refused.problems()).isNotEmpty()
                    .allMatch(problem -> problem.matches("(?s)line \\d+, column \\d+: .+"));
        }
    }

    @Test
    void theSchemaIsWrittenIntoTheInputAndAllElseStaysAsItsAuthorWroteIt() {
        String block = """
                model: m
                # Where they come from.
                input:   # all of them
                    topic: t   # one partition
                    event-time: a.when
                label: { field: late }
                features: [ number: { field: "x" } ]
                network: [ dense: 1 ]
                loss: binary-cross-entropy
                optimizer: adam
                """;
        ModelSpec spec = ModelSpec.parse(block, "spec.yaml");
        ModelSpec registered = spec.withReader(new ModelSpec.Reader.Of(7));
        assertThat(registered.yaml()).isEqualTo(block.replace("    topic: t", "    schema: 7\n    topic: t"));
        assertThat(registered.canonical()).isEqualTo(spec.canonical().replace("\"a.when\"}", "\"a.when\", schema: 7}"));
        assertThat(spec.asRegistered(registered).fingerprint()).isEqualTo(registered.fingerprint());
        assertThat(spec.withReader(ModelSpec.Reader.FIRST).fingerprint()).isEqualTo(spec.fingerprint());

        String flow =
                Specs.FLIGHTS.replace("model:", "# 😀\r\nmodel:").replace("{ topic", "{ topic").replace("\n", "\r\n");
        ModelSpec flights = ModelSpec.parse(flow, "spec.yaml").withReader(ModelSpec.Reader.FIRST);
        assertThat(flights.yaml()).isEqualTo(flow.replace("input:    {", "input:    { schema: first,"));
        assertThat(flights.input().reader()).isEqualTo(ModelSpec.Reader.FIRST);
        assertThatThrownBy(
                () -> ModelSpec.parse(block.replace("topic: t", "topic: t\n    schema: newest"), "spec.yaml"))
                .hasMessageContaining("input.schema: expected first, or the id of a schema, found newest");
    }

    @Test
    void featuresThatWereFoundStandWhereAutoStoodAndStayAsTheyWereRegistered() {
        String text = """
                model: m
                input: { topic: t }
                label: { field: late, threshold: 3 }
                features:   auto # whatever there is
                recipe: lean
                """;
        ModelSpec open = ModelSpec.parse(text, "spec.yaml");
        assertThat(open.isOpen()).isTrue();
        ModelSpec found = open.withFeatures("  # by hand\n  - number: { field: x } # as it is\n");
        assertThat(found.yaml()).isEqualTo(
                text.replace("features:   auto", "features:\n  # by hand\n  - number: { field: x } # as it is"));
        assertThat(found.isOpen()).isFalse();
        assertThat(found.fields()).containsExactly("x", "late");
        for (String list : List.of("features: [ number: { field: x } ]", "features:\n- number: { field: x }",
                "features:\n      - number:\n          field: x\n      # all")) {
            ModelSpec registered = ModelSpec.parse(text.replace("features:   auto # whatever there is", list), list);
            assertThat(open.asRegistered(registered).fingerprint()).as(list).isEqualTo(found.fingerprint());
        }
        assertThatThrownBy(() -> ModelSpec.parse(text.replace("recipe: lean", "network: [ dense: 1 ]\noptimizer: adam"),
                "spec.yaml"))
                .hasMessageContaining("line 4, column 13: features: a network is made for features that are known");
    }

    @Test
    void whatALabelMeansStandsInItAndInFrontOfTheFeaturesAndStaysAsItWasRegistered() {
        String text = """
                model: m
                input: { topic: t }
                label: { field: late }
                features: auto
                recipe: lean
                """;
        ModelSpec open = ModelSpec.parse(text, "spec.yaml");
        assertThat(open.label().isOpen()).isTrue();
        String features = "  - number: { field: x }";
        Map<Flow, String> losses = Map.of(new Flow().add("positive", "\"yes: no\""), "binary-cross-entropy",
                new Flow().add("classes", "[a, \"b, c\", d]"), "categorical-cross-entropy",
                new Flow().add("classes", "4"), "categorical-cross-entropy", new Flow(), "mean-squared-error");
        losses.forEach((keys, loss) -> {
            ModelSpec found = open.withLabel(new ModelSpec.LabelMeaning(keys, loss + " # by hand"));
            assertThat(found.label().isOpen()).isFalse();
            assertThat(found.isOpen()).isTrue();
            ModelSpec complete = found.withFeatures(features);
            assertThat(complete.yaml()).isEqualTo(text.replace("auto", "\n" + features).replace(": \n", ":\n")
                    .replace("features", "loss: " + loss + " # by hand\nfeatures")
                    .replace("label: { field", "label: " + (keys.isEmpty() ? "{ field"
                            : keys.toString().replace("{", "{ ").replace("}", ", field"))));
            assertThat(open.asRegistered(complete).fingerprint()).as(loss).isEqualTo(complete.fingerprint());
            ModelSpec block = ModelSpec.parse(text.replace("{ field: late }", "\n  field: late"), "block");
            assertThat(block.asRegistered(complete).fingerprint()).as(loss).isEqualTo(complete.fingerprint());
        });
        ModelSpec byHand = ModelSpec
                .parse(text.replace("late }", "late, threshold: 3 }").replace("auto", "\n" + features), "by hand");
        assertThat(open.asRegistered(byHand).fingerprint()).isEqualTo(byHand.fingerprint());
        ModelSpec network = ModelSpec.parse(text.replace("auto", "\n" + features).replace("recipe: lean",
                "network: [ dense: 1 ]\nloss: huber\noptimizer: { sgd: { rate: 0.1 } }"), "network");
        assertThat(open.asRegistered(network).fingerprint()).as("another model, and no mistake of the file")
                .isNotEqualTo(network.fingerprint());
    }

    /// Each of these says more than where the label is, or says features, and goes on as it did.
    @Test
    void aLabelIsOpenOnlyWhereTheSpecSaysNothingOfItsMeaning() {
        String text = "model: m\ninput: { topic: t }\nlabel: { field: late }\nfeatures: auto\nrecipe: auto\n";
        for (String other : List.of(text + "loss: mean-squared-error\n", text.replace("late }", "late, positive: x }"),
                text.replace("late }", "late, classes: 3 }"), text.replace("late }", "late, threshold: 3 }"))) {
            assertThat(ModelSpec.parse(other, "said").label().isOpen()).as(other).isFalse();
        }
        assertThatThrownBy(
                () -> ModelSpec.parse(text.replace("auto\nrecipe", "[ number: { field: x } ]\nrecipe"), "said"))
                .hasMessageContaining("the key 'loss' is missing; expected the name of a loss, unless the label has"
                        + " threshold, positive or classes, or the spec features: auto");
        assertThatThrownBy(() -> ModelSpec.parse(text.replace("late }", "late, kind: steps }"), "said"))
                .hasMessageContaining("the key 'loss' is missing");
        assertThatThrownBy(() -> ModelSpec.parse(
                text.replace("{ topic: t }", "{ stream: s }").replace("label: { field: late }\n", "late-labels: fnw\n"),
                "said")).hasMessageContaining("a recipe can't weigh fake negatives");
    }

    /// When it was registered, a field was any name; what is no path goes on as such.
    @Test
    void aRegisteredSpecMayHaveAFieldThatIsNoPath() {
        String odd = Specs.FLIGHTS.replace("field: distance", "field: \"miles [nautical\"");
        assertThatThrownBy(() -> ModelSpec.parse(odd, "spec.yaml")).isInstanceOf(SpecException.class)
                .hasMessageContaining("expected ']', found the end");
        assertThat(ModelSpec.parseRegistered(odd, "spec.yaml").fields()).contains("miles [nautical");
    }
}
