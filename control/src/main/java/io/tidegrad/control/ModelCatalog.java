package io.tidegrad.control;

import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.EpochOrigin;
import io.tidegrad.schemas.ModelRecord;
import io.tidegrad.schemas.settings.KafkaSettings;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.jspecify.annotations.Nullable;

/// Reads the compacted topic of models, which maps each name to the registered spec, epoch, log and stage. `ControlLog`
/// writes it, and rebuilds entries that can't be read. Thread-safe.
public final class ModelCatalog {
    static {
        // Avro asks for this before it builds records of our schemas, which registering a model does.
        AvroCodec.trustOwnClasses();
    }

    private final KafkaSettings kafka;
    private final String topic;
    private final UnreadableRecords unreadable = new UnreadableRecords();

    public ModelCatalog(String topic, KafkaSettings kafka) {
        this.topic = topic;
        this.kafka = kafka;
    }

    /// @param models the newest readable record of each model, by name
    /// @param outdated names of the models that have a later record which can't be read
    /// @param newer those of `outdated` whose later record is of a newer build
    public record Content(Map<String, ModelRecord> models, Set<String> outdated, Set<String> newer) {
        public Content {
            models = Map.copyOf(models);
            outdated = Set.copyOf(outdated);
            newer = Set.copyOf(newer);
        }
    }

    /// Returns the newest readable record of `model`, or null if there is none.
    @Nullable
    public ModelRecord find(String model) {
        return read().models().get(model);
    }

    /// Reads all models. There are none if there is no such topic.
    public Content read() {
        Map<String, ModelRecord> models = new TreeMap<>();
        Map<String, byte[]> outdated = new TreeMap<>();
        try (TopicReader reader = new TopicReader(kafka, topic)) {
            if (reader.exists()) { // else Kafka's answer where it begins would be waited for, a minute long
                reader.read(reader.begin(), reader.end(), record -> take(record, models, outdated));
            }
        }
        Set<String> all = Set.copyOf(outdated.keySet());
        outdated.values().removeIf(value -> !CatalogRecord.isOfNewerBuild(value));
        return new Content(models, all, outdated.keySet());
    }

    private boolean take(ConsumerRecord<byte[], byte[]> record, Map<String, ModelRecord> models,
            Map<String, byte[]> outdated) {
        String model = null;
        try {
            if (record.key() == null) {
                throw new ControlFormatException("expected a model's name as key, found none");
            }
            model = ControlRecord.model(record.key());
            if (record.value() == null) {
                models.remove(model);
            } else {
                models.put(model, CatalogRecord.decode(record.key(), record.value()));
            }
            outdated.remove(model);
        } catch (ControlFormatException e) {
            if (model != null && record.value() != null) {
                outdated.put(model, record.value());
            }
            unreadable.passOver(record, String.valueOf(e.getMessage()),
                    "instead of it count the record of this key before it and the decisions on the control topic. Find"
                            + " out who writes there; a newer build of Tidegrad reads what that build wrote");
        }
        return true;
    }

    /// Returns how many records could not be read so far.
    public int unreadable() {
        return unreadable.count();
    }

    /// Returns the rollbacks that lead to the epoch of a record, oldest first.
    public static List<ControlAction.Rollback> rollbacks(ModelRecord record) {
        return record.getRollbacks().stream()
                .map(origin -> new ControlAction.Rollback(origin.getEpoch(),
                        new ControlAction.Base(origin.getBaseEpoch(), origin.getBaseVersion(),
                                origin.getBaseWeightsHash(), origin.getBaseNextOffset()),
                        origin.getResumeOffset(), origin.getNumerics(), move(origin)))
                .toList();
    }

    private static ControlAction.@Nullable Move move(EpochOrigin origin) {
        return origin.getMovedToTopicId().isEmpty() ? null : new ControlAction.Move(origin.getMovedFromTopicId(),
                origin.getLeftAtOffset(), origin.getMovedToTopicId());
    }

    public static List<EpochOrigin> origins(List<ControlAction.Rollback> rollbacks) {
        return rollbacks.stream().map(ModelCatalog::origin).toList();
    }

    private static EpochOrigin origin(ControlAction.Rollback rollback) {
        EpochOrigin.Builder origin = EpochOrigin.newBuilder().setEpoch(rollback.epoch())
                .setBaseEpoch(rollback.base().epoch()).setBaseVersion(rollback.base().version())
                .setBaseNextOffset(rollback.base().nextOffset()).setBaseWeightsHash(rollback.base().weightsHash())
                .setResumeOffset(rollback.resumeOffset()).setNumerics(rollback.numerics());
        ControlAction.Move move = rollback.move();
        if (move != null) {
            origin.setMovedFromTopicId(move.fromTopicId()).setLeftAtOffset(move.leftAt())
                    .setMovedToTopicId(move.toTopicId());
        }
        return origin.build();
    }
}
