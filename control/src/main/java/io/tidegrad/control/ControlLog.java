package io.tidegrad.control;

import io.tidegrad.control.ControlException.Reason;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.schemas.KafkaClients;
import io.tidegrad.schemas.MissingRight;
import io.tidegrad.schemas.ModelRecord;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.KafkaSettings;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.config.TopicConfig;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.errors.TopicAuthorizationException;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The control topic and the catalog that is derived from it. One transaction writes a decision's control record and
/// the entries of the catalog that it changes. All writers share one transactional id, so a writer that begins fences
/// the one before it, sees everything that was decided so far, and decides on that.
public final class ControlLog {
    private static final Logger LOG = LoggerFactory.getLogger(ControlLog.class);
    private static final int RECORD_BYTES_MAX = 64 * 1024;
    private static final int STATUS_BYTES_MAX = 1024 * 1024;

    /// Writers that fence each other take turns. There are fewer people than this who decide at the same time.
    private static final int ATTEMPTS = 20;

    /// The markers of a commit reach the partitions within milliseconds of each other.
    private static final int SETTLE_READS = 10;
    /// With `SETTLE_NANOS` between two, 5 s.
    private static final int VISIBLE_READS = 100;

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

    /// Creates the topics of control records, of the catalog and of statuses, or checks those that exist.
    ///
    /// @throws ControlException if records could be deleted from one of them
    public static void createOrCheck(KafkaTopics kafkaTopics, Topics topics) {
        kafkaTopics.createOrCheck(catalogTopic(topics));
        kafkaTopics.createOrCheck(controlTopic(topics));
        kafkaTopics.createOrCheck(statusTopic(topics));
    }

    // Further partitions do no harm, because we write and read partition 0 only, and Kafka can't remove a partition.

    public static KafkaTopics.Wanted catalogTopic(Topics topics) {
        return new KafkaTopics.Wanted(topics.models(), "compact", CatalogRecord.BYTES_MAX, Map.of());
    }

    public static KafkaTopics.Wanted controlTopic(Topics topics) {
        return new KafkaTopics.Wanted(topics.control(), "delete", RECORD_BYTES_MAX,
                Map.of(TopicConfig.RETENTION_MS_CONFIG, "-1", TopicConfig.RETENTION_BYTES_CONFIG, "-1")).keptForEver();
    }

    static KafkaTopics.Wanted statusTopic(Topics topics) {
        return new KafkaTopics.Wanted(topics.status(), "delete", STATUS_BYTES_MAX,
                // A reader reads all of it: 360 small records of each process in which nothing changes, 3,600 of one that
                // is busy all the time.
                Map.of(TopicConfig.RETENTION_MS_CONFIG, "3600000", TopicConfig.SEGMENT_MS_CONFIG, "600000",
                        TopicConfig.MESSAGE_TIMESTAMP_TYPE_CONFIG, "LogAppendTime"));
    }

    /// The decisions of the control topic, in their order.
    ///
    /// @param models those about models
    /// @param streams those about streams
    public record Records(List<ControlRecord> models, List<StreamRecord> streams) {
        public Records {
            models = List.copyOf(models);
            streams = List.copyOf(streams);
        }
    }

    /// All decisions and the catalog that follows from them.
    ///
    /// @param records the decisions about all models, in their order
    /// @param streamRecords the decisions about all streams, in their order
    /// @param models the models that are not deleted, by name
    /// @param rebuilt names of those `models` whose entry in the catalog could not be read, and was made again from the
    ///     decisions; the next writer writes it
    /// @param lost models without a readable entry that could not be made again, by name
    public record View(List<ControlRecord> records, List<StreamRecord> streamRecords, Map<String, ModelRecord> models,
            Set<String> rebuilt, Map<String, Lost> lost) {
        public View {
            records = List.copyOf(records);
            streamRecords = List.copyOf(streamRecords);
            models = Map.copyOf(models);
            rebuilt = Set.copyOf(rebuilt);
            lost = Map.copyOf(lost);
        }

        /// Checks each entry of the catalog against the decisions.
        public static View of(Records decided, ModelCatalog.Content catalog) {
            List<ControlRecord> records = decided.models();
            Map<String, ModelRecord> models = new HashMap<>(catalog.models());
            Set<String> rebuilt = new HashSet<>();
            Map<String, Lost> lost = new HashMap<>();
            ControlState.all(records).forEach((model, state) -> {
                ControlAction.Create creation = CatalogRebuild.creation(model, records);
                ModelRecord entry = catalog.models().get(model);
                if (state.deleted() || creation == null
                        || entry != null && entry.getEpoch() >= state.epoch() && !catalog.outdated().contains(model)) {
                    return;
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
            });
            return new View(records, decided.streams(), models, rebuilt, lost);
        }

        /// Returns the state of a stream, which need not exist.
        public StreamState stream(String stream) {
            StreamState state = streams().get(stream);
            return state == null ? StreamState.initial(stream) : state;
        }

        /// Returns the state of every stream that has a record, by name.
        public Map<String, StreamState> streams() {
            return StreamState.all(streamRecords);
        }

        /// Returns a stream that exists.
        ///
        /// @param prefix of the message: what needs the stream
        /// @throws ControlException if it was never created, or is deleted
        StreamState requireStream(String stream, String prefix) {
            StreamState state = stream(stream);
            if (state.exists()) {
                return state;
            }
            StreamRecord deletion = state.newest();
            if (deletion != null) {
                throw new ControlException(Reason.CONFIGURATION,
                        prefix + "expected the stream " + stream + ", found that "
                                + (deletion.author().isEmpty() ? "somebody" : deletion.author()) + " deleted it at "
                                + Instant.ofEpochMilli(deletion.time())
                                + "; create it anew: tidegrad streams create --spec FILE");
            }
            List<String> others =
                    streams().values().stream().filter(StreamState::exists).map(StreamState::stream).toList();
            throw new ControlException(Reason.CONFIGURATION,
                    prefix + "expected the stream " + stream + ", found "
                            + (others.isEmpty() ? "no stream" : "only " + String.join(", ", others))
                            + "; correct the name or the prefix, or create it: tidegrad streams create --spec FILE");
        }

        /// Returns a spec with its topic. If it names a stream, that is the topic of examples of the stream's newest epoch,
        /// or the one with which the model was created if its entry of the catalog is lost.
        ///
        /// @throws ControlException if there is no such stream
        public ModelSpec placed(ModelSpec spec, Topics topics) {
            String stream = spec.stream();
            if (stream == null) {
                return spec;
            }
            Lost entry = lost.get(spec.model());
            if (entry != null) {
                return spec.onTopic(entry.creation().inputTopic());
            }
            StreamState state = requireStream(stream, "model " + spec.model() + ", input.stream: ");
            return spec.onTopic(topics.examples(stream, Objects.requireNonNull(state.current()).number()));
        }

        public ControlState state(String model) {
            return ControlState.of(model, records);
        }

        /// @throws IllegalStateException if there is no such model
        public ModelRecord model(String model) {
            ModelRecord found = models.get(model);
            if (found == null) {
                throw new IllegalStateException("no model " + model);
            }
            return found;
        }

        /// Returns a model of the catalog.
        ///
        /// @param topic the topic of the catalog
        /// @throws ControlException if the model was deleted, has lost its entry or was never registered
        public ModelRecord require(String model, String topic) {
            ModelRecord found = models.get(model);
            if (found != null) {
                return found;
            }
            ControlState state = state(model);
            if (state.deleted()) {
                throw Registration.deleted(model, Objects.requireNonNull(state.newest()));
            }
            Lost entry = lost.get(model);
            throw entry != null ? entry.refusal(topic, model) : new ControlException(Reason.CONFIGURATION,
                    "model " + model + ": expected a registered model, found none of this name on " + topic
                            + (models.isEmpty() ? "" : ", only " + String.join(", ", new TreeSet<>(models.keySet())))
                            + "; correct the name or the prefix, or register it: tidegrad models create --spec FILE");
        }

        /// Returns the decisions about one model, oldest first.
        public List<ControlRecord> records(String model) {
            return records.stream().filter(record -> record.model().equals(model)).toList();
        }
    }

    /// A model that was created and not deleted, but has no entry in the catalog that this build can read.
    ///
    /// @param creation the decision that created the model
    /// @param newer whether a newer build has written its entry
    public record Lost(ControlAction.Create creation, boolean newer) {
        public ControlException refusal(String topic, String model) {
            return new ControlException(Reason.CONFIGURATION, text(topic, model));
        }

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

    /// What one transaction writes.
    ///
    /// @param records the control records about models, in their order
    /// @param streamRecords those about streams
    /// @param models the new entries of the catalog
    /// @param deleted the model whose entry is deleted; null for none
    public record Decision(List<ControlRecord> records, List<StreamRecord> streamRecords, List<ModelRecord> models,
            @Nullable String deleted) {
        static final Decision NONE = new Decision(List.of(), List.of(), null);

        public Decision {
            records = List.copyOf(records);
            streamRecords = List.copyOf(streamRecords);
            models = List.copyOf(models);
        }

        public Decision(List<ControlRecord> records, List<ModelRecord> models, @Nullable String deleted) {
            this(records, List.of(), models, deleted);
        }

        Decision(StreamRecord record) {
            this(List.of(), List.of(record), List.of(), null);
        }

        public Decision(ControlRecord record, ModelRecord... models) {
            this(List.of(record), List.of(models), null);
        }
    }

    /// Makes a decision from the view. It is called again if another writer was faster.
    @FunctionalInterface
    public interface Decider {
        /// @return the decision, or null to write nothing
        @Nullable
        Decision decide(View view);
    }

    /// Reads both topics. There are no records if there is no control topic.
    public View read() {
        Records records = records();
        View view = View.of(records, catalog.read());
        // A transaction becomes visible on one topic before it does on the other.
        for (int again = 0; !view.lost().isEmpty() && again < SETTLE_READS; again++) {
            LockSupport.parkNanos(SETTLE_NANOS);
            view = View.of(records, catalog.read());
        }
        return view;
    }

    private Records records() {
        List<ControlRecord> models = new ArrayList<>();
        List<StreamRecord> streams = new ArrayList<>();
        try (TopicReader reader = new TopicReader(kafka, topics.control())) {
            if (reader.exists()) {
                reader.read(reader.begin(), reader.end(), record -> {
                    decode(record, unreadable, models::add, streams::add);
                    return true;
                });
            }
        }
        return new Records(models, streams);
    }

    /// Passes the decision in a record to `models` or to `streams`. If this build can't read it, that is logged once.
    static void decode(ConsumerRecord<byte[], byte[]> record, UnreadableRecords unreadable,
            Consumer<ControlRecord> models, Consumer<StreamRecord> streams) {
        ControlRecord ofModel = null;
        StreamRecord ofStream = null;
        try {
            if (record.key() == null || record.value() == null) {
                throw new ControlFormatException("expected a key and a value, found one missing");
            }
            if (StreamRecord.isKey(record.key())) {
                ofStream = StreamRecord.decode(record.key(), record.value());
            } else {
                ofModel = ControlRecord.decode(record.key(), record.value());
            }
        } catch (ControlFormatException e) {
            unreadable.passOver(record, String.valueOf(e.getMessage()),
                    "if it is a decision, it is not followed. Find out who writes there; a newer build of Tidegrad reads"
                            + " what that build wrote");
        }
        if (ofModel != null) {
            models.accept(ofModel);
        }
        if (ofStream != null) {
            streams.accept(ofStream);
        }
    }

    /// Writes what `decider` decides.
    ///
    /// @return the view after the decision
    /// @throws ControlException if the decider refuses, or other writers were faster each time
    public View write(Decider decider) {
        for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
            try (Producer<byte[], byte[]> producer = producer()) {
                producer.initTransactions(); // from here on the decisions of all earlier writers are visible
                View view = read();
                Decision decision = decider.decide(view);
                if (decision == null && view.rebuilt().isEmpty()) {
                    return view;
                }
                Decision decided = decision == null ? Decision.NONE : decision;
                try {
                    producer.beginTransaction();
                    Sent sent = new Sent(producer);
                    restore(sent, view);
                    send(sent, decided);
                    producer.commitTransaction();
                    awaitVisible(sent);
                } catch (TopicAuthorizationException e) {
                    throw MissingRight.ofProducer(e, "");
                }
                return with(view, decided);
            } catch (KafkaException e) {
                if (!KafkaClients.isTakenOver(e)) {
                    throw e;
                }
                LOG.info("another writer decided at the same time; deciding again");
            }
        }
        throw new ControlException(Reason.RETRYABLE,
                topics.control() + ": expected to be the only one who decides, found others, " + ATTEMPTS
                        + " times; try again when they are done");
    }

    /// What a transaction has sent.
    ///
    /// @param newest the offset of the newest record of each topic, when the transaction is committed
    private record Sent(Producer<byte[], byte[]> producer, Map<String, Long> newest) {
        Sent(Producer<byte[], byte[]> producer) {
            this(producer, new ConcurrentHashMap<>());
        }

        void send(String topic, byte[] key, byte @Nullable [] value) {
            producer.send(new ProducerRecord<>(topic, 0, key, value), (sent, error) -> {
                if (error == null) { // otherwise committing fails
                    newest.put(topic, sent.offset());
                }
            });
        }
    }

    /// Waits until everybody sees what was committed. Kafka answers before, and whoever has been told that a stream was
    /// created would not find it for a model at once. If other transactions hide it for long, it is still committed.
    private void awaitVisible(Sent sent) {
        sent.newest().forEach((topic, offset) -> {
            try (TopicReader reader = new TopicReader(kafka, topic)) {
                for (int again = 0; reader.end() <= offset && again < VISIBLE_READS; again++) {
                    LockSupport.parkNanos(SETTLE_NANOS);
                }
            } catch (KafkaException e) {
                LOG.debug("{}: what was committed can't be looked at", topic, e);
            }
        });
    }

    private static View with(View view, Decision decision) {
        List<ControlRecord> records = new ArrayList<>(view.records());
        records.addAll(decision.records());
        List<StreamRecord> streamRecords = new ArrayList<>(view.streamRecords());
        streamRecords.addAll(decision.streamRecords());
        Map<String, ModelRecord> models = new HashMap<>(view.models());
        decision.models().forEach(model -> models.put(model.getModel(), model));
        Map<String, Lost> lost = new HashMap<>(view.lost());
        lost.keySet().removeAll(models.keySet());
        String deleted = decision.deleted();
        if (deleted != null) {
            models.remove(deleted);
            lost.remove(deleted);
        }
        return new View(records, streamRecords, models, Set.of(), lost);
    }

    private void restore(Sent sent, View view) {
        for (String model : view.rebuilt()) {
            LOG.warn("model {}: its entry on {} was overwritten by a record that can't be read; it is written again, as"
                    + " the decisions on {} say", model, topics.models(), topics.control());
            send(sent, view.model(model));
        }
    }

    private void send(Sent sent, Decision decision) {
        decision.records().forEach(record -> sent.send(topics.control(), record.key(), record.encode()));
        decision.streamRecords().forEach(record -> sent.send(topics.control(), record.key(), record.encode()));
        decision.models().forEach(model -> send(sent, model));
        String deleted = decision.deleted();
        if (deleted != null) {
            sent.send(topics.models(), ControlRecord.key(deleted), null);
        }
    }

    private void send(Sent sent, ModelRecord model) {
        sent.send(topics.models(), ControlRecord.key(model.getModel()), CatalogRecord.encode(model));
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
