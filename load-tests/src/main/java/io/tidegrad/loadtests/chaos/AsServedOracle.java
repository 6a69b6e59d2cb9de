package io.tidegrad.loadtests.chaos;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;

/// As-served figures of a binary model by brute force: all predictions with their last labels are held, and each measure
/// is its definition. Knows nothing of how a trainer counts.
final class AsServedOracle {
    private static final int BINS = 10;

    /// What is added for a prediction is rounded to 2^-24.
    private static final double NEAR = 1e-6;

    /// Half the share of pairs that share a bin of the trainer's histogram, and more.
    private static final double AUC_NEAR = 0.005;

    private final List<Prediction> predictions = new ArrayList<>();

    private record Prediction(double p, boolean yes) {
    }

    void add(double p, boolean yes) {
        predictions.add(new Prediction(p, yes));
    }

    int size() {
        return predictions.size();
    }

    /// @param told what a trainer's `/health` says of one epoch and stage
    List<String> differences(JsonNode told) {
        double n = predictions.size();
        double logLoss = 0;
        double brier = 0;
        double right = 0;
        double predicted = 0;
        double actual = 0;
        double[] gaps = new double[BINS];
        for (Prediction each : predictions) {
            double p = each.p;
            double y = each.yes ? 1 : 0;
            logLoss -= Math.log(each.yes ? p : 1 - p) / n;
            brier += (p - y) * (p - y) / n;
            right += p > 0.5 == each.yes ? 1 : 0;
            predicted += p / n;
            actual += y;
            gaps[(int) Math.min(BINS - 1, p * BINS)] += (p - y) / n;
        }
        double calibration = 0;
        for (double gap : gaps) {
            calibration += Math.abs(gap);
        }
        List<String> differences = new ArrayList<>();
        compare(told, "predictions", n, 0, differences);
        compare(told, "mean_label", actual / n, 0, differences);
        compare(told, "accuracy", right / n, 0, differences);
        compare(told, "log_loss", logLoss, NEAR, differences);
        compare(told, "brier_score", brier, NEAR, differences);
        compare(told, "mean_prediction", predicted, NEAR, differences);
        compare(told, "calibration_error", calibration, NEAR, differences);
        compare(told, "auc", auc(actual), AUC_NEAR, differences);
        return differences;
    }

    /// The share of pairs of a yes and a no that are in order; equal ones count half.
    private double auc(double positives) {
        List<Prediction> ascending = predictions.stream().sorted(Comparator.comparingDouble(Prediction::p)).toList();
        double inOrder = 0;
        double below = 0;
        for (int from = 0; from < ascending.size();) {
            double yes = 0;
            double no = 0;
            int to = from;
            while (to < ascending.size() && ascending.get(to).p == ascending.get(from).p) {
                yes += ascending.get(to).yes ? 1 : 0;
                no += ascending.get(to).yes ? 0 : 1;
                to++;
            }
            inOrder += yes * (below + no / 2);
            below += no;
            from = to;
        }
        return inOrder / (positives * below);
    }

    private static void compare(JsonNode told, String name, double expected, double near, List<String> differences) {
        double found = told.path(name).asDouble(Double.NaN);
        if (!(Math.abs(found - expected) <= near)) {
            differences.add(String.format(Locale.ROOT, "as served, %s: expected %s, found %s", name, expected, found));
        }
    }
}
