package io.tidegrad.trainer;

import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.ModelRecord;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.trainer.exit.ExitCode;
import io.tidegrad.trainer.exit.TrainerException;
import io.tidegrad.trainer.store.ReadCommitted;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.jspecify.annotations.Nullable;

/// The compacted topic of models: name → current spec, epoch, log and stage. What is registered there is what a replay
/// learns from; a file's spec counts only if it is the same.
public final class ModelCatalog {
    private final String topic;
    private final Map<String, Object> client;
    private final SchemaRegistry registry;

    /// @param client Kafka connection settings
    public ModelCatalog(String topic, Map<String, Object> client, SchemaRegistry registry) {
        this.topic = topic;
        this.client = Map.copyOf(client);
        this.registry = registry;
    }

    /// The newest record of `model`, or null.
    public @Nullable ModelRecord find(String model) {
        TopicPartition partition = new TopicPartition(topic, 0);
        byte[] newest = null;
        try (Consumer<byte[], byte[]> consumer = new ReadCommitted(client).open(partition)) {
            consumer.seekToBeginning(List.of(partition));
            long end = ReadCommitted.end(consumer, partition);
            while (consumer.position(partition) < end) {
                for (ConsumerRecord<byte[], byte[]> record :
                        consumer.poll(Duration.ofMillis(100))) {
                    if (record.key() != null
                            && new String(record.key(), StandardCharsets.UTF_8).equals(model)) {
                        newest = record.value();
                    }
                }
            }
        }
        return newest == null ? null : new AvroCodec(registry).decode(newest, ModelRecord.class);
    }

    /// Returns when it is stored.
    void put(ModelRecord record) {
        int schemaId = registry.register(topic + "-value", record.getSchema());
        byte[] value = new AvroCodec(registry).encode(schemaId, record);
        byte[] key = record.getModel().getBytes(StandardCharsets.UTF_8);
        Map<String, Object> settings = new HashMap<>(client);
        settings.put(ProducerConfig.ACKS_CONFIG, "all");
        try (Producer<byte[], byte[]> producer =
                new KafkaProducer<>(
                        settings, new ByteArraySerializer(), new ByteArraySerializer())) {
            producer.send(new ProducerRecord<>(topic, 0, key, value)).get();
        } catch (ExecutionException e) {
            throw TrainerException.from(e.getCause() == null ? e : e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new TrainerException(
                    ExitCode.RETRYABLE, "interrupted while registering " + record.getModel(), e);
        }
    }
}
