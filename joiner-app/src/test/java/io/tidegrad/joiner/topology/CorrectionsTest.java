package io.tidegrad.joiner.topology;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.joiner.join.EventRecord.Content;
import io.tidegrad.joiner.join.Position;
import io.tidegrad.model.stream.Example;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/// Corrections on a topic of events that a reader takes in the order of its places.
class CorrectionsTest {
    private static final byte[] EVENT = {7};

    private final List<String> written = new ArrayList<>();
    private final List<Integer> readings = new ArrayList<>();
    private Duration each = Duration.ZERO; // time that reading an event takes
    private long nanos;
    private final Corrections corrections = new Corrections(new EventLookup() {
        @Override
        public void read(List<Position> places, Found to) {
            readings.add(places.size());
            IntStream.range(0, places.size()).boxed()
                    .sorted(Comparator.<Integer, Integer>comparing(i -> places.get(i).partition())
                            .thenComparing(i -> places.get(i).offset()))
                    .forEach(i -> {
                        int before = written.size();
                        nanos += each.toNanos();
                        to.at(i, places.get(i).offset() < 0 ? null : new Content(EVENT));
                        assertThat(written).as("passed on before the next is read").hasSize(before + 1);
                    });
        }

        @Override
        public void close() {}
    }, this::write, () -> nanos);

    private void write(byte[] id, Example example, Position at, @Nullable Content content) {
        written.add(new String(id, StandardCharsets.UTF_8) + "=" + example.label() + "@" + at.offset()
                + (content == null ? " gone" : ""));
    }

    private void add(String id, String label, int partition, long offset) {
        corrections.add(id.getBytes(StandardCharsets.UTF_8), new Example(Example.Kind.CORRECTION, label, "0", 1,
                new Example.Source("events", partition, Math.abs(offset)), 0, 0L));
    }

    @Test
    void thoseOfAnIdAreWrittenInTheirOrderWhereverItsEventsLie() {
        add("a", "1", 5, 90);
        add("b", "1", 2, 10);
        add("a", "2", 5, 90);
        assertThat(written).as("more may come").isEmpty();
        add("a", "3", 1, 4); // the id is used again, by an event of another partition
        assertThat(written).containsExactly("b=1@10", "a=1@90", "a=2@90");
        corrections.writeBefore("c".getBytes(StandardCharsets.UTF_8));
        assertThat(written).as("nothing of this id waits").hasSize(3);
        corrections.writeBefore("a".getBytes(StandardCharsets.UTF_8));
        assertThat(written).last().isEqualTo("a=3@4");
        corrections.write();
        assertThat(written).hasSize(4);
    }

    @Test
    void soManyAreReadTogetherAsTakeAFractionOfATransaction() {
        IntStream.range(0, 100_000).forEach(i -> add("id-" + i, "1", 0, i));
        assertThat(readings).first().isEqualTo(Corrections.FIRST);
        assertThat(readings).last().isEqualTo(Corrections.MAX);
        assertThat(Duration.ofMillis(5).multipliedBy(Corrections.MAX))
                .as("half of a transaction's 10 s, if they lie far from each other next")
                .isLessThan(Duration.ofSeconds(5));
        each = Duration.ofMillis(4);
        IntStream.range(0, 10_000).forEach(i -> add("id-" + i, "1", 0, i));
        assertThat(readings.subList(readings.size() - 20, readings.size())).as("of 4 ms each")
                .allMatch(together -> together * 4 <= 300);
        corrections.write();
        assertThat(written).hasSize(110_000);
    }
}
