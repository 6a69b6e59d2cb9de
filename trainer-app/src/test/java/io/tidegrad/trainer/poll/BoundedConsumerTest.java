package io.tidegrad.trainer.poll;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.localstack.SharedStack;
import io.tidegrad.proof.LongProof;
import io.tidegrad.schemas.BoundedConsumer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.UUID;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/// Kafka's own consumer on a broker: it must take a refusal for the end of a poll, and nothing else.
@LongProof("a log larger than several polls")
class BoundedConsumerTest {
    private static final int BYTES_MAX = 16 << 20;
    private static final int EVENTS = 600;

    private final String bootstrap = SharedStack.get().bootstrapServers();
    private final TopicPartition partition =
            new TopicPartition("budget-" + UUID.randomUUID().toString().substring(0, 8), 0);

    /// Up to 1 MiB each, 300 MiB in all, which compressed are one answer of a broker; with and without keys and values.
    private List<ProducerRecord<byte[], byte @Nullable []>> events() {
        SplittableRandom random = new SplittableRandom(7);
        List<ProducerRecord<byte[], byte @Nullable []>> events = new ArrayList<>();
        for (int i = 0; i < EVENTS; i++) {
            byte[] key = i % 3 == 0 ? null : new byte[random.nextInt(1 << 18)];
            byte[] value = i % 7 == 0 ? null : new byte[random.nextInt(1 << 20)];
            events.add(new ProducerRecord<>(partition.topic(), 0, key, value));
        }
        return events;
    }

    private static int size(byte @Nullable [] bytes) {
        return bytes == null ? -1 : bytes.length;
    }

    @Test
    void aPollGivesAtMost16MiBAndARecordAndAllPollsGiveEveryEventOnceAndInOrder() throws Exception {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrap))) {
            admin.createTopics(List.of(new NewTopic(partition.topic(), 1, (short) 1))).all().get();
        }
        List<ProducerRecord<byte[], byte @Nullable []>> events = events();
        try (KafkaProducer<byte[], byte @Nullable []> producer =
                new KafkaProducer<>(Map.of("bootstrap.servers", bootstrap, "compression.type", "zstd", "linger.ms", 100,
                        "max.request.size", 2 << 20), new ByteArraySerializer(), new ByteArraySerializer())) {
            events.forEach(producer::send);
        }
        List<Long> polls = new ArrayList<>();
        int read = 0;
        try (BoundedConsumer consumer =
                new BoundedConsumer(Map.of("bootstrap.servers", bootstrap, "max.poll.records", EVENTS))) {
            consumer.assign(List.of(partition));
            consumer.seekToBeginning(List.of(partition));
            while (read < EVENTS) {
                ConsumerRecords<byte[], byte[]> records = consumer.poll(Duration.ofSeconds(30));
                long bytes = 0;
                long last = 0;
                for (ConsumerRecord<byte[], byte[]> record : records) {
                    ProducerRecord<byte[], byte @Nullable []> sent = events.get(read);
                    assertThat(record.offset()).isEqualTo(read++);
                    assertThat(size(record.key())).isEqualTo(size(sent.key()));
                    assertThat(size(record.value())).isEqualTo(size(sent.value()));
                    last = Math.max(0, size(record.key())) + Math.max(0, size(record.value()));
                    bytes += last;
                }
                assertThat(records.isEmpty()).isFalse();
                assertThat(consumer.position(partition)).isEqualTo(read);
                // The record that goes beyond is given, and one without a value costs nothing more.
                assertThat(bytes - (1 << 20) - (1 << 18)).isLessThan(BYTES_MAX);
                polls.add(bytes);
            }
        }
        assertThat(polls.size()).isGreaterThan(10).isLessThan(40);
    }
}
