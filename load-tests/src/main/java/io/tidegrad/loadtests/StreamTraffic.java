package io.tidegrad.loadtests;

import static java.util.stream.Collectors.joining;

import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.SchemaRegistry;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.producer.Callback;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.jspecify.annotations.Nullable;

/// Payments, with card and merchant, and their labels, on two topics with as many partitions each. Payments lie by card
/// and labels by payment. Each payment also says whether it was fraud, for streams and models that take the label from
/// there.
///
/// @param start event time of the first payment
/// @param between two payments, in nanoseconds of event time
/// @param labelAfter the payment
/// @param shape of topics and events
record StreamTraffic(String name, long start, double between, Duration labelAfter, Shape shape, Schema schema,
        AvroCodec codec, int eventSchema, int labelSchema) {
    private static final long WAKE_NANOS = 500_000;

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
    private static final Schema LABEL = new Schema.Parser().parse("""
            {"type": "record", "name": "Chargeback", "fields": [
              {"name": "id", "type": "string"},
              {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
              {"name": "fraud", "type": "boolean"}]}
            """);

    /// What topics and events are like.
    ///
    /// @param partitions of either topic
    /// @param numbers further fields of each event, which a model reads too
    record Shape(int partitions, int numbers) {
        static final Shape USUAL = new Shape(6, 0);
    }

    /// Takes when an event is due, in the terms of `System.nanoTime`.
    @FunctionalInterface
    interface Due {
        void at(int event, long nanos);
    }

    /// A stream of events whose times lie evenly in a span.
    static StreamTraffic of(String name, long start, long events, Duration span, Duration labelAfter, Admin admin,
            SchemaRegistry registry) throws InterruptedException {
        return of(name, start, events, span, labelAfter, Shape.USUAL, admin, registry);
    }

    static StreamTraffic of(String name, long start, long events, Duration span, Duration labelAfter, Shape shape,
            Admin admin, SchemaRegistry registry) throws InterruptedException {
        Schema schema = new Schema.Parser().parse(EVENT.formatted(numbers(shape.numbers())
                .map(number -> ", {\"name\": \"" + number + "\", \"type\": \"double\"}").collect(joining())));
        int eventSchema = registry.register(name + "-value", schema);
        int labelSchema = registry.register(name + "-labels-value", LABEL);
        StreamTraffic traffic = new StreamTraffic(name, start, (double) span.toNanos() / events, labelAfter, shape,
                schema, new AvroCodec(registry), eventSchema, labelSchema);
        KafkaClients.answer(admin.createTopics(List.of(traffic.topic(name), traffic.topic(traffic.labels()))).all());
        return traffic;
    }

    private NewTopic topic(String topic) {
        return new NewTopic(topic, shape.partitions(), (short) 1).configs(Map.of("retention.ms", "-1"));
    }

    private static Stream<String> numbers(int count) {
        return IntStream.range(0, count).mapToObj(number -> "n" + number);
    }

    String labels() {
        return name + "-labels";
    }

    static String id(long event) {
        return "tx-" + event;
    }

    /// The number of the event with this id.
    static int number(byte[] id) {
        return Integer.parseInt(new String(id, StandardCharsets.UTF_8).substring("tx-".length()));
    }

    long time(long event) {
        return start + (long) (event * between * 1e-6);
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static boolean isFraud(long event) {
        return new SplittableRandom(event * 7 + 1).nextInt(4) == 0;
    }

    ProducerRecord<byte[], byte @Nullable []> event(long event, long time) {
        SplittableRandom random = new SplittableRandom(event);
        int card = random.nextInt(3_000);
        GenericData.Record merchant = new GenericData.Record(schema.getField("merchant").schema());
        int shop = random.nextInt(500);
        merchant.put("name", "merchant-" + shop);
        merchant.put("country", "C" + shop % 30);
        merchant.put("category", shop % 90);
        merchant.put("risk", random.nextDouble());
        GenericData.Record record = new GenericData.Record(schema);
        record.put("id", id(event));
        record.put("at", time);
        record.put("card", "card-" + card);
        record.put("amount", random.nextDouble(1, 500) * (isFraud(event) ? 1.5 : 1));
        record.put("currency", "EUR");
        record.put("device", "device-" + random.nextLong(1L << 40));
        record.put("merchant", merchant);
        record.put("address",
                random.nextInt(200) + " Long Street, 12345 Somewhere upon a River, " + random.nextInt(90));
        record.put("fraud", isFraud(event));
        numbers(shape.numbers()).forEach(number -> record.put(number, random.nextDouble()));
        return new ProducerRecord<>(name, null, bytes("card-" + card), codec.encode(eventSchema, record));
    }

    ProducerRecord<byte[], byte @Nullable []> label(long event, long time) {
        GenericData.Record record = new GenericData.Record(LABEL);
        record.put("id", id(event));
        record.put("at", time);
        record.put("fraud", isFraud(event));
        return new ProducerRecord<>(labels(), null, bytes(id(event)), codec.encode(labelSchema, record));
    }

    /// Writes events, as fast as the broker takes them.
    ///
    /// @param labeled whether with their labels
    void fill(String bootstrapServers, long from, long to, boolean labeled) {
        AtomicReference<@Nullable Exception> failure = new AtomicReference<>();
        try (KafkaProducer<byte[], byte @Nullable []> producer = KafkaClients.writer(bootstrapServers, Map.of("acks",
                "all", "linger.ms", 10, "batch.size", 131_072, "max.in.flight.requests.per.connection", 1))) {
            for (long event = from; event < to && failure.get() == null; event++) {
                producer.send(event(event, time(event)), (at, e) -> failure.compareAndSet(null, e));
                if (labeled) {
                    producer.send(label(event, time(event) + labelAfter.toMillis()),
                            (at, e) -> failure.compareAndSet(null, e));
                }
            }
        }
        Exception e = failure.get();
        if (e != null) {
            throw new LoadTestException("can't fill the topic " + name + ": " + e, e);
        }
    }

    /// Sends events at an even pace, in an open loop, each with its label right behind it. Both have the time at which they
    /// are due as event time.
    ///
    /// @param first number of the first event
    /// @param due takes each event by its number after the first
    Background paced(String bootstrapServers, double perSecond, long first, int events, Due due) {
        return Background.start("paced-events", self -> {
            try (KafkaProducer<byte[], byte @Nullable []> producer =
                    KafkaClients.writer(bootstrapServers, Map.of("acks", "all", "linger.ms", 0))) {
                Callback acknowledged = (at, e) -> {
                    if (e != null) {
                        self.fail(e);
                    }
                };
                long began = System.nanoTime();
                long epochMillis = System.currentTimeMillis();
                for (int event = 0; event < events && !self.isClosed(); event++) {
                    long after = (long) (event * 1e9 / perSecond);
                    long at = began + after;
                    due.at(event, at);
                    for (long early; (early = at - System.nanoTime()) > 0 && !self.isClosed();) {
                        LockSupport.parkNanos(Math.min(early, WAKE_NANOS));
                    }
                    long time = epochMillis + after / 1_000_000;
                    producer.send(event(first + event, time), acknowledged);
                    producer.send(label(first + event, time), acknowledged);
                }
            }
        });
    }

    /// A stream whose labels are in its events.
    String statelessSpec(String stream) {
        return """
                stream: %s
                events: { topic: %s, event-time: at }
                label: fraud
                """.formatted(stream, name);
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
                """.formatted(stream, name, labels(), wait, window);
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
