package io.tidegrad.scorerapp;

import io.tidegrad.model.feature.EventEncoder;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.schemas.settings.RegistrySettings;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.apache.avro.Schema;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The schema in which events are written to a log: the one by which the model finds its fields, else the newest of the
/// events that it learns from. It is registered for the log, so that a stream finds it. The registry is asked on a thread
/// of its own, and the last answer stays while it can't be reached.
final class LogSchemas implements AutoCloseable {
    private static final long EVERY_SECONDS = 10;
    private static final long NEW_ONES_EVERY_MILLIS = 200;

    private static final Logger log = LoggerFactory.getLogger(LogSchemas.class);

    /// Which schema is meant.
    ///
    /// @param id of the schema; null for the newest of `topic`
    /// @param topic of the events
    private record Wanted(@Nullable Integer id, String topic) {
    }

    /// A schema that is registered for the log.
    static final class Known {
        private final int id;
        private final Schema schema;

        /// Those that nobody uses now: one for each thread that writes at a time.
        private final Queue<EventEncoder> encoders = new ConcurrentLinkedQueue<>();

        Known(int id, Schema schema) {
            this.id = id;
            this.schema = schema;
        }

        /// Does what needs an encoder.
        void encode(Consumer<EventEncoder> encoding) {
            EventEncoder idle = encoders.poll();
            EventEncoder encoder = idle == null ? new EventEncoder(id, schema) : idle;
            encoding.accept(encoder);
            encoders.add(encoder);
        }
    }

    private final @Nullable RegistrySettings settings;
    private final String logTopic;
    private final Map<Wanted, Known> known = new ConcurrentHashMap<>();
    private final Map<Wanted, Long> askedAt = new ConcurrentHashMap<>(); // nano time
    private final Set<Wanted> wanted = ConcurrentHashMap.newKeySet();
    private final ScheduledExecutorService timer;
    private volatile String problem;

    /// @param settings null if no registry is configured
    LogSchemas(@Nullable RegistrySettings settings, String logTopic) {
        this.settings = settings;
        this.logTopic = logTopic;
        problem = settings == null
                ? "the setting registry-url: expected where the schemas of events in Avro are, found none"
                : "the registry was not asked yet for the schema of events";
        timer = Timers.named("tidegrad-log-schemas");
        if (settings != null) {
            timer.scheduleWithFixedDelay(this::ask, NEW_ONES_EVERY_MILLIS, NEW_ONES_EVERY_MILLIS,
                    TimeUnit.MILLISECONDS);
        }
    }

    /// Returns the schema for a model's events; null if it is not known yet. It will be asked for.
    ///
    /// @param eventsTopic topic of the events from which it learns
    @Nullable
    Known of(ModelSpec spec, String eventsTopic) {
        Wanted asked =
                new Wanted(spec.input().reader() instanceof ModelSpec.Reader.Of(int id) ? id : null, eventsTopic);
        Known found = known.get(asked);
        if (found == null) {
            wanted.add(asked);
        }
        return found;
    }

    /// Returns why a schema is not known.
    String problem() {
        return problem;
    }

    private void ask() {
        for (Wanted each : wanted) {
            Long last = askedAt.get(each);
            if (last == null || System.nanoTime() - last >= TimeUnit.SECONDS.toNanos(EVERY_SECONDS)) {
                try {
                    known.put(each, found(each));
                } catch (RuntimeException | Error e) {
                    // All errors are caught, because the timer does not run a task again that has thrown.
                    problem = "the schema of the events of " + each.topic + " is not known: "
                            + String.valueOf(e.getMessage());
                    log.debug("no schema for {}", logTopic, e);
                } finally {
                    askedAt.put(each, System.nanoTime());
                }
            }
        }
    }

    private Known found(Wanted asked) {
        RegistrySettings where = settings;
        if (where == null) {
            throw new IllegalStateException("no registry");
        }
        try (SchemaRegistry registry = SchemaRegistry.connect(where.client())) {
            Schema schema = asked.id == null ? registry.latest(asked.topic + "-value") : registry.schemaById(asked.id);
            if (schema.getType() != Schema.Type.RECORD) {
                throw new IllegalStateException("expected a record, found " + schema.getType().getName());
            }
            Known before = known.get(asked);
            return before != null && before.schema.equals(schema) ? before
                    : new Known(registry.register(logTopic + "-value", schema), schema);
        }
    }

    @Override
    public void close() {
        timer.shutdownNow();
    }
}
