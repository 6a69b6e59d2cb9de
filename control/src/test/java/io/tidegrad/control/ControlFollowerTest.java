package io.tidegrad.control;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Supplier;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.MockConsumer;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;

class ControlFollowerTest {
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private static ConsumerRecord<byte[], byte[]> decision(TopicPartition control, long offset) {
        ControlRecord record = new ControlRecord("m" + offset, new ControlAction.Pause(), 1, "", "");
        return new ConsumerRecord<>(control.topic(), 0, offset, record.key(), record.encode());
    }

    /// A client can't even be made while the names of all brokers can't be resolved.
    @Test
    void decisionsAreFollowedWhateverKafkaAndOneOfThemThrow() {
        TopicPartition control = new TopicPartition("control", 0);
        MockConsumer<byte[], byte[]> first = new MockConsumer<>("none");
        first.updateBeginningOffsets(Map.of(control, 0L));
        first.updateEndOffsets(Map.of(control, 0L));
        MockConsumer<byte[], byte[]> later = new MockConsumer<>("none");
        later.schedulePollTask(() -> {
            later.addRecord(decision(control, 0));
            later.addRecord(decision(control, 1));
        });
        Iterator<Supplier<Consumer<byte[], byte[]>>> opened =
                List.<Supplier<Consumer<byte[], byte[]>>>of(() -> first, () -> {
                    throw new KafkaException("No resolvable bootstrap urls given in bootstrap.servers");
                }, () -> later).iterator();
        List<String> followed = new CopyOnWriteArrayList<>();
        try (ControlFollower follower = new ControlFollower(() -> opened.next().get(), control.topic())) {
            assertThat(follower.records()).isEqualTo(new ControlLog.Records(List.of(), List.of()));
            first.setPollException(new KafkaException("away"));
            follower.follow(record -> {
                followed.add(record.model());
                if (followed.size() == 1) {
                    throw new IllegalStateException("thrown on purpose");
                }
            });
            await().atMost(PATIENCE).untilAsserted(() -> assertThat(followed).containsExactly("m0", "m1"));
        }
    }

    @Test
    void decisionsAboutModelsAndAboutStreamsGoSeparateWays() {
        TopicPartition control = new TopicPartition("control", 0);
        StreamRecord created = StreamRecordTest.records().getFirst();
        StreamRecord paused = new StreamRecord("payments", new StreamAction.Pause(), 1, "", "");
        MockConsumer<byte[], byte[]> consumer = new MockConsumer<>("none");
        consumer.updateBeginningOffsets(Map.of(control, 0L));
        consumer.updateEndOffsets(Map.of(control, 3L));
        consumer.schedulePollTask(() -> {
            consumer.addRecord(new ConsumerRecord<>(control.topic(), 0, 0, created.key(), created.encode()));
            consumer.addRecord(decision(control, 1));
            // One that this build can't read.
            consumer.addRecord(new ConsumerRecord<>(control.topic(), 0, 2, created.key(), new byte[20]));
        });
        List<Object> followed = new CopyOnWriteArrayList<>();
        try (ControlFollower follower = new ControlFollower(() -> consumer, control.topic())) {
            ControlLog.Records records = follower.records();
            assertThat(records.models()).extracting(ControlRecord::model).containsExactly("m1");
            assertThat(records.streams()).containsExactly(created);
            assertThat(follower.unreadable()).isOne();
            consumer.schedulePollTask(() -> {
                consumer.addRecord(new ConsumerRecord<>(control.topic(), 0, 3, paused.key(), paused.encode()));
                consumer.addRecord(decision(control, 4));
            });
            follower.follow(record -> followed.add(record.model()), followed::add);
            await().atMost(PATIENCE).untilAsserted(() -> assertThat(followed).containsExactly(paused, "m4"));
        }
    }
}
