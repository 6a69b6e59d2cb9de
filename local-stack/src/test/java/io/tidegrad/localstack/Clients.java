package io.tidegrad.localstack;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListOffsetsOptions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/// What the tests do with a broker.
final class Clients {
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private Clients() {}

    static void createTopic(String bootstrap, String topic, int replicas) throws Exception {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrap))) {
            admin.createTopics(List.of(new NewTopic(topic, 1, (short) replicas))).all().get();
        }
    }

    static KafkaProducer<String, String> transactionalProducer(String bootstrap, String id) {
        return new KafkaProducer<>(Map.of("bootstrap.servers", bootstrap, "transactional.id", id),
                new StringSerializer(), new StringSerializer());
    }

    static void commit(KafkaProducer<String, String> producer, String topic, int from, int to) {
        producer.beginTransaction();
        send(producer, topic, from, to);
        producer.commitTransaction();
    }

    static void abort(KafkaProducer<String, String> producer, String topic, int from, int to) {
        producer.beginTransaction();
        send(producer, topic, from, to);
        producer.flush();
        producer.abortTransaction();
    }

    private static void send(KafkaProducer<String, String> producer, String topic, int from, int to) {
        for (String value : values(from, to)) {
            var unused = producer.send(new ProducerRecord<>(topic, value));
        }
    }

    /// The decimal numbers from `from` up to, not including, `to`.
    static List<String> values(int from, int to) {
        return IntStream.range(from, to).mapToObj(String::valueOf).toList();
    }

    /// Everything committed in the topic's only partition. A commit returns before its markers are written, later still
    /// where a broker was killed in between: what was written by now is waited for, not what is visible by now.
    static List<String> readCommitted(String bootstrap, String topic) throws Exception {
        TopicPartition partition = new TopicPartition(topic, 0);
        long end = written(bootstrap, partition);
        List<String> values = new ArrayList<>();
        try (var consumer = new KafkaConsumer<>(Map.<String, Object>of("bootstrap.servers", bootstrap,
                "isolation.level", "read_committed", "auto.offset.reset", "earliest"), new StringDeserializer(),
                new StringDeserializer())) {
            consumer.assign(List.of(partition));
            long deadline = System.nanoTime() + PATIENCE.toNanos();
            while (consumer.position(partition) < end) {
                if (System.nanoTime() > deadline) {
                    throw new AssertionError("read up to offset " + consumer.position(partition) + " of " + end);
                }
                consumer.poll(Duration.ofMillis(100)).forEach(record -> values.add(record.value()));
            }
        }
        return values;
    }

    private static long written(String bootstrap, TopicPartition partition) throws Exception {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrap))) {
            return admin
                    .listOffsets(Map.of(partition, OffsetSpec.latest()),
                            new ListOffsetsOptions(IsolationLevel.READ_UNCOMMITTED))
                    .partitionResult(partition).get().offset();
        }
    }
}
