package io.tidegrad.scorerapp;

import io.tidegrad.model.feature.EventEncoder;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.model.stream.Served;
import io.tidegrad.schemas.settings.KafkaSettings;
import io.tidegrad.schemas.settings.RegistrySettings;
import io.tidegrad.scorer.Predictions;
import io.tidegrad.scorer.ServedLog;
import io.tidegrad.scorer.TraceContext;
import java.nio.charset.StandardCharsets;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// The logs of what is served over HTTP and gRPC, one for each name that has a topic for it.
final class ServedLogs implements AutoCloseable {
    static final ServedLogs NONE = new ServedLogs(Map.of(), false, InstantSource.system());

    private final Map<String, Log> logs;
    private final boolean required;
    private final InstantSource clock;
    private final EventIds ids = new EventIds();

    /// The log of a name.
    private record Log(ServedLog log, LogSchemas schemas) {
    }

    private ServedLogs(Map<String, Log> logs, boolean required, InstantSource clock) {
        this.logs = logs;
        this.required = required;
        this.clock = clock;
    }

    static ServedLogs open(LogConfig config, KafkaSettings kafka, @Nullable RegistrySettings registry,
            InstantSource clock) {
        Map<String, Log> logs = new LinkedHashMap<>();
        config.topics().forEach(
                (name, topic) -> logs.put(name, new Log(ServedLog.open(topic, kafka.producer(), config.bufferBytes()),
                        new LogSchemas(registry, topic))));
        return new ServedLogs(logs, config.required(), clock);
    }

    /// Returns the log of a name; null if it has none.
    @Nullable
    ServedLog log(String name) {
        Log found = logs.get(name);
        return found == null ? null : found.log;
    }

    /// An answer that is to be logged. It may wait for long while versions come and go, so it holds none of their weights.
    ///
    /// @param spec of the model that answers
    /// @param eventsTopics returns the topic of a stream's events; null if it is not known
    /// @param ids of the request's events, as it gives them; null if it gives none
    /// @param trace of the request; null if it has none
    record Answer(ModelSpec spec, Function<String, @Nullable String> eventsTopics, RecordFields fields,
            Served.Stage stage, @Nullable Double propensity, Predictions predictions, LoggedEvents events,
            @Nullable String ids, @Nullable TraceContext trace) {
    }

    /// Returns false if answers by a spec must be logged, and the schema for its events is not known yet; it is then asked
    /// for.
    ///
    /// @param eventsTopics as in `Answer`
    boolean isReady(String name, ModelSpec spec, Function<String, @Nullable String> eventsTopics) {
        Log to = logs.get(name);
        if (to == null || !required || spec.input().format() == ModelSpec.Format.JSON) {
            return true;
        }
        String topic = eventsTopic(spec, eventsTopics);
        return topic != null && to.schemas.of(spec, topic) != null;
    }

    static @Nullable String eventsTopic(ModelSpec spec, Function<String, @Nullable String> eventsTopics) {
        String stream = spec.stream();
        return stream == null ? spec.inputTopic() : eventsTopics.apply(stream);
    }

    /// Logs an answer before it is given. Returns the ids of its events; empty if the name has no log.
    ///
    /// @throws HttpProblem `bad-query` if the request gives ids that are none; where a log is required, `not-loggable`
    ///     or `log-full`
    List<String> log(String name, Answer answer) {
        Log to = logs.get(name);
        if (to == null) {
            return List.of();
        }
        long now = clock.millis();
        int events = answer.predictions.size();
        List<String> given = ids.of(answer.ids, events, now);
        ServedLog.Entry entry = new Entry(to, answer, given, now);
        if (required) {
            entry = made(entry, events);
        }
        if (!to.log.offer(events, entry) && required) {
            throw new HttpProblem(ProblemReason.LOG_FULL,
                    "what is served must be logged, and the log has no room: " + to.log.problem());
        }
        return given;
    }

    /// Makes an entry's records at once, because a request that can't be logged is refused.
    private static ServedLog.Entry made(ServedLog.Entry entry, int events) {
        List<Made> records = new ArrayList<>(events);
        String notYet = entry.write(new ServedLog.Records() {
            @Override
            public void add(byte[] key, byte[] value, Served served, @Nullable TraceContext trace) {
                records.add(new Made(key, value, served, trace));
            }

            @Override
            public void unwritable(String why) {
                throw new HttpProblem(ProblemReason.NOT_LOGGABLE, records.size(),
                        "what is served must be logged, and the events' schema can't hold this record: " + why);
            }
        });
        if (notYet != null) {
            throw new HttpProblem(ProblemReason.LOG_FULL, "what is served must be logged, and can't be yet: " + notYet);
        }
        return new ServedLog.Entry() {
            @Override
            public int bytes() {
                return records.stream()
                        .mapToInt(each -> each.key.length + each.value.length
                                + (each.trace == null ? 0 : each.trace.length())
                                + Float.BYTES * (each.served.predictions().length + each.served.memberOutputs().length))
                        .sum();
            }

            @Override
            public @Nullable String write(ServedLog.Records to) {
                records.forEach(each -> to.add(each.key, each.value, each.served, each.trace));
                return null;
            }
        };
    }

    private record Made(byte[] key, byte[] value, Served served, @Nullable TraceContext trace) {
    }

    /// @param ids of the events
    private record Entry(Log log, Answer answer, List<String> ids, long time) implements ServedLog.Entry {
        @Override
        public int bytes() {
            return answer.events.bytes()
                    + Float.BYTES
                            * (answer.predictions.probabilities().length + answer.predictions.memberOutputs().length)
                    + ids.stream().mapToInt(String::length).sum()
                    + (answer.trace == null ? 0 : ids.size() * answer.trace.length());
        }

        @Override
        public @Nullable String write(ServedLog.Records to) {
            ModelSpec spec = answer.spec;
            if (spec.input().format() == ModelSpec.Format.JSON) {
                List<byte[]> events = answer.events.json();
                for (int i = 0; i < events.size(); i++) {
                    to.add(key(i), events.get(i), served(i), answer.trace);
                }
                return null;
            }
            String eventsTopic = eventsTopic(spec, answer.eventsTopics);
            if (eventsTopic == null) {
                return "the topic of the events of stream " + spec.stream() + " is not known";
            }
            LogSchemas.Known schema = log.schemas.of(spec, eventsTopic);
            if (schema == null) {
                return log.schemas.problem();
            }
            List<Map<String, @Nullable Object>> events = answer.events.trees();
            schema.encode(encoder -> {
                for (int i = 0; i < events.size(); i++) {
                    byte[] value;
                    try {
                        value = encoder.encode(events.get(i), answer.fields::isPixels, answer.fields::timeUnit);
                    } catch (EventEncoder.UnwritableException e) {
                        to.unwritable(String.valueOf(e.getMessage()));
                        continue;
                    }
                    to.add(key(i), value, served(i), answer.trace);
                }
            });
            return null;
        }

        private byte[] key(int event) {
            return ids.get(event).getBytes(StandardCharsets.UTF_8);
        }

        private Served served(int event) {
            Predictions all = answer.predictions;
            int members = all.memberOutputs().length / all.size();
            return new Served(all.model(), all.epoch(), all.version(), all.offset(), time, answer.stage,
                    answer.propensity,
                    Arrays.copyOfRange(all.probabilities(), event * all.outputs(),
                            event * all.outputs() + all.numbers()[event]),
                    Arrays.copyOfRange(all.memberOutputs(), event * members, (event + 1) * members));
        }
    }

    /// All at once, because each log has ten seconds to write what it holds.
    @Override
    public void close() {
        try (ExecutorService closing = Executors.newVirtualThreadPerTaskExecutor()) {
            logs.values().forEach(each -> closing.execute(() -> {
                each.log.close();
                each.schemas.close();
            }));
        }
    }
}
