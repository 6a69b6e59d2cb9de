package io.tidegrad.joiner.verify;

import io.tidegrad.control.ControlException;
import io.tidegrad.control.ControlException.Reason;
import io.tidegrad.control.KafkaTopics;
import io.tidegrad.control.ReadCommitted;
import io.tidegrad.control.StreamAction;
import io.tidegrad.control.StreamState;
import io.tidegrad.control.TopicReader;
import io.tidegrad.joiner.join.EventRecord;
import io.tidegrad.joiner.join.JoinOutput;
import io.tidegrad.joiner.join.LabelRecord;
import io.tidegrad.joiner.join.LabeledEvents;
import io.tidegrad.joiner.join.Position;
import io.tidegrad.joiner.topology.JoinerTopology;
import io.tidegrad.joiner.verify.IdComparison.TaskTime;
import io.tidegrad.joiner.verify.IdComparison.Verdict;
import io.tidegrad.model.feature.StreamFields;
import io.tidegrad.model.learn.Tick;
import io.tidegrad.model.stream.Example;
import io.tidegrad.model.stream.ExampleException;
import io.tidegrad.model.stream.StreamSpec;
import io.tidegrad.schemas.DeadLetter;
import io.tidegrad.schemas.RecordDecoder;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.KafkaSettings;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.locks.LockSupport;
import java.util.zip.CRC32C;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.jspecify.annotations.Nullable;

/// Joins the topics of a stream's epoch again, by brute force, and compares the result with the epoch's examples, id by
/// id. It sees what is committed, and writes nothing.
///
/// Dead letters of the join are compared too, because one explains why an event has no example.
///
/// What the joiner has read is compared, up to the offsets that it has committed; an id with later records is left out.
/// So is one with records that retention has deleted. If the heap can't hold all ids at the same time, the topics are
/// read several times, each time for a part of the ids.
public final class StreamVerification {
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final Duration LOOK_EVERY = Duration.ofMillis(200);
    private static final int TOLD_MAX = 20;

    /// What a record takes in the heap while it is compared, with its id and its share of the maps.
    private static final long RECORD_BYTES = 600;

    /// The reason of a dead letter in place of a correction whose event retention has deleted.
    private static final String EVENT_GONE = "event-gone";

    private static final EventRecord.Content NO_CONTENT = new EventRecord.Content(new byte[0]);

    private final Options options;
    private final StreamSpec spec;
    private final StreamState.Epoch epoch;
    private final RecordDecoder decoder;
    private final List<Side> sides = new ArrayList<>();
    private final Counts counts = new Counts();
    private final List<Difference> differences = new ArrayList<>();
    private final String examplesTopic;
    private long examplesFrom;
    private long examplesTo;
    private final Map<TopicPartition, Long> letterEnds = new HashMap<>();
    private boolean lettersCut;
    private long taskTime = Long.MIN_VALUE;
    private long newest = Long.MIN_VALUE;
    private long disorder;
    private long lostBefore = Long.MIN_VALUE;

    /// @param recordsMax how many records are held at the same time at most
    public record Options(KafkaSettings kafka, Topics topics, StreamState.Epoch epoch, long recordsMax) {
        /// Returns options under which a quarter of the heap is used.
        public static Options of(KafkaSettings kafka, Topics topics, StreamState.Epoch epoch) {
            return new Options(kafka, topics, epoch, Runtime.getRuntime().maxMemory() / 4 / RECORD_BYTES);
        }
    }

    /// How far a verification has come.
    @FunctionalInterface
    public interface Listener {
        /// @param pass from 1 on
        /// @param records how many of all passes were read
        void at(int pass, int passes, long records);
    }

    /// An id whose examples can't have come from its records.
    ///
    /// @param id of an event without an id its place: `topic:partition:offset`
    /// @param found its examples
    /// @param expected what it should have; one of several possibilities
    /// @param altered whether an example has another key, value or carried header than its event
    public record Difference(String id, List<Example> found, List<Example> expected, boolean altered) {
    }

    /// @param ids how many were compared
    /// @param examples how many they have
    /// @param records how many records of events and labels were read
    /// @param rejected how many of them can't be joined: they are dead letters
    /// @param late ids whose examples are possible only if a task read one side late
    /// @param undecided ids with too many possible orders
    /// @param unsettled ids that have records which the joiner has not read yet
    /// @param lost ids of which retention has deleted, or may have deleted, records
    /// @param cut offset before which retention has deleted the examples; 0 if it has not
    /// @param taskTime what the time of all tasks has reached; null if no tick among the examples tells
    /// @param different how many ids differ
    /// @param differences the first of them
    public record Result(String stream, int epoch, long ids, long examples, long records, long rejected, long late,
            long undecided, long unsettled, long lost, long cut, @Nullable Instant taskTime, int passes, long different,
            List<Difference> differences) {
        public Result {
            differences = List.copyOf(differences);
        }
    }

    /// The counts of all passes.
    private static final class Counts {
        private long ids;
        private long examples;
        private long records;
        private long rejected;
        private long late;
        private long undecided;
        private long unsettled;
        private long lost;
        private long different;
    }

    /// What is read of one partition.
    ///
    /// @param from offset of the first record that the joiner has read, or retention has left
    /// @param joined offset before which the joiner has read all
    /// @param end offset before which all was there when the examples were read
    /// @param cut whether retention has deleted some that the joiner has read
    private record Part(TopicPartition partition, long from, long joined, long end, boolean cut) {
    }

    /// Where a refused record lies.
    private record Place(String topic, Position at) {
    }

    private record Side(boolean events, List<Part> parts) {
    }

    /// All that is known of one id.
    private static final class Known {
        private final Map<TopicPartition, List<Arrival>> arrivals =
                new TreeMap<>((one, other) -> one.toString().compareTo(other.toString()));
        private final List<Example> examples = new ArrayList<>(2);
        private final Map<Position, Integer> contents = new HashMap<>(2); // of its events
        private boolean altered; // an example has another content than its event
        private List<Example> expected = List.of(); // of a stream with labels in its events
        private boolean unsettled;
        private boolean lost;
    }

    private StreamVerification(Options options, RecordDecoder decoder) {
        this.options = options;
        this.decoder = decoder;
        epoch = options.epoch();
        spec = epoch.spec();
        examplesTopic = options.topics().examples(spec.stream(), epoch.number());
    }

    /// @throws ControlException if no joiner has joined the epoch, or what it has read is not joined within a minute
    /// @throws io.tidegrad.schemas.SchemaRegistry.RegistryUnavailableException the registry did not answer
    public static Result run(Options options, RecordDecoder decoder, Admin admin, Listener listener) {
        return new StreamVerification(options, decoder).run(admin, listener);
    }

    private Result run(Admin admin, Listener listener) {
        Map<TopicPartition, Long> joined = awaitJoined(admin);
        try (TopicReader reader = new TopicReader(options.kafka(), examplesTopic)) {
            examplesFrom = reader.begin();
            examplesTo = reader.end();
        }
        for (TopicPartition partition : TopicReader.partitions(options.kafka(), options.topics().deadLetters())) {
            try (TopicReader reader = new TopicReader(options.kafka(), partition)) {
                letterEnds.put(partition, reader.end());
                lettersCut |= reader.begin() > 0;
            }
        }
        sides.add(side(epoch.create().events(), true, joined));
        StreamAction.Source ofLabels = epoch.create().labels();
        if (ofLabels != null) {
            sides.add(side(ofLabels, false, joined));
        }
        long held = examplesTo - examplesFrom + sides.stream().flatMap(side -> side.parts().stream())
                .mapToLong(part -> part.end() - part.from()).sum();
        Map<Place, String> letters = letters();
        int passes = (int) Math.max(1, Math.ceilDiv(held, Math.max(1, options.recordsMax() - letters.size())));
        for (int pass = 0; pass < passes; pass++) {
            Map<String, Known> ids = new HashMap<>();
            for (Side side : sides) {
                for (Part part : side.parts()) {
                    read(part, side.events(), ids, passes, pass);
                    listener.at(pass + 1, passes, counts.records);
                }
            }
            readExamples(ids, passes, pass);
            compare(ids, letters);
        }
        return new Result(spec.stream(), epoch.number(), counts.ids, counts.examples, counts.records / passes,
                counts.rejected / passes, counts.late, counts.undecided, counts.unsettled, counts.lost, examplesFrom,
                taskTime == Long.MIN_VALUE ? null : Instant.ofEpochMilli(taskTime), passes, counts.different,
                differences);
    }

    /// Returns the offsets that the joiner has committed, once it has joined what it had read at the beginning.
    private Map<TopicPartition, Long> awaitJoined(Admin admin) {
        Set<String> raw = new HashSet<>();
        raw.add(spec.events().topic());
        if (spec.labels() != null) {
            raw.add(spec.labels().topic());
        }
        String group = options.topics().joinerApplicationId(spec.stream(), epoch.number());
        List<TopicPartition> partitions = new ArrayList<>();
        List<String> read = new ArrayList<>(raw);
        StreamAction.Source labels = epoch.create().labels();
        if (labels != null && !JoinerTopology.isPartitionedAlike(spec, epoch.create().events().partitions(),
                labels.partitions())) {
            read.add(Topics.joinerRepartition(group));
        }
        read.forEach(topic -> partitions.addAll(TopicReader.partitions(options.kafka(), topic)));
        Map<TopicPartition, Long> begun = offsets(admin, group, partitions);
        if (begun.isEmpty()) {
            throw new ControlException(Reason.CONFIGURATION,
                    "stream " + spec.stream() + ": expected a joiner that has joined epoch " + epoch.number()
                            + ", found no offsets of group " + group + "; start one, or correct the prefix");
        }
        ReadCommitted lookUp = new ReadCommitted(options.kafka().client());
        Map<TopicPartition, Long> ends = new HashMap<>();
        for (TopicPartition partition : begun.keySet()) {
            if (!raw.contains(partition.topic())) {
                try (TopicReader reader = new TopicReader(options.kafka(), partition)) {
                    ends.put(partition, reader.end());
                }
            }
        }
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        while (true) {
            Map<TopicPartition, Long> now = offsets(admin, group, partitions);
            TopicPartition behind = null;
            for (Map.Entry<TopicPartition, Long> end : ends.entrySet()) {
                long at = now.getOrDefault(end.getKey(), 0L);
                // The end of a transaction takes an offset too. The one after it is committed later, if the joiner still runs.
                if (at < end.getValue() && lookUp.firstBetween(end.getKey(), at, end.getValue()) != null) {
                    behind = end.getKey();
                }
            }
            if (behind == null) {
                begun.keySet().removeIf(partition -> !raw.contains(partition.topic()));
                return begun;
            }
            if (System.nanoTime() - deadline > 0) {
                throw new ControlException(Reason.RETRYABLE,
                        "stream " + spec.stream() + ": expected the joiner to have joined what it read, found that "
                                + behind + " is still to be joined after " + PATIENCE.toSeconds()
                                + " s; give the command again while a joiner runs");
            }
            LockSupport.parkNanos(LOOK_EVERY.toNanos());
        }
    }

    private static Map<TopicPartition, Long> offsets(Admin admin, String group, List<TopicPartition> partitions) {
        Map<TopicPartition, Long> offsets = new HashMap<>();
        KafkaTopics.committed(admin, group, partitions).forEach((partition, offset) -> {
            if (offset != null) {
                offsets.put(partition, offset.offset());
            }
        });
        return offsets;
    }

    private Side side(StreamAction.Source source, boolean events, Map<TopicPartition, Long> joined) {
        List<Part> parts = new ArrayList<>();
        for (int i = 0; i < source.partitions(); i++) {
            TopicPartition partition = new TopicPartition(source.topic(), i);
            try (TopicReader reader = new TopicReader(options.kafka(), partition)) {
                long end = reader.end();
                long begin = reader.begin();
                Instant from = epoch.create().from();
                long start = from == null ? 0 : reader.firstSince(from).orElse(end);
                long first = Math.max(begin, start);
                // With a time to begin at, what lies before it was never joined, so it does not matter whether it is there.
                boolean cut = begin > 0 && (from == null || start == begin);
                parts.add(new Part(partition, first, Math.max(first, joined.getOrDefault(partition, first)), end, cut));
            }
        }
        return new Side(events, parts);
    }

    private void read(Part part, boolean events, Map<String, Known> ids, int passes, int pass) {
        StreamSpec.Labels labels = spec.labels();
        StreamFields fields = events || labels == null ? StreamFields.ofEvents(spec) : StreamFields.ofLabels(spec);
        long[] newestHere = {Long.MIN_VALUE};
        try (TopicReader reader = new TopicReader(options.kafka(), part.partition())) {
            reader.read(part.from(), part.end(), record -> {
                counts.records++;
                if (record.headers().lastHeader(Tick.HEADER) != null) {
                    return true;
                }
                if (!isRead(fields, record)) {
                    counts.rejected++;
                    return true;
                }
                long time = fields.time();
                if (part.cut() && newestHere[0] == Long.MIN_VALUE) {
                    lostBefore = Math.max(lostBefore, time + window());
                }
                newestHere[0] = Math.max(newestHere[0], time);
                disorder = Math.max(disorder, newestHere[0] - time);
                newest = Math.max(newest, time);
                String id = labels == null ? source(record).toString() : Objects.requireNonNull(fields.id());
                if (Math.floorMod(id.hashCode(), passes) == pass) {
                    take(record, fields, ids.computeIfAbsent(id, of -> new Known()), events, part);
                }
                return true;
            });
        }
    }

    private long window() {
        StreamSpec.Join join = spec.join();
        return join == null ? 0 : join.window().toMillis();
    }

    private boolean isRead(StreamFields fields, ConsumerRecord<byte[], byte[]> record) {
        boolean label = spec.labels() != null && record.topic().equals(spec.labels().topic());
        return (label || record.value() != null)
                && fields.read(decoder, record.key(), record.value(), record.timestamp()) == null;
    }

    private static Example.Source source(ConsumerRecord<?, ?> record) {
        return new Example.Source(record.topic(), record.partition(), record.offset());
    }

    private void take(ConsumerRecord<byte[], byte[]> record, StreamFields fields, Known known, boolean events,
            Part part) {
        if (record.offset() >= part.joined()) {
            known.unsettled = true;
            return;
        }
        Position at = new Position(record.partition(), record.offset());
        List<Arrival> arrivals = known.arrivals.computeIfAbsent(part.partition(), of -> new ArrayList<>(2));
        String id = Objects.requireNonNullElse(fields.id(), "");
        if (!events) {
            arrivals.add(new Arrival.OfLabel(id, new LabelRecord(fields.time(), at, fields.label(), null, null)));
            return;
        }
        EventRecord event = new EventRecord(fields.time(), at, fields.weight(), NO_CONTENT);
        arrivals.add(new Arrival.OfEvent(id, event));
        known.contents.put(at,
                content(fields.id() == null ? record.key() : id.getBytes(StandardCharsets.UTF_8), record));
        String label = fields.label();
        if (spec.labels() == null && label != null) {
            Example expected = new LabeledEvents(spec).example(id, event, label);
            known.expected = expected == null ? List.of() : List.of(expected);
        }
    }

    /// Returns a checksum of what goes from an event into its examples unchanged.
    ///
    /// @param key that an example has
    private static int content(byte @Nullable [] key, ConsumerRecord<byte[], byte[]> record) {
        CRC32C sum = new CRC32C();
        add(key, sum);
        add(record.value(), sum);
        for (Header header : record.headers()) {
            if (header.key().startsWith(Example.CARRIED_PREFIX)) {
                add(header.key().getBytes(StandardCharsets.UTF_8), sum);
                add(header.value(), sum);
            }
        }
        return (int) sum.getValue();
    }

    private static void add(byte @Nullable [] bytes, CRC32C to) {
        int length = bytes == null ? -1 : bytes.length;
        to.update(ByteBuffer.allocate(Integer.BYTES).putInt(0, length));
        if (bytes != null) {
            to.update(bytes);
        }
    }

    private void readExamples(Map<String, Known> ids, int passes, int pass) {
        Map<TopicPartition, Long> begins = new HashMap<>();
        sides.getFirst().parts().stream().filter(Part::cut).forEach(part -> begins.put(part.partition(), part.from()));
        try (TopicReader reader = new TopicReader(options.kafka(), examplesTopic)) {
            reader.read(examplesFrom, examplesTo, record -> {
                Header tick = record.headers().lastHeader(Tick.HEADER);
                if (tick != null) {
                    Long time = Tick.eventTime(tick);
                    taskTime = Math.max(taskTime, time == null ? Long.MIN_VALUE : time);
                    return true;
                }
                Example example = example(record);
                String id = spec.labels() == null ? example.source().toString()
                        : record.key() == null ? "" : new String(record.key(), StandardCharsets.UTF_8);
                if (Math.floorMod(id.hashCode(), passes) != pass) {
                    return true;
                }
                Known known = ids.computeIfAbsent(id, of -> new Known());
                known.examples.add(example);
                Example.Source source = example.source();
                Integer content = known.contents.get(new Position(source.partition(), source.offset()));
                known.altered |= content != null && content != content(record.key(), record);
                Long begin = begins.get(new TopicPartition(source.topic(), source.partition()));
                if (begin != null && source.offset() < begin) {
                    known.lost = true;
                }
                return true;
            });
        }
    }

    private Example example(ConsumerRecord<byte[], byte[]> record) {
        try {
            return Example.read(record.headers());
        } catch (ExampleException notOne) {
            throw new ControlException(Reason.STATE_VIOLATION, examplesTopic + "-0 offset " + record.offset()
                    + ": expected an example, found another record: " + notOne.getMessage(), notOne);
        }
    }

    /// Returns the reasons of the dead letters that joining gave, by where the refused records lie.
    private Map<Place, String> letters() {
        Map<Place, String> reasons = new HashMap<>();
        letterEnds.forEach((partition, end) -> {
            try (TopicReader reader = new TopicReader(options.kafka(), partition)) {
                reader.read(reader.begin(), end, letter -> {
                    String reason = text(letter, DeadLetter.REASON);
                    if (text(letter, DeadLetter.STREAM).equals(spec.stream())
                            && text(letter, "tidegrad-epoch").equals(Integer.toString(epoch.number()))
                            && (reason.equals(EVENT_GONE) || reason(reason) != null)) {
                        Place place = place(letter);
                        if (place != null) {
                            reasons.put(place, reason);
                        }
                    }
                    return true;
                });
            }
        });
        return reasons;
    }

    private static @Nullable Place place(ConsumerRecord<byte[], byte[]> letter) {
        String partition = text(letter, DeadLetter.PARTITION);
        String offset = text(letter, "tidegrad-offset");
        return partition.matches("[0-9]{1,9}") && offset.matches("[0-9]{1,18}")
                ? new Place(text(letter, DeadLetter.TOPIC),
                        new Position(Integer.parseInt(partition), Long.parseLong(offset)))
                : null;
    }

    /// Returns the newest header of this name, because the record may have had one of its own.
    private static String text(ConsumerRecord<byte[], byte[]> letter, String header) {
        Header found = letter.headers().lastHeader(header);
        return found == null || found.value() == null ? "" : new String(found.value(), StandardCharsets.UTF_8);
    }

    private static JoinOutput.@Nullable Reason reason(String code) {
        for (JoinOutput.Reason reason : JoinOutput.Reason.values()) {
            if (reason.code().equals(code)) {
                return reason;
            }
        }
        return null;
    }

    /// Returns the dead letters of the records of an id.
    private static Set<BruteForceJoin.DeadLetter> letters(Known known, Map<Place, String> all) {
        Set<BruteForceJoin.DeadLetter> letters = new HashSet<>();
        known.arrivals.forEach((partition, arrivals) -> arrivals.forEach(arrival -> {
            Position at = switch (arrival) {
                case Arrival.OfEvent(String id, EventRecord event) -> event.at();
                case Arrival.OfLabel(String id, LabelRecord label) -> label.at();
                case Arrival.Tick tick -> throw new IllegalStateException("a tick has no id");
            };
            String code = all.getOrDefault(new Place(partition.topic(), at), "");
            JoinOutput.Reason reason = reason(code);
            if (reason != null) {
                letters.add(new BruteForceJoin.DeadLetter(reason, at));
            }
            // A correction could not be written, because retention had deleted its event.
            known.lost |= code.equals(EVENT_GONE);
        }));
        return letters;
    }

    private void compare(Map<String, Known> ids, Map<Place, String> letters) {
        TaskTime time =
                new TaskTime(spec.align().plusMillis(disorder), taskTime, Math.max(newest, System.currentTimeMillis()));
        new TreeMap<>(ids).forEach((id, known) -> {
            Set<BruteForceJoin.DeadLetter> own = letters(known, letters);
            if (known.unsettled) {
                counts.unsettled++;
            } else if (known.lost || isOlderThanWhatIsLost(known)) {
                counts.lost++;
            } else {
                counts.ids++;
                counts.examples += known.examples.size();
                if (known.altered) {
                    differ(new Difference(id, known.examples, List.of(), true));
                } else {
                    compare(id, known, own, time);
                }
            }
        });
    }

    /// Retention deletes the oldest records; what is as near to them as a window may have belonged to an id with such ones.
    private boolean isOlderThanWhatIsLost(Known known) {
        return spec.labels() != null && known.arrivals.values().stream().flatMap(List::stream)
                .anyMatch(arrival -> arrival.time() <= lostBefore);
    }

    private void compare(String id, Known known, Set<BruteForceJoin.DeadLetter> letters, TaskTime time) {
        if (spec.labels() == null) {
            if (!known.examples.equals(known.expected) && !(examplesFrom > 0 && known.examples.isEmpty())) {
                differ(new Difference(id, known.examples, known.expected, false));
            }
            return;
        }
        IdComparison compared = IdComparison.of(spec, id, List.copyOf(known.arrivals.values()),
                new IdComparison.Found(known.examples, examplesFrom > 0, letters, lettersCut), time);
        switch (compared.verdict()) {
            case Verdict.EQUAL -> {
            }
            case Verdict.LATE -> counts.late++;
            case Verdict.UNDECIDED -> counts.undecided++;
            case Verdict.DIFFERENT -> differ(new Difference(id, known.examples,
                    compared.expected().isEmpty() ? List.of() : compared.expected().iterator().next(), false));
        }
    }

    private void differ(Difference difference) {
        counts.different++;
        if (differences.size() < TOLD_MAX) {
            differences.add(difference);
        }
    }
}
