package io.tidegrad.model.evaluation;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// How good predictions will turn out to be whose labels are still out: confidence-based performance estimation (CBPE, NannyML).
/// A calibrated probability says how likely each label is, so each measure has an expected value. Predictions are
/// calibrated first, by the newest labels ([Recalibration]); then each counts with every label, by the label's probability.
/// What became of the predictions is counted beside it.
///
/// It sees that events are harder or easier than they were. It can't see that the same events have other labels now.
public final class EstimatedPerformance {
    private static final List<String> MEASURES = List.of("log_loss", "brier_score", "auc", "accuracy", "precision",
            "recall", "f1", "macro_f1", "calibration_error", "mean_prediction", "mean_label");

    private final MetricTask task;
    private final Recalibration recalibration;
    private final MetricSums estimated;
    private final MetricSums realized;
    private final float[] calibrated; // scratch

    /// Measures of the same predictions by name, without those that the task does not have.
    ///
    /// @param predictions whose labels were out
    /// @param realized by the labels that came since
    public record Comparison(long predictions, Map<String, Double> estimated, Map<String, Double> realized) {
    }

    private EstimatedPerformance(MetricTask task, Recalibration recalibration) {
        this.task = task;
        this.recalibration = recalibration;
        estimated = new MetricSums(task, true, true);
        realized = new MetricSums(task, true, true);
        calibrated = new float[task.classes()];
    }

    /// Returns one without predictions; null unless labels are yes or no with probabilities, or one of at most 16 classes, or
    /// if no label has come.
    ///
    /// @param newest labels by which predictions are calibrated
    static @Nullable EstimatedPerformance of(MetricTask task, EventWindow newest) {
        boolean isTask = task.kind() == MetricTask.Kind.BINARY
                || task.kind() == MetricTask.Kind.CATEGORICAL && task.classes() <= SliceEvaluation.CLASSES_MAX;
        return isTask && newest.size() > 0 ? new EstimatedPerformance(task, newest.recalibration()) : null;
    }

    /// Adds a prediction whose label is out.
    ///
    /// @param at index of the prediction's first number
    public void add(float[] prediction, int at, float weight) {
        if (task.kind() == MetricTask.Kind.BINARY) {
            calibrated[1] = (float) recalibration.of(prediction[at]);
            calibrated[0] = 1 - calibrated[1];
        } else {
            int likeliest = task.likeliest(prediction, at);
            double others = 1.0 - prediction[at + likeliest];
            double of = recalibration.of(prediction[at + likeliest]);
            for (int label = 0; label < calibrated.length; label++) {
                calibrated[label] = (float) (label == likeliest ? of
                        : others > 0 ? prediction[at + label] * ((1 - of) / others) : (1 - of) / (task.classes() - 1));
            }
        }
        for (int label = 0; label < calibrated.length; label++) {
            estimated.add(prediction, at, label, (double) weight * calibrated[label], label == 0 ? 1 : 0);
        }
    }

    /// Adds the label that has come for a prediction.
    public void labelled(float[] prediction, int at, float label, float weight) {
        realized.add(prediction, at, label, weight, 1);
    }

    public Comparison compared() {
        return new Comparison(estimated.predictions(), measures(estimated), measures(realized));
    }

    private static Map<String, Double> measures(MetricSums sums) {
        Map<String, Double> all = RecentEvaluation.measures(sums);
        Map<String, Double> measures = new LinkedHashMap<>();
        for (String measure : MEASURES) {
            Double value = all.get(measure);
            if (value != null) {
                measures.put(measure, value);
            }
        }
        return measures;
    }
}
