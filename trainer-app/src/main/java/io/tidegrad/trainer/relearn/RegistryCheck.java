package io.tidegrad.trainer.relearn;

import io.tidegrad.control.TopicReader;
import io.tidegrad.model.safetensors.InitialWeightsException;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.StopException;
import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.Progress;
import io.tidegrad.schemas.RecordDecoder;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.UndecodableException;
import io.tidegrad.schemas.settings.KafkaSettings;
import io.tidegrad.schemas.settings.RegistrySettings;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.BiFunction;
import org.apache.avro.Schema;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/// Checks that a registry is still the one by which this prefix's records were written. A registry that has lost its
/// schemas, or that of another environment, also answers each question about an event: with no schema, so that the
/// event becomes a dead letter, or with another one, by which it may even be read. The log can't tell, but the progress
/// topic can, because the registry must have our schema under the id that its records carry.
public final class RegistryCheck {
    /// How many records at the end of each partition are looked at.
    private static final int TAIL = 64;

    private RegistryCheck() {}

    /// Calls `body` with a registry, which must be the one by which this prefix's records were written, and a decoder.
    ///
    /// @throws StopException if Kafka or the registry does not answer, or initial weights are not there
    public static <T> T withRegistry(KafkaSettings kafka, Topics topics, RegistrySettings settings,
            BiFunction<SchemaRegistry, RecordDecoder, T> body) {
        try (SchemaRegistry registry = SchemaRegistry.connect(settings.client());
                RecordDecoder decoder = RecordDecoder.of(settings.client())) {
            requireSame(kafka, topics, registry, settings.shownUrl());
            return body.apply(registry, decoder);
        } catch (SchemaRegistry.RegistryUnavailableException e) {
            throw StopException.from(e, settings.shownUrl());
        } catch (KafkaException | InitialWeightsException e) {
            throw StopException.from(e);
        }
    }

    /// Accepts any registry if no readable record of progress is there yet.
    ///
    /// @param url of the registry, for messages
    /// @throws StopException if it is another registry, or it has lost its schemas
    /// @throws SchemaRegistry.RegistryUnavailableException if it does not answer
    public static void requireSame(KafkaSettings kafka, Topics topics, SchemaRegistry registry, String url) {
        Map<Integer, ConsumerRecord<byte[], byte[]>> written = new LinkedHashMap<>();
        for (TopicPartition partition : TopicReader.partitions(kafka, topics.progress())) {
            try (TopicReader reader = new TopicReader(kafka, partition)) {
                long end = reader.end();
                reader.read(Math.max(reader.begin(), end - TAIL), end, record -> {
                    if (isProgress(record)) {
                        written.put(AvroCodec.schemaId(record.value()), record);
                    }
                    return true;
                });
            }
        }
        StopException last = null;
        for (Map.Entry<Integer, ConsumerRecord<byte[], byte[]>> each : written.entrySet()) {
            String found = nameOf(registry, each.getKey());
            if (Progress.getClassSchema().getFullName().equals(found)) {
                return;
            }
            last = refusal(each.getKey(), each.getValue(), found, url);
        }
        if (last != null) {
            throw last;
        }
    }

    /// Returns whether a record fits our schema to its last byte and names the model of its key, as only our records
    /// do.
    private static boolean isProgress(ConsumerRecord<byte[], byte[]> record) {
        if (record.key() == null || record.value() == null) {
            return false;
        }
        try {
            Progress progress = AvroCodec.decode(record.value(), Progress.getClassSchema(), Progress.class);
            return Arrays.equals(progress.getModel().getBytes(StandardCharsets.UTF_8), record.key());
        } catch (UndecodableException notOurs) {
            return false;
        }
    }

    private static @Nullable String nameOf(SchemaRegistry registry, int id) {
        try {
            Schema schema = registry.schemaById(id);
            return schema.getType() == Schema.Type.RECORD ? schema.getFullName() : schema.getType().getName();
        } catch (SchemaRegistry.UnknownSchemaException unknown) {
            return null;
        } catch (SchemaRegistry.UnsupportedSchemaException other) {
            return String.valueOf(other.getMessage());
        }
    }

    private static StopException refusal(int id, ConsumerRecord<byte[], byte[]> record, @Nullable String found,
            String url) {
        return new StopException(ExitCode.CONFIGURATION, "the schema registry " + url + ": expected "
                + Progress.getClassSchema().getFullName() + " under schema id " + id + ", by which the record at "
                + record.topic() + "-" + record.partition() + " offset " + record.offset() + " was written, found "
                + (found == null ? "no schema" : found)
                + ": it has lost its schemas, or is another environment's, and events would become dead letters or"
                + " be read by a wrong schema. Correct --registry-url, or restore the registry with the ids that"
                + " it had. If this registry is meant from now on, delete the topic " + record.topic()
                + ", which a trainer makes again");
    }
}
