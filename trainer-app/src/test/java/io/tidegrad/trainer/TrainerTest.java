package io.tidegrad.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.snapshot.ModelHash;
import io.tidegrad.localstack.SharedStack;
import io.tidegrad.model.snapshot.Heartbeat;
import io.tidegrad.model.snapshot.LoadedModel;
import io.tidegrad.model.snapshot.SnapshotKey;
import io.tidegrad.model.snapshot.SnapshotManifest;
import io.tidegrad.model.snapshot.SnapshotVerifier;
import io.tidegrad.model.snapshot.Verification;
import io.tidegrad.process.ExitCode;
import io.tidegrad.proof.Breaker;
import io.tidegrad.proof.FlightRecording;
import io.tidegrad.proof.LongProof;
import io.tidegrad.proof.MonitoredSeries;
import io.tidegrad.proof.ProvesOracle;
import io.tidegrad.schemas.Progress;
import io.tidegrad.schemas.Slice;
import io.tidegrad.schemas.Topics;
import io.tidegrad.trainer.store.BreakableParts;
import io.tidegrad.trainer.store.CommittedState;
import io.tidegrad.trainer.store.SnapshotTotals;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import jdk.jfr.consumer.RecordedEvent;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/// A trainer in this process on a real broker.
@Execution(ExecutionMode.CONCURRENT)
class TrainerTest extends TrainerFixture {

    TrainerTest() {
        super(8);
    }

    @Test
    void aTickEndsAMiniBatchAndPendingRowsSurviveARestart() {
        log.send(0, 20);
        try (TrainerApp trainer = TrainerApp.start(log.config())) {
            assertThat(awaitSettled(trainer, 20).pending()).isEqualTo(4);
        }
        log.send(20, 22);
        log.send(log.tick());
        TestLog.Fold fold = log.fold();
        try (TrainerApp trainer = TrainerApp.start(log.config())) {
            CommittedState state = awaitSettled(trainer, 23);
            assertThat(state.pending()).isZero();
            assertThat(state.examples()).isEqualTo(22);
            assertEqual(state, fold);
        }
    }

    @Test
    void whatCantBeLearnedIsADeadLetterOnceWithItsBytesUntouched() {
        byte[] unknownSchema = {0, 127, 1, 2, 3, 42};
        byte[] notAvro = "{\"place\": \"here\"}".getBytes(java.nio.charset.StandardCharsets.UTF_8);
        byte[] notFinite = log.encode("p", Float.NaN, 0, 1);
        ProducerRecord<byte[], byte[]> poison = new ProducerRecord<>(log.topic, 0, new byte[]{9}, unknownSchema);
        poison.headers().add("mine", new byte[]{7});
        log.send(0, 100);
        log.send(poison);
        log.send(log.event(notAvro));
        log.send(log.event(notFinite));
        log.send(log.event((byte[]) null));
        log.send(100, 200);
        try (TrainerApp trainer = TrainerApp.start(log.config())) {
            CommittedState state = awaitSettled(trainer, 204);
            assertThat(state.accounts().accepted()).isEqualTo(200);
            assertThat(state.accounts().deadLetters()).isEqualTo(4);
            assertEqual(state, log.fold());
        }
        List<ConsumerRecord<byte[], byte[]>> letters = log.visible(log.topics().deadLetters());
        assertThat(letters.stream().map(letter -> TestLog.header(letter, "tidegrad-reason")))
                .containsExactly("unknown-schema", "not-avro", "not-finite", "null-value");
        ConsumerRecord<byte[], byte[]> first = letters.getFirst();
        assertThat(first.key()).containsExactly(9);
        assertThat(first.value()).isEqualTo(unknownSchema);
        assertThat(first.headers().lastHeader("mine").value()).containsExactly(7);
        assertThat(TestLog.header(first, "tidegrad-topic")).isEqualTo(log.topic);
        assertThat(TestLog.header(first, "tidegrad-offset")).isEqualTo("100");
        assertThat(TestLog.header(first, "tidegrad-schema-id")).isEqualTo(Integer.toString(0x7f010203));
        assertThat(TestLog.header(first, "tidegrad-model")).isEqualTo(log.model());
        assertThat(letters.get(1).value()).isEqualTo(notAvro);
        assertThat(letters.get(2).value()).isEqualTo(notFinite);
        assertThat(letters.get(3).value()).isNull();
    }

    @Test
    void aFlightRecordingHasWhatWasLearnedAndWhatWasPublished() {
        List<RecordedEvent> recorded;
        List<String> published;
        try (FlightRecording recording = FlightRecording.of("tidegrad.Learn", "tidegrad.Publish")) {
            try (TrainerApp trainer = TrainerApp.start(log.config("--snapshot-deltas", "0"))) {
                log.send(0, 80);
                awaitSettled(trainer, 80);
                log.send(80, 160);
                awaitSettled(trainer, 160);
                published = log.manifests(log.visible(log.topics().snapshots(log.model()))).stream()
                        .map(each -> each.epoch() + "." + each.version()).toList();
            }
            recorded =
                    recording.events().stream().filter(event -> event.getString("model").equals(log.model())).toList();
        }
        List<RecordedEvent> learned = of("tidegrad.Learn", recorded);
        assertThat(learned.stream().mapToInt(event -> event.getInt("records")).sum()).isEqualTo(160);
        assertThat(learned.getLast().getLong("nextOffset")).isEqualTo(160);
        assertThat(learned).allSatisfy(event -> assertThat(event.getDuration()).isPositive());
        List<RecordedEvent> cut = of("tidegrad.Publish", recorded);
        assertThat(cut.stream().map(event -> event.getInt("epoch") + "." + event.getLong("version")))
                .containsExactlyElementsOf(published);
        assertThat(cut).allSatisfy(event -> {
            assertThat(event.getBoolean("delta")).isFalse();
            assertThat(event.getLong("bytes")).isPositive();
        });
    }

    private static List<RecordedEvent> of(String name, List<RecordedEvent> recorded) {
        return recorded.stream().filter(event -> event.getEventType().getName().equals(name)).toList();
    }

    @Test
    void theNewestSnapshotsStayAndOlderOnesAreBuried() {
        try (TrainerApp trainer = TrainerApp.start(log.config("--keep-snapshots", "3", "--keep-hourly", "0",
                "--keep-daily", "0", "--snapshot-deltas", "0"))) {
            for (int round = 1; round <= 5; round++) {
                log.send((round - 1) * 80, round * 80);
                awaitSettled(trainer, round * 80L);
            }
            List<ConsumerRecord<byte[], byte[]>> records = log.visible(log.topics().snapshots(log.model()));
            List<SnapshotManifest> manifests = log.manifests(records);
            assertThat(manifests).hasSize(3);
            SnapshotManifest newest = manifests.getLast();
            TestLog.Fold fold = log.fold();
            assertThat(newest.version()).isEqualTo(50);
            assertThat(newest.nextOffset()).isEqualTo(400);
            assertThat(newest.weightsHash()).isEqualTo(fold.weightsHash());
            assertThat(newest.goldenRows()).isNotEmpty();
            Set<SnapshotKey> live = log.live(records).keySet();
            for (SnapshotManifest manifest : manifests) {
                for (int part = 0; part < manifest.parts(); part++) {
                    assertThat(live).contains(SnapshotKey.part(manifest.epoch(), manifest.version(), part));
                }
            }
            long parts = live.stream().filter(key -> key.kind() == SnapshotKey.Kind.PART).count();
            assertThat(parts).isEqualTo(manifests.stream().mapToLong(SnapshotManifest::parts).sum());
        }
    }

    /// Full snapshots and deltas in turn, over a restart: at each version what a reader makes of them is the fold of
    /// the log up to there, and the topic holds what the ladder keeps, with the chain of every delta.
    @Test
    void everyPublishedVersionIsTheFoldOfTheLogWhetherFullOrDelta() {
        String[] options = {"--keep-snapshots", "2", "--keep-hourly", "0", "--keep-daily", "0", "--snapshot-deltas",
            "3", "--snapshot-compression", "zstd"};
        int round = 0;
        for (int life = 0; life < 2; life++) {
            try (TrainerApp trainer = TrainerApp.start(log.config(options))) {
                for (int rounds = 0; rounds < 6; rounds++) {
                    round++;
                    log.send((round - 1) * 8, round * 8);
                    awaitSettled(trainer, round * 8L);
                }
                SnapshotTotals totals = Objects.requireNonNull(trainer.models().getFirst().committed()).snapshots();
                assertThat(totals.fulls()).isBetween(2L, 3L);
                assertThat(totals.deltas()).isBetween(3L, 4L);
                assertThat(totals.deltaBytes() / totals.deltas()).isLessThan(totals.fullBytes() / totals.fulls() / 2);
            }
        }
        List<ConsumerRecord<byte[], byte[]>> records = log.visible(log.topics().snapshots(log.model()));
        SnapshotVerifier verifier = new SnapshotVerifier(log.model(), Kernels.active(), 1 << 20);
        Map<SnapshotKey, byte[]> seen = new HashMap<>();
        List<SnapshotManifest> manifests = new ArrayList<>();
        List<ConsumerRecord<byte[], byte[]>> events = log.visible(log.topic);
        LoadedModel loaded = null;
        for (ConsumerRecord<byte[], byte[]> record : records) {
            if (record.value() == null) {
                continue;
            }
            SnapshotKey key = SnapshotKey.decode(record.key());
            seen.put(key, record.value());
            if (key.kind() != SnapshotKey.Kind.MANIFEST) {
                continue;
            }
            SnapshotManifest manifest = SnapshotManifest.decode(record.value());
            List<byte[]> parts = new ArrayList<>();
            for (int part = 0; part < manifest.parts(); part++) {
                parts.add(Objects.requireNonNull(seen.get(SnapshotKey.part(1, manifest.version(), part))));
            }
            Verification verification = verifier.verify(manifest, parts, loaded);
            assertThat(verification).isInstanceOf(Verification.Admitted.class);
            loaded = ((Verification.Admitted) verification).model();
            assertThat(ModelHash.weights(log.spec().fingerprint(), loaded.parameters()))
                    .isEqualTo(log.fold(events, offset -> offset < manifest.nextOffset()).weightsHash());
            manifests.add(manifest);
        }
        assertThat(manifests).hasSize(12);
        assertThat(manifests.get(0).isDelta()).isFalse();
        assertThat(manifests.get(6).isDelta()).as("first of the second life").isFalse();
        assertThat(manifests.get(1).chain().fullTime())
                .isEqualTo(timeOf(records, SnapshotKey.part(1, manifests.get(0).version(), 0)));

        Set<Long> live = new HashSet<>();
        log.manifests(records).forEach(manifest -> live.add(manifest.version()));
        assertThat(live).hasSizeBetween(2, 4).contains(manifests.getLast().version());
        log.manifests(records).forEach(manifest -> {
            if (manifest.isDelta()) {
                assertThat(live).contains(manifest.parentVersion());
            }
        });
    }

    private static long timeOf(List<ConsumerRecord<byte[], byte[]>> records, SnapshotKey key) {
        return records.stream().filter(record -> SnapshotKey.decode(record.key()).equals(key)).findFirst().orElseThrow()
                .timestamp();
    }

    @Test
    void stoppingPublishesTheNewestVersion() {
        log.send(0, 800);
        TrainerApp trainer = TrainerApp.start(log.config());
        await().atMost(PATIENCE).until(() -> trainer.models().getFirst().committed() != null);
        trainer.close();
        CommittedState state = Objects.requireNonNull(trainer.models().getFirst().committed());
        List<SnapshotManifest> manifests = log.manifests(log.visible(log.topics().snapshots(log.model())));
        if (state.version() > 0) {
            assertThat(manifests.getLast().version()).isEqualTo(state.version());
        }
        TestLog.Fold fold = log.fold();
        try (TrainerApp again = TrainerApp.start(log.config())) {
            assertEqual(awaitSettled(again, fold.nextOffset()), fold);
        }
    }

    @Test
    void anIdleTrainerCommitsNothingAndItsHeartbeatsSayThatItHasCaughtUp() {
        try (KafkaProducer<byte[], byte[]> producer = log.producer(Map.of("transactional.id", "idle-" + log.topic))) {
            producer.initTransactions();
            producer.beginTransaction();
            for (int i = 0; i < 100; i++) {
                producer.send(log.event(log.event(i)));
            }
            producer.commitTransaction(); // its marker lies behind the last event
        }
        try (TrainerApp trainer = TrainerApp.start(log.config())) {
            awaitSettled(trainer, 100);
            awaitHeartbeats(1);
            long before = end(Topics.changelog(log.group()));
            int heard = log.heartbeats().size();
            List<Heartbeat> heartbeats = awaitHeartbeats(heard + 2);
            assertThat(end(Topics.changelog(log.group()))).isEqualTo(before);
            assertThat(heartbeats.getLast().nextOffset()).isEqualTo(100);
            assertThat(trainer.models().getFirst().lag()).isZero();
        }
    }

    private List<Heartbeat> awaitHeartbeats(int count) {
        return await().atMost(PATIENCE).until(() -> log.heartbeats(),
                heartbeats -> heartbeats.size() >= count && heartbeats.getLast().caughtUp());
    }

    private long end(String topic) {
        TopicPartition partition = new TopicPartition(topic, 0);
        return Objects.requireNonNull(
                TestLog.await(log.admin.listOffsets(Map.of(partition, OffsetSpec.latest())).all()).get(partition))
                .offset();
    }

    @Test
    void progressHealthAndMetricsAgree() throws Exception {
        log.send(0, 400);
        TestLog.Fold fold = log.fold();
        try (TrainerApp trainer = TrainerApp.start(log.config())) {
            awaitSettled(trainer, 400);
            var health = TrainerProcess.health(trainer.httpPort());
            assertThat(health.path("version").asLong()).isEqualTo(50);
            assertThat(health.path("watermark").asLong()).isEqualTo(400);
            assertThat(health.path("report").path("state_hash").asText()).isEqualTo(fold.stateHash());
            String metrics = get(trainer, "/metrics").body();
            assertThat(metrics).contains(OperationsDocumentTest.metricNames());
            assertThat(MonitoredSeries.withoutUnit(metrics)).isEmpty();
            assertThat(metrics).contains("tidegrad_examples_learned_total{model=\"" + log.model() + "\"} 400.0");
            Progress progress = await().atMost(PATIENCE).until(this::newestProgress,
                    newest -> newest != null && newest.getNextOffset() == 400);
            assertThat(progress.getModel()).isEqualTo(log.model());
            assertThat(progress.getWeightsHash()).isEqualTo(fold.weightsHash());
        }
    }

    /// A restart in between, after which all events still count.
    @Test
    void slicesAreInHealthMetricsAndProgressAlike() throws Exception {
        log = new TestLog(directory, 8, SharedStack.get().registryUrl(), "watch: { slices: [place], top: 50 }\n")
                .created();
        for (int i = 0; i < 201; i++) {
            log.send(log.event(log.encode("place " + i % 3, i % 7, 0, i % 2)));
        }
        try (TrainerApp trainer = TrainerApp.start(log.config())) {
            awaitSettled(trainer, 201);
        }
        for (int i = 201; i < 400; i++) {
            log.send(log.event(log.encode("place " + i % 3, i % 7, 0, i % 2)));
        }
        try (TrainerApp trainer = TrainerApp.start(log.config())) {
            awaitSettled(trainer, 400);
            Progress progress = await().atMost(PATIENCE).until(this::newestProgress,
                    newest -> newest != null && newest.getNextOffset() == 400);
            JsonNode slices = TrainerProcess.health(trainer.httpPort()).path("report").path("slices");
            assertThat(progress.getSlices().stream().map(Slice::getLabels)).containsExactly(134L, 133L, 133L);
            assertThat(slices).hasSize(3);
            String metrics = get(trainer, "/metrics").body();
            for (int i = 0; i < slices.size(); i++) {
                Slice slice = progress.getSlices().get(i);
                assertThat(slices.get(i).path("value").asText()).isEqualTo(slice.getValue());
                assertThat(slices.get(i).path("labels").asLong()).isEqualTo(slice.getLabels());
                double loss = Objects.requireNonNull(slice.getRecent().get("log_loss"));
                assertThat(slices.get(i).path("recent").path("log_loss").asDouble()).isEqualTo(loss);
                assertThat(metrics).contains("tidegrad_slice_log_loss_nats{field=\"place\",model=\"" + log.model()
                        + "\",value=\"" + slice.getValue() + "\"} " + loss);
            }
        }
    }

    @Test
    void expiredGroupOffsetsAreTakenFromTheManifest() {
        log.send(0, 100);
        try (TrainerApp trainer = TrainerApp.start(log.config())) {
            awaitSettled(trainer, 100);
        }
        log.endSessions();
        await().atMost(PATIENCE).ignoreExceptions() // the group's end takes a moment
                .until(() -> {
                    TestLog.await(log.admin.deleteConsumerGroupOffsets(log.group(), Set.of(log.partition())).all());
                    return true;
                });
        log.send(100, 200);
        try (TrainerApp trainer = TrainerApp.start(log.config())) {
            assertEqual(awaitSettled(trainer, 200), log.fold());
        }
    }

    @LongProof("19,000 pending rows")
    @Test
    void pendingRowsThatNeedMoreThanOneRecordSurviveARestart() {
        try (TestLog large = new TestLog(directory, 20_000).created()) {
            large.send(0, 19_000);
            try (TrainerApp trainer = TrainerApp.start(large.config())) {
                assertThat(awaitSettled(trainer, 19_000).pending()).isEqualTo(19_000);
            }
            large.send(large.tick());
            try (TrainerApp trainer = TrainerApp.start(large.config())) {
                CommittedState state = awaitSettled(trainer, 19_001);
                assertThat(state.pending()).isZero();
                assertEqual(state, large.fold());
            }
        }
    }

    /// After a `TaskCorruptedException` Kafka Streams 4.3.1 revives the task and lets the group assign it anew. If that
    /// happens before the task is initialized, the new task goes on behind the events the old one had read: they would
    /// be lost without an error, so the trainer stops. Else the task goes back to the group's offset, and none is lost.
    @ProvesOracle(Breaker.REPORTS_CORRUPTION_ONCE)
    @Test
    void aTaskThatStreamsRevivesSkipsNothing() throws Exception {
        log.send(0, 10_000);
        try (TrainerApp trainer =
                TrainerApp.start(log.config(), new BreakableParts(Breaker.REPORTS_CORRUPTION_ONCE), Kernels.active())) {
            awaitSettled(trainer, 10_000); // a first commit, so that there is an offset to go back to
            log.send(10_000, 50_000);
            await().atMost(PATIENCE)
                    .until(() -> trainer.ended().isDone() || isSettled(trainer.models().getFirst(), 50_000));
            if (trainer.ended().isDone()) {
                assertThat(trainer.ended().join().exitCode()).isEqualTo(ExitCode.RETRYABLE);
            }
        }
        try (TrainerApp trainer = TrainerApp.start(log.config())) {
            assertEqual(awaitSettled(trainer, 50_000), log.fold());
        }
    }
}
