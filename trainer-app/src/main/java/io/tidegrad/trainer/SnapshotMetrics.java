package io.tidegrad.trainer;

import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Tags;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.tidegrad.trainer.store.CommittedState;
import io.tidegrad.trainer.store.SnapshotTotals;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.ToDoubleFunction;

/// What was published of a model, for health and Prometheus; committed, as all that is told there.
final class SnapshotMetrics {
    private SnapshotMetrics() {}

    static Map<String, Object> health(SnapshotTotals totals) {
        Map<String, Object> said = new LinkedHashMap<>();
        said.put("fulls", totals.fulls());
        said.put("deltas", totals.deltas());
        said.put("full_bytes", totals.fullBytes());
        said.put("delta_bytes", totals.deltaBytes());
        said.put("buried", totals.buried());
        said.put("chain", totals.chain());
        said.put("retained", totals.retained());
        said.put("retained_bytes", totals.retainedBytes());
        said.put("unsent_parts", totals.unsentParts());
        return said;
    }

    static void register(ModelTrainer model, PrometheusMeterRegistry metrics) {
        Tags tags = Tags.of("model", model.lineage().model());
        Tags full = tags.and("kind", "full");
        Tags delta = tags.and("kind", "delta");
        String published = "snapshots since the process started, by kind";
        counter(model, metrics, full, "published", published, SnapshotTotals::fulls);
        counter(model, metrics, delta, "published", published, SnapshotTotals::deltas);
        String bytes = "bytes of the records of those snapshots";
        counter(model, metrics, full, "published.bytes", bytes, SnapshotTotals::fullBytes);
        counter(model, metrics, delta, "published.bytes", bytes, SnapshotTotals::deltaBytes);
        counter(model, metrics, tags, "buried", "snapshots retired", SnapshotTotals::buried);
        gauge(model, metrics, tags, "chain", "deltas since the newest full snapshot", SnapshotTotals::chain);
        gauge(model, metrics, tags, "retained", "snapshots on the topic", SnapshotTotals::retained);
        gauge(model, metrics, tags, "retained.bytes", "bytes of their records", SnapshotTotals::retainedBytes);
        gauge(model, metrics, tags, "unsent.parts", "parts of a full snapshot that is spread over commits",
                SnapshotTotals::unsentParts);
    }

    private static void counter(ModelTrainer model, PrometheusMeterRegistry metrics, Tags tags, String name,
            String description, ToDoubleFunction<SnapshotTotals> value) {
        FunctionCounter.builder("tidegrad.snapshots." + name, model, m -> of(m, value)).description(description)
                .tags(tags).register(metrics);
    }

    private static void gauge(ModelTrainer model, PrometheusMeterRegistry metrics, Tags tags, String name,
            String description, ToDoubleFunction<SnapshotTotals> value) {
        Gauge.builder("tidegrad.snapshots." + name, model, m -> of(m, value)).description(description).tags(tags)
                .register(metrics);
    }

    private static double of(ModelTrainer model, ToDoubleFunction<SnapshotTotals> value) {
        CommittedState committed = model.committed();
        return committed == null ? 0 : value.applyAsDouble(committed.snapshots());
    }
}
