package io.tidegrad.trainer;

import io.tidegrad.model.control.ControlAction;
import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.EpochOrigin;
import io.tidegrad.schemas.ModelRecord;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.trainer.store.ReadCommitted;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/// The compacted topic of models: name → current spec, epoch, log and stage. What is registered there is what a replay
/// learns from; a file's spec counts only if it is the same. `ControlLog` writes it. Thread-safe.
public final class ModelCatalog {
    private final TopicPartition partition;
    private final ReadCommitted readCommitted;
    private final SchemaRegistry registry;

    /// @param client Kafka connection settings
    public ModelCatalog(String topic, Map<String, Object> client, SchemaRegistry registry) {
        partition = new TopicPartition(topic, 0);
        readCommitted = new ReadCommitted(client);
        this.registry = registry;
    }

    /// The newest record of `model`, or null.
    public @Nullable ModelRecord find(String model) {
        byte[] newest = newest().get(model);
        return newest == null ? null : new AvroCodec(registry).decode(newest, ModelRecord.class);
    }

    /// The newest record of every model, by name.
    public Map<String, ModelRecord> all() {
        Map<String, ModelRecord> models = new TreeMap<>();
        AvroCodec codec = new AvroCodec(registry); // models are prepared by several threads
        newest().forEach(
                        (model, value) ->
                                models.put(model, codec.decode(value, ModelRecord.class)));
        return models;
    }

    private Map<String, byte[]> newest() {
        Map<String, byte[]> newest = new TreeMap<>();
        try (Consumer<byte[], byte[]> consumer = readCommitted.open(partition)) {
            consumer.seekToBeginning(List.of(partition));
            long end = ReadCommitted.end(consumer, partition);
            while (consumer.position(partition) < end) {
                for (ConsumerRecord<byte[], byte[]> record :
                        consumer.poll(Duration.ofMillis(100))) {
                    if (record.key() == null) {
                        continue;
                    }
                    String model = new String(record.key(), StandardCharsets.UTF_8);
                    if (record.value() == null) {
                        newest.remove(model);
                    } else {
                        newest.put(model, record.value());
                    }
                }
            }
        }
        return newest;
    }

    /// What the record says its epoch comes from.
    static List<ControlAction.Rollback> rollbacks(ModelRecord record) {
        return record.getRollbacks().stream()
                .map(
                        origin ->
                                new ControlAction.Rollback(
                                        origin.getEpoch(),
                                        new ControlAction.Base(
                                                origin.getBaseEpoch(),
                                                origin.getBaseVersion(),
                                                origin.getBaseWeightsHash(),
                                                origin.getBaseNextOffset()),
                                        origin.getResumeOffset()))
                .toList();
    }

    static List<EpochOrigin> origins(List<ControlAction.Rollback> rollbacks) {
        return rollbacks.stream()
                .map(
                        rollback ->
                                EpochOrigin.newBuilder()
                                        .setEpoch(rollback.epoch())
                                        .setBaseEpoch(rollback.base().epoch())
                                        .setBaseVersion(rollback.base().version())
                                        .setBaseNextOffset(rollback.base().nextOffset())
                                        .setBaseWeightsHash(rollback.base().weightsHash())
                                        .setResumeOffset(rollback.resumeOffset())
                                        .build())
                .toList();
    }
}
