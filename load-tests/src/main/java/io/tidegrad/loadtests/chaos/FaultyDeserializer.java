package io.tidegrad.loadtests.chaos;

import io.tidegrad.schemas.ConfluentAvroDeserializer;
import io.tidegrad.schemas.RecordDecoder;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.streams.errors.TaskCorruptedException;
import org.apache.kafka.streams.processor.TaskId;
import org.jspecify.annotations.Nullable;

/// Deserializes like ours, but throws once as soon as a file appears; the file says which exception. A real trainer loads
/// it through a public setting, so that only the code that an event goes through differs.
public final class FaultyDeserializer implements Deserializer<@Nullable GenericRecord> {
    private static final String TRIGGER = "chaos.trigger";
    private static final int LOOK_EVERY_EVENTS = 50;

    private final ConfluentAvroDeserializer ours = new ConfluentAvroDeserializer();
    private Path trigger = Path.of("");
    private int events;

    /// The trainer's settings that load it.
    static List<String> settings(Path trigger) {
        return List.of("--registry." + RecordDecoder.DESERIALIZER, FaultyDeserializer.class.getName(),
                "--registry." + TRIGGER, trigger.toString());
    }

    @Override
    public void configure(Map<String, ?> settings, boolean isKey) {
        trigger = Path.of(String.valueOf(settings.get(TRIGGER)));
        ours.configure(settings, isKey);
    }

    @Override
    public @Nullable GenericRecord deserialize(String topic, byte @Nullable [] value) {
        if (++events % LOOK_EVERY_EVENTS == 0 && Files.exists(trigger)) {
            fail();
        }
        return ours.deserialize(topic, value);
    }

    private void fail() {
        String what;
        try {
            what = Files.readString(trigger);
            Files.delete(trigger);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        if (what.equals("corrupted")) {
            throw new TaskCorruptedException(Set.of(new TaskId(0, 0)));
        }
        throw new IllegalStateException("thrown on purpose by the chaos run");
    }

    @Override
    public void close() {
        ours.close();
    }
}
