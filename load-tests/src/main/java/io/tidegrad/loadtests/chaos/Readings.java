package io.tidegrad.loadtests.chaos;

import io.tidegrad.loadtests.Payments;
import io.tidegrad.model.learn.Tick;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.SchemaRegistry;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.apache.avro.Schema;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.jspecify.annotations.Nullable;

/// The events that the models of a chaos run learn, and all kinds of odd ones.
final class Readings {
    private static final String SCHEMA = """
            {"type": "record", "name": "Reading", "doc": "DOC", "fields": [
              {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
              {"name": "place", "type": "string"},
              {"name": "a", "type": "double"},
              {"name": "b", "type": "double"},
              {"name": "over", "type": "int"}]}
            """;

    private static final String SPEC = """
            model: MODEL
            input: { topic: TOPIC, event-time: at }
            label: { field: over }
            features:
              - number: { field: a, scale: standard }
              - number: { field: b }
              - category: { field: place, buckets: BUCKETS, dimension: 4 }
            network: [ dense: 8, relu, dense: 1 ]
            loss: binary-cross-entropy
            optimizer: { adam: { rate: 0.01 } }
            mini-batch: { size: BATCH }
            publish: { every: PT0.5S }
            seed: 7
            """;

    private static final Schema EVENT = schema("any");

    /// 2020-01-01T00:00:00Z; a second lies between two events.
    private static final long START = 1_577_836_800_000L;

    /// Below the topic's limit of 1 MiB, with room for the rest of its record.
    private static final int LARGE_BYTES = 900 * 1024;

    private static final int HEADERS = 10_000;

    private final String topic;
    private final AvroCodec codec;
    private final SchemaRegistry registry;
    private int schemaId;

    Readings(SchemaRegistry registry, String topic) {
        this.registry = registry;
        this.topic = topic;
        codec = new AvroCodec(registry);
        schemaId = register("first");
    }

    private int register(String doc) {
        return registry.register(topic + "-value", schema(doc));
    }

    private static Schema schema(String doc) {
        return new Schema.Parser().parse(SCHEMA.replace("DOC", doc));
    }

    /// @param buckets of the table: 48 bytes each with Adam's state
    static ModelSpec spec(String model, String topic, int miniBatch, int buckets) {
        return ModelSpec.parse(SPEC.replace("MODEL", model).replace("TOPIC", topic).replace("BUCKETS", "" + buckets)
                .replace("BATCH", "" + miniBatch), "spec of the chaos run");
    }

    /// Uses another schema from now on, which no trainer has looked up yet.
    synchronized void changeSchema(String doc) {
        schemaId = register(doc);
    }

    ProducerRecord<byte[], byte @Nullable []> event(long index) {
        return event(START + index * 1_000, index);
    }

    private ProducerRecord<byte[], byte @Nullable []> event(long at, long index) {
        SplittableRandom random = new SplittableRandom(index);
        int place = random.nextInt(3_000);
        double a = random.nextDouble(-1, 1);
        double b = random.nextDouble(-1, 1);
        boolean over = a * b + (place % 7) * 0.2 > 0.6;
        return bare(encode(at, "p" + place, a, b, over ? 1 : 0));
    }

    ProducerRecord<byte[], byte @Nullable []> tick() {
        ProducerRecord<byte[], byte @Nullable []> tick = bare(null);
        tick.headers().add(Tick.HEADER, new byte[0]);
        return tick;
    }

    /// An event that can't be learned.
    ProducerRecord<byte[], byte @Nullable []> poison(SplittableRandom random, long index) {
        byte[] good = encode(START + index * 1_000, "p1", 0.5, 0.5, 1);
        return switch (random.nextInt(8)) {
            case 0 -> bare(null);
            case 1 -> bare(new byte[0]);
            case 2 -> bare(Arrays.copyOf(good, good.length - 1));
            case 3 -> bare(Arrays.copyOf(good, good.length + 1));
            case 4 -> {
                good[0] = 1;
                yield bare(good);
            }
            case 5 -> {
                good[1] = 0x7f; // a schema id that nobody has
                yield bare(good);
            }
            case 6 -> bare("{\"place\": \"p1\"}".getBytes(StandardCharsets.UTF_8));
            default -> bare(encode(START + index * 1_000, "p1", 0.5, 0.5, 7));
        };
    }

    /// An event with numbers at the edges of floats and labels. Some can be learned.
    ProducerRecord<byte[], byte @Nullable []> extreme(SplittableRandom random, long index) {
        double[] values = {Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY, 1e308, -1e308, 1e15, 1e16,
            Double.MIN_VALUE, Float.MIN_VALUE, -0.0, Float.MAX_VALUE};
        long at = random.nextInt(4) == 0 ? new long[]{Long.MIN_VALUE, Long.MAX_VALUE, 0, -1}[random.nextInt(4)]
                : START + index * 1_000;
        return bare(encode(at, "p" + index % 3_000, values[random.nextInt(values.length)],
                random.nextBoolean() ? 0.25 : values[random.nextInt(values.length)], random.nextInt(3) - 1));
    }

    /// An event as large as the topic accepts, or with thousands of headers. Some can be learned.
    ProducerRecord<byte[], byte @Nullable []> large(SplittableRandom random, long index) {
        byte[] noise = new byte[LARGE_BYTES];
        random.nextBytes(noise);
        switch (random.nextInt(4)) {
            case 0 -> {
                return bare(noise);
            }
            case 1 -> {
                byte[] good = encode(START + index * 1_000, "p1", 0.5, 0.5, 1);
                return new ProducerRecord<>(topic, 0, noise, good);
            }
            case 2 -> {
                String place = "p".repeat(LARGE_BYTES);
                return bare(encode(START + index * 1_000, place, 0.5, 0.5, 0));
            }
            default -> {
                ProducerRecord<byte[], byte @Nullable []> record =
                        random.nextBoolean() ? event(index) : bare(new byte[]{9});
                for (int header = 0; header < HEADERS; header++) {
                    record.headers().add("header-" + header, new byte[]{1});
                }
                return record;
            }
        }
    }

    /// Duplicates of earlier events, late ones, and some in a wrong order.
    List<ProducerRecord<byte[], byte @Nullable []>> disorder(SplittableRandom random, long index) {
        List<ProducerRecord<byte[], byte @Nullable []>> events = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            long of = Math.max(0, index - random.nextInt(500));
            events.add(event(of));
            if (random.nextBoolean()) {
                events.add(event(of));
            }
            events.add(event(START + of * 1_000 - random.nextLong(86_400_000), of));
        }
        return events;
    }

    ProducerRecord<byte[], byte @Nullable []> bare(byte @Nullable [] value) {
        return new ProducerRecord<>(topic, 0, null, value);
    }

    private synchronized byte[] encode(long at, String place, double a, double b, int over) {
        return codec.encode(schemaId, Payments.recordOf(EVENT, at, place, a, b, over));
    }
}
