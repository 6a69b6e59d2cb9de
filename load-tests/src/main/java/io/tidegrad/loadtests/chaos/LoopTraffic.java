package io.tidegrad.loadtests.chaos;

import io.tidegrad.loadtests.Payments;
import io.tidegrad.schemas.SchemaRegistry;
import java.time.Duration;
import java.util.Locale;
import java.util.SplittableRandom;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.jspecify.annotations.Nullable;

/// Requests of four days and the labels that come for them, most of them a day later. A request's number decides
/// everything about it, so that its last label is known without looking at any topic.
final class LoopTraffic extends Payments {

    /// Events that nobody served, so that there is a model.
    static final int FIRST = 500;

    private static final long MINUTE = Duration.ofMinutes(1).toMillis();
    private static final long DAY = Duration.ofDays(1).toMillis();
    private static final long SPAN = 4 * DAY;

    private static final String EVENT = """
            {"type": "record", "name": "Payment", "fields": [
              {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
              {"name": "card", "type": "string"},
              {"name": "amount", "type": "double"}]}
            """;
    private static final String LABEL = """
            {"type": "record", "name": "Chargeback", "fields": [
              {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
              {"name": "fraud", "type": "boolean"},
              {"name": "withdrawn", "type": "boolean"}]}
            """;

    private final String name;
    private final int requests;
    private final long seed;
    private final long start;
    /// @param labelAfter milliseconds from the event to its label; -1 if it gets none
    /// @param takenBackAfter milliseconds from the event to the retraction of its label; -1 if it stays
    record Plan(long time, boolean fraud, long labelAfter, long takenBackAfter) {
        /// As the label stands in the end; what has none counts as 0, which the stream says.
        boolean last() {
            return fraud && labelAfter >= 0 && takenBackAfter < 0;
        }
    }

    LoopTraffic(String name, int requests, long seed, SchemaRegistry registry) {
        super("scored-" + name, "chargebacks-" + name, EVENT, LABEL, registry);
        this.name = name;
        this.requests = requests;
        this.seed = seed;
        start = daysAgo(20);
    }

    String streamSpec() {
        return """
                stream: %s
                events: { topic: %s, key: "@key", event-time: at }
                labels: { topic: %s, key: "@key", value: fraud, event-time: at, retract: withdrawn }
                join: { wait: PT30M, missing: 0, window: P7D, late: correct, duplicates: first }
                """.formatted(name, eventsTopic(), labelsTopic());
    }

    String modelSpec() {
        return modelSpec(name, """
                - number: { field: amount, scale: standard }
                - category: { field: card, buckets: 2048, dimension: 4 }
                """, "PT0.5S");
    }

    /// After this event time all waits and windows are over.
    long end() {
        return start + SPAN + 10 * DAY;
    }

    Plan plan(int request) {
        SplittableRandom random = new SplittableRandom(seed * 31 + request);
        long time = start + (FIRST + request) * SPAN / (FIRST + requests);
        int percent = random.nextInt(100);
        long labelAfter = percent < 20 ? -1
                : percent < 30 ? random.nextLong(1, 25) * MINUTE : DAY + random.nextLong(-60, 60) * MINUTE;
        long takenBackAfter = percent >= 90 ? labelAfter + random.nextLong(1, 600) * MINUTE : -1;
        return new Plan(time, random.nextDouble() < amount(request) / 1_000, labelAfter, takenBackAfter);
    }

    private static double amount(int request) {
        return new SplittableRandom(request).nextInt(1, 60_000) / 100.0;
    }

    private static String card(int request) {
        return "card-" + new SplittableRandom(~request).nextInt(3_000);
    }

    /// The record that a client sends.
    String json(int request) {
        return String.format(Locale.ROOT, "{\"at\": %d, \"card\": \"%s\", \"amount\": %s}", plan(request).time(),
                card(request), amount(request));
    }

    /// The event that is asked about, as a producer of events would have written it.
    byte[] value(int request) {
        return eventBytes(plan(request).time(), card(request), amount(request));
    }

    /// An event of the time before the first request, and its label.
    ProducerRecord<byte[], byte @Nullable []> first(int event) {
        return new ProducerRecord<>(eventsTopic(), bytes("first-" + event), value(event - FIRST));
    }

    ProducerRecord<byte[], byte @Nullable []> firstLabel(int event) {
        Plan plan = plan(event - FIRST);
        return label("first-" + event, plan.time(), plan.fraud(), false);
    }

    ProducerRecord<byte[], byte @Nullable []> label(int request, boolean takenBack) {
        Plan plan = plan(request);
        return label(id(request), plan.time() + (takenBack ? plan.takenBackAfter() : plan.labelAfter()), plan.fraud(),
                takenBack);
    }

    private ProducerRecord<byte[], byte @Nullable []> label(String id, long at, boolean fraud, boolean withdrawn) {
        return new ProducerRecord<>(labelsTopic(), bytes(id), labelBytes(at, fraud, withdrawn));
    }
}
