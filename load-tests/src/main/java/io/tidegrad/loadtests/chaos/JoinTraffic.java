package io.tidegrad.loadtests.chaos;

import io.tidegrad.loadtests.KafkaClients;
import io.tidegrad.loadtests.LoadTestException;
import io.tidegrad.loadtests.Payments;
import io.tidegrad.loadtests.Result;
import io.tidegrad.schemas.SchemaRegistry;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/// Events and labels of four hours, whose every id has one right outcome, and the writer that sends them at an even rate.
///
/// An event's number decides everything about it. So what must become of it is known without looking at any topic: labels
/// come either at most five minutes after their event or more than an hour after it, and the stream waits for thirty. What
/// takes a label back comes twenty minutes after the event or later, so that `align` keeps the two in order.
final class JoinTraffic extends Payments {
    static final Duration ALIGN = Duration.ofMinutes(10);

    private static final Duration SPAN = Duration.ofHours(4);
    private static final Duration WAIT = Duration.ofMinutes(30);
    private static final Duration WINDOW = Duration.ofDays(1);
    private static final long MINUTE = Duration.ofMinutes(1).toMillis();

    /// Longest time from an event to the last record about it.
    private static final long LAST = 130 * MINUTE;

    /// What is written before the next part is, so that no partition runs ahead of another by more than this.
    private static final long PART = MINUTE;

    private static final Duration AGAIN = Duration.ofMillis(500);
    private static final Duration LOOK_EVERY = Duration.ofMillis(100);

    /// How long a part may take, with a broker that is killed meanwhile.
    private static final Duration PART_WITHIN = Duration.ofMinutes(3);

    private static final String EVENT = """
            {"type": "record", "name": "Payment", "fields": [
              {"name": "id", "type": "string"},
              {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
              {"name": "card", "type": "string"},
              {"name": "amount", "type": "double"},
              {"name": "hour", "type": "double"}]}
            """;
    private static final String LABEL = """
            {"type": "record", "name": "Chargeback", "fields": [
              {"name": "id", "type": "string"},
              {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
              {"name": "fraud", "type": "boolean"},
              {"name": "withdrawn", "type": "boolean"}]}
            """;

    private final String name;
    private final long events;
    private final long seed;
    private final long start;
    // Of the writer.
    private final PriorityQueue<Due> due = new PriorityQueue<>();
    private final Set<String> refused = Collections.synchronizedSet(new HashSet<>());
    private final Set<String> orphans = Collections.synchronizedSet(new HashSet<>());
    private long sequence;
    private volatile long written;
    private volatile boolean hurries;
    private long labels;
    private long late;
    private long duplicates;
    private long retractions;

    /// What becomes of an event.
    private enum Fate {
        IN_TIME, EARLY, LATE, TAKEN_BACK, TAKEN_BACK_LATE, UNLABELED
    }

    /// A kind of record that has a place in the dead letters.
    private enum Refused {
        NOT, UNREADABLE, ORPHAN
    }

    /// A record and the time at which it is to be written.
    private record Due(long at, long sequence, ProducerRecord<byte[], byte @Nullable []> record,
            Refused refused) implements Comparable<Due> {
        @Override
        public int compareTo(Due other) {
            return at == other.at ? Long.compare(sequence, other.sequence) : Long.compare(at, other.at);
        }
    }

    /// All that is decided about an event.
    ///
    /// @param labelAfter milliseconds from the event to its label
    /// @param takenBackAfter milliseconds from the event to the retraction
    private record Plan(long time, Fate fate, boolean fraud, long labelAfter, long takenBackAfter, boolean eventTwice,
            boolean labelTwice) {
    }

    JoinTraffic(String name, long events, long seed, SchemaRegistry registry) {
        super("payments-" + name, "chargebacks-" + name, EVENT, LABEL, registry);
        this.name = name;
        this.events = events;
        this.seed = seed;
        start = daysAgo(3);
    }

    String streamSpec() {
        return """
                stream: %s
                events: { topic: %s, key: id, event-time: at }
                labels: { topic: %s, key: id, value: fraud, event-time: at, retract: withdrawn }
                join: { wait: %s, missing: 0, window: %s, late: correct, duplicates: first }
                align: %s
                """.formatted(name, eventsTopic(), labelsTopic(), WAIT, WINDOW, ALIGN);
    }

    String modelSpec() {
        return modelSpec(name, """
                - number: { field: amount, scale: standard }
                - number: { field: hour }
                - category: { field: card, buckets: 2048, dimension: 4 }
                """, "PT1S");
    }

    /// After this event time all is over.
    long end() {
        return start + SPAN.toMillis() + LAST + WINDOW.toMillis() + MINUTE;
    }

    private Plan plan(long event) {
        SplittableRandom random = new SplittableRandom(seed * 31 + event);
        // Up to twenty seconds out of order.
        long time = start + 10 * MINUTE + event * SPAN.toMillis() / events - random.nextLong(20_000);
        int percent = random.nextInt(100);
        Fate fate = percent < 10 ? Fate.LATE : percent < 15 ? Fate.EARLY : percent < 20 ? Fate.TAKEN_BACK
                : percent < 23 ? Fate.TAKEN_BACK_LATE : percent < 40 ? Fate.UNLABELED : Fate.IN_TIME;
        long labelAfter = switch (fate) {
            case LATE -> random.nextLong(61 * MINUTE, 90 * MINUTE);
            case EARLY -> -random.nextLong(1, 5 * MINUTE);
            default -> random.nextLong(5 * MINUTE);
        };
        long takenBackAfter = fate == Fate.TAKEN_BACK ? random.nextLong(20 * MINUTE, 25 * MINUTE)
                : random.nextLong(91 * MINUTE, 120 * MINUTE);
        return new Plan(time, fate, random.nextInt(3) == 0, labelAfter, takenBackAfter, random.nextInt(100) == 0,
                random.nextInt(100) == 0);
    }

    /// What the examples of an event must say, in their order.
    List<String> examples(long event) {
        Plan plan = plan(event);
        List<String> examples = new ArrayList<>();
        switch (plan.fate()) {
            case UNLABELED -> examples.add("provisional 0");
            case LATE -> addLate(plan, examples);
            default -> examples.add("final " + plan.fraud());
        }
        addTakenBack(plan, examples);
        return examples;
    }

    /// Returns whether examples say what they must if a task read the records of an event so far apart that the wait, or
    /// the label, was over when the other came.
    boolean areOfRecordsReadApart(long event, List<String> found) {
        Plan plan = plan(event);
        List<String> late = new ArrayList<>();
        addLate(plan, late);
        addTakenBack(plan, late);
        return plan.fate() != Fate.UNLABELED && found.equals(late)
                || plan.fate() == Fate.TAKEN_BACK && found.equals(List.of("provisional 0"));
    }

    private static void addLate(Plan plan, List<String> examples) {
        examples.add("provisional 0");
        if (plan.fraud()) {
            examples.add("correction 0 true");
        }
    }

    private static void addTakenBack(Plan plan, List<String> examples) {
        if (plan.fraud() && (plan.fate() == Fate.TAKEN_BACK || plan.fate() == Fate.TAKEN_BACK_LATE)) {
            examples.add("correction true 0");
        }
    }

    /// The bytes of an event, which are those of its examples.
    byte[] value(long event) {
        Plan plan = plan(event);
        SplittableRandom random = new SplittableRandom(event);
        return eventBytes(id(event), plan.time(), "card-" + card(event),
                random.nextDouble(1, 500) * (plan.fraud() ? 1.5 : 1), plan.time() / 3_600_000 % 24 / 24.0);
    }

    private static int card(long event) {
        return new SplittableRandom(~event).nextInt(3_000);
    }

    /// Writes everything but the ticks of the end.
    ///
    /// @param perSecond events a second
    void write(String bootstrapServers, double perSecond) throws InterruptedException {
        try (PartWriter writer = new PartWriter(bootstrapServers)) {
            long began = System.nanoTime();
            long event = 0;
            for (long at = start; event < events || !due.isEmpty(); at += PART) {
                // A label may come five minutes before its event.
                for (; event < events && plan(event).time() < at + 6 * MINUTE; event++) {
                    plan(event, plan(event));
                }
                List<Due> part = new ArrayList<>();
                while (!due.isEmpty() && due.peek().at() < at + PART) {
                    part.add(due.remove());
                }
                writer.write(part);
                written = event;
                long due = began + (long) (event / perSecond * 1e9);
                for (long early; (early = due - System.nanoTime()) > 0 && event < events && !hurries;) {
                    Thread.sleep(Duration.ofNanos(Math.min(early, LOOK_EVERY.toNanos())));
                }
                if (Thread.interrupted()) {
                    throw new InterruptedException();
                }
            }
        }
    }

    /// What is left is written as fast as the broker takes it.
    void hurry() {
        hurries = true;
    }

    /// Writes each part in a transaction, until it is known to be there: a producer without one can't go on after its only
    /// broker was killed, because it does not know what was written.
    private final class PartWriter implements AutoCloseable {
        private final String bootstrapServers;
        private KafkaProducer<byte[], byte @Nullable []> producer;
        private long deadline; // of the part that is being written

        PartWriter(String bootstrapServers) throws InterruptedException {
            this.bootstrapServers = bootstrapServers;
            deadline = System.nanoTime() + PART_WITHIN.toNanos();
            producer = begin();
        }

        /// Returns a producer that has ended the transaction of the one before.
        private KafkaProducer<byte[], byte @Nullable []> begin() throws InterruptedException {
            while (true) {
                KafkaProducer<byte[], byte @Nullable []> begun = KafkaClients.writer(bootstrapServers,
                        Map.of("transactional.id", name, "linger.ms", 5, "batch.size", 65_536, "request.timeout.ms",
                                8_000, "delivery.timeout.ms", 20_000, "max.block.ms", 20_000));
                try {
                    begun.initTransactions();
                    return begun;
                } catch (KafkaException e) {
                    begun.close(Duration.ZERO);
                    requireTime(e);
                    Thread.sleep(AGAIN);
                }
            }
        }

        private void requireTime(@Nullable Exception e) {
            if (System.nanoTime() > deadline) {
                throw new LoadTestException("expected a minute of events and labels to be written within "
                        + PART_WITHIN.toSeconds() + " s, found them not known to be there", e);
            }
        }

        void write(List<Due> part) throws InterruptedException {
            deadline = System.nanoTime() + PART_WITHIN.toNanos();
            boolean there = part.isEmpty();
            while (!there) {
                Map<Due, RecordMetadata> places = new ConcurrentHashMap<>();
                try {
                    producer.beginTransaction();
                    for (Due each : part) {
                        producer.send(each.record(), (at, e) -> {
                            if (e == null) {
                                places.put(each, at);
                            }
                        });
                    }
                    producer.commitTransaction();
                    there = true;
                } catch (KafkaException e) {
                    producer.close(Duration.ZERO);
                    requireTime(e);
                    producer = begin();
                    there = places.size() == part.size() && isCommitted(places.values().iterator().next());
                }
                if (there) {
                    places.forEach(JoinTraffic.this::note);
                }
            }
        }

        /// Returns whether a record is one of a transaction that was committed. None is open any more.
        private boolean isCommitted(RecordMetadata at) {
            TopicPartition partition = new TopicPartition(at.topic(), at.partition());
            try (KafkaConsumer<byte[], byte[]> consumer =
                    KafkaClients.reader(bootstrapServers, Map.of(), List.of(partition))) {
                consumer.seek(partition, at.offset());
                while (consumer.position(partition) == at.offset()) {
                    requireTime(null);
                    for (ConsumerRecord<byte[], byte[]> found : consumer.poll(Duration.ofMillis(100))) {
                        return found.offset() == at.offset();
                    }
                }
                return false;
            }
        }

        @Override
        public void close() {
            producer.close(Duration.ZERO);
        }
    }

    private void note(Due due, RecordMetadata at) {
        if (due.refused() != Refused.NOT) {
            String place = at.topic() + ":" + at.partition() + ":" + at.offset();
            (due.refused() == Refused.ORPHAN ? orphans : refused).add(place);
        }
    }

    private void plan(long event, Plan plan) {
        String id = id(event);
        long time = plan.time();
        SplittableRandom random = new SplittableRandom(event * 31 + 7);
        byte[] card = bytes("card-" + card(event));
        byte[] value = value(event);
        add(time, new ProducerRecord<>(eventsTopic(), null, time, card, value), Refused.NOT);
        if (plan.eventTwice()) {
            duplicates++;
            add(time + random.nextLong(10 * MINUTE), new ProducerRecord<>(eventsTopic(), null, time, card, value),
                    Refused.NOT);
        }
        if (plan.fate() != Fate.UNLABELED) {
            addLabel(id, time + plan.labelAfter(), plan.fraud(), false, Refused.NOT);
            late += plan.fate() == Fate.LATE ? 1 : 0;
            if (plan.labelTwice()) {
                duplicates++;
                addLabel(id, time + plan.labelAfter() + random.nextLong(MINUTE), !plan.fraud(), false, Refused.NOT);
            }
        }
        if (plan.fate() == Fate.TAKEN_BACK || plan.fate() == Fate.TAKEN_BACK_LATE) {
            retractions++;
            addLabel(id, time + plan.takenBackAfter(), false, true, Refused.NOT);
        }
        switch (random.nextInt(200)) {
            case 0 -> addLabel("orphan-" + event, time, true, false, Refused.ORPHAN);
            case 1 -> add(time, new ProducerRecord<>(eventsTopic(), null, time, card, poison(random, value)),
                    Refused.UNREADABLE);
            case 2 -> add(time, new ProducerRecord<>(labelsTopic(), null, time, bytes(id),
                    poison(random, labelBytes(id, time, true, false))), Refused.UNREADABLE);
            default -> {
            }
        }
    }

    private void addLabel(String id, long at, boolean fraud, boolean withdrawn, Refused refused) {
        labels++;
        add(at, new ProducerRecord<>(labelsTopic(), null, at, bytes(id), labelBytes(id, at, fraud, withdrawn)),
                refused);
    }

    private void add(long at, ProducerRecord<byte[], byte @Nullable []> record, Refused refused) {
        due.add(new Due(at, sequence++, record, refused));
    }

    private static byte @Nullable [] poison(SplittableRandom random, byte[] good) {
        return switch (random.nextInt(4)) {
            case 0 -> null;
            case 1 -> Arrays.copyOf(good, good.length - 1);
            case 2 -> Arrays.copyOf(good, good.length + 1);
            default -> bytes("?");
        };
    }

    /// How many events were written.
    long written() {
        return written;
    }

    /// Adds how much of what was written.
    void tell(Result result) {
        result.put("events", written).put("labels", labels).put("late_labels", late).put("duplicates", duplicates)
                .put("retractions", retractions).put("orphans", orphans.size()).put("unreadable", refused.size());
    }

    /// Where the labels without an event are: `topic:partition:offset`.
    Set<String> orphans() {
        return Set.copyOf(orphans);
    }

    /// Where the records that can't be read are.
    Set<String> refused() {
        return Set.copyOf(refused);
    }
}
