package io.tidegrad.trainer;

import io.tidegrad.control.Lineage;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.snapshot.PublishedSnapshot;
import io.tidegrad.model.snapshot.SnapshotManifest;
import io.tidegrad.schemas.MissingRight;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.KafkaSettings;
import io.tidegrad.trainer.store.Accounts;
import io.tidegrad.trainer.store.Changelog;
import io.tidegrad.trainer.store.RetainedSnapshot;
import io.tidegrad.trainer.store.StateSeed;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.errors.TopicAuthorizationException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.jspecify.annotations.Nullable;

/// The state with which an epoch begins, if it does not begin with nothing. One transaction writes pages, carry, manifest
/// and the group's offset, as a trainer would have committed them at that offset. Processes that try this at the same
/// time fence each other, and the later one finds the state written.
///
/// @param model the model as it was learned
/// @param nextOffset the offset in the log before which everything is learned, and where the epoch goes on
/// @param accounts what became of the events before it
/// @param snapshot a full snapshot of the model, which the same transaction publishes; null for none
record FirstState(OnlineModel model, long nextOffset, Accounts accounts, long newestAppendTime,
        @Nullable PublishedSnapshot snapshot) {
    private static final Duration TRANSACTION_MIN = Duration.ofSeconds(60);

    /// The brokers' default of `transaction.max.timeout.ms`.
    private static final Duration TRANSACTION_MAX = Duration.ofMinutes(15);

    private static final long BYTES_PER_SECOND = 5_000_000;

    /// Writes everything in one transaction.
    ///
    /// @param wanted called when no other process can write the state any more; if it returns false, nothing is written
    /// @param more passes further records of the transaction to its argument
    /// @throws StopException if a number in the model is not finite
    void commit(KafkaSettings kafka, Topics topics, ModelTrainer.Ready ready, BooleanSupplier wanted,
            Consumer<Consumer<ProducerRecord<byte[], byte[]>>> more) {
        Lineage lineage = ready.lineage();
        String group = ready.applicationId();
        String changelog = Topics.changelog(group);
        try (KafkaProducer<byte[], byte[]> producer = producer(kafka, ready)) {
            producer.initTransactions();
            if (!wanted.getAsBoolean()) {
                return;
            }
            producer.beginTransaction();
            more.accept(producer::send);
            List<RetainedSnapshot> retained = List.of();
            if (snapshot != null) {
                publish(snapshot, topics.snapshots(lineage.model()), producer);
                retained = List.of(retained(snapshot));
            }
            StateSeed.write(lineage, model, nextOffset, accounts, newestAppendTime, retained, (key, value) -> producer
                    .send(new ProducerRecord<>(changelog, lineage.log().partition(), key, value)));
            producer.sendOffsetsToTransaction(Map.of(lineage.log(), Changelog.offsetWithWatermark(nextOffset)),
                    ofNoMember(kafka, group));
            producer.commitTransaction();
        } catch (TopicAuthorizationException e) {
            throw MissingRight.ofProducer(e, lineage.log().topic());
        }
    }

    private static void publish(PublishedSnapshot snapshot, String topic, KafkaProducer<byte[], byte[]> producer) {
        long time = snapshot.manifest().chain().fullTime();
        snapshot.records()
                .forEach(entry -> producer.send(new ProducerRecord<>(topic, 0, time, entry.key(), entry.value())));
    }

    private static RetainedSnapshot retained(PublishedSnapshot snapshot) {
        SnapshotManifest manifest = snapshot.manifest();
        return new RetainedSnapshot(manifest.version(), RetainedSnapshot.FULL, manifest.parts(), snapshot.bytes(),
                manifest.chain().fullTime(), true);
    }

    /// Kafka lets any process set the offsets of a group that has no member.
    private static ConsumerGroupMetadata ofNoMember(KafkaSettings kafka, String group) {
        Map<String, Object> settings = new HashMap<>(kafka.client());
        settings.put(ConsumerConfig.GROUP_ID_CONFIG, group);
        settings.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false);
        try (KafkaConsumer<byte[], byte[]> consumer =
                new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            return consumer.groupMetadata();
        }
    }

    private KafkaProducer<byte[], byte[]> producer(KafkaSettings kafka, ModelTrainer.Ready ready) {
        long bytes = model.parameters().servedBytes() + model.parameters().optimizerBytes();
        bytes += snapshot == null ? 0 : snapshot.bytes();
        Duration timeout = TRANSACTION_MIN.plusSeconds(bytes / BYTES_PER_SECOND);
        Map<String, Object> settings = new HashMap<>(kafka.client());
        settings.put(ProducerConfig.ACKS_CONFIG, "all");
        settings.put(ProducerConfig.TRANSACTIONAL_ID_CONFIG, ready.applicationId() + "-replay");
        settings.put(ProducerConfig.TRANSACTION_TIMEOUT_CONFIG,
                (int) (timeout.compareTo(TRANSACTION_MAX) < 0 ? timeout : TRANSACTION_MAX).toMillis());
        settings.put(ProducerConfig.LINGER_MS_CONFIG, 5);
        settings.put(ProducerConfig.BATCH_SIZE_CONFIG, 256 * 1024);
        settings.put(ProducerConfig.MAX_REQUEST_SIZE_CONFIG,
                Math.max(ModelTopics.PART_REQUEST_BYTES, ready.topics().deadLetterBytesMax()));
        return new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer());
    }
}
