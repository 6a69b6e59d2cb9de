package io.tidegrad.loadtests;

import io.tidegrad.model.learn.Tick;
import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.SchemaRegistry;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.Header;
import org.jspecify.annotations.Nullable;

/// Payments and what is said of them later, on two topics. The number of a payment decides everything about it.
public abstract class Payments {
    /// Of either topic.
    public static final int PARTITIONS = 6;
    private static final Map<String, String> FOR_EVER = Map.of("retention.ms", "-1");

    private final String events;
    private final String labels;
    private final Schema event;
    private final Schema label;
    private final AvroCodec codec;
    private final int eventId;
    private final int labelId;

    /// @param events topic of the payments
    /// @param labels topic of what is said of them
    protected Payments(String events, String labels, String event, String label, SchemaRegistry registry) {
        this.events = events;
        this.labels = labels;
        this.event = new Schema.Parser().parse(event);
        this.label = new Schema.Parser().parse(label);
        codec = new AvroCodec(registry);
        eventId = registry.register(events + "-value", this.event);
        labelId = registry.register(labels + "-value", this.label);
    }

    public final String eventsTopic() {
        return events;
    }

    public final String labelsTopic() {
        return labels;
    }

    public final List<String> topics() {
        return List.of(events, labels);
    }

    /// Creates the topics.
    public final void createTopics(Lab lab, int partitions) throws InterruptedException {
        lab.createTopics(topics(), partitions, FOR_EVER);
    }

    /// @param fields in the order of the schema
    protected final byte[] eventBytes(Object... fields) {
        return codec.encode(eventId, recordOf(event, fields));
    }

    /// @param fields in the order of the schema
    protected final byte[] labelBytes(Object... fields) {
        return codec.encode(labelId, recordOf(label, fields));
    }

    /// The schema of a field of a payment.
    protected final Schema schemaOf(String field) {
        return event.getField(field).schema();
    }

    /// @param fields in the order of the schema
    public static GenericRecord recordOf(Schema schema, Object... fields) {
        GenericRecord record = new GenericData.Record(schema);
        for (int i = 0; i < fields.length; i++) {
            record.put(i, fields[i]);
        }
        return record;
    }

    /// The spec of a model that learns from the stream of its name.
    ///
    /// @param features in YAML, each on a line
    /// @param publishEvery as in a spec: `PT1S`
    protected static String modelSpec(String name, String features, String publishEvery) {
        return """
                model: %s
                input: { stream: %s }
                features:
                %s
                network: [ dense: 8, relu, dense: 1 ]
                loss: binary-cross-entropy
                optimizer: { adam: { rate: 0.01 } }
                mini-batch: { size: 8 }
                publish: { every: %s }
                seed: 7
                """.formatted(name, name, features.indent(2).stripTrailing(), publishEvery);
    }

    /// A time in whole minutes, days ago, so that no time lies ahead of the wall clock, not even that of the last tick.
    protected static long daysAgo(int days) {
        return Instant.now().minus(Duration.ofDays(days)).truncatedTo(ChronoUnit.MINUTES).toEpochMilli();
    }

    public static String id(long event) {
        return "tx-" + event;
    }

    /// The number of the payment with this id; -1 if there is none.
    public static int number(byte @Nullable [] id) {
        String text = id == null ? "" : new String(id, StandardCharsets.UTF_8);
        return text.matches("tx-[0-9]{1,9}") ? Integer.parseInt(text.substring("tx-".length())) : -1;
    }

    public static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    /// Up to when a tick says that everything is over; the least number of a record that is none.
    public static long settled(ConsumerRecord<?, ?> record) {
        Header tick = record.headers().lastHeader(Tick.HEADER);
        Long time = tick == null ? null : Tick.eventTime(tick);
        return time == null ? Long.MIN_VALUE : time;
    }

    /// Ends all waits and windows.
    ///
    /// @param time after which all is over
    public final void writeTicks(Writer writer, long time) {
        for (String topic : topics()) {
            for (int partition = 0; partition < PARTITIONS; partition++) {
                writer.tick(topic, partition, Tick.headerValue(time));
            }
        }
        writer.flush();
    }
}
