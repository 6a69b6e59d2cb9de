package io.tidegrad.joiner.topology;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.joiner.join.Position;
import io.tidegrad.localstack.KafkaProvider;
import io.tidegrad.localstack.SharedStack;
import io.tidegrad.proof.LongProof;
import java.lang.ref.WeakReference;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.Test;

/// Events of half a megabyte on a real broker, of which retention took the first five of partition 1.
class KafkaEventLookupTest {
    private static final int EVENTS = 40; // in each of two partitions
    private static final int BYTES = 500_000;

    private final KafkaProvider kafka = SharedStack.get();
    private final String topic = "events-" + UUID.randomUUID();
    private final Map<String, Object> client = Map.of("bootstrap.servers", kafka.bootstrapServers());

    @LongProof("many events on a broker")
    @Test
    void eventsAreFoundWhereTheyLieAndMemoryHoldsAFewOfThemHoweverManyThereAre() throws Exception {
        try (Admin admin = Admin.create(client);
                KafkaProducer<byte[], byte[]> producer =
                        new KafkaProducer<>(client, new ByteArraySerializer(), new ByteArraySerializer())) {
            admin.createTopics(List.of(new NewTopic(topic, 2, (short) 1))).all().get();
            for (int i = 0; i < EVENTS; i++) {
                for (int partition = 0; partition < 2; partition++) {
                    byte[] value = new byte[BYTES];
                    value[0] = (byte) partition;
                    value[1] = (byte) i;
                    producer.send(new ProducerRecord<>(topic, partition, null, value)).get();
                }
            }
            admin.deleteRecords(Map.of(new TopicPartition(topic, 1), RecordsToDelete.beforeOffset(5))).all().get();
        }
        List<Position> places = new ArrayList<>();
        for (int i = EVENTS - 1; i >= 0; i--) {
            places.add(new Position(1, i));
            places.add(new Position(0, i));
        }
        places.add(new Position(0, 7)); // again
        Map<Integer, String> found = new TreeMap<>();
        List<WeakReference<byte[]>> read = new ArrayList<>();
        List<Integer> order = new ArrayList<>();
        try (KafkaEventLookup lookup = new KafkaEventLookup("payments", topic, client, Duration.ofSeconds(60))) {
            lookup.read(places, (i, content) -> {
                order.add(i);
                found.put(i, content == null ? "gone" : content.value()[0] + " offset " + content.value()[1]);
                if (content != null) {
                    read.add(new WeakReference<>(content.value()));
                }
                if (read.size() % 20 == 0) {
                    System.gc();
                    assertThat(read.stream().filter(each -> each.get() != null).count())
                            .as("held of " + read.size() + " events").isLessThanOrEqualTo(10);
                }
            });
        }
        assertThat(found).hasSize(places.size());
        found.forEach((i, what) -> {
            Position at = places.get(i);
            assertThat(what).isEqualTo(at.partition() == 1 && at.offset() < 5 ? "gone" : at.toString());
        });
        assertThat(order.indexOf(places.indexOf(new Position(0, 7)))).as("equal places in their order")
                .isEqualTo(order.indexOf(2 * EVENTS) - 1);
    }
}
