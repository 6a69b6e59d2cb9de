package io.tidegrad.scorer;

import io.tidegrad.model.snapshot.Heartbeat;
import io.tidegrad.model.snapshot.PublishedSnapshot;
import io.tidegrad.model.snapshot.SnapshotEntry;
import io.tidegrad.model.snapshot.SnapshotKey;
import io.tidegrad.schemas.Topics;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.TransactionState;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/// Writes snapshots to a model's topic, as a trainer does or with its mistakes.
public final class TestPublisher implements AutoCloseable {
    private final String topic;
    private final String bootstrapServers;
    private final String transactionalId = "test-publisher-" + UUID.randomUUID();
    private final Admin admin;
    private final KafkaProducer<byte[], byte[]> transactional;
    private final KafkaProducer<byte[], byte[]> plain;

    public TestPublisher(String bootstrapServers, String model) {
        this(bootstrapServers, Topics.DEFAULT, model);
    }

    public TestPublisher(String bootstrapServers, Topics topics, String model) {
        topic = topics.snapshots(model);
        this.bootstrapServers = bootstrapServers;
        admin = Admin.create(Map.of("bootstrap.servers", bootstrapServers));
        plain = new KafkaProducer<>(Map.of(ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrapServers),
                new ByteArraySerializer(), new ByteArraySerializer());
        transactional = new KafkaProducer<>(
                Map.of(ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrapServers,
                        ProducerConfig.TRANSACTIONAL_ID_CONFIG, transactionalId),
                new ByteArraySerializer(), new ByteArraySerializer());
        transactional.initTransactions();
    }

    public TestPublisher createTopic() {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrapServers))) {
            admin.createTopics(List.of(new NewTopic(topic, 1, (short) 1).configs(Map.of("cleanup.policy", "compact"))))
                    .all().get();
        } catch (InterruptedException | ExecutionException e) {
            throw new IllegalStateException(e);
        }
        return this;
    }

    public TestPublisher deleteTopic() {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrapServers))) {
            admin.deleteTopics(List.of(topic)).all().get();
        } catch (InterruptedException | ExecutionException e) {
            throw new IllegalStateException(e);
        }
        return this;
    }

    /// One committed transaction, which a reader that begins now sees.
    public void publish(PublishedSnapshot snapshot) {
        publish(snapshot.records());
    }

    public void publish(List<SnapshotEntry> records) {
        transactional.beginTransaction();
        records.forEach(this::send);
        transactional.commitTransaction();
        awaitMarkers();
    }

    /// A commit returns when the coordinator has decided it. The partition shows the records when its marker is written,
    /// and until then a broker may refuse what the next transaction sends there.
    private void awaitMarkers() {
        try {
            while (admin.describeTransactions(List.of(transactionalId)).description(transactionalId).get()
                    .state() == TransactionState.PREPARE_COMMIT) {
                Thread.onSpinWait(); // each look is a question to the broker
            }
        } catch (InterruptedException | ExecutionException e) {
            throw new IllegalStateException(e);
        }
    }

    /// Everything was written, nothing committed.
    public void publishAborted(PublishedSnapshot snapshot) {
        transactional.beginTransaction();
        snapshot.records().forEach(this::send);
        transactional.flush();
        transactional.abortTransaction();
    }

    /// A transaction that stays open until the returned action ends it.
    public Runnable publishOpen(PublishedSnapshot snapshot) {
        transactional.beginTransaction();
        snapshot.records().forEach(this::send);
        transactional.flush();
        return transactional::commitTransaction;
    }

    public void beat(Heartbeat heartbeat) {
        writePlain(SnapshotKey.HEARTBEAT.encode(), heartbeat.encode());
    }

    /// Outside any transaction.
    public void writePlain(byte[] key, byte[] value) {
        await(plain.send(new ProducerRecord<>(topic, key, value)));
    }

    /// Retires a record.
    public void writeTombstone(byte[] key) {
        await(plain.send(new ProducerRecord<>(topic, key, null)));
    }

    private void send(SnapshotEntry record) {
        transactional.send(new ProducerRecord<>(topic, record.key(), record.value()));
    }

    private static void await(Future<?> sent) {
        try {
            sent.get();
        } catch (InterruptedException | ExecutionException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void close() {
        plain.close();
        transactional.close();
        admin.close();
    }
}
