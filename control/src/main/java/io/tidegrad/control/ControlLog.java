package io.tidegrad.control;

import io.tidegrad.control.ControlException.Reason;
import io.tidegrad.schemas.ModelRecord;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.KafkaSettings;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.config.TopicConfig;
import org.apache.kafka.common.errors.InvalidProducerEpochException;
import org.apache.kafka.common.errors.ProducerFencedException;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The control topic and the catalog that is derived from it. A decision is a control record and what it makes of the
/// catalog, in one transaction. All writers share one transactional id: whoever begins fences who is at it, sees
/// everything that was decided before, and decides on that.
public final class ControlLog {
    private static final Logger LOG = LoggerFactory.getLogger(ControlLog.class);
    private static final int RECORD_BYTES_MAX = 64 * 1024;
    private static final int STATUS_BYTES_MAX = 1024 * 1024;

    /// Two that fence each other take turns; this many at once are more than there are people.
    private static final int ATTEMPTS = 20;

    /// A commit's markers reach the partitions within milliseconds of each other.
    private static final int SETTLE_READS = 10;

    private static final long SETTLE_NANOS = 50_000_000;

    private final KafkaSettings kafka;
    private final Topics topics;
    private final ModelCatalog catalog;
    private final UnreadableRecords unreadable = new UnreadableRecords();

    public ControlLog(KafkaSettings kafka, Topics topics) {
        this.kafka = kafka;
        this.topics = topics;
        catalog = new ModelCatalog(topics.models(), kafka);
    }

    /// Creates the control topic, the catalog's and the one on which scorers tell what they serve, or checks them.
    ///
    /// @throws ControlException one of them would forget
    public static void createOrCheck(KafkaTopics kafkaTopics, Topics topics) {
        kafkaTopics.createOrCheck(catalogTopic(topics));
        kafkaTopics.createOrCheck(controlTopic(topics));
        kafkaTopics.createOrCheck(statusTopic(topics));
    }

    // Partitions that somebody adds to these topics are no mistake to refuse: all records of ours
    // are
    // written to partition 0 and read from there, and Kafka can't remove a partition.

    public static KafkaTopics.Wanted catalogTopic(Topics topics) {
        return new KafkaTopics.Wanted(topics.models(), "compact", CatalogRecord.BYTES_MAX, Map.of());
    }

    public static KafkaTopics.Wanted controlTopic(Topics topics) {
        return new KafkaTopics.Wanted(topics.control(), "delete", RECORD_BYTES_MAX,
                Map.of(TopicConfig.RETENTION_MS_CONFIG, "-1", TopicConfig.RETENTION_BYTES_CONFIG, "-1")).keptForEver();
    }

    static KafkaTopics.Wanted statusTopic(Topics topics) {
        return new KafkaTopics.Wanted(topics.status(), "delete", STATUS_BYTES_MAX,
                // Read whole by whoever asks: of a hundred scorers some 50,000 small records.
                Map.of(TopicConfig.RETENTION_MS_CONFIG, "3600000", TopicConfig.SEGMENT_MS_CONFIG, "600000",
                        TopicConfig.MESSAGE_TIMESTAMP_TYPE_CONFIG, "LogAppendTime"));
    }

    /// What has been decided, and what came of it.
    ///
    /// @param records of all models, in their order
    /// @param models by name; deleted ones are not there
    /// @param rebuilt those of `models` whose entry in the catalog was overwritten by something that is none: made
    ///     again from the decisions, and to be written
    /// @param lost models that were created and not deleted, whose entry is not there, with what created them
    public record View(List<ControlRecord> records, Map<String, ModelRecord> models, Set<String> rebuilt,
            Map<String, Lost> lost) {
        public View {
            records = List.copyOf(records);
            models = Map.copyOf(models);
            rebuilt = Set.copyOf(rebuilt);
            lost = Map.copyOf(lost);
        }

        /// The catalog's entries, each checked against what was decided.
        public static View of(List<ControlRecord> records, ModelCatalog.Content catalog) {
            Map<String, ModelRecord> models = new HashMap<>(catalog.models());
            Set<String> rebuilt = new HashSet<>();
            Map<String, Lost> lost = new HashMap<>();
            Set<String> decided = new HashSet<>();
            records.forEach(record -> decided.add(record.model()));
            for (String model : decided) {
                ControlState state = ControlState.of(model, records);
                ControlAction.Create creation = CatalogRebuild.creation(model, records);
                ModelRecord entry = catalog.models().get(model);
                if (state.deleted() || creation == null
                        || entry != null && entry.getEpoch() >= state.epoch() && !catalog.outdated().contains(model)) {
                    continue;
                }
                if (entry != null && entry.getSpecFingerprint().equals(creation.specFingerprint())) {
                    models.put(model, CatalogRebuild.of(model, creation, records, entry.getSpec()));
                    if (!catalog.newer().contains(model)) {
                        rebuilt.add(model);
                    }
                } else {
                    models.remove(model);
                    lost.put(model, new Lost(creation, catalog.newer().contains(model)));
                }
            }
            return new View(records, models, rebuilt, lost);
        }

        public ControlState state(String model) {
            return ControlState.of(model, records);
        }

        /// @throws IllegalStateException it is not there
        public ModelRecord model(String model) {
            ModelRecord found = models.get(model);
            if (found == null) {
                throw new IllegalStateException("no model " + model);
            }
            return found;
        }

        /// Of one model, oldest first.
        public List<ControlRecord> records(String model) {
            return records.stream().filter(record -> record.model().equals(model)).toList();
        }
    }

    /// A model that was created and not deleted, whose entry in the catalog is not there.
    ///
    /// @param creation the decision that the present lineage begins with
    /// @param newer whether a newer build has written an entry
    public record Lost(ControlAction.Create creation, boolean newer) {
        public ControlException refusal(String topic, String model) {
            return new ControlException(Reason.CONFIGURATION, text(topic, model));
        }

        /// What was expected, what was found, what to do.
        String text(String topic, String model) {
            return "model " + model + ": expected its entry on " + topic + ", for it was created in epoch "
                    + creation.epoch() + " with a spec of fingerprint " + creation.specFingerprint()
                    + ", found none that can be read"
                    + (newer ? ": a newer build wrote it; use that build"
                            : ": it was overwritten or deleted on the topic. Give the spec with which the model was"
                                    + " created; that restores the entry and changes nothing else: tidegrad models"
                                    + " create --spec FILE. Or give the model up: tidegrad models delete " + model);
        }
    }

    /// What is decided at once.
    ///
    /// @param records in their order
    /// @param models whose records change, as they are from now on
    /// @param deleted model that leaves the catalog; null for none
    public record Decision(List<ControlRecord> records, List<ModelRecord> models, @Nullable String deleted) {
        public Decision {
            records = List.copyOf(records);
            models = List.copyOf(models);
        }

        public Decision(ControlRecord record, ModelRecord... models) {
            this(List.of(record), List.of(models), null);
        }
    }

    /// Decides on what is known; asked again if somebody else was faster.
    @FunctionalInterface
    public interface Decider {
        /// @return null when nothing is to be written
        @Nullable
        Decision decide(View view);
    }

    /// As of now; without a control topic there are no records.
    public View read() {
        List<ControlRecord> records = records();
        View view = View.of(records, catalog.read());
        // The two topics show a transaction one after the other.
        for (int again = 0; !view.lost().isEmpty() && again < SETTLE_READS; again++) {
            LockSupport.parkNanos(SETTLE_NANOS);
            view = View.of(records, catalog.read());
        }
        return view;
    }

    private List<ControlRecord> records() {
        List<ControlRecord> records = new ArrayList<>();
        try (TopicReader reader = new TopicReader(kafka, topics.control())) {
            if (!reader.exists()) {
                return records;
            }
            reader.read(reader.begin(), reader.end(), record -> {
                ControlRecord read = decode(record, unreadable);
                if (read != null) {
                    records.add(read);
                }
                return true;
            });
        }
        return records;
    }

    /// Null for what this build can't read, which is told: it may be a decision of a newer one.
    static @Nullable ControlRecord decode(ConsumerRecord<byte[], byte[]> record, UnreadableRecords unreadable) {
        try {
            if (record.key() == null || record.value() == null) {
                throw new ControlFormatException("expected a key and a value, found one missing");
            }
            return ControlRecord.decode(record.key(), record.value());
        } catch (ControlFormatException e) {
            unreadable.passOver(record, String.valueOf(e.getMessage()),
                    "if it is a decision, it is not followed. Find out who writes there; a newer build of Tidegrad reads"
                            + " what that build wrote");
            return null;
        }
    }

    /// Writes what `decider` decides.
    ///
    /// @return what was known then, with the decision; without, when there was none
    /// @throws ControlException the decider's, or others kept being faster
    public View write(Decider decider) {
        for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
            try (Producer<byte[], byte[]> producer = producer()) {
                producer.initTransactions(); // whatever somebody else had decided is visible now
                View view = read();
                Decision decision = decider.decide(view);
                if (decision == null && view.rebuilt().isEmpty()) {
                    return view;
                }
                Decision decided = decision == null ? new Decision(List.of(), List.of(), null) : decision;
                producer.beginTransaction();
                restore(producer, view);
                send(producer, decided);
                producer.commitTransaction();
                return with(view, decided);
            } catch (ProducerFencedException | InvalidProducerEpochException faster) {
                LOG.info("somebody else decided at the same time; deciding again");
            }
        }
        throw new ControlException(Reason.RETRYABLE,
                topics.control() + ": expected to be the only one who decides, found others, " + ATTEMPTS
                        + " times; try again when they are done");
    }

    private static View with(View view, Decision decision) {
        List<ControlRecord> records = new ArrayList<>(view.records());
        records.addAll(decision.records());
        Map<String, ModelRecord> models = new HashMap<>(view.models());
        decision.models().forEach(model -> models.put(model.getModel(), model));
        Map<String, Lost> lost = new HashMap<>(view.lost());
        lost.keySet().removeAll(models.keySet());
        String deleted = decision.deleted();
        if (deleted != null) {
            models.remove(deleted);
            lost.remove(deleted);
        }
        return new View(records, models, Set.of(), lost);
    }

    private void restore(Producer<byte[], byte[]> producer, View view) {
        for (String model : view.rebuilt()) {
            LOG.warn("model {}: its entry on {} was overwritten by a record that can't be read; it is written again, as"
                    + " the decisions on {} say", model, topics.models(), topics.control());
            send(producer, view.model(model));
        }
    }

    private void send(Producer<byte[], byte[]> producer, Decision decision) {
        for (ControlRecord record : decision.records()) {
            producer.send(new ProducerRecord<>(topics.control(), 0, record.key(), record.encode()));
        }
        decision.models().forEach(model -> send(producer, model));
        String deleted = decision.deleted();
        if (deleted != null) {
            producer.send(new ProducerRecord<>(topics.models(), 0, ControlRecord.key(deleted), null));
        }
    }

    private void send(Producer<byte[], byte[]> producer, ModelRecord model) {
        producer.send(new ProducerRecord<>(topics.models(), 0, ControlRecord.key(model.getModel()),
                CatalogRecord.encode(model)));
    }

    private Producer<byte[], byte[]> producer() {
        Map<String, Object> settings = new HashMap<>(kafka.client());
        settings.put(ProducerConfig.ACKS_CONFIG, "all");
        settings.put(ProducerConfig.TRANSACTIONAL_ID_CONFIG, topics.controlTransactionalId());
        settings.put(ProducerConfig.TRANSACTION_TIMEOUT_CONFIG, 10_000);
        settings.put(ProducerConfig.MAX_REQUEST_SIZE_CONFIG, CatalogRecord.BYTES_MAX);
        return new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer());
    }
}
