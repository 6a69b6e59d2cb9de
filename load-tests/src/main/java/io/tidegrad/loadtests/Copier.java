package io.tidegrad.loadtests;

import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/// The least that a joiner could do, as a program: a consumer and a transactional producer that copy the records of topics,
/// key and value, into a topic with one partition for each, and commit offsets and copies each second, as a joiner does that is far behind. Polls, batches and
/// transactions are as large as a joiner's. It ends when its parent ends it.
public final class Copier {
    private static final Duration COMMIT_EVERY = Duration.ofSeconds(1);
    private static final Duration POLL = Duration.ofMillis(20);

    private Copier() {}

    /// Where the records of a topic are copied.
    static String copy(String topic, String group) {
        return topic + "-" + group;
    }

    /// Main class and arguments.
    static List<String> command(String bootstrapServers, String group, List<String> topics) {
        return Processes.with(List.of(Copier.class.getName(), bootstrapServers, group), topics);
    }

    /// @param arguments bootstrap servers, name of the group, topics
    public static void main(String[] arguments) {
        String group = arguments[1];
        List<String> topics = List.of(arguments).subList(2, arguments.length);
        Map<String, Object> consumes =
                Map.of("group.id", group, "max.poll.records", 1_000, "max.partition.fetch.bytes", 4 << 20);
        Map<String, Object> produces =
                Map.of("transactional.id", group, "linger.ms", 100, "batch.size", 128 << 10, "buffer.memory", 64 << 20);
        try (KafkaConsumer<byte[], byte[]> consumer = KafkaClients.reader(arguments[0], consumes);
                KafkaProducer<byte[], byte @Nullable []> producer = KafkaClients.writer(arguments[0], produces)) {
            producer.initTransactions();
            consumer.subscribe(topics);
            while (true) {
                producer.beginTransaction();
                Map<TopicPartition, OffsetAndMetadata> next = new HashMap<>();
                long end = System.nanoTime() + COMMIT_EVERY.toNanos();
                while (System.nanoTime() < end) {
                    var records = consumer.poll(POLL);
                    for (ConsumerRecord<byte[], byte[]> record : records) {
                        producer.send(
                                new ProducerRecord<>(copy(record.topic(), group), 0, record.key(), record.value()));
                    }
                    next.putAll(records.nextOffsets());
                }
                producer.sendOffsetsToTransaction(next, consumer.groupMetadata());
                producer.commitTransaction();
            }
        }
    }
}
