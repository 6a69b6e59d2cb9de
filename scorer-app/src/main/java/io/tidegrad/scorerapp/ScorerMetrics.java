package io.tidegrad.scorerapp;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Tag;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.Timer;
import io.micrometer.core.instrument.binder.MeterBinder;
import io.micrometer.core.instrument.binder.system.FileDescriptorMetrics;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.tidegrad.control.ControlStatus;
import io.tidegrad.ops.http.EndedConnection;
import io.tidegrad.scorer.RefusalReason;
import io.tidegrad.scorer.Scorer;
import io.tidegrad.scorer.ScorerStatus;
import io.tidegrad.scorer.ServedVersion;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Collection;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.ToDoubleFunction;

/// What Prometheus reads; the list is in `docs/operations/watch.md`. What the library counts is read from it at each
/// scrape, what HTTP does is counted here.
final class ScorerMetrics {
    private final PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    private final InstantSource clock;

    /// The `model` of what concerns none that is served.
    static final String NO_MODEL = "-";

    private final Map<String, Map<ProblemReason, Counter>> refused = new HashMap<>();
    private final Map<String, Counter> predictions = new ConcurrentHashMap<>();
    private final Map<String, Counter> challengers = new ConcurrentHashMap<>();
    private final Map<String, Timer> requests = new ConcurrentHashMap<>();
    private final Map<EndedConnection, Counter> ended = new EnumMap<>(EndedConnection.class);

    ScorerMetrics(Collection<Scorer> scorers, InstantSource clock) {
        this.clock = clock;
        new FileDescriptorMetrics().bindTo(registry);
        scorers.forEach(this::follow);
        refused.put(NO_MODEL, refusals(NO_MODEL));
        scorers.forEach(scorer -> refused.put(scorer.model(), refusals(scorer.model())));
        for (EndedConnection reason : EndedConnection.values()) {
            ended.put(reason, Counter.builder("tidegrad.scorer.connections.ended")
                    .description("Connections of HTTP and gRPC that ended otherwise than between two requests")
                    .tags("model", NO_MODEL, "reason", reason.name().toLowerCase(Locale.ROOT)).register(registry));
        }
    }

    /// All from the start, at 0: an alarm on an increase would not see a series that begins at 1.
    private Map<ProblemReason, Counter> refusals(String model) {
        Map<ProblemReason, Counter> counters = new EnumMap<>(ProblemReason.class);
        for (ProblemReason reason : ProblemReason.values()) {
            counters.put(reason,
                    Counter.builder("tidegrad.scorer.requests.refused")
                            .description("Requests not answered with what they asked for")
                            .tags("model", model, "reason", reason.code()).register(registry));
        }
        return counters;
    }

    private void follow(Scorer scorer) {
        Tags model = Tags.of("model", scorer.model());
        gauge(scorer, model, "ready", "1 when a version serves that is not too old", status -> status.ready() ? 1 : 0);
        gauge(scorer, model, "from.file", "1 while what serves is of the state directory and not of Kafka",
                status -> served(status, served -> served.isFromFile() ? 1 : 0));
        gauge(scorer, model, "epoch", "Epoch of the served version", status -> served(status, ServedVersion::epoch));
        gauge(scorer, model, "version", "Update count of the served version",
                status -> served(status, ServedVersion::version));
        gauge(scorer, model, "offset", "Next offset of the log of record in the served version",
                status -> served(status, ServedVersion::nextOffset));
        gauge(scorer, model, "event.time.seconds", "Stream time of the served version, since 1970",
                status -> served(status, ScorerMetrics::eventTime));
        gauge(scorer, model, "freshness.seconds",
                "Now - append time of the newest event served; 0 while the trainer is caught up",
                status -> status.freshnessMs() < 0 ? Double.NaN : status.freshnessMs() / 1e3);
        gauge(scorer, model, "admitted.age.seconds", "Time since the served version was admitted",
                status -> served(status, served -> (clock.millis() - served.admittedAt()) / 1e3));
        gauge(scorer, model, "heartbeat.age.seconds", "Age of the trainer's newest heartbeat",
                ScorerMetrics::heartbeatAge);
        gauge(scorer, model, "clock.behind.seconds",
                "How far the clock here is behind the trainer's or append times; 0 below 2 s",
                status -> status.clockBehindMs() / 1e3);
        counter(scorer, model, "snapshots.seen", "Manifests read", ScorerStatus::snapshotsSeen);
        counter(scorer, model, "snapshots.loaded", "Versions admitted", ScorerStatus::snapshotsLoaded);
        gauge(scorer, model, "chain", "Deltas from the full snapshot to the served version",
                status -> served(status, served -> served.manifest().chain().deltas()));
        counter(scorer, model.and("kind", "full"), "snapshots.admitted", "Versions admitted, by kind",
                status -> status.reading().fulls());
        counter(scorer, model.and("kind", "delta"), "snapshots.admitted", "Versions admitted, by kind",
                status -> status.reading().deltas());
        counter(scorer, model.and("kind", "rollback"), "snapshots.admitted", "Versions admitted, by kind",
                status -> status.reading().broughtBack());
        counter(scorer, model, "snapshots.fallbacks", "Full snapshots that mended a gap between deltas",
                status -> status.reading().fallbacks());
        counter(scorer, model, "records.read", "Records read from the snapshots topic",
                status -> status.reading().records());
        counter(scorer, model, "bytes.read", "Bytes of those records", status -> status.reading().bytes());
        counter(scorer, model, "bytes.copied",
                "Memory for admitted versions beyond what they share with the one before",
                status -> status.reading().copiedBytes());
        counter(scorer, model, "follower.failures", "Times that Kafka gave an error and the follower began again",
                ScorerStatus::followerFailures);
        for (String stage : ControlStatus.STAGES) {
            gauge(scorer, model.and("stage", stage), "stage", "1 at the stage that the model is in",
                    status -> status.control().stage().equals(stage) ? 1 : 0);
        }
        gauge(scorer, model, "promoted", "1 while another model answers to the name",
                status -> status.control().model().equals(status.model()) ? 0 : 1);
        gauge(scorer, model, "control.problem", "1 while what was decided is not what serves",
                status -> status.control().problem().isEmpty() ? 0 : 1);
        counter(scorer, model, "control.records", "Control records followed, of all models",
                status -> status.control().records());
        counter(scorer, model, "control.unreadable", "Control records passed over",
                status -> status.control().unreadable());
        for (RefusalReason reason : RefusalReason.values()) {
            counter(scorer, model.and(Tag.of("reason", reason.code())), "snapshots.refused", "Versions not admitted",
                    status -> status.refused().getOrDefault(reason, 0L));
        }
    }

    private static double eventTime(ServedVersion served) {
        return served.eventTime() == Long.MIN_VALUE ? Double.NaN : served.eventTime() / 1e3;
    }

    private static double heartbeatAge(ScorerStatus status) {
        return status.heartbeatAgeMs() < 0 ? Double.NaN : status.heartbeatAgeMs() / 1e3;
    }

    private static double served(ScorerStatus status, ToDoubleFunction<ServedVersion> value) {
        ServedVersion served = status.served();
        return served == null ? Double.NaN : value.applyAsDouble(served);
    }

    private void gauge(Scorer scorer, Tags tags, String name, String help, ToDoubleFunction<ScorerStatus> value) {
        Gauge.builder("tidegrad.scorer." + name, scorer, s -> value.applyAsDouble(s.status())).description(help)
                .tags(tags).register(registry);
    }

    private void counter(Scorer scorer, Tags tags, String name, String help, ToDoubleFunction<ScorerStatus> value) {
        FunctionCounter.builder("tidegrad.scorer." + name, scorer, s -> value.applyAsDouble(s.status()))
                .description(help).tags(tags).register(registry);
    }

    /// What the bodies of requests take is shown from now on.
    void follow(BodyMemory bodies) {
        Gauge.builder("tidegrad.scorer.bodies.bytes", bodies, BodyMemory::taken)
                .description("Memory that bodies of requests take together").tags("model", NO_MODEL).register(registry);
    }

    /// Whether the process can tell what it serves.
    void follow(StatusTopic status) {
        FunctionCounter.builder("tidegrad.scorer.status.records", status, StatusTopic::told)
                .description("Records of the status topic written").tags("model", NO_MODEL).register(registry);
        FunctionCounter.builder("tidegrad.scorer.status.failures", status, StatusTopic::failures)
                .description("Times that the status topic could not be written to").tags("model", NO_MODEL)
                .register(registry);
    }

    /// A shadow is compared from now on.
    void follow(Shadows.Pair pair, ShadowComparison comparison) {
        Tags tags = Tags.of("model", pair.name(), "shadow", pair.shadow());
        shadow(tags, comparison, "shadow.records", "Records that a shadow has scored too",
                ShadowComparison.Figures::records);
        shadow(tags, comparison, "shadow.agreed", "Of these, those of which it says the same class",
                ShadowComparison.Figures::agreed);
        shadow(tags, comparison, "shadow.difference",
                "Sum over these of the mean absolute difference of the predictions",
                figures -> figures.records() == 0 ? 0 : figures.meanDifference() * figures.records());
        shadow(tags, comparison, "shadow.refused", "Records that a shadow could not score",
                ShadowComparison.Figures::refused);
        shadow(tags, comparison, "shadow.dropped", "Records that a shadow had no time or no version for",
                ShadowComparison.Figures::dropped);
    }

    private void shadow(Tags tags, ShadowComparison comparison, String name, String help,
            ToDoubleFunction<ShadowComparison.Figures> value) {
        FunctionCounter.builder("tidegrad.scorer." + name, comparison, each -> value.applyAsDouble(each.total()))
                .description(help).tags(tags).register(registry);
    }

    /// A challenger has answered.
    void challenged(String model, String challenger, int events) {
        challengers.computeIfAbsent(model + ' ' + challenger,
                key -> Counter.builder("tidegrad.scorer.challenger.predictions")
                        .description("Events scored by a challenger").tags("model", model, "challenger", challenger)
                        .register(registry))
                .increment(events);
    }

    /// The live model has answered what a challenger could not.
    void leftToLive(String model, String challenger, ProblemReason reason) {
        Counter.builder("tidegrad.scorer.challenger.refused")
                .description("Requests that a challenger could not answer and the live model did")
                .tags("model", model, "challenger", challenger, "reason", reason.code()).register(registry).increment();
    }

    /// @param model one that is served; names from requests would make as many series as there are requests
    void scored(String model, int events) {
        predictions
                .computeIfAbsent(model,
                        name -> Counter.builder("tidegrad.scorer.predictions")
                                .description("Events scored over HTTP and gRPC").tag("model", name).register(registry))
                .increment(events);
    }

    /// @param model as for `scored`, or `NO_MODEL`
    void refused(String model, ProblemReason reason) {
        Map<ProblemReason, Counter> counters = refused.get(model);
        if (counters != null) {
            Objects.requireNonNull(counters.get(reason)).increment();
        }
    }

    void connectionEnded(EndedConnection reason) {
        Objects.requireNonNull(ended.get(reason)).increment();
    }

    /// @param model as for `scored`
    void answered(String model, int status, long nanos) {
        requests.computeIfAbsent(model + ' ' + status, key -> Timer.builder("tidegrad.scorer.requests")
                .description("Scoring requests, first byte read to answer written").tag("model", model)
                .tag("status", Integer.toString(status))
                .serviceLevelObjectives(Duration.ofNanos(100_000), Duration.ofNanos(250_000), Duration.ofNanos(500_000),
                        Duration.ofMillis(1), Duration.ofMillis(2), Duration.ofMillis(5), Duration.ofMillis(10),
                        Duration.ofMillis(50), Duration.ofMillis(250), Duration.ofSeconds(1))
                .register(registry)).record(Duration.ofNanos(nanos));
    }

    /// More that is read at each scrape.
    void bind(MeterBinder more) {
        more.bindTo(registry);
    }

    String scrape() {
        return registry.scrape();
    }
}
