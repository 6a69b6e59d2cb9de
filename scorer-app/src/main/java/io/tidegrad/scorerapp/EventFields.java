package io.tidegrad.scorerapp;

import io.tidegrad.schemas.FieldPath;
import io.tidegrad.schemas.SchemaPaths;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.schemas.settings.RegistrySettings;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.apache.avro.Schema;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The fields of the events from which models learn, as the registry has them for a topic's name (subject
/// `TOPIC-value`), those inside of records too. With them a client may send a whole event, although no feature reads some
/// of its fields. They are looked up on a thread of their own, and the last known ones stay while the registry can't be
/// reached, so a request never waits for them. Those of a model that is served from now on are known a second later.
final class EventFields implements AutoCloseable {
    private static final long EVERY_SECONDS = 10;
    private static final long NEW_ONES_EVERY_SECONDS = 1;

    private static final Logger log = LoggerFactory.getLogger(EventFields.class);

    private final RegistrySettings settings;
    private final Supplier<Map<String, String>> topics;
    private final Map<String, Schema> known = new ConcurrentHashMap<>();
    private final Map<String, Long> askedAt = new HashMap<>(); // by source, nano time; the timer's
    private final ScheduledExecutorService timer = Timers.named("tidegrad-event-fields");

    /// @param topics returns the topics of the events from which served models learn, by the source that `has` is asked
    ///     with: a topic or a stream
    EventFields(RegistrySettings settings, Supplier<Map<String, String>> topics) {
        this.settings = settings;
        this.topics = topics;
        timer.scheduleWithFixedDelay(this::ask, 0, NEW_ONES_EVERY_SECONDS, TimeUnit.SECONDS);
    }

    boolean has(String source, String field) {
        Schema schema = known.get(source);
        return schema != null && SchemaPaths.has(schema, FieldPath.parsedOrName(field));
    }

    private void ask() {
        try {
            Map<String, String> now = topics.get();
            askedAt.keySet().retainAll(now.keySet());
            now.forEach((source, topic) -> {
                Long last = askedAt.get(source);
                if (last == null || System.nanoTime() - last >= TimeUnit.SECONDS.toNanos(EVERY_SECONDS)) {
                    try {
                        ask(source, topic);
                    } finally { // a slow answer counts, too
                        askedAt.put(source, System.nanoTime());
                    }
                }
            });
        } catch (RuntimeException | Error e) {
            // All errors are caught, because the timer does not run a task again that has thrown.
            log.warn("the registry could not be asked for the fields of events; trying again in {} s", EVERY_SECONDS,
                    e);
        }
    }

    private void ask(String source, String topic) {
        try (SchemaRegistry registry = SchemaRegistry.connect(settings.client())) {
            Schema schema = registry.latest(topic + "-value");
            if (schema.getType() == Schema.Type.RECORD) {
                known.put(source, schema);
            }
        } catch (RuntimeException e) {
            // Without it a request may only have the fields that models read, as without a registry.
            log.debug("fields of the events of {} are not known", topic, e);
        }
    }

    @Override
    public void close() {
        timer.shutdownNow();
    }
}
