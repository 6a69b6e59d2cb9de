package io.tidegrad.scorer;

import static org.awaitility.Awaitility.await;

import io.tidegrad.control.ControlAction;
import io.tidegrad.control.ControlRecord;
import io.tidegrad.model.snapshot.PublishedSnapshot;
import io.tidegrad.model.snapshot.SnapshotManifest;
import io.tidegrad.schemas.Topics;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/// Decides about models as the commands do: one transaction a record. Returns when every reader can see it.
public final class TestControl implements AutoCloseable {
    private final TopicPartition control;
    private final String bootstrapServers;
    private final KafkaProducer<byte[], byte[]> producer;
    private final KafkaConsumer<byte[], byte[]> reader;

    public TestControl(String bootstrapServers, Topics topics) {
        this.bootstrapServers = bootstrapServers;
        control = new TopicPartition(topics.control(), 0);
        producer = new KafkaProducer<>(
                Map.of(ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrapServers,
                        ProducerConfig.TRANSACTIONAL_ID_CONFIG, topics.controlTransactionalId()),
                new ByteArraySerializer(), new ByteArraySerializer());
        producer.initTransactions();
        reader = new KafkaConsumer<>(Map.of("bootstrap.servers", bootstrapServers, "isolation.level", "read_committed"),
                new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    /// Where another test has not.
    public TestControl createTopic() {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrapServers))) {
            admin.createTopics(
                    List.of(new NewTopic(control.topic(), 1, (short) 1).configs(Map.of("retention.ms", "-1")))).all()
                    .get();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        } catch (ExecutionException e) {
            if (!(e.getCause() instanceof TopicExistsException)) {
                throw new IllegalStateException(e);
            }
        }
        return this;
    }

    public void decide(String model, ControlAction action) {
        ControlRecord record = new ControlRecord(model, action, System.currentTimeMillis(), "ops@here", "as tested");
        write(record.key(), record.encode());
    }

    public void write(byte[] key, byte[] value) {
        producer.beginTransaction();
        long offset;
        try {
            var sent = producer.send(new ProducerRecord<>(control.topic(), key, value));
            producer.commitTransaction();
            offset = sent.get().offset();
        } catch (InterruptedException | ExecutionException e) {
            throw new IllegalStateException(e);
        }
        // The commit's marker may still be on its way.
        await().atMost(Duration.ofSeconds(30))
                .until(() -> reader.endOffsets(List.of(control)).getOrDefault(control, 0L) > offset);
    }

    public void create(String model, int epoch, SnapshotManifest manifest) {
        decide(model, new ControlAction.Create(epoch, HexFormat.of().formatHex(manifest.specFingerprint()), "flights",
                "id", 0));
    }

    /// To a published version; learning goes on at its next offset.
    public void rollBack(int epoch, PublishedSnapshot to) {
        SnapshotManifest base = to.manifest();
        decide(base.model(),
                new ControlAction.Rollback(epoch,
                        new ControlAction.Base(base.epoch(), base.version(), base.weightsHash(), base.nextOffset()),
                        base.nextOffset()));
    }

    @Override
    public void close() {
        producer.close();
        reader.close();
    }
}
