package io.tidegrad.loadtests.chaos;

import com.fasterxml.jackson.databind.JsonNode;
import io.tidegrad.loadtests.Await;
import io.tidegrad.loadtests.LoadTestException;
import io.tidegrad.loadtests.Processes;
import io.tidegrad.localstack.TcpRelay;
import io.tidegrad.process.ExitCode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Set;

/// Faults of the trainer's process, its directory and its code.
final class TrainerFaults {
    /// Of Kafka's protocol.
    private static final int END_TXN = 26;

    private static final long SLOW_RESTORE_BYTES_PER_SECOND = 400_000;
    private static final Duration ENDS_WITHIN = Duration.ofSeconds(180);

    private static final List<Duration> CLOCK_OFF =
            List.of(Duration.ofMinutes(-30), Duration.ZERO, Duration.ofMinutes(59), Duration.ZERO);

    private static final Duration THREE_SESSIONS = Duration.ofSeconds(20);
    private static final Duration CLOCK_TOLERANCE = Duration.ofSeconds(10);

    /// What a trainer logs whenever it begins to learn, or comes back to its group.
    private static final String RESTORED = " restored, ";

    private TrainerFaults() {}

    /// Row 1: the trainer is killed at any moment.
    static void killed(Episode episode) throws InterruptedException {
        Trainer trainer = episode.world().trainer();
        episode.pass(Duration.ZERO, Duration.ofMillis(1_500));
        long before = episode.world().watermark();
        episode.kill(trainer);
        episode.restarts(trainer, before);
    }

    /// Row 2: the trainer is killed while it restores. A slow network makes this last long enough.
    static void killedWhileRestoring(Episode episode) throws InterruptedException {
        Trainer trainer = episode.world().trainer();
        long before = episode.world().watermark();
        episode.kill(trainer);
        episode.testBed().networks().trainers().forEach(relay -> relay.limit(SLOW_RESTORE_BYTES_PER_SECOND));
        trainer.start();
        boolean halfway = Await.within(ENDS_WITHIN, () -> {
            JsonNode restore = trainer.health().path("restore");
            long of = restore.path("pages_of").asLong();
            return of > 0 && restore.path("pages").asLong() * 2 >= of;
        });
        boolean restoring = trainer.watermark() < 0;
        episode.expect("harness", halfway && restoring, "expected to find the trainer restoring, did not");
        episode.kill(trainer);
        episode.testBed().heal();
        episode.restarts(trainer, before);
    }

    /// Row 3: the trainer is killed after it flushed everything; its end of the transaction never arrives.
    static void killedBeforeTheCommitMarker(Episode episode) throws InterruptedException {
        Trainer trainer = episode.world().trainer();
        long before = episode.world().watermark();
        episode.testBed().networks().trainers().forEach(relay -> relay.hold(END_TXN));
        boolean held = Await.within(ENDS_WITHIN, () -> {
            boolean one = false;
            for (TcpRelay relay : episode.testBed().networks().trainers()) {
                one |= relay.awaitHeld(Duration.ofMillis(20));
            }
            return one;
        });
        episode.expect("harness", held, "expected the end of a transaction to hold back, found none");
        episode.kill(trainer);
        long since = System.nanoTime();
        episode.testBed().heal();
        trainer.start();
        episode.recovers(since, before);
    }

    /// Row 4: the trainer stands still for longer than its session, another one takes over, and the first wakes up.
    static void replacedWhileStandingStill(Episode episode) throws InterruptedException {
        World world = episode.world();
        Trainer other = world.newTrainer("trainer-2");
        other.start();
        world.awaitStandby();
        episode.pass(Duration.ofSeconds(1), Duration.ofSeconds(2));
        Trainer learner = world.learner();
        long before = world.watermark();
        learner.pause();
        long since = System.nanoTime();
        episode.recovers(since, before);
        episode.pass(Duration.ofSeconds(1), Duration.ofSeconds(4));
        learner.resume();
        world.awaitWatermark(world.watermark(), World.RECOVERS_WITHIN);
        episode.pass(Duration.ofSeconds(2), Duration.ofSeconds(4));
        handBack(episode, other);
    }

    /// Lets the first trainer learn alone again.
    private static void handBack(Episode episode, Trainer other) throws InterruptedException {
        World world = episode.world();
        other.stop();
        world.dismiss(other);
        if (!world.trainer().isWanted() && world.trainer().ended() == null) {
            world.trainer().start();
        }
        world.awaitWatermark(world.trainer().watermark(), World.RECOVERS_WITHIN);
    }

    /// Row 7: the code that an event goes through throws once. The restarted trainer learns the event.
    static void exceptionInTheCode(Episode episode) throws InterruptedException {
        throwing(episode, "exception");
    }

    /// Row 8: the exception makes Kafka Streams take the task for corrupted. Streams then revives the task, which goes on
    /// after the last commit or, if it would skip events read since, asks for a restart. Both are right, so the run
    /// expects neither.
    static void taskTakenForCorrupted(Episode episode) throws InterruptedException {
        throwing(episode, "corrupted");
    }

    /// Throws while the trainer learns, or among the first events after a start, before any was committed. The trainer
    /// must learn on beyond what was committed when it was thrown.
    private static void throwing(Episode episode, String what) throws InterruptedException {
        World world = episode.world();
        Trainer trainer = world.trainer();
        Path trigger = trainer.stateDir().resolveSibling("throw");
        long before = world.watermark();
        trainer.stop();
        boolean atOnce = episode.random().nextBoolean();
        if (atOnce) {
            Processes.write(trigger, what);
        }
        trainer.start(FaultyDeserializer.settings(trigger));
        if (!atOnce) {
            world.awaitWatermark(before, World.RECOVERS_WITHIN);
            Processes.write(trigger, what);
        }
        boolean thrown = Await.within(ENDS_WITHIN, () -> !Files.exists(trigger));
        long since = System.nanoTime();
        episode.expect("harness", thrown, "expected it to be thrown, found it was not");
        episode.recovers(since, Math.max(before, world.watermark()));
        before = world.watermark();
        trainer.stop();
        Processes.delete(trigger);
        episode.restarts(trainer, before);
    }

    /// Row 9: other trainers come and go.
    static void rebalances(Episode episode) throws InterruptedException {
        World world = episode.world();
        Trainer second = world.newTrainer("trainer-2");
        Trainer third = world.newTrainer("trainer-3");
        for (int round = 0; round < 2; round++) {
            second.start();
            episode.pass(Duration.ofSeconds(2), Duration.ofSeconds(5));
            third.start();
            episode.pass(Duration.ofSeconds(2), Duration.ofSeconds(5));
            if (episode.random().nextBoolean()) {
                second.stop();
            } else {
                episode.kill(second);
            }
            third.stop();
        }
        episode.recovers();
        world.dismiss(third);
        handBack(episode, second);
    }

    /// Row 10: the learning trainer is killed and the standby takes over, twice.
    static void standbyPromoted(Episode episode) throws InterruptedException {
        World world = episode.world();
        Trainer other = world.newTrainer("trainer-2");
        other.start();
        takeOver(episode).start();
        takeOver(episode);
        handBack(episode, other);
    }

    /// Returns the one that was killed.
    private static Trainer takeOver(Episode episode) throws InterruptedException {
        World world = episode.world();
        world.awaitStandby();
        episode.pass(Duration.ofSeconds(1), Duration.ofSeconds(2));
        Trainer learner = world.learner();
        long before = world.watermark();
        episode.kill(learner);
        long since = System.nanoTime();
        episode.recovers(since, before);
        return learner;
    }

    /// Row 12: a trainer of the same model with another spec must neither learn nor disturb the other one.
    static void otherSpec(Episode episode) throws InterruptedException {
        World world = episode.world();
        Path file = world.write("other-spec.yaml", world.spec().yaml().replace("seed: 7", "seed: 8"));
        Trainer other = world.newTrainer("trainer-other-spec", file);
        try {
            long before = world.watermark();
            other.start();
            Trainer.Ended ended = other.awaitEnd(ENDS_WITHIN);
            episode.expectEnd("I22", ended, Set.of(ExitCode.CONFIGURATION), "fingerprint");
            world.dismiss(other);
            episode.recovers(System.nanoTime(), before);
        } finally {
            world.dismiss(other);
        }
    }

    /// Row 45: the wall clock is set half an hour back, right again, 59 minutes ahead (an hour is the most that brokers
    /// take) and right again, for the trainer and for a scorer beside it. Nothing of Kafka may go by it: a client that
    /// does is thrown out of its group with each session, for as long as the clock has been set back.
    static void clockSet(Episode episode) throws InterruptedException {
        World world = episode.world();
        Trainer trainer = world.trainer();
        SteppedClock clock = SteppedClock.right(trainer.stateDir().resolveSibling("clock"));
        long before = world.watermark();
        trainer.stop();
        trainer.startWithin(clock.within());
        world.awaitWatermark(before, World.RECOVERS_WITHIN);
        try (ScorerUnderTest scorer = world.newScorer(clock.within())) {
            scorer.awaitVersion(0, World.RECOVERS_WITHIN);
            for (Duration off : CLOCK_OFF) {
                long restored = trainer.logged(RESTORED);
                clock.set(off);
                episode.longestPause(THREE_SESSIONS);
                restored = trainer.logged(RESTORED) - restored;
                episode.expect("I10", restored <= 1,
                        "expected the trainer to stay in its group after its clock was set, found that it came back to it "
                                + restored + " times in " + THREE_SESSIONS.toSeconds() + " s");
                scorer.awaitVersion(scorer.servedVersion(), World.RECOVERS_WITHIN);
                expectFreshness(episode, off, scorer.health());
            }
            episode.add(scorer.takeViolations());
        }
        before = world.watermark();
        trainer.stop();
        episode.restarts(trainer, before);
    }

    /// A scorer whose clock is behind must say so, and must not make up a freshness.
    private static void expectFreshness(Episode episode, Duration off, JsonNode health) {
        if (off.isNegative()) {
            long behind = health.path("clock_behind_ms").asLong();
            JsonNode freshness = health.path("freshness_ms");
            episode.expect("I24",
                    Math.abs(behind + off.toMillis()) < CLOCK_TOLERANCE.toMillis() && (freshness.isNull()
                            || freshness.asLong(-1) >= 0 && freshness.asLong() < World.RECOVERS_WITHIN.toMillis()),
                    "expected a scorer whose clock is " + off + " off to say so, and a freshness below that, found "
                            + health);
        }
    }

    /// Row 26: its state directory is deleted under it.
    static void stateDirectoryDeleted(Episode episode) throws InterruptedException {
        Trainer trainer = episode.world().trainer();
        Processes.delete(trainer.stateDir());
        episode.pass(Duration.ofSeconds(1), Duration.ofSeconds(3));
        long before = episode.world().watermark();
        if (episode.random().nextBoolean()) {
            trainer.stop();
        } else {
            episode.kill(trainer);
        }
        episode.restarts(trainer, before);
    }

    /// Row 26: the state directory is full or read-only. A running trainer does not need it; a starting one must say so
    /// and commit nothing.
    static void stateDirectoryFull(Episode episode) throws InterruptedException {
        World world = episode.world();
        Trainer trainer = world.trainer();
        Path directory = trainer.stateDir();
        long before = world.watermark();
        trainer.stop();
        boolean readOnly = episode.random().nextBoolean();
        if (!readOnly) {
            trainer.startWithin(SmallDisk.small(directory));
            world.awaitWatermark(before, World.RECOVERS_WITHIN);
            SmallDisk.fill(trainer.pid(), directory);
            world.awaitWatermark(world.watermark(), World.RECOVERS_WITHIN);
            before = world.watermark();
            episode.kill(trainer);
        }
        trainer.startWithin(readOnly ? SmallDisk.readOnly(directory) : SmallDisk.full(directory));
        Trainer.Ended ended = trainer.awaitEnd(ENDS_WITHIN);
        episode.expectEnd("I10", ended, Set.of(ExitCode.CONFIGURATION), "--state-dir");
        episode.restarts(trainer, before);
    }

    /// Row 27: every file of the state directory is damaged. It holds no state, so only the identity can be lost.
    static void stateDirectoryDamaged(Episode episode) throws InterruptedException {
        Trainer trainer = episode.world().trainer();
        long before = episode.world().watermark();
        episode.kill(trainer);
        Processes.all(trainer.stateDir()).stream().filter(Files::isRegularFile).forEach(file -> damage(file, episode));
        long since = System.nanoTime();
        trainer.start();
        try {
            episode.recovers(since, before);
        } catch (LoadTestException refused) {
            Trainer.Ended ended = trainer.ended();
            if (ended == null || ended.status() != ExitCode.CONFIGURATION.status()) {
                throw refused;
            }
            // It has named what is wrong; an operator would delete the directory.
            Processes.delete(trainer.stateDir());
            trainer.start();
            episode.recovers(since, before);
        }
    }

    private static void damage(Path file, Episode episode) {
        try {
            byte[] bytes = Files.readAllBytes(file);
            if (bytes.length == 0) {
                return;
            }
            if (episode.random().nextBoolean()) {
                bytes[episode.random().nextInt(bytes.length)] ^= (byte) (1 << episode.random().nextInt(8));
                Files.write(file, bytes);
            } else {
                Files.write(file, Arrays.copyOf(bytes, episode.random().nextInt(bytes.length)));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
