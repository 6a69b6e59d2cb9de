package io.tidegrad.trainer;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.tidegrad.control.CatalogRecord;
import io.tidegrad.control.ControlLog;
import io.tidegrad.control.LogPosition;
import io.tidegrad.control.ModelCatalog;
import io.tidegrad.control.ModelOverview;
import io.tidegrad.model.snapshot.Heartbeat;
import io.tidegrad.model.snapshot.SnapshotKey;
import io.tidegrad.process.ExitCode;
import io.tidegrad.proof.LongProof;
import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.ModelRecord;
import io.tidegrad.schemas.Stage;
import io.tidegrad.trainer.store.CommittedState;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/// The topic of models when something is on it that nobody should have written there, or what an older build wrote.
@Execution(ExecutionMode.CONCURRENT)
class CatalogTest extends TrainerFixture {

    CatalogTest() {
        super(1);
    }

    private ModelRecord registered() {
        return Objects.requireNonNull(view().models().get(log.model()));
    }

    private void write(byte[] key, byte @Nullable [] value) {
        write(log.topics().models(), key, value);
    }

    private void write(String topic, byte[] key, byte @Nullable [] value) {
        try (KafkaProducer<byte[], byte[]> producer = log.producer(Map.of())) {
            producer.send(new ProducerRecord<>(topic, 0, key, value)).get();
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    private byte[] key() {
        return log.model().getBytes(UTF_8);
    }

    private byte[] avro(int schemaId, ModelRecord record) {
        return new AvroCodec(log.registry).encode(schemaId, record);
    }

    @Test
    @LongProof("many readers of damaged records")
    void recordsThatAreNoneKeepNobodyFromTheModelsAndAreToldAndCounted() throws Exception {
        decisions().create(log.spec(), new LogPosition.Begin(), (given, view) -> given);
        ModelRecord before = registered();
        write("garbage".getBytes(UTF_8), "{\"a\":1}".getBytes(UTF_8));
        write(new byte[]{(byte) 0xc3, 0x28}, new byte[]{1});
        write("other".getBytes(UTF_8), CatalogRecord.encode(before));
        write("avro".getBytes(UTF_8), avro(77_777, before));
        write("empty".getBytes(UTF_8), new byte[0]);
        write("large".getBytes(UTF_8), new byte[900_000]);
        write(key(), "overwritten".getBytes(UTF_8));

        assertThat(new ModelCatalog(log.topics().models(), kafka()).read().outdated())
                .containsExactlyInAnyOrder("garbage", "other", "avro", "empty", "large", log.model());
        List<ModelOverview.Entry> entries = ModelOverview.read(kafka(), log.topics()).entries(List.of());
        assertThat(entries).extracting(ModelOverview.Entry::model).containsExactly(before);
        log.send(0, 50);
        try (TrainerApp trainer = TrainerApp.start(log.config())) {
            CommittedState state = awaitSettled(trainer, 50);
            assertEqual(state, log.fold());
            assertThat(get(trainer, "/metrics").body())
                    .contains("tidegrad_unreadable_records{topic=\"" + log.topics().models() + "\"} 7.0");
        }
        // The trainer wrote the entry again.
        assertThat(new ModelCatalog(log.topics().models(), kafka()).read().outdated()).doesNotContain(log.model());
        decisions().pause(log.model());
        assertThat(registered().getStage()).isEqualTo(Stage.PAUSED);
    }

    /// A trainer that stops within a second of its last snapshot leaves a heartbeat that is older.
    @Test
    void theOverviewBelievesTheNewerOfHeartbeatAndSnapshot() {
        decisions().create(log.spec(), new LogPosition.Begin(), (given, view) -> given);
        log.send(0, 50);
        try (TrainerApp trainer = TrainerApp.start(log.config())) {
            awaitSettled(trainer, 50);
        }
        Heartbeat old = new Heartbeat(registered().getEpoch(), 7, 7, false, 0);
        write(log.topics().snapshots(log.model()), SnapshotKey.HEARTBEAT.encode(), old.encode());
        ModelOverview.Entry entry = ModelOverview.read(kafka(), log.topics()).entries(List.of(log.model())).getFirst();
        assertThat(entry.beat()).isEqualTo(old);
        assertThat(entry.version()).isEqualTo(50);
        assertThat(entry.lag()).isZero();
    }

    @LongProof("two lives of a trainer")
    @Test
    void partitionsThatWereAddedToTheTopicsOfDecisionsChangeNothing() throws Exception {
        log.send(0, 50);
        try (TrainerApp trainer = TrainerApp.start(log.config())) {
            awaitSettled(trainer, 50);
        }
        Map<String, NewPartitions> wider =
                Map.of(log.topics().models(), NewPartitions.increaseTo(3), log.topics().control(),
                        NewPartitions.increaseTo(3), log.topics().status(), NewPartitions.increaseTo(3));
        log.admin.createPartitions(wider).all().get();
        log.send(50, 80);
        try (TrainerApp trainer = TrainerApp.start(log.config())) {
            assertEqual(awaitSettled(trainer, 80), log.fold());
            decisions().pause(log.model());
            await().atMost(60, SECONDS).until(() -> trainer.models().isEmpty());
        }
        assertThat(registered().getStage()).isEqualTo(Stage.PAUSED);
    }

    /// Everything but the spec's text is in the decisions; the text comes from the record before.
    @Test
    void anOverwrittenEntryIsWhatTheDecisionsAddUpTo() {
        decisions().create(log.spec(), new LogPosition.Begin(), (given, view) -> given);
        write(key(), CatalogRecord.encode(registered()));
        ModelRecord created = registered();
        decisions().pause(log.model());
        ModelRecord paused = registered();
        // As if the records behind the creation had been overwritten one after the other.
        write(key(), CatalogRecord.encode(created));
        write(key(), "overwritten".getBytes(UTF_8));
        assertThat(new ControlLog(kafka(), log.topics()).read().models()).containsEntry(log.model(), paused);
    }

    @LongProof("three starts")
    @Test
    void aModelWhoseEntryIsGoneIsToldAndComesBackWithItsSpec() {
        log.send(0, 50);
        try (TrainerApp trainer = TrainerApp.start(log.config())) {
            awaitSettled(trainer, 50);
        }
        ModelRecord before = registered();
        write(key(), null);

        TestLog.refused(() -> decisions().pause(log.model()), ExitCode.CONFIGURATION,
                "expected its entry on " + log.topics().models(), before.getSpecFingerprint(),
                "tidegrad models create --spec FILE");
        decisions().create(log.spec(), new LogPosition.Begin(), (given, view) -> given);
        assertThat(registered()).isEqualTo(before);

        write(key(), null);
        log.send(50, 100);
        try (TrainerApp trainer = TrainerApp.start(log.config())) {
            // The same epoch goes on: nothing begins from nothing.
            assertEqual(awaitSettled(trainer, 100), log.fold());
        }
        assertThat(registered()).isEqualTo(before);
    }

    @Test
    void whatAnOlderBuildWroteInAvroIsTakenWhateverTheRegistryKnows() {
        decisions().create(log.spec(), new LogPosition.Begin(), (given, view) -> given);
        ModelRecord before = registered();
        write(key(), avro(99_999, before));
        assertThat(registered()).isEqualTo(before);
        decisions().pause(log.model());
        assertThat(registered().getStage()).isEqualTo(Stage.PAUSED);
    }

    @Test
    void anEntryOfANewerBuildIsNotWrittenOver() {
        decisions().create(log.spec(), new LogPosition.Begin(), (given, view) -> given);
        ModelRecord before = registered();
        byte[] newer = CatalogRecord.encode(before);
        newer[4] = 99;
        write(key(), newer);
        assertThat(registered()).isEqualTo(before);
        assertThat(new ModelCatalog(log.topics().models(), kafka()).read().outdated()).contains(log.model());
    }
}
