package io.tidegrad.loadtests;

import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.SchemaRegistry;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.producer.Callback;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.jspecify.annotations.Nullable;

/// Payments, with card and merchant, and their labels, on two topics with six partitions each. Payments lie by card and
/// labels by payment. Each payment also says whether it was fraud, for streams and models that take the label from there.
///
/// @param start event time of the first payment
/// @param between two payments, in nanoseconds of event time
/// @param labelAfter the payment
record StreamTraffic(String name, long start, double between, Duration labelAfter, AvroCodec codec, int eventSchema,
        int labelSchema) {
    static final int PARTITIONS = 6;
    private static final long WAKE_NANOS = 500_000;

    private static final Schema EVENT = new Schema.Parser().parse("""
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
              {"name": "fraud", "type": "boolean"}]}
            """);
    private static final Schema LABEL = new Schema.Parser().parse("""
            {"type": "record", "name": "Chargeback", "fields": [
              {"name": "id", "type": "string"},
              {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
              {"name": "fraud", "type": "boolean"}]}
            """);

    /// A stream of events whose times lie evenly in a span.
    static StreamTraffic of(String name, long start, long events, Duration span, Duration labelAfter, Admin admin,
            SchemaRegistry registry) throws InterruptedException {
        int eventSchema = registry.register(name + "-value", EVENT);
        int labelSchema = registry.register(name + "-labels-value", LABEL);
        StreamTraffic traffic = new StreamTraffic(name, start, (double) span.toNanos() / events, labelAfter,
                new AvroCodec(registry), eventSchema, labelSchema);
        KafkaClients.answer(admin.createTopics(List.of(traffic.topic(name), traffic.topic(traffic.labels()))).all());
        return traffic;
    }

    private NewTopic topic(String topic) {
        return new NewTopic(topic, PARTITIONS, (short) 1).configs(Map.of("retention.ms", "-1"));
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
        GenericData.Record merchant = new GenericData.Record(EVENT.getField("merchant").schema());
        int shop = random.nextInt(500);
        merchant.put("name", "merchant-" + shop);
        merchant.put("country", "C" + shop % 30);
        merchant.put("category", shop % 90);
        merchant.put("risk", random.nextDouble());
        GenericData.Record record = new GenericData.Record(EVENT);
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
    /// @param due takes in nanoseconds when an event is due, in the terms of `System.nanoTime`
    Background paced(String bootstrapServers, double perSecond, long first, long[] due) {
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
                for (int event = 0; event < due.length && !self.isClosed(); event++) {
                    long after = (long) (event * 1e9 / perSecond);
                    due[event] = began + after;
                    for (long early; (early = due[event] - System.nanoTime()) > 0 && !self.isClosed();) {
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
        return """
                stream: %s
                events: { topic: %s, key: id, event-time: at }
                labels: { topic: %s, key: id, value: fraud, event-time: at }
                join: { wait: %s, missing: 0, window: P1D }
                """.formatted(stream, name, labels(), wait);
    }

    /// @param input where it learns from, and its label if that is in the event
    /// @param batch events of a mini-batch; with more than one, a snapshot's offset counts events that are not learned yet
    static String modelSpec(String model, String input, int batch) {
        return """
                model: %s
                %s
                features:
                  - number: { field: amount, scale: standard }
                  - category: { field: card, buckets: 2048, dimension: 4 }
                  - category: { field: merchant.country, buckets: 64, dimension: 4 }
                network: [ dense: 16, relu, dense: 1 ]
                loss: binary-cross-entropy
                optimizer: { adam: { rate: 0.01 } }
                mini-batch: { size: %d }
                publish: { every: PT0.1S }
                seed: 7
                """.formatted(model, input, batch);
    }
}
