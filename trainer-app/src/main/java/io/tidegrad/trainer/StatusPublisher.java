package io.tidegrad.trainer;

import io.tidegrad.control.KafkaTopics;
import io.tidegrad.model.snapshot.SnapshotKey;
import io.tidegrad.model.snapshot.TrainerStatus;
import io.tidegrad.process.StopException;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.KafkaSettings;
import io.tidegrad.trainer.store.CommittedState;
import io.tidegrad.trainer.store.Report;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Writes each model's `TrainerStatus` to its snapshots topic, for `tidegrad models list` and `show`, which ask no
/// trainer. All models of the process share one producer, outside of transactions, because a model that has stopped has
/// none of its own. A model that another instance learns is left to that instance.
final class StatusPublisher implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(StatusPublisher.class);

    /// Numbers change with every commit, so that they are written only every ten seconds.
    private static final long NUMBERS_MILLIS = 10_000;

    private final ModelSlots slots;
    private final KafkaSettings kafka;
    private final Topics topics;
    private final KafkaTopics kafkaTopics;
    private final Map<String, TrainerStatus> written = new ConcurrentHashMap<>(); // also on the producer's thread
    private final Set<String> refused = ConcurrentHashMap.newKeySet(); // models whose status could not be written last
    private @Nullable Producer<byte[], byte[]> producer;

    StatusPublisher(ModelSlots slots, KafkaSettings kafka, Topics topics, KafkaTopics kafkaTopics) {
        this.slots = slots;
        this.kafka = kafka;
        this.topics = topics;
        this.kafkaTopics = kafkaTopics;
    }

    /// Writes the statuses that have changed; from one thread at a time.
    ///
    /// @throws RuntimeException if that failed; the next look begins with a new producer
    void look() {
        Producer<byte[], byte[]> open = producer == null ? open() : producer;
        producer = open;
        try {
            slots.all().forEach(slot -> write(slot, open));
        } catch (RuntimeException e) {
            try {
                close();
            } catch (RuntimeException ofClosing) {
                e.addSuppressed(ofClosing);
            }
            throw e;
        }
    }

    private void write(ModelSlot slot, Producer<byte[], byte[]> producer) {
        TrainerStatus now = status(slot);
        TrainerStatus before = written.get(slot.model());
        if (now == null || before != null && !isWorthARecord(before, now)) {
            return;
        }
        String topic = topics.snapshots(slot.model());
        // If brokers create topics by themselves, writing would create one whose settings lose snapshots.
        if (!kafkaTopics.exists(topic)) {
            return;
        }
        written.put(slot.model(), now);
        producer.send(new ProducerRecord<>(topic, SnapshotKey.STATUS.encode(), now.encode()), (metadata, failed) -> {
            if (failed == null) {
                refused.remove(slot.model());
                return;
            }
            written.remove(slot.model(), now); // so that the next look writes it again
            if (refused.add(slot.model())) {
                LOG.warn("model {}: the status that models list shows can't be written to {}, trying again: {}",
                        slot.model(), topic, failed.getMessage());
            }
        });
    }

    private static boolean isWorthARecord(TrainerStatus before, TrainerStatus now) {
        return before.epoch() != now.epoch() || !before.state().equals(now.state()) || !words(before).equals(words(now))
                || Math.abs(now.time() - before.time()) >= NUMBERS_MILLIS // also when the clock was set back
                        && (before.accepted() != now.accepted() || before.deadLetters() != now.deadLetters()
                                || Double.compare(before.recentDeadLetterShare(), now.recentDeadLetterShare()) != 0
                                || !before.reasons().equals(now.reasons()) || !before.served().equals(now.served()));
    }

    private static List<String> words(TrainerStatus status) {
        return status.reasons().stream().map(TrainerStatus.Reason::word).toList();
    }

    /// Returns null if there is nothing to say: the model is paused, deleted or starting, or another instance learns it.
    private static @Nullable TrainerStatus status(ModelSlot slot) {
        StopException failure = slot.failure();
        ModelTrainer trainer = slot.trainer();
        CommittedState committed = failure == null && trainer != null && trainer.learns() ? trainer.committed() : null;
        if (failure == null && committed == null) {
            return null;
        }
        return new TrainerStatus(slot.epoch(), System.currentTimeMillis(),
                failure == null ? TrainerStatus.LEARNING
                        : failure.exitCode().retryable() ? TrainerStatus.RETRYING : TrainerStatus.FAILED,
                failure == null ? 0 : failure.exitCode().status(),
                committed == null ? TrainerStatus.UNKNOWN : committed.accounts().accepted(),
                committed == null ? TrainerStatus.UNKNOWN : committed.accounts().deadLetters(),
                committed == null ? Double.NaN : Objects.requireNonNull(trainer).deadLetterShare(),
                slot.condition().reasons().stream()
                        .map(reason -> new TrainerStatus.Reason(reason.kind().word(), reason.message(),
                                reason.since().toEpochMilli()))
                        .toList(),
                committed == null ? List.of() : served(committed.report()));
    }

    private static List<TrainerStatus.AsServed> served(@Nullable Report report) {
        return report == null ? List.of()
                : report.served().stream()
                        .map(each -> new TrainerStatus.AsServed(each.epoch(), each.stage().code(), each.predictions(),
                                Double.isNaN(each.logLoss()) ? each.meanSquaredError() : each.logLoss(), each.auc(),
                                each.meanPrediction(), each.meanLabel()))
                        .toList();
    }

    private Producer<byte[], byte[]> open() {
        Map<String, Object> settings = new HashMap<>(kafka.client());
        settings.put(ProducerConfig.ACKS_CONFIG, "all");
        settings.put(ProducerConfig.DELIVERY_TIMEOUT_MS_CONFIG, 10_000);
        settings.put(ProducerConfig.REQUEST_TIMEOUT_MS_CONFIG, 5_000);
        settings.put(ProducerConfig.MAX_BLOCK_MS_CONFIG, 2_000);
        settings.put(ProducerConfig.LINGER_MS_CONFIG, 0);
        return new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer());
    }

    @Override
    public void close() {
        Producer<byte[], byte[]> open = producer;
        producer = null;
        if (open != null) {
            open.close(Duration.ofSeconds(1));
        }
    }
}
