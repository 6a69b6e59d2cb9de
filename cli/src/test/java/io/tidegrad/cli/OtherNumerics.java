package io.tidegrad.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.model.snapshot.SnapshotKey;
import io.tidegrad.model.snapshot.SnapshotManifest;
import io.tidegrad.schemas.Topics;
import java.lang.reflect.RecordComponent;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.zip.CRC32C;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/// What a build of other numerics would have left of a model: its state and versions, written again as of another number.
///
/// @param kafka settings of a client that may read and write everything
record OtherNumerics(Map<String, Object> kafka, Topics topics, String model) {
    void write(int numerics, int epoch) {
        rewrite(Topics.changelog(topics.applicationId(model, epoch)), record -> record.key()[0] == 'M', record -> {
            byte[] value = record.value().clone();
            ByteBuffer.wrap(value).order(ByteOrder.LITTLE_ENDIAN).putInt(8 + 32, numerics); // after the fingerprint
            CRC32C crc = new CRC32C();
            crc.update(record.key());
            crc.update(ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(epoch).flip());
            crc.update(value, 8, value.length - 8);
            ByteBuffer.wrap(value).order(ByteOrder.LITTLE_ENDIAN).putInt(4, (int) crc.getValue());
            return value;
        });
        rewrite(topics.snapshots(model), record -> isManifest(record, epoch),
                record -> withNumerics(SnapshotManifest.decode(record.value()), numerics).encode());
    }

    private void rewrite(String topic, Predicate<ConsumerRecord<byte[], byte[]>> which,
            Function<ConsumerRecord<byte[], byte[]>, byte[]> with) {
        List<ConsumerRecord<byte[], byte[]>> records =
                Readings.committed(kafka, new TopicPartition(topic, 0)).stream().filter(which).toList();
        assertThat(records).isNotEmpty();
        try (KafkaProducer<byte[], byte[]> producer =
                new KafkaProducer<>(kafka, new ByteArraySerializer(), new ByteArraySerializer())) {
            records.forEach(each -> producer.send(new ProducerRecord<>(topic, 0, each.key(), with.apply(each))));
        }
    }

    private static boolean isManifest(ConsumerRecord<byte[], byte[]> record, int epoch) {
        SnapshotKey key = SnapshotKey.decode(record.key());
        return record.value() != null && key.kind() == SnapshotKey.Kind.MANIFEST && key.epoch() == epoch;
    }

    /// Whatever components a manifest has.
    private static SnapshotManifest withNumerics(SnapshotManifest manifest, int numerics) {
        try {
            RecordComponent[] components = SnapshotManifest.class.getRecordComponents();
            Class<?>[] types = new Class<?>[components.length];
            Object[] values = new Object[components.length];
            for (int i = 0; i < components.length; i++) {
                types[i] = components[i].getType();
                values[i] = components[i].getName().equals("numerics") ? numerics
                        : components[i].getAccessor().invoke(manifest);
            }
            return SnapshotManifest.class.getDeclaredConstructor(types).newInstance(values);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }
}
