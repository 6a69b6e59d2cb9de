package io.tidegrad.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.tidegrad.control.ControlRecord;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.snapshot.PublishedSnapshot;
import io.tidegrad.model.snapshot.RefusalReason;
import io.tidegrad.proof.LongProof;
import io.tidegrad.schemas.Topics;
import io.tidegrad.scorer.ModelRouter;
import io.tidegrad.scorer.Prediction;
import io.tidegrad.scorer.Scorer;
import io.tidegrad.scorer.ScorerOptions;
import io.tidegrad.scorer.ServedVersion;
import io.tidegrad.scorer.TestPublisher;
import io.tidegrad.scorerapp.ScorerApp;
import io.tidegrad.scorerapp.ScorerConfig;
import io.tidegrad.trainer.TrainerApp;
import io.tidegrad.trainer.store.CommittedState;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.LongPredicate;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/// A decision from the command that is typed to the bits that are served and learned: one trainer, scorers, one broker,
/// and a fold of the log that knows none of them.
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ControlEndToEndTest {
    private static final int EVENTS = 300;

    private final Readings readings = new Readings();
    private final Topics topics = new Topics("p" + readings.id);
    private final String back = "back-" + readings.id;
    private final String hold = "hold-" + readings.id;
    private final String wide = "wide-" + readings.id;
    private TrainerApp trainer;
    private Path specs;

    @BeforeAll
    void start(@TempDir Path directory) {
        specs = directory;
        readings.send(EVENTS);
        trainer = readings.trainer(directory, "--spec", readings.spec(directory, back).toString(), "--spec",
                readings.spec(directory, hold).toString());
    }

    @AfterAll
    void stop() {
        trainer.close();
        readings.close();
    }

    private void decide(String... words) {
        assertThat(readings.models(topics.prefix(), words)).as(readings.err()).isZero();
    }

    private CommittedState awaitLearned(String model, int epoch) {
        return Readings.awaitLearned(trainer, model, epoch, readings.end());
    }

    private static String stateHash(CommittedState state) {
        return Objects.requireNonNull(state.report()).stateHash();
    }

    private OnlineModel fold(String model, LongPredicate offsets) {
        return readings.fold(specs.resolve(model + ".yaml"), offsets);
    }

    private Scorer scorer(String model) {
        return Scorer.open(options(model));
    }

    private ScorerOptions options(String model) {
        return ScorerOptions.of(model, Map.of("bootstrap.servers", readings.bootstrap)).withPrefix(topics.prefix());
    }

    private static String served(Scorer scorer) {
        ServedVersion served = scorer.current();
        return served == null ? "none" : served.model() + " " + served.epoch() + "." + served.version();
    }

    private static void awaitServed(Scorer scorer, String model, int epoch, long version) {
        await().atMost(Readings.PATIENCE).untilAsserted(() -> assertThat(served(scorer)).as(scorer.status().toString())
                .isEqualTo(model + " " + epoch + "." + version));
    }

    /// Bits of the answers to every event there is, by this version.
    private static List<Integer> answers(Scorer scorer, int epoch, long version) {
        List<Integer> bits = new ArrayList<>();
        for (int i = 0; i < 7; i++) {
            Prediction prediction = scorer.score(Map.of("a", Readings.a(i)));
            assertThat(prediction.epoch() + "." + prediction.version()).isEqualTo(epoch + "." + version);
            bits.add(Float.floatToRawIntBits(prediction.probabilities()[0]));
        }
        return bits;
    }

    /// From before the record's transaction to the swap; the goal is 2 s.
    private static void printDelay(String decision, Scorer scorer) {
        ControlRecord record = Objects.requireNonNull(scorer.status().control().last());
        long swapped = Objects.requireNonNull(scorer.current()).admittedAt();
        System.out.println(decision + ": served after " + (swapped - record.time()) + " ms");
    }

    /// By a trainer of epoch 1 that has not heard of the rollback: newer than all there is.
    private void publishLate(OnlineModel learned, long nextOffset) {
        try (TestPublisher forger = new TestPublisher(readings.bootstrap, topics, back)) {
            forger.publish(PublishedSnapshot.of(learned, learned.weightsHash(), 1, nextOffset,
                    System.currentTimeMillis(), true));
        }
    }

    @LongProof("a whole system")
    @Test
    void aRollbackIsServedAndLearnedOnAndNothingOfTheOldEpochWins() {
        long base = awaitLearned(back, 1).version();
        try (Scorer scorer = scorer(back)) {
            awaitServed(scorer, back, 1, base);
            long baseOffset = readings.end();
            List<Integer> baseAnswers = answers(scorer, 1, base);
            readings.send(50);
            long old = awaitLearned(back, 1).version();
            awaitServed(scorer, back, 1, old);
            assertThat(answers(scorer, 1, old)).isNotEqualTo(baseAnswers);

            long resumed = readings.end();
            LongPredicate learned = offset -> offset < baseOffset || offset >= resumed;
            decide("rollback", back, "--version", "" + base, "--reason", "drift");
            awaitServed(scorer, back, 2, base);
            printDelay("rollback", scorer);
            assertThat(answers(scorer, 2, base)).isEqualTo(baseAnswers);
            assertThat(scorer.weightsHash()).isEqualTo(fold(back, offset -> offset < baseOffset).weightsHash());

            readings.send(20);
            OnlineModel late = fold(back, offset -> true);
            publishLate(late, readings.end());
            await().atMost(Readings.PATIENCE)
                    .until(() -> scorer.status().refused().getOrDefault(RefusalReason.OLD_EPOCH, 0L) > 0);
            CommittedState on = awaitLearned(back, 2);
            assertThat(on.version()).isEqualTo(base + 20).isLessThan(late.parameters().updates());
            awaitServed(scorer, back, 2, on.version());
            OnlineModel expected = fold(back, learned);
            assertThat(scorer.weightsHash()).isEqualTo(expected.weightsHash());
            assertThat(stateHash(on)).isEqualTo(expected.stateHash());
            assertThat(scorer.admissions().after(0)).noneMatch(each -> each.version() == late.parameters().updates());
            List<Integer> answers = answers(scorer, 2, on.version());
            try (Scorer later = scorer(back)) {
                awaitServed(later, back, 2, on.version());
                assertThat(answers(later, 2, on.version())).isEqualTo(answers);
            }
        }
    }

    @LongProof("a trainer and a scorer; ControlTest pauses too")
    @Test
    void aPausedModelAnswersByWhatItHasAndLearnsTheRestWhenItIsResumed() {
        long version = awaitLearned(hold, 1).version();
        try (Scorer scorer = scorer(hold)) {
            awaitServed(scorer, hold, 1, version);
            List<Integer> answers = answers(scorer, 1, version);
            decide("pause", hold);
            await().atMost(Readings.PATIENCE).until(() -> scorer.status().control().stage().equals("paused"));
            readings.send(30);
            // The other model of this trainer has them, and so would this one.
            awaitLearned(back, epoch(back));
            assertThat(answers(scorer, 1, version)).isEqualTo(answers);
            decide("resume", hold);
            CommittedState on = awaitLearned(hold, 1);
            OnlineModel expected = fold(hold, offset -> true);
            assertThat(stateHash(on)).isEqualTo(expected.stateHash());
            awaitServed(scorer, hold, 1, on.version());
            assertThat(scorer.weightsHash()).isEqualTo(expected.weightsHash());
            assertThat(scorer.status().control().stage()).isEqualTo("live");
        }
    }

    private int epoch(String model) {
        return trainer.models().stream().map(each -> each.lineage()).filter(each -> each.model().equals(model))
                .findFirst().orElseThrow().epoch();
    }

    @LongProof("a trainer and a replay; ControlTest creates models too")
    @Test
    void aTrainerOfAllModelsTakesUpWhatAReplayKeepsWhenItIsKept(@TempDir Path state) {
        try (Readings log = new Readings()) {
            String first = "first-" + log.id;
            String next = "next-" + log.id;
            String spec = log.spec(specs, first).toString();
            Path same = log.spec(specs, next); // under its own name, which is part of a hash
            log.send(EVENTS);
            try (TrainerApp all = log.trainer(state, "--spec", spec, "--all-models")) {
                Readings.awaitLearned(all, first, 1, log.end());
                List<String> replay = List.of("replay", "--model", first, "--as", next);
                assertThat(log.run("p" + log.id, replay)).as(log.err()).isZero();
                CommittedState kept = Readings.awaitLearned(all, next, 1, log.end());
                assertThat(stateHash(kept)).isEqualTo(log.fold(same, offset -> true).stateHash());
                log.send(10);
                CommittedState on = Readings.awaitLearned(all, next, 1, log.end());
                assertThat(stateHash(on)).isEqualTo(log.fold(same, offset -> true).stateHash());
            }
        }
    }

    @LongProof("a replay, a trainer and a scorer, one after the other")
    @Test
    void whatWasReplayedByAnotherSpecIsTriedThenPromotedAndAnswersForTheName(@TempDir Path state) {
        long version = awaitLearned(hold, 1).version();
        Path spec = readings.spec(specs, wide, 16);
        List<String> replay =
                List.of("replay", "--model", hold, "--with-spec", spec.toString(), "--as", wide, "--compare", hold);
        try (ModelRouter router = ModelRouter.open(options(hold))) {
            Scorer scorer = router.live();
            awaitServed(scorer, hold, 1, version);
            assertThat(readings.run(topics.prefix(), replay)).as(readings.err()).isZero();
            try (TrainerApp second = readings.trainer(state, "--model", wide)) {
                CommittedState kept = Readings.awaitLearned(second, wide, 1, readings.end());
                OnlineModel expected = fold(wide, offset -> true);
                assertThat(stateHash(kept)).isEqualTo(expected.stateHash());
                tryOut(router, kept);
                decide("promote", wide, "--for", hold);
                awaitServed(scorer, wide, 1, kept.version());
                printDelay("promote", scorer);
                assertThat(scorer.weightsHash()).isEqualTo(expected.weightsHash());
                assertThat(scorer.score(Map.of("a", Readings.a(3))).model()).isEqualTo(wide);
                decide("promote", hold);
                awaitServed(scorer, hold, 1, awaitLearned(hold, 1).version());
                promoteAndWait();
            }
        }
    }

    /// As in a script: the command ends when the processes that serve have followed, and says who has not.
    private void promoteAndWait() {
        String[] there = {"promote", wide, "--for", hold, "--wait"};
        try (ScorerApp one = process();
                ScorerApp other = process();
                ScorerApp pinned = process("--pin", hold + "=1." + awaitLearned(hold, 1).version())) {
            await().atMost(Readings.PATIENCE)
                    .until(() -> Stream.of(one, other, pinned).allMatch(each -> each.scorer(hold).ready()));
            for (int times = 0; times < 3; times++) {
                decide(there);
                assertThat(one.scorer(hold).score(Map.of("a", Readings.a(3))).model()).isEqualTo(wide);
                assertThat(other.scorer(hold).score(Map.of("a", Readings.a(3))).model()).isEqualTo(wide);
                decide("promote", hold, "--wait");
                assertThat(readings.out()).contains("2 of 2 followed after ")
                        .contains("pinned to a version: 127.0.0.1:" + pinned.port());
                assertThat(one.scorer(hold).score(Map.of("a", Readings.a(3))).model()).isEqualTo(hold);
            }
        }
        // All have said that they end: there is nobody to wait for, and that is no success.
        assertThat(readings.models(topics.prefix(), "promote", wide, "--for", hold, "--wait", "--timeout", "1"))
                .isEqualTo(75);
        assertThat(readings.out()).contains("none that follows has reported to " + topics.status());
        decide("promote", hold);
    }

    private ScorerApp process(String... more) {
        List<String> arguments = new ArrayList<>(List.of("--bootstrap-servers", readings.bootstrap, "--prefix",
                topics.prefix(), "--model", hold, "--http-port", "0"));
        arguments.addAll(List.of(more));
        return ScorerApp.start(ScorerConfig.parse(arguments, Map.of()), InstantSource.system());
    }

    private void tryOut(ModelRouter router, CommittedState kept) {
        decide("shadow", wide, "--for", hold);
        await().atMost(Readings.PATIENCE).until(() -> !router.trials().isEmpty());
        awaitServed(router.trials().getFirst().scorer(), wide, 1, kept.version());
        decide("challenge", wide, "--for", hold, "--share", "12.5");
        await().atMost(Readings.PATIENCE).until(() -> router.trials().getFirst().candidate().share() == 1_250);
        assertThat(IntStream.range(0, 200).mapToObj(key -> router.scorerFor("key " + key).model())).contains(hold,
                wide);
        decide("show", hold);
        assertThat(readings.out()).contains("tried         " + wide + " as a challenger for 12.5 % of the keys");
    }
}
