package io.tidegrad.control.suggestion;

import io.tidegrad.control.BootstrapServers;
import io.tidegrad.control.ControlException.Reason;
import io.tidegrad.control.ControlException;
import io.tidegrad.control.TopicReader;
import io.tidegrad.model.feature.AvroEvent;
import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.RecordDecoder;
import io.tidegrad.schemas.SchemaPaths;
import io.tidegrad.schemas.SchemaRegistry.Registered;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.schemas.UndecodableException;
import io.tidegrad.schemas.settings.KafkaSettings;
import io.tidegrad.schemas.settings.RegistrySettings;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/// The newest events of a topic. If it has too few, what the newest registered schema says of them.
///
/// @param read the events, also if they are too few
record TopicSample(EventSample events, boolean isJson, EventSample read) {
    /// Writes nothing, and needs no more than to read the topic.
    ///
    /// @param eventsMin of fewer, if there is a schema, no value counts
    /// @throws ControlException the topic can't be read, or there are neither events nor a schema
    /// @throws SchemaRegistry.RegistryUnavailableException the registry does not answer
    static TopicSample of(KafkaSettings kafka, RegistrySettings registry, String topic, int eventsMin) {
        BootstrapServers.requireOne(kafka.bootstrapServers());
        try (RecordDecoder decoder = RecordDecoder.of(registry.client())) {
            List<TopicPartition> partitions = TopicReader.partitions(kafka, topic);
            if (partitions.isEmpty()) {
                throw mistake(topic, "expected a topic, found none of this name; create it, or correct the name");
            }
            Reading reading = new Reading(topic, decoder);
            for (TopicPartition partition : partitions) {
                try (TopicReader reader = new TopicReader(kafka, partition)) {
                    long end = reader.end();
                    reader.read(Math.max(reader.begin(), end - EventSample.ROWS_MAX / partitions.size()), end,
                            reading::take);
                }
            }
            return reading.sample(partitions.size(), registry, eventsMin);
        }
    }

    private static ControlException mistake(String topic, String what) {
        return new ControlException(Reason.CONFIGURATION, "topic " + topic + ": " + what);
    }

    /// What is read so far.
    private static final class Reading {
        private final String topic;
        private final RecordDecoder decoder;
        private EventSample events;
        private final AvroEvent event = new AvroEvent();
        private final Map<Schema, Set<String>> paths = new HashMap<>();
        private int json;
        private int unreadable;
        private String why = ""; // of the first one that is

        Reading(String topic, RecordDecoder decoder) {
            this.topic = topic;
            this.decoder = decoder;
            events = new EventSample("topic " + topic, true);
        }

        boolean take(ConsumerRecord<byte[], byte[]> record) {
            byte[] value = record.value();
            if (value == null) {
                return true;
            }
            int from = value.length >= AvroCodec.HEADER_BYTES && value[0] == 0 ? AvroCodec.HEADER_BYTES : 0;
            Map<String, ?> object =
                    from < value.length && value[from] == '{' ? EventSample.object(value, from) : Map.of();
            if (!object.isEmpty()) {
                json++;
                events.add(object);
                return true;
            }
            try {
                add(decoder.decode(topic, value));
            } catch (UndecodableException undecodable) {
                why = unreadable++ == 0 ? String.valueOf(undecodable.getMessage()) : why;
            }
            return true;
        }

        private void add(GenericRecord record) {
            event.of(record);
            paths.computeIfAbsent(record.getSchema(), this::declared)
                    .forEach(path -> events.add(path, event.get(path)));
            events.next();
        }

        /// Notes the fields of a schema. Which entries a map has it does not say.
        private Set<String> declared(Schema schema) {
            Map<String, Schema> leaves = SchemaPaths.leaves(schema);
            leaves.keySet().removeIf(path -> path.contains("[key]"));
            leaves.forEach((path, type) -> events.declare(path, kind(path, type)));
            return leaves.keySet();
        }

        private static Column.Kind kind(String path, Schema type) {
            String logical = type.getLogicalType() == null ? "" : type.getLogicalType().getName();
            if (path.contains("[]")) {
                return Column.Kind.LIST;
            }
            if (logical.equals("date") || logical.contains("timestamp")) {
                return Column.Kind.TIME;
            }
            return switch (type.getType()) {
                case INT, LONG, FLOAT, DOUBLE -> Column.Kind.NUMBER;
                case BOOLEAN -> Column.Kind.FLAG;
                case BYTES, FIXED -> switch (logical) {
                    case "decimal", "duration" -> Column.Kind.NUMBER;
                    case "uuid" -> Column.Kind.TEXT;
                    default -> Column.Kind.BYTES;
                };
                default -> Column.Kind.TEXT;
            };
        }

        TopicSample sample(int partitions, RegistrySettings registry, int eventsMin) {
            Registered schema = events.rows() < eventsMin && json == 0 ? newest(registry) : null;
            EventSample read = events;
            if (schema != null) {
                read.end(toldNewest());
                events = new EventSample("topic " + topic, true);
                declared(schema.schema());
            }
            String told = schema == null ? toldNewest()
                    : "schema " + schema.id() + " of " + subject() + " alone, because the topic has "
                            + (eventsMin <= 1 ? "no events" : "fewer than " + eventsMin + " events");
            boolean isJson = json > events.rows() / 2;
            events.end(told + (partitions == 1 ? ""
                    : "; it has " + partitions + " partitions where a model's topic has one, so make a stream of it"));
            return new TopicSample(events, isJson, read);
        }

        private String toldNewest() {
            return String.format(Locale.ROOT, "the newest %,d events of topic %s%s", events.rows(), topic,
                    unreadable == 0 ? "" : String.format(Locale.ROOT, ", beside which %,d can't be read", unreadable));
        }

        private String subject() {
            return topic + "-value";
        }

        /// Returns null if there is no schema, but there are events.
        private @Nullable Registered newest(RegistrySettings settings) {
            if (unreadable > 0 && events.rows() == 0) {
                throw mistake(topic, "expected events in Avro or JSON, found none in " + unreadable + ": " + why);
            }
            try (SchemaRegistry registry = SchemaRegistry.connect(settings.client())) {
                Registered newest = registry.latestVersion(subject());
                if (newest.schema().getType() == Schema.Type.RECORD) {
                    return newest;
                }
                throw mistake(topic, "expected events, or a record's schema of " + subject() + ", found one of type "
                        + newest.schema().getType().getName());
            } catch (SchemaRegistry.UnknownSchemaException | SchemaRegistry.UnsupportedSchemaException none) {
                if (events.rows() > 0) {
                    return null;
                }
                throw mistake(topic,
                        "expected events, or a schema of " + subject() + ", found neither: " + none.getMessage());
            }
        }
    }
}
