package io.tidegrad.trainer;

import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.MultiGauge;
import io.micrometer.core.instrument.Tags;
import io.tidegrad.model.evaluation.RecentEvaluation;
import io.tidegrad.model.evaluation.SliceEvaluation.Slice;
import io.tidegrad.trainer.store.CommittedState;
import io.tidegrad.trainer.store.Report;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// The series of a model's slices. They come and go with the values that are frequent, so there are never more than slices
/// are told of.
final class SliceGauges {
    private static final Set<String> TOLD = Set.of("labels", "log_loss", "prior_log_loss", "auc", "accuracy",
            "calibration_bias", "mean_prediction", "mean_label", "mean_squared_error", "mean_absolute_error");

    private final ModelTrainer model;
    private final Map<String, MultiGauge> gauges = new LinkedHashMap<>(); // by measure

    SliceGauges(ModelTrainer model, MeterRegistry registry) {
        this.model = model;
        RecentEvaluation.MEASURES.stream().filter(each -> TOLD.contains(each.name()))
                .forEach(each -> gauges.put(each.name(),
                        MultiGauge.builder("tidegrad.slice." + each.series())
                                .description("of the labels of a value among the newest 10,000 to 20,000: "
                                        + each.help() + " (" + each.unit() + ")")
                                .tags(Tags.of("model", model.lineage().model())).register(registry)));
    }

    /// Makes the series those of the newest report.
    void update() {
        CommittedState committed = model.committed();
        Report report = committed == null ? null : committed.report();
        if (report != null) {
            gauges.forEach((measure, gauge) -> gauge.register(rows(report.slices(), measure), true));
        }
    }

    private static List<MultiGauge.Row<?>> rows(List<Slice> slices, String measure) {
        List<MultiGauge.Row<?>> rows = new ArrayList<>();
        for (Slice slice : slices) {
            Double value = slice.recent().get(measure);
            if (value != null) {
                rows.add(MultiGauge.Row.of(Tags.of("field", slice.field(), "value", slice.shown()), value));
            }
        }
        return rows;
    }
}
