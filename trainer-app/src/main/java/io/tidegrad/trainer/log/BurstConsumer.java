package io.tidegrad.trainer.log;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/// Kafka's consumer, whose polls give bursts.
public final class BurstConsumer extends KafkaConsumer<byte[], byte[]> {
    public BurstConsumer(Map<String, Object> config) {
        super(config, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    @Override
    public ConsumerRecords<byte[], byte[]> poll(Duration timeout) {
        ConsumerRecords<byte[], byte[]> records = super.poll(timeout);
        Map<TopicPartition, List<ConsumerRecord<byte[], byte[]>>> bursts = new HashMap<>();
        for (TopicPartition partition : records.partitions()) {
            bursts.put(partition, bursts(records.records(partition)));
        }
        return new ConsumerRecords<>(bursts, records.nextOffsets());
    }

    static List<ConsumerRecord<byte[], byte[]>> bursts(
            List<ConsumerRecord<byte[], byte[]>> records) {
        List<ConsumerRecord<byte[], byte[]>> bursts = new ArrayList<>();
        for (int from = 0; from < records.size(); from += Burst.EVENTS_MAX) {
            int to = Math.min(records.size(), from + Burst.EVENTS_MAX);
            bursts.add(new Burst(records.subList(from, to)).wrapped());
        }
        return bursts;
    }
}
