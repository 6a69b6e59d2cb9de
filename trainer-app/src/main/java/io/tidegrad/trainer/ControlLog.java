package io.tidegrad.trainer;

import io.tidegrad.model.control.ControlFormatException;
import io.tidegrad.model.control.ControlRecord;
import io.tidegrad.model.control.ControlState;
import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.ModelRecord;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.KafkaSettings;
import io.tidegrad.trainer.exit.ExitCode;
import io.tidegrad.trainer.exit.TrainerException;
import io.tidegrad.trainer.store.ReadCommitted;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.TopicConfig;
import org.apache.kafka.common.errors.InvalidProducerEpochException;
import org.apache.kafka.common.errors.ProducerFencedException;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The control topic and the catalog that is derived from it. A decision is a control record and what it makes of the
/// catalog, in one transaction. All writers share one transactional id: whoever begins fences who is at it, sees everything
/// that was decided before, and decides on that.
public final class ControlLog {
    private static final Logger LOG = LoggerFactory.getLogger(ControlLog.class);
    private static final int RECORD_BYTES_MAX = 64 * 1024;
    private static final int MODEL_BYTES_MAX = 1024 * 1024;

    /// Two that fence each other take turns; this many at once are more than there are people.
    private static final int ATTEMPTS = 20;

    private final KafkaSettings kafka;
    private final Topics topics;
    private final SchemaRegistry registry;
    private final TopicPartition partition;
    private final ModelCatalog catalog;

    public ControlLog(KafkaSettings kafka, Topics topics, SchemaRegistry registry) {
        this.kafka = kafka;
        this.topics = topics;
        this.registry = registry;
        partition = new TopicPartition(topics.control(), 0);
        catalog = new ModelCatalog(topics.models(), kafka.client(), registry);
    }

    /// Creates the control topic and the catalog's, or checks them.
    ///
    /// @throws TrainerException one of them would forget
    static void createOrCheck(KafkaTopics kafkaTopics, Topics topics) {
        kafkaTopics.createOrCheck(
                new KafkaTopics.Wanted(
                        topics.models(), 1, true, "compact", MODEL_BYTES_MAX, Map.of()));
        kafkaTopics.createOrCheck(
                new KafkaTopics.Wanted(
                        topics.control(),
                        1,
                        true,
                        "delete",
                        RECORD_BYTES_MAX,
                        true,
                        Map.of(
                                TopicConfig.RETENTION_MS_CONFIG,
                                "-1",
                                TopicConfig.RETENTION_BYTES_CONFIG,
                                "-1")));
    }

    /// What has been decided, and what came of it.
    ///
    /// @param records of all models, in their order
    /// @param models by name; deleted ones are not there
    public record View(List<ControlRecord> records, Map<String, ModelRecord> models) {
        public View {
            records = List.copyOf(records);
            models = Map.copyOf(models);
        }

        public ControlState state(String model) {
            return ControlState.of(model, records);
        }

        /// @throws IllegalStateException it is not there
        ModelRecord model(String model) {
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

    /// What is decided at once.
    ///
    /// @param records in their order
    /// @param models whose records change, as they are from now on
    /// @param deleted model that leaves the catalog; null for none
    record Decision(
            List<ControlRecord> records, List<ModelRecord> models, @Nullable String deleted) {
        Decision {
            records = List.copyOf(records);
            models = List.copyOf(models);
        }

        Decision(ControlRecord record, ModelRecord... models) {
            this(List.of(record), List.of(models), null);
        }
    }

    /// Decides on what is known; asked again if somebody else was faster.
    @FunctionalInterface
    interface Decider {
        /// @return null when nothing is to be written
        @Nullable Decision decide(View view);
    }

    /// As of now; without a control topic there are no records.
    public View read() {
        return new View(records(), catalog.all());
    }

    private List<ControlRecord> records() {
        List<ControlRecord> records = new ArrayList<>();
        try (Consumer<byte[], byte[]> consumer =
                new ReadCommitted(kafka.client()).open(partition)) {
            if (!consumer.listTopics().containsKey(partition.topic())) {
                return records;
            }
            consumer.seekToBeginning(List.of(partition));
            long end = ReadCommitted.end(consumer, partition);
            while (consumer.position(partition) < end) {
                for (ConsumerRecord<byte[], byte[]> record :
                        consumer.poll(Duration.ofMillis(100))) {
                    ControlRecord read = decode(record);
                    if (read != null) {
                        records.add(read);
                    }
                }
            }
        }
        return records;
    }

    /// Null for what this build can't read, which is told: it may be a decision of a newer one.
    static @Nullable ControlRecord decode(ConsumerRecord<byte[], byte[]> record) {
        try {
            if (record.key() == null || record.value() == null) {
                throw new ControlFormatException("expected a key and a value, found one missing");
            }
            return ControlRecord.decode(record.key(), record.value());
        } catch (ControlFormatException e) {
            LOG.error(
                    "{} at offset {} can't be read and is not followed: {}",
                    record.topic(),
                    record.offset(),
                    e.getMessage());
            return null;
        }
    }

    /// Writes what `decider` decides.
    ///
    /// @return what was known then, with the decision; without, when there was none
    /// @throws TrainerException the decider's, or others kept being faster
    View write(Decider decider) {
        for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
            try (Producer<byte[], byte[]> producer = producer()) {
                producer.initTransactions(); // whatever somebody else had decided is visible now
                View view = read();
                Decision decision = decider.decide(view);
                if (decision == null) {
                    return view;
                }
                producer.beginTransaction();
                send(producer, decision);
                producer.commitTransaction();
                return with(view, decision);
            } catch (ProducerFencedException | InvalidProducerEpochException faster) {
                LOG.info("somebody else decided at the same time; deciding again");
            }
        }
        throw new TrainerException(
                ExitCode.RETRYABLE,
                topics.control()
                        + ": expected to be the only one who decides, found others, "
                        + ATTEMPTS
                        + " times; try again when they are done");
    }

    private static View with(View view, Decision decision) {
        List<ControlRecord> records = new ArrayList<>(view.records());
        records.addAll(decision.records());
        Map<String, ModelRecord> models = new HashMap<>(view.models());
        decision.models().forEach(model -> models.put(model.getModel(), model));
        models.remove(decision.deleted());
        return new View(records, models);
    }

    private void send(Producer<byte[], byte[]> producer, Decision decision) {
        for (ControlRecord record : decision.records()) {
            producer.send(new ProducerRecord<>(topics.control(), 0, record.key(), record.encode()));
        }
        AvroCodec codec = new AvroCodec(registry);
        for (ModelRecord model : decision.models()) {
            int schemaId = registry.register(topics.models() + "-value", model.getSchema());
            producer.send(
                    new ProducerRecord<>(
                            topics.models(),
                            0,
                            model.getModel().getBytes(StandardCharsets.UTF_8),
                            codec.encode(schemaId, model)));
        }
        String deleted = decision.deleted();
        if (deleted != null) {
            producer.send(
                    new ProducerRecord<>(topics.models(), 0, ControlRecord.key(deleted), null));
        }
    }

    private Producer<byte[], byte[]> producer() {
        Map<String, Object> settings = new HashMap<>(kafka.client());
        settings.put(ProducerConfig.ACKS_CONFIG, "all");
        settings.put(ProducerConfig.TRANSACTIONAL_ID_CONFIG, topics.controlTransactionalId());
        settings.put(ProducerConfig.TRANSACTION_TIMEOUT_CONFIG, 10_000);
        settings.put(ProducerConfig.MAX_REQUEST_SIZE_CONFIG, MODEL_BYTES_MAX);
        return new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer());
    }
}
