package io.tidegrad.cli.quickstart;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.tidegrad.localstack.streams.ShippedStream;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class OutcomeTest {
    private static final double NONE = Double.NaN;

    private static Outcome flights(String weightsHashScorer, String stateHashReplay) {
        return flights(300_000, 0, 0.80, 0.41, 24, 700, weightsHashScorer, stateHashReplay);
    }

    private static Outcome flights(long learned, long deadLetters, double auc, double logLoss, long loaded,
            double freshnessMillisP99, String weightsHashScorer, String stateHashReplay) {
        return new Outcome("flights", 300_000, learned, 0, deadLetters, 0.82, 0.83, logLoss, 0.5226, auc, 0.7667,
                0.4331, 25, loaded, 300, freshnessMillisP99, "aa", weightsHashScorer, "aa", "bb", stateHashReplay,
                41.26);
    }

    @Test
    void isOneLineOfJsonWithTheDocumentedKeysInOrder() throws Exception {
        String line = flights("aa", "bb").toJson();
        assertThat(line).doesNotContain("\n");
        List<String> keys = new ArrayList<>();
        new ObjectMapper().readTree(line).fieldNames().forEachRemaining(keys::add);
        assertThat(keys).containsExactly("stream", "events", "learned", "pending", "dead_letters", "accuracy",
                "accuracy_last_2000", "log_loss", "prior_log_loss", "auc", "baseline_auc", "snapshots_published",
                "snapshots_loaded", "freshness_ms_p50", "freshness_ms_p99", "weights_hash_trainer",
                "weights_hash_scorer", "weights_hash_replay", "state_hash_trainer", "state_hash_replay", "seconds");
    }

    @Test
    void whatDoesNotApplyIsNull() throws Exception {
        Outcome digits = new Outcome("digits", 10_000, 10_000, 0, 0, 0.84, 0.88, 0.54, 2.3, NONE, NONE, NONE, 20, 20,
                300, 700, "aa", "aa", "aa", "bb", "bb", 30);
        JsonNode line = new ObjectMapper().readTree(digits.toJson());
        assertThat(line.get("auc").isNull()).isTrue();
        assertThat(line.get("baseline_auc").isNull()).isTrue();
        assertThat(line.get("accuracy").asDouble()).isEqualTo(0.84);
        assertThat(line.get("events").asLong()).isEqualTo(10_000);
    }

    @Test
    void aGoodRunPassesEveryCheck() {
        assertThat(failing(flights("aa", "bb"))).isEmpty();
    }

    @Test
    void oneOtherBitIsALoudFailure() {
        assertThat(failing(flights("ab", "bb"))).containsExactly("weights-hash equal: trainer, scorer, replay");
        assertThat(failing(flights("aa", "bc"))).containsExactly("state-hash equal: trainer, replay");
        assertThat(flights("ab", "bb").hashesEqual()).isFalse();
    }

    /// Two processes that both failed to tell a hash would agree.
    @Test
    void noHashIsNotAnEqualHash() {
        Outcome run =
                new Outcome("flights", 1, 1, 0, 0, 1, 1, 0.4, 0.5, 0.8, 0.7, 0.4, 1, 1, 1, 1, "", "", "", "", "", 1);
        assertThat(run.hashesEqual()).isFalse();
        assertThat(Check.ofCorrectness(run, 1)).filteredOn(check -> !check.holds()).hasSize(2);
    }

    @Test
    void aLostOrRejectedEventIsAFailure() {
        assertThat(failing(flights(299_999, 0, 0.80, 0.41, 24, 700, "aa", "bb"))).hasSize(1);
        assertThat(failing(flights(299_999, 1, 0.80, 0.41, 24, 700, "aa", "bb"))).hasSize(1);
    }

    @Test
    void everyGoalIsHeldTo() {
        assertThat(failing(flights(300_000, 0, 0.7600, 0.41, 24, 700, "aa", "bb"))).hasSize(2);
        assertThat(failing(flights(300_000, 0, 0.7908, 0.41, 24, 700, "aa", "bb")))
                .containsExactly("AUC at least 0.7909");
        assertThat(failing(flights(300_000, 0, 0.80, 0.4134, 24, 700, "aa", "bb"))).hasSize(1);
        assertThat(failing(flights(300_000, 0, 0.80, 0.53, 24, 700, "aa", "bb"))).hasSize(2);
        assertThat(failing(flights(300_000, 0, 0.80, 0.41, 19, 700, "aa", "bb"))).hasSize(1);
        assertThat(failing(flights(300_000, 0, 0.80, 0.41, 24, 2_001, "aa", "bb"))).hasSize(1);
        assertThat(failing(flights(300_000, 0, NONE, NONE, 24, NONE, "aa", "bb"))).hasSize(5);
    }

    private static List<String> failing(Outcome run) {
        List<Check> checks = new ArrayList<>(Check.ofCorrectness(run, 300_000));
        checks.addAll(Check.ofLearning(run, ShippedStream.FLIGHTS));
        checks.addAll(Check.ofServing(run, ShippedStream.FLIGHTS));
        return checks.stream().filter(check -> !check.holds()).map(Check::claim).toList();
    }
}
