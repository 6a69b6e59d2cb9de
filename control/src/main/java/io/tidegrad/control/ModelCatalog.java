package io.tidegrad.control;

import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.EpochOrigin;
import io.tidegrad.schemas.ModelRecord;
import io.tidegrad.schemas.settings.KafkaSettings;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.jspecify.annotations.Nullable;

/// The compacted topic of models: name → current spec, epoch, log and stage. What is registered there is what a replay
/// learns from; a file's spec counts only if it is the same. `ControlLog` writes it, and rebuilds what can't be read.
/// Thread-safe.
public final class ModelCatalog {
    static {
        // Whoever registers a model makes records of our schemas, on an empty topic before any was
        // read.
        AvroCodec.trustOwnClasses();
    }

    private final KafkaSettings kafka;
    private final String topic;
    private final UnreadableRecords unreadable = new UnreadableRecords();

    public ModelCatalog(String topic, KafkaSettings kafka) {
        this.topic = topic;
        this.kafka = kafka;
    }

    /// What the topic holds.
    ///
    /// @param models the newest record of each that can be read
    /// @param outdated models of which a later record is there that can't be read
    /// @param newer those of `outdated` whose later record is a newer build's
    public record Content(Map<String, ModelRecord> models, Set<String> outdated, Set<String> newer) {
        public Content {
            models = Map.copyOf(models);
            outdated = Set.copyOf(outdated);
            newer = Set.copyOf(newer);
        }
    }

    /// The newest record of `model`, or null.
    @Nullable
    public ModelRecord find(String model) {
        return read().models().get(model);
    }

    public Content read() {
        Map<String, ModelRecord> models = new TreeMap<>();
        Map<String, byte[]> outdated = new TreeMap<>();
        try (TopicReader reader = new TopicReader(kafka, topic)) {
            reader.read(reader.begin(), reader.end(), record -> {
                take(record, models, outdated);
                return true;
            });
        }
        Set<String> newer = new TreeSet<>();
        outdated.forEach((model, value) -> {
            if (CatalogRecord.isOfNewerBuild(value)) {
                newer.add(model);
            }
        });
        return new Content(models, outdated.keySet(), newer);
    }

    private void take(ConsumerRecord<byte[], byte[]> record, Map<String, ModelRecord> models,
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
                    "what counts is this key's record before it and the decisions on the control topic. Find out who"
                            + " writes there; a newer build of Tidegrad reads what that build wrote");
        }
    }

    /// Records that were passed over so far.
    public int unreadable() {
        return unreadable.count();
    }

    /// What the record says its epoch comes from.
    public static List<ControlAction.Rollback> rollbacks(ModelRecord record) {
        return record.getRollbacks().stream()
                .map(origin -> new ControlAction.Rollback(origin.getEpoch(),
                        new ControlAction.Base(origin.getBaseEpoch(), origin.getBaseVersion(),
                                origin.getBaseWeightsHash(), origin.getBaseNextOffset()),
                        origin.getResumeOffset()))
                .toList();
    }

    public static List<EpochOrigin> origins(List<ControlAction.Rollback> rollbacks) {
        return rollbacks.stream().map(rollback -> EpochOrigin.newBuilder().setEpoch(rollback.epoch())
                .setBaseEpoch(rollback.base().epoch()).setBaseVersion(rollback.base().version())
                .setBaseNextOffset(rollback.base().nextOffset()).setBaseWeightsHash(rollback.base().weightsHash())
                .setResumeOffset(rollback.resumeOffset()).build()).toList();
    }
}
