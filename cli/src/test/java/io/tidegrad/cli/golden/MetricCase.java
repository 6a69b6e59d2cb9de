package io.tidegrad.cli.golden;

import io.tidegrad.model.evaluation.ClassCounts;
import io.tidegrad.model.evaluation.EventWindow;
import io.tidegrad.model.evaluation.FadingMean;
import io.tidegrad.model.evaluation.MetricSums;
import io.tidegrad.model.evaluation.MetricTask;
import java.util.Arrays;
import java.util.Map;

/// Metrics of given predictions: in one sum, and in a window that just holds all of them.
final class MetricCase {
    private static final String CALIBRATION_ERROR = "calibration_error";

    private MetricCase() {}

    static void run(Fields golden, Comparison comparison) {
        Fields spec = golden.object("spec");
        Fields expected = golden.object("expected");
        Map<String, Tensor> inputs = golden.tensors("inputs");
        if (spec.has("fading_factor")) {
            fading(golden, spec, expected, CaseModel.only(inputs, "correct"), comparison);
            return;
        }
        spec.ignore("definitions", "weighting");
        spec.requireAllRead();
        Tensor labels = CaseModel.only(golden.tensors("targets"), "y");
        Tensor weights = golden.has("sample_weights") ? golden.tensor("sample_weights") : null;
        golden.requireAllRead();
        boolean numbers = inputs.containsKey("predictions");
        Tensor predictions = CaseModel.only(inputs, numbers ? "predictions" : "probabilities");
        MetricTask task = numbers ? MetricTask.regression() : predictions.shape().size() == 1 ? MetricTask.binary(0.5f)
                : MetricTask.categorical(predictions.rowLength());
        Comparison.equal("rows of predictions", predictions.rows(), labels.rows());
        expected.requireOnly(switch (task.kind()) {
            case BINARY -> new String[]{"accuracy", "log_loss", "roc_auc", "brier", "precision", "recall", "f1",
                CALIBRATION_ERROR, "calibration_ratio", "normalised_entropy"};
            case REGRESSION -> new String[]{"mae", "rmse", "r2"};
            default -> new String[]{"accuracy", "log_loss", "f1_macro", "f1_micro", "calibration_error_top"};
        });
        EventWindow window = new EventWindow(task, labels.rows(), weights != null);
        MetricSums sums = new MetricSums(task, true, true);
        for (int i = 0; i < 2 * labels.rows(); i++) {
            int row = i % labels.rows();
            float weight = weights == null ? 1 : weights.values()[row];
            int at = row * predictions.rowLength();
            // The window takes each row twice, and forgets it once.
            window.add(predictions.values(), at, labels.values()[row], weight);
            if (i == row) {
                sums.add(predictions.values(), at, labels.values()[row], weight, 1);
            }
        }
        for (String name : expected.names()) {
            double want = expected.number(name);
            if (name.equals("roc_auc")) {
                // The histogram says within what it is.
                double bound = sums.aucErrorBound();
                comparison.number(name + " of a histogram", Math.clamp(want, sums.auc() - bound, sums.auc() + bound),
                        want);
                comparison.number(name, window.ranking().rocAuc(), want);
            } else {
                comparison.number(name, metric(name, sums), want);
                comparison.number(name + " of a window", metric(name, window.sums()), want);
            }
        }
    }

    private static double metric(String name, MetricSums sums) {
        ClassCounts counts = sums.counts();
        return switch (name) {
            case "accuracy", "f1_micro" -> sums.accuracy();
            case "log_loss" -> sums.logLoss();
            case "brier" -> sums.brier();
            case CALIBRATION_ERROR, "calibration_error_top" -> sums.calibrationError();
            case "calibration_ratio" -> sums.calibrationRatio();
            case "normalised_entropy" -> sums.normalisedEntropy();
            case "mae" -> sums.meanAbsoluteError();
            case "rmse" -> sums.rootMeanSquaredError();
            case "r2" -> sums.rSquared();
            case "precision" -> counts == null ? Double.NaN : counts.precision(1);
            case "recall" -> counts == null ? Double.NaN : counts.recall(1);
            case "f1" -> counts == null ? Double.NaN : counts.f1(1);
            case "f1_macro" -> counts == null ? Double.NaN : counts.macroF1();
            default -> throw new UnsupportedException("metric " + name);
        };
    }

    private static void fading(Fields golden, Fields spec, Fields expected, Tensor correct, Comparison comparison) {
        FadingMean mean = UnsupportedException.unlessAccepted(() -> new FadingMean(spec.number("fading_factor")));
        spec.ignore("formula");
        spec.requireAllRead();
        golden.requireAllRead();
        double[] want = expected.numbers("accuracy");
        expected.requireAllRead();
        double[] got = new double[correct.rows()];
        Arrays.setAll(got, t -> {
            mean.add(correct.values()[t]);
            return mean.value();
        });
        comparison.series("accuracy, example", got, want);
    }
}
