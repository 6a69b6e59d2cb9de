package io.tidegrad.scorer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.snapshot.PublishedSnapshot;
import io.tidegrad.model.snapshot.SnapshotEntry;
import io.tidegrad.model.spec.ModelSpec;
import java.time.InstantSource;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// What features add to a prediction, beside what scoring the changed record gives.
class ExplanationTest {
    private static final int LEARNED = 400;

    private static Scorer scorer(TestTrainer trainer) {
        return scorer(trainer.learn(LEARNED).publish());
    }

    private static Scorer scorer(PublishedSnapshot snapshot) {
        return Scorer.of(snapshot.manifest(),
                snapshot.records().stream().limit(snapshot.records().size() - 1L).map(SnapshotEntry::value).toList(),
                InstantSource.system());
    }

    private static Map<String, Object> record(long event) {
        Map<String, Object> record = new HashMap<>();
        for (String field : List.of("departed", "distance", "origin", "destination")) {
            record.put(field, Objects.requireNonNull(TestTrainer.event(event).get(field)));
        }
        return record;
    }

    private static double logit(Scorer scorer, Map<String, Object> record) {
        double p = scorer.score(record).probabilities()[0];
        return Math.log(p / (1 - p));
    }

    /// Of the events that were learned, as far as a float holds it.
    private static float meanDistance() {
        double sum = 0;
        for (long event = 0; event < LEARNED; event++) {
            if (TestTrainer.event(event).get("distance") instanceof Number distance) {
                sum += distance.doubleValue();
            }
        }
        return (float) (sum / LEARNED);
    }

    /// Neutral is a missing value, which is a value like any: here one that never came.
    @ParameterizedTest
    @ValueSource(strings = {"network: [ dense: 16, relu, dense: 1 ]\nloss: binary-cross-entropy\noptimizer: adam",
        "loss: binary-cross-entropy\nrecipe: auto", "loss: binary-cross-entropy\nrecipe: rich"})
    void aContributionOfAVocabularyIsWhatARecordWithoutTheValueLacks(String network) {
        String yaml = """
                model: counted
                input: { topic: flights, event-time: departed }
                label: { field: late }
                features:
                  - number: { field: distance, scale: standard }
                  - vocabulary: { field: origin, capacity: 8, dimension: 4 }
                """ + network + "\n";
        try (Scorer scorer = scorer(TestTrainer.of(ModelSpec.parse(yaml, "test")))) {
            Map<String, Object> record = record(77);
            Explanation explanation = scorer.explain(record);
            assertThat(explanation.contributions()).extracting(Explanation.Contribution::kind).containsExactly("number",
                    "vocabulary");
            Map<String, Object> without = new HashMap<>(record);
            without.remove("origin");
            assertThat((double) explanation.contributions().get(1).logits()[0])
                    .isCloseTo(logit(scorer, record) - logit(scorer, without), within(1e-4)).isNotZero();
        }
    }

    /// A cross of what is learned has numbers and ids of its own: a feature that is left out leaves it as it is, so those of a
    /// network that only adds them up make the whole difference.
    @Test
    void contributionsOfACrossAndOfWhatItCrossesAddUp() {
        String yaml = """
                model: crossed
                input: { topic: flights, event-time: departed }
                label: { field: late }
                features:
                  - cross: { fields: [destination, { vocabulary: origin }, { quantiles: distance }], buckets: 4096 }
                  - vocabulary: { field: origin, capacity: 8, dimension: 4 }
                  - quantiles: { field: distance, buckets: 8, dimension: 4 }
                network: [ dense: 1 ]
                loss: binary-cross-entropy
                optimizer: { adagrad: { rate: 0.1 } }
                """;
        try (Scorer scorer = scorer(TestTrainer.of(ModelSpec.parse(yaml, "test")))) {
            Explanation explanation = scorer.explain(record(77));
            assertThat(explanation.contributions()).extracting(Explanation.Contribution::kind).containsExactly("cross",
                    "vocabulary", "quantiles");
            double sum = explanation.baseline()[0];
            for (Explanation.Contribution contribution : explanation.contributions()) {
                assertThat(contribution.logits()[0]).isNotZero();
                sum += contribution.logits()[0];
            }
            assertThat((double) explanation.logits()[0]).isCloseTo(sum, within(1e-4));
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 77, 1_000})
    void aContributionIsWhatTheRecordLosesWithoutTheFeature(long event) {
        try (Scorer scorer = scorer(TestTrainer.of("deep"))) {
            Map<String, Object> record = record(event);
            double whole = logit(scorer, record);
            Explanation explanation = scorer.explain(record);
            assertThat(explanation.contributions()).extracting(Explanation.Contribution::kind).containsExactly("number",
                    "time-part", "category", "cross");
            assertThat(explanation.logits()[0]).isCloseTo((float) whole, within(1e-4f));
            assertThat(explanation.prediction().probabilities()).containsExactly(scorer.score(record).probabilities());

            Map<String, Object> average = new HashMap<>(record);
            average.put("distance", meanDistance());
            assertThat((double) explanation.contributions().get(0).logits()[0])
                    .isCloseTo(whole - logit(scorer, average), within(1e-4));
            Map<String, Object> timeless = new HashMap<>(record);
            timeless.remove("departed");
            assertThat((double) explanation.contributions().get(1).logits()[0])
                    .isCloseTo(whole - logit(scorer, timeless), within(1e-4));
            // The origin is also in the cross, which alone keeps it: so not by the record's field.
            assertThat(explanation.contributions().get(2).fields()).containsExactly("origin");
            assertThat(explanation.contributions().get(3).fields()).containsExactly("origin", "destination");
            Map<String, Object> elsewhere = new HashMap<>(record);
            elsewhere.put("distance", meanDistance());
            elsewhere.keySet().removeAll(List.of("departed", "origin", "destination"));
            assertThat((double) explanation.baseline()[0]).isCloseTo(logit(scorer, elsewhere), within(1e-4));
        }
    }

    /// All its members read a number scaled by the same mean.
    @Test
    void aContributionToARecipeIsWhatTheRecordLosesWithoutTheFeature() {
        ModelSpec spec = ModelSpec.parse(TestTrainer.spec("mixed", 16).replaceFirst("network: .*", "recipe: auto")
                .replaceFirst("optimizer: .*", ""), "test");
        try (Scorer scorer = scorer(TestTrainer.of(spec))) {
            Map<String, Object> record = record(77);
            Explanation explanation = scorer.explain(record);
            Map<String, Object> average = new HashMap<>(record);
            average.put("distance", meanDistance());
            double without = logit(scorer, record) - logit(scorer, average);
            assertThat((double) explanation.contributions().get(0).logits()[0]).isCloseTo(without, within(1e-4))
                    .isNotZero();
            float[] members = scorer.score(record).served(1).memberOutputs();
            assertThat(members).hasSize(4);
            assertThat(explanation.prediction().memberOutputs()).isEqualTo(members);
            assertThat(scorer.scoreAll(List.of(TestTrainer.event(5), TestTrainer.event(77))).memberOutputs()).hasSize(8)
                    .endsWith(members);
        }
    }

    /// Neutral is a key that never came: one whose table row another key has, or none.
    @ParameterizedTest
    @ValueSource(strings = {"network: [ dense: 16, relu, dense: 1 ]\nloss: binary-cross-entropy\noptimizer: adam",
        "loss: binary-cross-entropy\nrecipe: auto", "loss: binary-cross-entropy\nrecipe: rich"})
    void aContributionOfAHistoryIsWhatAKeyThatNeverCameLacks(String network) {
        String yaml = """
                model: history
                input: { topic: flights, event-time: departed }
                label: { field: late }
                features:
                  - number: { field: distance, scale: standard }
                  - history: { key: [origin, destination], field: distance, time: departed, buckets: 4096,
                               values: [lag, difference, count, since-last], lags: 2 }
                """ + network + "\n";
        try (Scorer scorer = scorer(TestTrainer.of(ModelSpec.parse(yaml, "test")))) {
            Map<String, Object> record = record(77);
            Explanation explanation = scorer.explain(record);
            assertThat(explanation.contributions()).extracting(Explanation.Contribution::kind).containsExactly("number",
                    "history");
            Map<String, Object> unknown = new HashMap<>(record);
            unknown.put("origin", "an airport that never was");
            assertThat((double) explanation.contributions().get(1).logits()[0])
                    .isCloseTo(logit(scorer, record) - logit(scorer, unknown), within(1e-4)).isNotZero();
        }
    }

    /// Neutral is a missing number.
    @ParameterizedTest
    @ValueSource(strings = {"network: [ dense: 16, relu, dense: 1 ]\nloss: binary-cross-entropy\noptimizer: adam",
        "loss: binary-cross-entropy\nrecipe: auto", "loss: binary-cross-entropy\nrecipe: rich"})
    void aContributionOfQuantilesIsWhatARecordWithoutTheNumberLacks(String network) {
        String yaml = """
                model: quantiles
                input: { topic: flights, event-time: departed }
                label: { field: late }
                features:
                  - category: { field: origin, buckets: 512, dimension: 4 }
                  - quantiles: { field: distance, buckets: 8, dimension: 4 }
                """ + network + "\n";
        try (Scorer scorer = scorer(TestTrainer.of(ModelSpec.parse(yaml, "test")))) {
            Map<String, Object> record = record(77);
            Explanation explanation = scorer.explain(record);
            assertThat(explanation.contributions()).extracting(Explanation.Contribution::kind)
                    .containsExactly("category", "quantiles");
            Map<String, Object> without = new HashMap<>(record);
            without.remove("distance");
            assertThat((double) explanation.contributions().get(1).logits()[0])
                    .isCloseTo(logit(scorer, record) - logit(scorer, without), within(1e-4)).isNotZero();
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 77, 1_000})
    void contributionsToALinearModelAddUpToItsLogit(long event) {
        try (Scorer scorer = scorer(TestTrainer.ofDistances("linear"))) {
            Explanation explanation = scorer.explain(TestTrainer.event(event));
            double sum = explanation.baseline()[0];
            for (Explanation.Contribution each : explanation.contributions()) {
                assertThat(each.logits()[0]).as(each.kind()).isNotZero();
                sum += each.logits()[0];
            }
            assertThat(sum).isCloseTo(explanation.logits()[0], within(1e-5));
            assertThat(explanation.contributions()).extracting(Explanation.Contribution::fields)
                    .containsExactly(List.of("distance"), List.of("destination"));
        }
    }

    @Test
    void whatCanNotBeScoredIsNotExplained() {
        try (Scorer scorer = scorer(TestTrainer.of("deep"))) {
            assertThatThrownBy(() -> scorer.explain(Map.of("origin", "SFO"))).isInstanceOf(RejectedEventException.class)
                    .hasMessageContaining("distance");
        }
    }

    @Test
    void aNetworkThatSelectsFeaturesIsNotExplained() {
        ModelSpec spec = ModelSpec.parse("""
                        model: selecting
                        input: { topic: flights }
                        label: { field: late }
                        features:
                          - number: { field: distance, scale: standard }
                          - category: { field: destination, buckets: 16, dimension: 2 }
                        network:
                          - branches: [ [ features: [distance] ], [ features: [destination] ] ]
                          - dense: 1
                        loss: binary-cross-entropy
                        optimizer: { sgd: { rate: 0.05 } }
                        """, "test");
        OnlineModel untrained = OnlineModel.initial(spec, Kernels.active());
        try (Scorer scorer = scorer(PublishedSnapshot.of(untrained, untrained.weightsHash(), 1, 0, 0, true))) {
            assertThatThrownBy(() -> scorer.explain(record(1))).isInstanceOf(UnsupportedOperationException.class)
                    .hasMessageContaining("found selecting, whose network selects them");
        }
    }
}
