package io.tidegrad.loadtests;

import static java.util.stream.Collectors.joining;

import io.tidegrad.localstack.Json;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.jspecify.annotations.Nullable;

/// Payments, with card and merchant, and their labels, on two topics with as many partitions each. Payments lie by card
/// and labels by payment. Each payment also says whether it was fraud, for streams and models that take the label from
/// there.
final class StreamTraffic extends Payments {
    private static final String EVENT = """
            {"type": "record", "name": "Payment", "fields": [
              {"name": "id", "type": "string"},
              {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
              {"name": "card", "type": "string"},
              {"name": "amount", "type": "double"},
              {"name": "currency", "type": "string"},
              {"name": "device", "type": "string"},
              {"name": "merchant", "type": {"type": "record", "name": "Merchant", "fields": [
                {"name": "name", "type": "string"}, {"name": "country", "type": "string"},
                {"name": "category", "type": "int"}, {"name": "risk", "type": "double"}]}},
              {"name": "address", "type": "string"},
              {"name": "fraud", "type": "boolean"}%s]}
            """;
    private static final String LABEL = """
            {"type": "record", "name": "Chargeback", "fields": [
              {"name": "id", "type": "string"},
              {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
              {"name": "fraud", "type": "boolean"}]}
            """;

    private final long start;
    private final double between; // two payments, in nanoseconds of event time
    private final Duration labelAfter;
    private final Shape shape;

    /// What topics and events are like.
    ///
    /// @param partitions of either topic
    /// @param numbers further fields of each event, which a model reads too
    record Shape(int partitions, int numbers) {
        static final Shape USUAL = new Shape(PARTITIONS, 0);
    }

    /// Takes when an event is due, in the terms of `System.nanoTime`.
    @FunctionalInterface
    interface Due {
        void at(int event, long nanos);
    }

    /// A stream of events whose times lie evenly in a span.
    ///
    /// @param start event time of the first payment
    /// @param labelAfter the payment
    StreamTraffic(Lab lab, String name, long start, long events, Duration span, Duration labelAfter)
            throws InterruptedException {
        this(lab, name, start, events, span, labelAfter, Shape.USUAL);
    }

    StreamTraffic(Lab lab, String name, long start, long events, Duration span, Duration labelAfter, Shape shape)
            throws InterruptedException {
        super(name, name + "-labels",
                EVENT.formatted(numbers(shape.numbers())
                        .map(number -> ", {\"name\": \"" + number + "\", \"type\": \"double\"}").collect(joining())),
                LABEL, lab.registry());
        this.start = start;
        this.labelAfter = labelAfter;
        this.shape = shape;
        between = (double) span.toNanos() / events;
        createTopics(lab, shape.partitions());
    }

    private static Stream<String> numbers(int count) {
        return IntStream.range(0, count).mapToObj(number -> "n" + number);
    }

    Shape shape() {
        return shape;
    }

    /// A record with every field that a model of these events reads.
    String question() {
        Map<String, Object> record =
                new TreeMap<>(Map.of("amount", 20.5, "card", "card-7", "merchant", Map.of("country", "C3")));
        numbers(shape.numbers()).forEach(number -> record.put(number, 0.5));
        return Json.write(record);
    }

    double between() {
        return between;
    }

    private long time(long event) {
        return start + (long) (event * between * 1e-6);
    }

    private static boolean isFraud(long event) {
        return new SplittableRandom(event * 7 + 1).nextInt(4) == 0;
    }

    ProducerRecord<byte[], byte @Nullable []> event(long event, long time) {
        SplittableRandom random = new SplittableRandom(event);
        String card = "card-" + random.nextInt(3_000);
        int shop = random.nextInt(500);
        GenericRecord merchant =
                recordOf(schemaOf("merchant"), "merchant-" + shop, "C" + shop % 30, shop % 90, random.nextDouble());
        List<Object> fields = new ArrayList<>(List.of(id(event), time, card,
                random.nextDouble(1, 500) * (isFraud(event) ? 1.5 : 1), "EUR", "device-" + random.nextLong(1L << 40),
                merchant, random.nextInt(200) + " Long Street, 12345 Somewhere upon a River, " + random.nextInt(90),
                isFraud(event)));
        numbers(shape.numbers()).forEach(number -> fields.add(random.nextDouble()));
        return new ProducerRecord<>(eventsTopic(), null, bytes(card), eventBytes(fields.toArray()));
    }

    private ProducerRecord<byte[], byte @Nullable []> label(long event, long time) {
        return new ProducerRecord<>(labelsTopic(), null, bytes(id(event)), labelBytes(id(event), time, isFraud(event)));
    }

    /// Writes events, as fast as the broker takes them.
    ///
    /// @param labeled whether with their labels
    void fill(Lab lab, long from, long to, boolean labeled) {
        try (Writer writer =
                new Writer(eventsTopic(), lab.bootstrapServers(), Map.of("max.in.flight.requests.per.connection", 1))) {
            boolean written = true;
            for (long event = from; event < to && written; event++) {
                written = writer.send(event(event, time(event)));
                if (labeled) {
                    writer.send(label(event, time(event) + labelAfter.toMillis()));
                }
            }
            writer.flush();
        }
    }

    /// Sends events at an even pace, in an open loop, each with its label right behind it. Both have the time at which they
    /// are due as event time.
    ///
    /// @param first number of the first event
    /// @param due takes each event by its number after the first
    Background paced(Lab lab, double perSecond, long first, int events, Due due) {
        return Background.start("paced-events", self -> {
            try (Writer writer =
                    new Writer("events", lab.bootstrapServers(), Map.of("linger.ms", 0, "batch.size", 16_384))) {
                long began = System.nanoTime();
                long epochMillis = System.currentTimeMillis();
                boolean written = true;
                for (int event = 0; event < events && written; event++) {
                    long after = (long) (event * 1e9 / perSecond);
                    due.at(event, began + after);
                    if (!self.comes(began + after)) {
                        break;
                    }
                    long time = epochMillis + after / 1_000_000;
                    writer.send(event(first + event, time));
                    written = writer.send(label(first + event, time));
                }
                writer.flush();
            }
        });
    }

    /// A stream whose labels are in its events.
    String statelessSpec(String stream) {
        return """
                stream: %s
                events: { topic: %s, event-time: at }
                label: fraud
                """.formatted(stream, eventsTopic());
    }

    String joinedSpec(String stream, String wait) {
        return joinedSpec(stream, wait, "P1D");
    }

    /// @param window how long ids are remembered
    String joinedSpec(String stream, String wait, String window) {
        return """
                stream: %s
                events: { topic: %s, key: id, event-time: at }
                labels: { topic: %s, key: id, value: fraud, event-time: at }
                join: { wait: %s, missing: 0, window: %s }
                """.formatted(stream, eventsTopic(), labelsTopic(), wait, window);
    }

    /// @param input where it learns from, and its label if that is in the event
    /// @param batch events of a mini-batch; with more than one, a snapshot's offset counts events that are not learned yet
    static String modelSpec(String model, String input, int batch) {
        return modelSpec(model, input, batch, 2048, 0);
    }

    /// @param buckets of the table of cards, in which nearly all weights are
    /// @param numbers of the events' further fields that it reads
    static String modelSpec(String model, String input, int batch, long buckets, int numbers) {
        return """
                model: %s
                %s
                features:
                  - number: { field: amount, scale: standard }
                  - category: { field: card, buckets: %d, dimension: 4 }
                  - category: { field: merchant.country, buckets: 64, dimension: 4 }
                %snetwork: [ dense: 16, relu, dense: 1 ]
                loss: binary-cross-entropy
                optimizer: { adam: { rate: 0.01 } }
                mini-batch: { size: %d }
                publish: { every: PT0.1S }
                seed: 7
                """.formatted(model, input, buckets,
                numbers(numbers).map(number -> "  - number: { field: " + number + " }\n").collect(joining()), batch);
    }
}
