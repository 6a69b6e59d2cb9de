package io.tidegrad.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.tidegrad.control.Lineage;
import io.tidegrad.control.ReadCommitted;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.StopException;
import io.tidegrad.proof.LongProof;
import io.tidegrad.schemas.Topics;
import io.tidegrad.trainer.store.CommitGuard;
import io.tidegrad.trainer.store.CommittedState;
import io.tidegrad.trainer.store.ModelStore;
import io.tidegrad.trainer.store.StoreParts;
import io.tidegrad.trainer.store.StoreSettings;
import io.tidegrad.trainer.store.TrainerClock;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import java.util.function.Predicate;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.junit.jupiter.api.Test;

/// What somebody does to the topics of a trainer that runs.
class LostTopicTest extends TrainerFixture {
    /// What is promised; a busy machine gets no more.
    private static final Duration PROMISED = Duration.ofSeconds(60);

    LostTopicTest() {
        super(1);
    }

    private void delete(String topic) {
        TestLog.await(log.admin.deleteTopics(List.of(topic)).all());
    }

    private void learnsOn(TrainerApp trainer, String lost) {
        log.send(0, 100);
        log.send(log.event(new byte[]{1}));
        awaitSettled(trainer, 101);
        delete(lost);
        long begin = System.nanoTime();
        log.send(100, 200);
        log.send(log.event(new byte[]{2}));
        ModelTrainer model = trainer.models().getFirst();
        await().atMost(PROMISED).until(() -> {
            if (trainer.ended().isDone()) {
                throw trainer.ended().join();
            }
            CommittedState state = model.committed();
            return state != null && state.nextOffset() == 202 && state.settled();
        });
        System.out.printf("%s lost: learned on after %d ms%n", lost, (System.nanoTime() - begin) / 1_000_000);
        TestLog.Fold fold = log.fold();
        CommittedState state = Objects.requireNonNull(model.committed());
        assertThat(Objects.requireNonNull(state.report()).stateHash()).isEqualTo(fold.stateHash());
        assertThat(state.accounts().deadLetters()).isEqualTo(2);
    }

    @LongProof("waits until the trainer looks at its topics, as the test of snapshots does")
    @Test
    void aTrainerThatLosesItsDeadLettersLearnsOn() {
        try (TrainerApp trainer = TrainerApp.start(log.config())) {
            learnsOn(trainer, log.topics().deadLetters());
            assertThat(log.visible(log.topics().deadLetters())).hasSize(1);
        }
    }

    @LongProof("as for dead letters")
    @Test
    void aTrainerThatLosesItsProgressLearnsOn() {
        try (TrainerApp trainer = TrainerApp.start(log.config())) {
            learnsOn(trainer, log.topics().progress());
            await().atMost(PROMISED).until(() -> log.admin.listTopics().names().get(), hasProgress());
            log.send(200, 201);
            awaitSettled(trainer, 203);
            await().atMost(PROMISED).untilAsserted(() -> assertThat(log.visible(log.topics().progress())).isNotEmpty());
        }
    }

    private Predicate<Set<String>> hasProgress() {
        return topics -> topics.contains(log.topics().progress());
    }

    /// Commits wait at `open`, as they do for brokers that don't answer.
    private record HeldCommits(AtomicReference<CountDownLatch> open) implements StoreParts {
        @Override
        public CommitGuard guard(TopicPartition log) {
            return new CommitGuard(log);
        }

        @Override
        public ModelStore store(Lineage lineage, Kernels kernels, StoreSettings settings, BooleanSupplier stopping,
                ReadCommitted readCommitted, CommitGuard guard, TrainerClock clock) {
            return new ModelStore(lineage, kernels, settings, stopping, readCommitted, guard, clock) {
                @Override
                protected void offsetsJoin() {
                    try {
                        Objects.requireNonNull(open.get()).await();
                    } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                    }
                }
            };
        }
    }

    @LongProof("waits until a trainer counts as stalled")
    @Test
    void aTrainerThatHasSomethingToLearnAndCommitsNothingIsNotHealthy() throws Exception {
        CountDownLatch taken = new CountDownLatch(0);
        CountDownLatch held = new CountDownLatch(1);
        AtomicReference<CountDownLatch> commits = new AtomicReference<>(taken);
        // 0.1 s of commit interval, 10 s of transaction, 5 s of patience: 15 s.
        try (TrainerApp trainer = TrainerApp.start(log.config(), new HeldCommits(commits), Kernels.active());
                AutoCloseable release = held::countDown) {
            log.send(0, 100);
            awaitSettled(trainer, 100);
            await().atMost(PROMISED).until(() -> get(trainer, "/health").statusCode() == 200);
            commits.set(held);
            log.send(100, 200);
            HttpResponse<String> health = await().atMost(PROMISED).until(() -> get(trainer, "/health"),
                    answer -> answer.body().contains("\"stalled\""));
            assertThat(health.statusCode()).isEqualTo(503);
            assertThat(health.body()).contains("100 offsets are not learned", "expected a commit at least every 17 s");
            assertThat(get(trainer, "/metrics").body())
                    .containsPattern("tidegrad_degraded\\{[^}]*reason=\"stalled\"[^}]*\\} 1.0")
                    .containsPattern("tidegrad_standstill_seconds\\{[^}]*\\} 1[7-9]");
            assertThat(release).isNotNull();
        }
    }

    @LongProof("topics that are deleted and made again")
    @Test
    void aTrainerThatLosesItsSnapshotsLearnsOnAndPublishesAWholeOne() {
        String snapshots = log.topics().snapshots(log.model());
        try (TrainerApp trainer = TrainerApp.start(log.config())) {
            learnsOn(trainer, snapshots);
            // A delta that was under way may come into the new topic before it; it says what it lacks.
            await().atMost(PROMISED).until(() -> log.manifests(log.visible(snapshots)),
                    manifests -> !manifests.isEmpty() && manifests.getLast().version() == 200 && manifests.stream()
                            .anyMatch(each -> each.version() == manifests.getLast().chain().full()));
        }
    }

    @LongProof("as for a trainer that learns")
    @Test
    void anIdleTrainerThatLosesItsSnapshotsPublishesTheModelAgain() {
        String snapshots = log.topics().snapshots(log.model());
        try (TrainerApp trainer = TrainerApp.start(log.config())) {
            log.send(0, 100);
            awaitSettled(trainer, 100);
            delete(snapshots);
            await().atMost(PROMISED).ignoreExceptions().until(() -> log.manifests(log.visible(snapshots)),
                    manifests -> manifests.size() == 1 && !manifests.getFirst().isDelta()
                            && manifests.getFirst().version() == 100);
            assertThat(trainer.ended()).isNotDone();
        }
    }

    private StopException ended(TrainerApp trainer, String what) {
        long begin = System.nanoTime();
        StopException why = trainer.ended().orTimeout(60, TimeUnit.SECONDS).join();
        System.out.printf("%s: ended after %d ms, exit %d: %s%n", what, (System.nanoTime() - begin) / 1_000_000,
                why.exitCode().status(), why.getMessage());
        return why;
    }

    @LongProof("as for a log that is deleted")
    @Test
    void aPartitionAddedToTheLogEndsTheTrainerWithWhatToDo() {
        try (TrainerApp trainer = TrainerApp.start(log.config())) {
            log.send(0, 100);
            awaitSettled(trainer, 100);
            TestLog.await(log.admin.createPartitions(Map.of(log.topic, NewPartitions.increaseTo(2))).all());
            StopException why = ended(trainer, "a partition added");
            assertThat(why.exitCode()).isEqualTo(ExitCode.CONFIGURATION);
            assertThat(why).hasMessageContaining(log.topic).hasMessageContaining("expected 1 partition")
                    .hasMessageContaining("found 2").hasMessageContaining("not learned")
                    .hasMessageContaining("new topic with one partition").hasMessageNotContaining("Resetter");
        }
    }

    @LongProof("a topic that is deleted")
    @Test
    void aDeletedLogEndsTheTrainerWithWhatToDo() {
        try (TrainerApp trainer = TrainerApp.start(log.config())) {
            log.send(0, 100);
            awaitSettled(trainer, 100);
            delete(log.topic);
            StopException why = ended(trainer, "the log deleted");
            // In a rebalance that comes before our own look, Streams ends the trainer first, and knows less.
            if (why.exitCode() == ExitCode.RETRYABLE) {
                assertThat(why).hasMessageContaining("The next start looks for the topic again");
            } else {
                assertThat(why.exitCode()).isEqualTo(ExitCode.STATE_VIOLATION);
                assertThat(why).hasMessageContaining(log.topic).hasMessageContaining("deleted")
                        .hasMessageContaining("tidegrad models delete");
            }
        }
        StopException again = startFails();
        assertThat(again.exitCode()).isEqualTo(ExitCode.STATE_VIOLATION);
        assertThat(again).hasMessageContaining("tidegrad models delete");
    }

    private StopException startFails() {
        try (TrainerApp trainer = TrainerApp.start(log.config())) {
            return trainer.ended().orTimeout(60, TimeUnit.SECONDS).join();
        } catch (StopException e) {
            return e;
        }
    }

    @LongProof("as for a log that is deleted")
    @Test
    void aDeletedChangelogEndsTheTrainerWithTheWayBack() {
        try (TrainerApp trainer = TrainerApp.start(log.config())) {
            log.send(0, 100);
            awaitSettled(trainer, 100);
            delete(Topics.changelog(log.group()));
            StopException why = ended(trainer, "the changelog deleted");
            assertThat(why.exitCode()).isEqualTo(ExitCode.STATE_VIOLATION);
            assertThat(why).hasMessageContaining("changelog")
                    .hasMessageContaining("tidegrad models rollback " + log.model());
        }
    }

    @LongProof("as for a log that is deleted")
    @Test
    void aLogThatIsCompactedFromNowOnEndsTheTrainer() {
        try (TrainerApp trainer = TrainerApp.start(log.config())) {
            log.send(0, 100);
            awaitSettled(trainer, 100);
            set(log.topic, "cleanup.policy", "compact,delete");
            StopException why = ended(trainer, "the log compacted");
            assertThat(why.exitCode()).isEqualTo(ExitCode.CONFIGURATION);
            assertThat(why).hasMessageContaining("expected cleanup.policy=delete");
        }
    }

    @LongProof("as for a log that is deleted")
    @Test
    void aChangelogThatWouldForgetEndsTheTrainer() {
        try (TrainerApp trainer = TrainerApp.start(log.config())) {
            log.send(0, 100);
            awaitSettled(trainer, 100);
            set(Topics.changelog(log.group()), "cleanup.policy", "delete");
            StopException why = ended(trainer, "the changelog's policy changed");
            assertThat(why.exitCode()).isEqualTo(ExitCode.CONFIGURATION);
            assertThat(why).hasMessageContaining("expected cleanup.policy=compact")
                    .hasMessageContaining("kafka-configs.sh");
        }
    }

    private void set(String topic, String setting, String value) {
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        TestLog.await(
                log.admin
                        .incrementalAlterConfigs(Map.of(resource,
                                List.of(new AlterConfigOp(new ConfigEntry(setting, value), AlterConfigOp.OpType.SET))))
                        .all());
    }
}
