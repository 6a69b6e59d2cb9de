package io.tidegrad.trainer.relearn;

import io.tidegrad.control.TopicReader;
import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.Progress;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.UndecodableException;
import io.tidegrad.schemas.settings.KafkaSettings;
import io.tidegrad.trainer.exit.ExitCode;
import io.tidegrad.trainer.exit.TrainerException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/// Whether a registry is still the one by which this prefix's records were written. One that has lost its schemas, or
/// another environment's, answers each question about an event, too: with none, so that the event becomes a dead
/// letter, or with another schema, by which it may even be read. The log does not say so; the progress topic does, for
/// its schema is ours: under the id that its records carry the registry must have it.
public final class RegistryCheck {
    /// Records at the end of each partition that are looked at.
    private static final int TAIL = 64;

    private RegistryCheck() {}

    /// Nothing is known where no record of progress is there yet, or only what can't be read.
    ///
    /// @param url of the registry, for people
    /// @throws TrainerException it is another registry, or it has lost its schemas
    /// @throws SchemaRegistry.RegistryUnavailableException it can't be asked
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
        TrainerException last = null;
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

    /// One that fits our schema to its last byte and names the model of its key: not what somebody else wrote there.
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

    private static TrainerException refusal(int id, ConsumerRecord<byte[], byte[]> record, @Nullable String found,
            String url) {
        return new TrainerException(ExitCode.CONFIGURATION, "the schema registry " + url + ": expected "
                + Progress.getClassSchema().getFullName() + " under schema id " + id + ", by which the record at "
                + record.topic() + "-" + record.partition() + " offset " + record.offset() + " was written, found "
                + (found == null ? "no schema" : found)
                + ": it has lost its schemas, or is another environment's, and events would become dead letters or"
                + " be read by a wrong schema. Correct --registry-url, or restore the registry with the ids that"
                + " it had. If this registry is meant from now on, delete the topic " + record.topic()
                + ", which a trainer makes again");
    }
}
