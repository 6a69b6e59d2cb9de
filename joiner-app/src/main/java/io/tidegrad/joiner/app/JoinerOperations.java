package io.tidegrad.joiner.app;

import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.Tags;
import io.tidegrad.control.RunStatus;
import io.tidegrad.joiner.join.JoinOutput.Counted;
import io.tidegrad.joiner.join.JoinOutput;
import io.tidegrad.joiner.topology.Alignment;
import io.tidegrad.joiner.topology.BoundedRocksDb;
import io.tidegrad.joiner.topology.JoinCounts;
import io.tidegrad.joiner.topology.JoinProgress;
import io.tidegrad.model.feature.Rejection;
import io.tidegrad.model.stream.Example;
import io.tidegrad.ops.security.ServerSecurity;
import io.tidegrad.process.OperationsServer;
import io.tidegrad.process.StopException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.kafka.streams.KafkaStreams;
import org.jspecify.annotations.Nullable;

/// What a joiner's server answers about its streams. `docs/operations/watch.md` lists fields and names.
record JoinerOperations(OperationsServer server) {
    /// Of dead letters.
    private static final List<String> REASONS = Stream
            .of(Arrays.stream(Rejection.Reason.values()).map(Rejection.Reason::code),
                    Arrays.stream(JoinOutput.Reason.values()).map(JoinOutput.Reason::code), Stream.of("event-gone"))
            .flatMap(each -> each).toList();

    private static final String STREAM = "stream";
    private static final String EPOCH = "epoch";

    /// What can be wrong with a stream.
    private enum Reason {
        FAILED, RETRYING, STARTING, REBALANCING, STALLED, OPEN_TRANSACTION, LABELS_SILENT, PARTITIONERS_DIFFER;

        String code() {
            return name().toLowerCase(Locale.ROOT).replace('_', '-');
        }
    }

    /// Starts a server that answers at once.
    ///
    /// @param slots returns the streams of this process
    static JoinerOperations start(String host, int port, ServerSecurity security,
            Supplier<Collection<StreamSlot>> slots) {
        return new JoinerOperations(OperationsServer.start(host, port, security, () -> health(slots.get())))
                .withProcess();
    }

    /// Lets a server that answers about something else already answer about streams too.
    static JoinerOperations in(OperationsServer server, Supplier<Collection<StreamSlot>> slots) {
        server.add(() -> health(slots.get()));
        return new JoinerOperations(server).withProcess();
    }

    private JoinerOperations withProcess() {
        Gauge.builder("tidegrad.joiner.cache.bytes", BoundedRocksDb::usedBytes)
                .description("Memory that the stores of this process take of their cache").register(server.metrics());
        return this;
    }

    private static Tags tags(StreamSlot slot) {
        return Tags.of(STREAM, slot.epoch().stream(), EPOCH, Integer.toString(slot.epoch().number()));
    }

    void appears(StreamSlot slot) {
        Tags tags = tags(slot);
        gauge("tidegrad.joiner.up", "1 while the stream is joined here; NaN while it is paused", tags, slot,
                JoinerOperations::up);
        for (Reason reason : Reason.values()) {
            gauge("tidegrad.joiner.degraded", "1 while this is wrong with the stream here",
                    tags.and("reason", reason.code()), slot,
                    each -> reasons(each, each.joiner()).containsKey(reason) ? 1 : 0);
        }
        counter("tidegrad.joiner.events", "Events that were read", tags, slot, JoinCounts::events);
        counter("tidegrad.joiner.labels", "Labels that were read", tags, slot, JoinCounts::labels);
        for (Example.Kind kind : Example.Kind.values()) {
            counter("tidegrad.joiner.examples", "Examples that were written", tags.and("kind", kind.code()), slot,
                    counts -> counts.examples(kind));
        }
        for (Counted what : Counted.values()) {
            counter("tidegrad.joiner.cases", "What was counted only", tags.and("what", what.code()), slot,
                    counts -> counts.counted(what));
        }
        for (String reason : REASONS) {
            counter("tidegrad.joiner.dead.letters", "Records that could not be joined", tags.and("reason", reason),
                    slot, counts -> counts.deadLetters(reason));
        }
        lag(tags, "events", slot, JoinProgress.Seen::eventsLag);
        lag(tags, "labels", slot, JoinProgress.Seen::labelsLag);
        lag(tags, "join", slot, JoinProgress.Seen::joinLag);
        time("tidegrad.joiner.time.least.timestamp.seconds", "Least event time of the tasks, epoch seconds", tags, slot,
                JoinProgress.Seen::leastTime);
        time("tidegrad.joiner.time.most.timestamp.seconds", "Largest event time of the tasks, epoch seconds", tags,
                slot, JoinProgress.Seen::mostTime);
        gauge("tidegrad.joiner.entries", "Ids of which something is remembered here, as RocksDB estimates them", tags,
                slot, each -> metric(each, "estimate-num-keys", "entries"));
        gauge("tidegrad.joiner.waiting.ids", "Ids that wait for an event or a label here, as RocksDB estimates them",
                tags, slot, each -> metric(each, "estimate-num-keys", "due"));
        gauge("tidegrad.joiner.waiting.since.timestamp.seconds",
                "Time of the event or label here whose wait ends first, epoch seconds", tags, slot, each -> {
                    StreamJoiner joiner = each.joiner();
                    return seconds(joiner == null ? OptionalLong.empty() : joiner.counts().waitingSince());
                });
        gauge("tidegrad.joiner.held.partitions", "Partitions here that lie too far ahead of others", tags, slot,
                each -> alignment(each, Alignment::heldPartitions));
        gauge("tidegrad.joiner.held.records", "Records of them that were fetched", tags, slot,
                each -> alignment(each, Alignment::heldRecords));
        gauge("tidegrad.joiner.state.bytes", "Size of what is remembered here, on disk", tags, slot,
                each -> metric(each, "total-sst-files-size", "entries") + metric(each, "total-sst-files-size", "due"));
    }

    /// An alarm must not ring for what somebody has decided.
    private static double up(StreamSlot slot) {
        if (slot.doing() == StreamSlot.Doing.PAUSED) {
            return Double.NaN;
        }
        StreamJoiner joiner = slot.joiner();
        return joiner != null && joiner.joins() ? 1 : 0;
    }

    private static double alignment(StreamSlot slot, ToDoubleFunction<Alignment> value) {
        StreamJoiner joiner = slot.joiner();
        return joiner == null ? Double.NaN : value.applyAsDouble(joiner.alignment());
    }

    private static double seconds(OptionalLong time) {
        return time.isPresent() ? time.getAsLong() / 1e3 : Double.NaN;
    }

    private static double metric(StreamSlot slot, String name, String store) {
        StreamJoiner joiner = slot.joiner();
        return joiner == null ? Double.NaN
                : joiner.sum("stream-state-metrics", name, Map.of("rocksdb-state-id", store));
    }

    private void gauge(String name, String meaning, Tags tags, StreamSlot slot, ToDoubleFunction<StreamSlot> value) {
        Gauge.builder(name, slot, value).description(meaning).tags(tags).register(server.metrics());
    }

    private void counter(String name, String meaning, Tags tags, StreamSlot slot, ToDoubleFunction<JoinCounts> value) {
        FunctionCounter.builder(name, slot, each -> {
            StreamJoiner joiner = each.joiner();
            return joiner == null ? 0 : value.applyAsDouble(joiner.counts());
        }).description(meaning).tags(tags).register(server.metrics());
    }

    private void lag(Tags tags, String side, StreamSlot slot, ToDoubleFunction<JoinProgress.Seen> value) {
        gauge("tidegrad.joiner.lag.offsets", "Offsets that are not read yet, by all joiners", tags.and("side", side),
                slot, each -> {
                    JoinProgress.Seen seen = seen(each);
                    return seen == null ? Double.NaN : value.applyAsDouble(seen);
                });
    }

    private void time(String name, String meaning, Tags tags, StreamSlot slot,
            Function<JoinProgress.Seen, OptionalLong> value) {
        gauge(name, meaning, tags, slot, each -> {
            JoinProgress.Seen seen = seen(each);
            return seconds(seen == null ? OptionalLong.empty() : value.apply(seen));
        });
    }

    private static JoinProgress.@Nullable Seen seen(StreamSlot slot) {
        StreamJoiner joiner = slot.joiner();
        return joiner == null ? null : joiner.progress().seen();
    }

    void disappears(StreamSlot slot) {
        Tags tags = tags(slot);
        List<Meter> own = server.metrics().getMeters().stream()
                .filter(meter -> meter.getId().getTags().containsAll(tags.stream().toList())).toList();
        own.forEach(server.metrics()::remove);
    }

    /// The status of the process, or of one stream.
    private enum Status {
        UP,
        /// Some streams are joined, and the reasons say what is wrong with others.
        DEGRADED,
        /// A stream is starting for the first time, or none does what was decided.
        DOWN
    }

    private static OperationsServer.Health health(Collection<StreamSlot> slots) {
        List<Map<String, @Nullable Object>> streams = new ArrayList<>();
        int wrong = 0;
        boolean told = false;
        boolean down = false;
        for (StreamSlot slot : slots) {
            StreamSlot.Doing doing = slot.doing();
            StreamJoiner joiner = slot.joiner();
            wrong += slot.failure() == null ? 0 : 1;
            // One that is tried again and again must not make the others look unwell.
            down |= doing == StreamSlot.Doing.STARTING && slot.failure() == null
                    || joiner != null && joiner.state() != KafkaStreams.State.RUNNING;
            Map<Reason, String> reasons = reasons(slot, joiner);
            told |= !reasons.isEmpty();
            down |= reasons.containsKey(Reason.STALLED);
            Map<String, @Nullable Object> said = describe(slot, doing, joiner);
            said.put("reasons", reasons.entrySet().stream()
                    .map(each -> Map.of("reason", each.getKey().code(), "message", each.getValue())).toList());
            streams.add(said);
        }
        Status status = down || wrong > 0 && wrong == slots.size() ? Status.DOWN : told ? Status.DEGRADED : Status.UP;
        Map<String, @Nullable Object> said = new LinkedHashMap<>();
        said.put("status", status.name());
        said.put("streams", streams);
        return new OperationsServer.Health(status != Status.DOWN, said);
    }

    /// Returns why the stream is not joined as it should be, or what is unusual about it.
    private static Map<Reason, String> reasons(StreamSlot slot, @Nullable StreamJoiner joiner) {
        Map<Reason, String> reasons = new EnumMap<>(Reason.class);
        StopException failure = slot.failure();
        if (failure != null) {
            reasons.put(failure.exitCode().retryable() ? Reason.RETRYING : Reason.FAILED,
                    String.valueOf(failure.getMessage()));
        } else if (slot.doing() == StreamSlot.Doing.STARTING) {
            reasons.put(Reason.STARTING, "its topics and offsets are looked at");
        }
        if (joiner != null && joiner.state() != KafkaStreams.State.RUNNING) {
            reasons.put(Reason.REBALANCING, "Kafka Streams is " + joiner.state()
                    + ": tasks are given out or restored, and nothing is joined here before it is RUNNING");
        }
        if (joiner == null || !joiner.joins()) {
            return reasons;
        }
        String stalled = joiner.stalled();
        if (stalled != null) {
            reasons.put(Reason.STALLED, stalled);
        }
        JoinProgress.Seen seen = joiner.progress().seen();
        String open = seen == null ? null : seen.openTransaction();
        if (open != null) {
            reasons.put(Reason.OPEN_TRANSACTION,
                    open + "; until then, time goes on with records only. If its producer is gone,"
                            + " end it: kafka-transactions.sh find-hanging, then abort");
        }
        String silent = seen == null ? null : seen.labelsSilent();
        if (silent != null) {
            reasons.put(Reason.LABELS_SILENT, silent + "; is their producer running?");
        }
        String differ = joiner.counts().partitionersDiffer();
        if (differ != null) {
            reasons.put(Reason.PARTITIONERS_DIFFER,
                    differ + "; begin a new epoch that names a field as the id of one side, or"
                            + " write both topics with partitioner=murmur2_random");
        }
        return reasons;
    }

    /// Returns what the status topic tells of the stream, with the reasons that health gives.
    static RunStatus.Run run(StreamSlot slot) {
        StreamJoiner joiner = slot.joiner();
        Map<Reason, String> reasons = reasons(slot, joiner);
        JoinProgress.Seen seen = joiner == null ? null : joiner.progress().seen();
        return new RunStatus.Run(slot.epoch().stream(), slot.epoch().number(), state(slot, joiner, reasons.keySet()),
                reasons.entrySet().stream().map(each -> each.getKey().code() + ": " + each.getValue())
                        .collect(Collectors.joining("; ")),
                seen == null ? -1 : seen.lag(), seen == null ? List.of() : seen.reads());
    }

    private static RunStatus.State state(StreamSlot slot, @Nullable StreamJoiner joiner, Set<Reason> reasons) {
        return switch (slot.doing()) {
            case PAUSED, LEFT -> RunStatus.State.PAUSED;
            case RETRYING -> RunStatus.State.RETRYING;
            case FAILED -> RunStatus.State.FAILED;
            case STARTING -> RunStatus.State.STARTING;
            case JOINING -> reasons.contains(Reason.STALLED) ? RunStatus.State.STALLED
                    : reasons.contains(Reason.REBALANCING) ? RunStatus.State.RESTORING
                            : joiner == null || joiner.tasks() == 0 ? RunStatus.State.STANDBY : RunStatus.State.RUNNING;
        };
    }

    private static Map<String, @Nullable Object> describe(StreamSlot slot, StreamSlot.Doing doing,
            @Nullable StreamJoiner joiner) {
        Map<String, @Nullable Object> said = new LinkedHashMap<>();
        said.put("stream", slot.epoch().stream());
        said.put("epoch", slot.epoch().number());
        said.put("state", doing == StreamSlot.Doing.JOINING && joiner != null && joiner.tasks() == 0 ? "standby"
                : doing.name().toLowerCase(Locale.ROOT));
        said.put("since", slot.since().toString());
        StopException failure = slot.failure();
        if (failure != null) {
            said.put("exit_code", failure.exitCode().status());
        }
        if (joiner == null) {
            return said;
        }
        said.put("tasks", joiner.tasks());
        JoinCounts counts = joiner.counts();
        said.put("events", counts.events());
        said.put("labels", counts.labels());
        Map<String, Long> examples = new LinkedHashMap<>();
        for (Example.Kind kind : Example.Kind.values()) {
            examples.put(kind.code(), counts.examples(kind));
        }
        said.put("examples", examples);
        said.put("dead_letters", counts.deadLetters());
        JoinProgress.Seen seen = joiner.progress().seen();
        if (seen != null) {
            said.put("lag", Map.of("events", seen.eventsLag(), "labels", seen.labelsLag(), "join", seen.joinLag()));
            said.put("least_time", time(seen.leastTime()));
            said.put("most_time", time(seen.mostTime()));
        }
        return said;
    }

    private static @Nullable String time(OptionalLong time) {
        return time.isPresent() ? Instant.ofEpochMilli(time.getAsLong()).toString() : null;
    }
}
