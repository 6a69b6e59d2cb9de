package io.tidegrad.scorerapp;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MultiGauge;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.Timer;
import io.micrometer.core.instrument.binder.MeterBinder;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.tidegrad.ops.http.EndedConnection;
import io.tidegrad.ops.measure.Measure;
import io.tidegrad.ops.measure.Measures;
import io.tidegrad.ops.measure.ProcessMeters;
import io.tidegrad.scorer.Scorer;
import io.tidegrad.scorer.ServedVersion;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Collection;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;

/// The metrics for Prometheus, which `docs/operations/watch.md` lists. What the library counts is read from it at each
/// scrape (`ScorerMeasures`); requests are counted here. All series exist from the start, at 0, because an alarm on an
/// increase would not notice a series that begins at 1.
final class ScorerMetrics implements AutoCloseable {
    private static final Measures<BodyMemory> BODIES = Measures.of(Measure.gauge("tidegrad.scorer.bodies.bytes",
            "Memory that bodies of requests take together", BodyMemory::taken));
    private static final Measures<StatusTopic> STATUS = Measures.of(
            Measure.counter("tidegrad.scorer.status.records", "Records of the status topic written",
                    StatusTopic::written),
            Measure.counter("tidegrad.scorer.status.failures", "Times that the status topic could not be written to",
                    StatusTopic::failures));
    private static final Measures<ShadowComparison.Figures> SHADOW = Measures.of(
            Measure.counter("tidegrad.scorer.shadow.records", "Records that a shadow has scored too",
                    ShadowComparison.Figures::records),
            Measure.counter("tidegrad.scorer.shadow.agreed.records", "Of these, those of which it says the same class",
                    ShadowComparison.Figures::agreed),
            Measure.counter("tidegrad.scorer.shadow.difference",
                    "Sum over these of the mean absolute difference of the predictions",
                    figures -> figures.records() == 0 ? 0 : figures.meanDifference() * figures.records()),
            Measure.counter("tidegrad.scorer.shadow.refused.records", "Records that a shadow could not score",
                    ShadowComparison.Figures::refused),
            Measure.counter("tidegrad.scorer.shadow.dropped.records",
                    "Records that a shadow had no time or no version for", ShadowComparison.Figures::dropped));

    private final PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    private final ProcessMeters ofProcess = new ProcessMeters(registry);
    private final List<Scorer> scorers;

    /// Another epoch or spec that is served takes the place of the series before it.
    private final MultiGauge served =
            MultiGauge.builder(ProcessMeters.MODEL).description(ProcessMeters.MODEL_HELP).register(registry);

    /// The tag `model` of what concerns no served model.
    static final String NO_MODEL = "-";

    private static final Tags OF_NO_MODEL = Tags.of("model", NO_MODEL);

    private final Map<String, Map<ProblemReason, Counter>> refused = new HashMap<>();
    private final Map<String, Counter> predictions = new ConcurrentHashMap<>();
    private final Map<String, Timer> requests = new ConcurrentHashMap<>();
    private final Map<EndedConnection, Counter> ended = new EnumMap<>(EndedConnection.class);

    ScorerMetrics(Collection<Scorer> scorers, InstantSource clock) {
        this.scorers = List.copyOf(scorers);
        scorers.forEach(scorer -> ScorerMeasures.register(scorer, clock, registry));
        refused.put(NO_MODEL, refusals(NO_MODEL));
        scorers.forEach(scorer -> refused.put(scorer.model(), refusals(scorer.model())));
        for (EndedConnection reason : EndedConnection.values()) {
            ended.put(reason, Counter.builder("tidegrad.scorer.connections.ended")
                    .description("Connections of HTTP and gRPC that ended otherwise than between two requests")
                    .tags("model", NO_MODEL, "reason", reason.name().toLowerCase(Locale.ROOT)).register(registry));
        }
    }

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

    /// Shows how much memory the bodies of requests take.
    void follow(BodyMemory bodies) {
        BODIES.register(registry, OF_NO_MODEL, bodies, each -> each);
    }

    /// Shows whether the process can report what it serves.
    void follow(StatusTopic status) {
        STATUS.register(registry, OF_NO_MODEL, status, each -> each);
    }

    /// Shows how a shadow compares with the live model.
    void follow(Shadows.Pair pair, ShadowComparison comparison) {
        SHADOW.register(registry, Tags.of("model", pair.name(), "shadow", pair.shadow()), comparison,
                ShadowComparison::total);
    }

    /// Counts events that a challenger has scored.
    void challenged(String model, String challenger, int events) {
        Counter.builder("tidegrad.scorer.challenger.predictions").description("Events scored by a challenger")
                .tags("model", model, "challenger", challenger).register(registry).increment(events);
    }

    /// Counts a request that a challenger could not answer and the live model did.
    void leftToLive(String model, String challenger, ProblemReason reason) {
        Counter.builder("tidegrad.scorer.challenger.refused.requests")
                .description("Requests that a challenger could not answer and the live model did")
                .tags("model", model, "challenger", challenger, "reason", reason.code()).register(registry).increment();
    }

    /// @param model name of a served model: names from requests would make as many series as there are requests
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

    /// Adds more that is read at each scrape.
    void bind(MeterBinder more) {
        more.bindTo(registry);
    }

    String scrape() {
        served.register(scorers.stream().flatMap(ScorerMetrics::served).toList(), true);
        return registry.scrape();
    }

    private static Stream<MultiGauge.Row<?>> served(Scorer scorer) {
        ServedVersion version = scorer.status().served();
        return version == null ? Stream.empty() : Stream.of(MultiGauge.Row.of(ProcessMeters.ofModel(scorer.model(),
                version.epoch(), HexFormat.of().formatHex(version.spec().fingerprint())), 1));
    }

    @Override
    public void close() {
        ofProcess.close();
        registry.close();
    }
}
