package io.tidegrad.scorerapp;

import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.tidegrad.control.ControlStatus;
import io.tidegrad.model.snapshot.RefusalReason;
import io.tidegrad.ops.measure.Measure;
import io.tidegrad.ops.measure.Measures;
import io.tidegrad.scorer.Scorer;
import io.tidegrad.scorer.ScorerStatus;
import io.tidegrad.scorer.ServedLog;
import io.tidegrad.scorer.ServedVersion;
import java.time.InstantSource;
import java.util.Arrays;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// Every number about a model that is followed, in `/health` and in `/metrics`.
final class ScorerMeasures {
    /// Measures of the served version.
    static final Measures<ServedVersion> VERSION =
            Measures.of(served("epoch", "Epoch of the served version", ServedVersion::epoch).field("epoch"),
                    served("version", "Update count of the served version", ServedVersion::version).field("version"),
                    served("offset", "Next offset of the log of record in the served version",
                            ServedVersion::nextOffset).field("offset"),
                    Measure.inHealth("admitted_at_ms", ServedVersion::admittedAt),
                    served("event.timestamp.seconds", "Stream time of the served version, since 1970",
                            served -> served.eventTime() == Long.MIN_VALUE ? null : served.eventTime()).seconds()
                            .field("event_time_ms"),
                    served("from.file", "1 while what serves is of the state directory and not of Kafka",
                            served -> served.isFromFile() ? 1 : 0));

    static final Measures<ScorerStatus> FRESHNESS = Measures.of(
            gauge("freshness.seconds", "Now - append time of the newest event served; 0 while the trainer is caught up",
                    status -> status.freshnessMs() < 0 ? null : status.freshnessMs()).seconds().field("freshness_ms"));

    private static final String ADMITTED = "Versions admitted, by kind";

    static final Measures<ScorerStatus> FOLLOWING = Measures.of(
            gauge("heartbeat.age.seconds", "Age of the trainer's newest heartbeat",
                    status -> status.heartbeatAgeMs() < 0 ? null : status.heartbeatAgeMs()).seconds()
                    .optionalField("heartbeat_age_ms", age -> age),
            gauge("clock.behind.seconds", "How far the clock here is behind the trainer's or append times; 0 below 2 s",
                    ScorerStatus::clockBehindMs).seconds().optionalField("clock_behind_ms", ScorerMeasures::unlessZero),
            counter("snapshots.seen", "Manifests read", ScorerStatus::snapshotsSeen).field("snapshots_seen"),
            counter("snapshots.loaded", "Versions admitted", ScorerStatus::snapshotsLoaded).field("snapshots_loaded"),
            counter("snapshots.admitted", ADMITTED, status -> status.reading().fulls()).label("kind", "full")
                    .field("snapshots_full"),
            counter("snapshots.admitted", ADMITTED, status -> status.reading().deltas()).label("kind", "delta")
                    .field("snapshots_delta"),
            counter("snapshots.fallbacks", "Full snapshots that mended a gap between deltas",
                    status -> status.reading().fallbacks()).field("snapshot_fallbacks"),
            counter("snapshots.admitted", ADMITTED, status -> status.reading().broughtBack()).label("kind", "rollback")
                    .field("brought_back"),
            gauge("chain.deltas", "Deltas from the full snapshot to the served version", ScorerMeasures::chain)
                    .optionalField("chain", deltas -> deltas),
            gauge("ready", "1 when a version serves that is not too old", status -> status.ready() ? 1 : 0),
            counter("records.read", "Records read from the snapshots topic", status -> status.reading().records()),
            counter("read.bytes", "Bytes of those records", status -> status.reading().bytes()),
            counter("copied.bytes", "Memory for admitted versions beyond what they share with the one before",
                    status -> status.reading().copiedBytes()),
            counter("follower.failures", "Times that Kafka gave an error and the follower began again",
                    ScorerStatus::followerFailures),
            gauge("promoted", "1 while another model answers to the name",
                    status -> status.control().model().equals(status.model()) ? 0 : 1),
            gauge("control.problem", "1 while what was decided is not what serves",
                    status -> status.control().problem().isEmpty() ? 0 : 1));

    /// One measure for each reason. Only counts that are not 0 have a field.
    static final Measures<ScorerStatus> REFUSED = new Measures<>(Arrays.stream(RefusalReason.values())
            .map(reason -> counter("snapshots.refused", "Versions not admitted",
                    status -> status.refused().getOrDefault(reason, 0L)).label("reason", reason.code())
                    .optionalField(reason.code(), ScorerMeasures::unlessZero))
            .toList());

    static final Measures<ControlStatus> CONTROL = Measures.of(
            Measure.<ControlStatus>counter(series("control.records"), "Control records followed, of all models",
                    ControlStatus::records).field("records"),
            Measure.<ControlStatus>counter(series("control.unreadable.records"), "Control records passed over",
                    ControlStatus::unreadable).field("unreadable"));

    static final Measures<ServedLog> LOG = Measures.of(
            Measure.<ServedLog>counter(series("log.written.events"), "Events written to the log of what is served",
                    ServedLog::written).field("written"),
            Measure.<ServedLog>gauge(series("log.buffered.bytes"), "What waits to be written to the log",
                    ServedLog::buffered).field("buffered_bytes"),
            Measure.<ServedLog>gauge(series("log.buffer.bytes"), "How much may wait", ServedLog::bufferBytes)
                    .field("buffer_bytes"));

    /// One measure for each reason. Only counts that are not 0 have a field.
    static final Measures<ServedLog> LOST = new Measures<>(Arrays.stream(ServedLog.Loss.values())
            .map(why -> Measure
                    .<ServedLog>counter(series("log.lost.events"), "Events that were served and are not in the log",
                            log -> log.lost(why))
                    .label("reason", why.code()).optionalField(why.code(), ScorerMeasures::unlessZero))
            .toList());

    private static final Measures<ScorerStatus> STAGES =
            new Measures<>(
                    ControlStatus.STAGES.stream()
                            .map(stage -> gauge("stage", "1 at the stage that the model is in",
                                    status -> status.control().stage().equals(stage) ? 1 : 0).label("stage", stage))
                            .toList());

    private ScorerMeasures() {}

    private static String series(String name) {
        return "tidegrad.scorer." + name;
    }

    private static Measure<ServedVersion> served(String name, String help,
            Function<ServedVersion, @Nullable Number> value) {
        return Measure.gauge(series(name), help, value);
    }

    private static Measure<ScorerStatus> gauge(String name, String help,
            Function<ScorerStatus, @Nullable Number> value) {
        return Measure.gauge(series(name), help, value);
    }

    private static Measure<ScorerStatus> counter(String name, String help,
            Function<ScorerStatus, @Nullable Number> value) {
        return Measure.counter(series(name), help, value);
    }

    static @Nullable Number unlessZero(Number number) {
        return number.longValue() > 0 ? number : null;
    }

    private static @Nullable Number chain(ScorerStatus status) {
        ServedVersion served = status.served();
        return served == null ? null : served.manifest().chain().deltas();
    }

    /// Adds the series of a log to `/metrics`.
    static void register(String name, ServedLog log, MeterRegistry registry) {
        LOG.register(registry, Tags.of("model", name), log, each -> each);
        LOST.register(registry, Tags.of("model", name), log, each -> each);
    }

    /// Adds the series of a model to `/metrics`.
    static void register(Scorer scorer, InstantSource clock, MeterRegistry registry) {
        Tags model = Tags.of("model", scorer.model());
        Function<Scorer, @Nullable ServedVersion> serving = each -> each.status().served();
        VERSION.register(registry, model, scorer, serving);
        Measures.of(served("admitted.age.seconds", "Time since the served version was admitted",
                served -> clock.millis() - served.admittedAt()).seconds()).register(registry, model, scorer, serving);
        FRESHNESS.register(registry, model, scorer, Scorer::status);
        FOLLOWING.register(registry, model, scorer, Scorer::status);
        REFUSED.register(registry, model, scorer, Scorer::status);
        STAGES.register(registry, model, scorer, Scorer::status);
        CONTROL.register(registry, model, scorer, each -> each.status().control());
    }
}
