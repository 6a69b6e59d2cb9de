package io.tidegrad.joiner.topology;

import io.tidegrad.joiner.join.EventRecord.Content;
import io.tidegrad.joiner.join.Position;
import io.tidegrad.model.stream.Example;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongSupplier;
import org.apache.kafka.common.utils.Bytes;
import org.jspecify.annotations.Nullable;

/// Corrections of a task whose events are to be read again. They wait for each other, because events that lie near each
/// other come with one request, until there are enough or the task commits. An id and a label have 1,000 bytes at most, so
/// that what waits takes a few MB at most, and of the events it has none: each is passed on when it is read.
final class Corrections {
    /// The most that wait, at first and later.
    static final int FIRST = 64;

    /// So many take less than half of a transaction's 10 s if they lie far from each other and take 5 ms each.
    static final int MAX = 512;

    private static final int MIN = 16;

    /// Reading takes no longer, if it can be helped: several times fit into a transaction, and a commit comes in between.
    /// Events far from each other, or a Kafka that is far away, take a few ms each.
    private static final Duration READING_MAX = Duration.ofMillis(200);

    private final EventLookup events;
    private final Writer writer;
    private final LongSupplier clock;
    private final List<Correction> waiting = new ArrayList<>();
    private final Map<Bytes, Position> places = new HashMap<>(); // by id
    private int max = FIRST;

    private record Correction(byte[] id, Example example, Position at) {
    }

    @FunctionalInterface
    interface Writer {
        /// @param content null if the event is gone
        void write(byte[] id, Example example, Position at, @Nullable Content content);
    }

    /// @param clock in nanoseconds, which never goes back; it decides how many are read together and nothing else
    Corrections(EventLookup events, Writer writer, LongSupplier clock) {
        this.events = events;
        this.writer = writer;
        this.clock = clock;
    }

    /// Adds one, and writes all that wait if these are enough.
    void add(byte[] id, Example example) {
        Position at = new Position(example.source().partition(), example.source().offset());
        Position other = places.get(Bytes.wrap(id));
        if (other != null && !other.equals(at)) {
            write(); // those of an event before, under the same id
        }
        waiting.add(new Correction(id, example, at));
        places.put(Bytes.wrap(id), at);
        if (waiting.size() >= max) {
            write();
        }
    }

    /// Writes all that wait if one of them is of this id, of which something else is to be written.
    void writeBefore(byte[] id) {
        if (!places.isEmpty() && places.containsKey(Bytes.wrap(id))) {
            write();
        }
    }

    /// Writes all that wait, those of each id in their order.
    void write() {
        if (waiting.isEmpty()) {
            return;
        }
        long began = clock.getAsLong();
        events.read(waiting.stream().map(Correction::at).toList(), (i, content) -> {
            Correction correction = waiting.get(i);
            writer.write(correction.id(), correction.example(), correction.at(), content);
        });
        if (clock.getAsLong() - began > READING_MAX.toNanos()) {
            max = Math.max(MIN, max / 2);
        } else if (waiting.size() >= max) {
            max = Math.min(MAX, 2 * max);
        }
        waiting.clear();
        places.clear();
    }

    void close() {
        events.close();
    }
}
