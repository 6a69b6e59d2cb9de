package io.tidegrad.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.proof.LongProof;
import io.tidegrad.schemas.Topics;
import io.tidegrad.scorer.Scorer;
import io.tidegrad.scorer.ScorerOptions;
import io.tidegrad.scorer.ServedVersion;
import io.tidegrad.trainer.TrainerApp;
import io.tidegrad.trainer.store.CommittedState;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.LongPredicate;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Rollbacks to places of the log of which no version is published, beside a fold that knows neither trainer nor store.
class RollbackReachTest {
    private static final int GOOD = 200;
    private static final int POISON = 60;

    private final Readings readings = new Readings();
    private final Topics topics = new Topics("p" + readings.id);
    private final String model = "m-" + readings.id;

    @TempDir
    Path directory;

    @AfterEach
    void close() {
        readings.close();
    }

    private void run(String... words) {
        assertThat(readings.run(topics.prefix(), List.of(words))).as(readings.out() + readings.err()).isZero();
    }

    /// Only the newest version stays.
    private TrainerApp trainer(String... more) {
        List<String> arguments =
                new ArrayList<>(List.of("--keep-snapshots", "1", "--keep-hourly", "0", "--keep-daily", "0"));
        arguments.addAll(List.of(more));
        return readings.trainer(directory, arguments.toArray(String[]::new));
    }

    private Scorer scorer(String name) {
        return Scorer.open(
                ScorerOptions.of(name, Map.of("bootstrap.servers", readings.bootstrap)).withPrefix(topics.prefix()));
    }

    private static void awaitServed(Scorer scorer, String name, int epoch, OnlineModel expected) {
        await().atMost(Readings.PATIENCE).untilAsserted(() -> {
            ServedVersion served = scorer.current();
            assertThat(served == null ? "none" : served.model() + " " + served.epoch() + "." + served.version())
                    .as(scorer.status().toString())
                    .isEqualTo(name + " " + epoch + "." + expected.parameters().updates());
        });
        assertThat(scorer.weightsHash()).isEqualTo(expected.weightsHash());
    }

    private static String stateHash(CommittedState state) {
        return Objects.requireNonNull(state.report()).stateHash();
    }

    @Test
    @LongProof("a stretch is learned again")
    void aPoisonedStretchIsTakenOutThoughNoVersionBeforeItIsPublished() {
        Path spec = readings.spec(directory, model);
        readings.send(GOOD);
        // With pages in every commit, so that the state in the changelog is poisoned, too.
        try (TrainerApp trainer = trainer("--spec", spec.toString(), "--redo-seconds", "0");
                Scorer scorer = scorer(model)) {
            Readings.awaitLearned(trainer, model, 1, readings.end());
            long poisonFrom = readings.end();
            readings.send(POISON);
            CommittedState poisoned = Readings.awaitLearned(trainer, model, 1, readings.end());
            assertThat(stateHash(poisoned)).isEqualTo(readings.fold(spec, offset -> true).stateHash());
            awaitServed(scorer, model, 1, readings.fold(spec, offset -> true));

            run("models", "rollback", model, "--offset", "" + poisonFrom, "--reason", "poison");
            long resumed = readings.end();
            assertThat(readings.out()).contains("made from     its beginning, and the log from offset 0 on")
                    .contains("skipped       " + POISON);
            awaitServed(scorer, model, 2, readings.fold(spec, offset -> offset < poisonFrom));

            readings.send(20);
            LongPredicate learned = offset -> offset < poisonFrom || offset >= resumed;
            CommittedState on = Readings.awaitLearned(trainer, model, 2, readings.end());
            assertThat(stateHash(on)).isEqualTo(readings.fold(spec, learned).stateHash());
            awaitServed(scorer, model, 2, readings.fold(spec, learned));
        }
    }

    @LongProof("a model that learns at a broker")
    @Test
    void aVersionThatIsPublishedNearAPlaceIsGoneBackToWithoutLearningAgain() {
        Path spec = readings.spec(directory, model);
        readings.send(GOOD);
        try (TrainerApp trainer = readings.trainer(directory, "--spec", spec.toString());
                Scorer scorer = scorer(model)) {
            CommittedState base = Readings.awaitLearned(trainer, model, 1, readings.end());
            OnlineModel good = readings.fold(spec, offset -> true);
            await().atMost(Readings.PATIENCE).until(() -> Instant.now().isAfter(readings.newestTime().plusMillis(1)));
            Instant then = Instant.now();
            await().atMost(Readings.PATIENCE).until(() -> Instant.now().isAfter(then.plusMillis(1)));
            readings.send(POISON);
            Readings.awaitLearned(trainer, model, 1, readings.end());

            run("models", "rollback", model, "--time", then.toString(), "--json");
            assertThat(readings.json().path("base").asText()).isEqualTo("1." + base.version());
            assertThat(readings.json().path("not_in_base").asLong(-1)).isZero();
            assertThat(readings.json().has("made_from")).isFalse();
            awaitServed(scorer, model, 2, good);

            // Of the epoch before, whose lineage has the events that the newest one leaves out.
            refused("expected a place that epoch 2 has learned, found offset " + (GOOD + 5), "--offset",
                    "" + (GOOD + 5), "--exact");
            run("models", "rollback", model, "--offset", "" + (GOOD + 5), "--epoch", "1", "--exact", "--resume-at",
                    "base", "--json");
            assertThat(readings.json().path("next_offset").asLong()).isEqualTo(GOOD + 5);
            CommittedState all = Readings.awaitLearned(trainer, model, 3, readings.end());
            assertThat(stateHash(all)).isEqualTo(readings.fold(spec, offset -> true).stateHash());

            run("models", "rollback", model, "--offset", "" + (GOOD + 30), "--epoch", "2", "--timeout", "0", "--json");
            assertThat(readings.json().path("base").asText()).isEqualTo("1." + base.version());
            assertThat(readings.json().path("not_in_base").asLong()).isEqualTo(30);
        }
    }

    @LongProof("a model that learns at a broker")
    @Test
    void howNearAVersionIsIsMeasuredFromTheFirstEventThatItHasNotLearned() throws IOException {
        Path spec = readings.spec(directory, model);
        Files.writeString(spec, Files.readString(spec).replace("PT0.2S", "PT1H"));
        Instant then = Instant.now().minus(Duration.ofHours(5));
        readings.send(10, then);
        try (TrainerApp trainer = readings.trainer(directory, "--spec", spec.toString())) {
            Readings.awaitLearned(trainer, model, 1, 10);
            run("models", "pause", model);
            readings.sendAborted(1); // so that the log's end lies behind the offset of the newest version
            run("models", "rollback", model, "--time", then.plus(Duration.ofHours(3)).toString(), "--json");
            assertThat(readings.json().path("next_offset").asLong()).as(readings.out()).isEqualTo(10);
            assertThat(readings.json().has("made_from")).isFalse();

            long published = readings.end() + 1;
            readings.send(1, Instant.now()); // hours ahead of what comes after it
            run("models", "resume", model);
            Readings.awaitLearned(trainer, model, 2, published);
            readings.send(20, then);
            readings.send(20, then.plus(Duration.ofHours(2)));
            long end = readings.end();
            Readings.awaitCommitted(trainer, model, 2, at -> at.nextOffset() == end); // no version in this hour
            run("models", "rollback", model, "--offset", "" + (published + 30), "--json");
            assertThat(readings.json().path("next_offset").asLong()).as(readings.out()).isEqualTo(published + 30);
            assertThat(readings.json().path("made_from").asText()).contains("and the log from offset ");
        }
    }

    @Test
    void aPlaceThatCantBeGoneBackToIsRefusedAndNothingIsDecided() {
        Path spec = readings.spec(directory, model);
        readings.send(GOOD);
        try (TrainerApp trainer = trainer("--spec", spec.toString())) {
            Readings.awaitLearned(trainer, model, 1, readings.end());
            refused("found that it has made none before offset 0", "--offset", "0");
            refused("expected an epoch from 1 to 1, found 2", "--offset", "5", "--epoch", "2");
            refused("resume-at: expected an offset from 100 on", "--offset", "100", "--exact", "--resume-at", "99");
            refused("expected an offset up to its end", "--offset", "" + (GOOD + 1_000));
            run("models", "pause", model);
            readings.send(POISON);
            refused("expected a place up to which epoch 1 has learned, offset " + GOOD + ", found offset "
                    + (GOOD + 40), "--offset", "" + (GOOD + 40), "--exact");
        }
        readings.createAgain();
        readings.send(GOOD);
        refused(3, "deleted and created again", "--offset", "100", "--exact");
        refused(3, "deleted and created again", "--version", "" + GOOD);
        run("models", "show", model);
        assertThat(readings.out()).doesNotContain("rolled back");
    }

    private void refused(String why, String... more) {
        refused(2, why, more);
    }

    private void refused(int status, String why, String... more) {
        List<String> words = new ArrayList<>(List.of("models", "rollback", model));
        words.addAll(List.of(more));
        assertThat(readings.run(topics.prefix(), words)).as(readings.out()).isEqualTo(status);
        assertThat(readings.err()).contains(why);
    }

    @LongProof("two trainers, one after the other")
    @Test
    void withoutATrainerScorersServeWhatTheCommandMadeAndATrainerNeedNotLearnItAgain() {
        Path spec = readings.spec(directory, model);
        readings.send(GOOD);
        try (TrainerApp trainer = trainer("--spec", spec.toString())) {
            Readings.awaitLearned(trainer, model, 1, readings.end());
        }
        long before = GOOD / 2;
        run("models", "rollback", model, "--offset", "" + before, "--exact", "--resume-at", "" + (GOOD - 10),
                "--timeout", "0", "--json");
        assertThat(readings.json().path("next_offset").asLong()).isEqualTo(before);
        assertThat(readings.json().path("made_from").asText()).startsWith("its beginning");
        try (Scorer scorer = scorer(model)) {
            awaitServed(scorer, model, 2, readings.fold(spec, offset -> offset < before));
            // What the command committed is all that the epoch begins with.
            run("snapshots", "at", "--model", model, "--offset", "" + (GOOD - 10), "--json");
            assertThat(readings.json().path("state_offset").asLong()).isEqualTo(GOOD - 10);
            assertThat(readings.json().path("state_hash").asText())
                    .isEqualTo(readings.fold(spec, offset -> offset < before).stateHash());
            try (TrainerApp trainer = trainer("--model", model)) {
                OnlineModel expected = readings.fold(spec, offset -> offset < before || offset >= GOOD - 10);
                assertThat(stateHash(Readings.awaitLearned(trainer, model, 2, readings.end())))
                        .isEqualTo(expected.stateHash());
                awaitServed(scorer, model, 2, expected);
            }
        }
    }

    @LongProof("two trainers, one after the other")
    @Test
    void aReplayThatIsKeptAnswersAtOnceAndLeavesOutWhatItIsToldTo() {
        Path spec = readings.spec(directory, model);
        String next = "next-" + readings.id;
        Path same = readings.spec(directory, next);
        readings.send(GOOD + POISON);
        try (TrainerApp trainer = trainer("--spec", spec.toString())) {
            Readings.awaitLearned(trainer, model, 1, readings.end());
        }
        run("replay", "--model", model, "--until", "" + GOOD, "--as", next, "--resume-at", "end", "--paused");
        assertThat(readings.out()).contains("kept          as model " + next
                + ", epoch 2: paused; tidegrad models resume " + next + " goes on at offset " + (GOOD + POISON));
        OnlineModel good = readings.fold(same, offset -> offset < GOOD);
        try (Scorer scorer = scorer(model)) {
            run("models", "promote", next, "--for", model);
            awaitServed(scorer, next, 2, good);
            run("models", "resume", next, "--timeout", "0");
            try (TrainerApp trainer = trainer("--model", next)) {
                readings.send(10);
                OnlineModel expected = readings.fold(same, offset -> offset < GOOD || offset >= GOOD + POISON);
                assertThat(stateHash(Readings.awaitLearned(trainer, next, 2, readings.end())))
                        .isEqualTo(expected.stateHash());
                awaitServed(scorer, next, 2, expected);
            }
        }
    }
}
