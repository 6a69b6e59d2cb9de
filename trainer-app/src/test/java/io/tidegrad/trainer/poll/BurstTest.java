package io.tidegrad.trainer.poll;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.serialization.Deserializer;
import org.junit.jupiter.api.Test;

class BurstTest {
    private static final Deserializer<Burst> DESERIALIZER = Burst.deserializer();

    /// Offsets with gaps, as transaction markers leave them.
    private static List<ConsumerRecord<byte[], byte[]>> events(int count) {
        List<ConsumerRecord<byte[], byte[]>> events = new ArrayList<>();
        for (int event = 0; event < count; event++) {
            events.add(new ConsumerRecord<>("t", 0, 100 + 3L * event, null, new byte[]{(byte) event}));
        }
        return events;
    }

    private static Burst unwrapped(ConsumerRecord<byte[], byte[]> record) {
        return DESERIALIZER.deserialize(record.topic(), record.headers(), record.value());
    }

    @Test
    void allEventsComeInOrderAndOnce() {
        for (int count = 1; count <= 3 * Burst.EVENTS_MAX + 1; count++) {
            List<ConsumerRecord<byte[], byte[]>> events = events(count);
            List<ConsumerRecord<byte[], byte[]>> unwrapped = new ArrayList<>();
            for (ConsumerRecord<byte[], byte[]> burst : BurstConsumer.bursts(events, Burst.EVENTS_MAX, null)) {
                assertThat(unwrapped(burst).events()).hasSizeBetween(1, Burst.EVENTS_MAX);
                unwrapped.addAll(unwrapped(burst).events());
            }
            assertThat(unwrapped).isEqualTo(events);
        }
    }

    /// Streams commits the offset of the first record that it has not processed.
    @Test
    void aBurstLiesAtTheOffsetOfItsFirstEvent() {
        for (ConsumerRecord<byte[], byte[]> burst : BurstConsumer.bursts(events(200), Burst.EVENTS_MAX, null)) {
            assertThat(burst.offset()).isEqualTo(unwrapped(burst).events().getFirst().offset());
        }
    }

    @Test
    void aBurstOfLargeEventsIsShort() {
        List<ConsumerRecord<byte[], byte[]>> events = new ArrayList<>(events(200));
        for (int i = 0; i < 100; i++) {
            events.set(i, new ConsumerRecord<>("t", 0, i, 0, TimestampType.CREATE_TIME, -1, 300 * 1024, null,
                    new byte[]{}, new RecordHeaders(), Optional.empty()));
        }
        List<Integer> sizes = BurstConsumer.bursts(events, Burst.EVENTS_MAX, null).stream()
                .map(each -> unwrapped(each).events().size()).toList();
        assertThat(sizes).hasSize(27).startsWith(4, 4).endsWith(64, 36);
    }

    /// Half a gigabyte a step, an event a step: four are a second.
    @Test
    void aSlowModelsBurstsAreShort() {
        assertThat(Burst.eventsMax(0)).isEqualTo(Burst.EVENTS_MAX);
        assertThat(Burst.eventsMax(1_000_000)).isEqualTo(Burst.EVENTS_MAX);
        assertThat(Burst.eventsMax(500_000_000)).isEqualTo(4);
        assertThat(Burst.eventsMax(1L << 33)).isEqualTo(1);
        assertThat(BurstConsumer.bursts(events(9), 4, null)).hasSize(3);
    }

    @Test
    void anythingElseThanABurstIsADefect() {
        assertThatThrownBy(() -> DESERIALIZER.deserialize("t", new RecordHeaders(), new byte[]{1}))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageStartingWith("expected a burst of t as the consumer made it, found");
    }
}
