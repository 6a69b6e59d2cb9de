package io.tidegrad.model.evaluation;

import java.util.Arrays;

/// Areas under the ROC curve and the precision-recall curve, exact, of a list of scores. Scores are sorted; equal ones are
/// one point of a curve, so that the order of events does not matter but for the rounding of fractional weights' sums.
///
/// @param rocAuc the share of (negative, positive) pairs in order, ties half; NaN without both
/// @param averagePrecision the sum over points of (recall - recall before) · precision, which is the area under the
///     precision-recall curve without interpolation; NaN without positives
public record Ranking(double rocAuc, double averagePrecision) {
    /// @param scores finite
    /// @param weights of the scores, at least 0
    public static Ranking of(float[] scores, boolean[] positives, float[] weights) {
        // The highest score first: a float's bits, made to rise with its value, over its index.
        long[] order = new long[scores.length];
        for (int i = 0; i < order.length; i++) {
            int bits = Float.floatToRawIntBits(scores[i] + 0f); // -0 is 0
            int rising = bits ^ (bits >> 31 & Integer.MAX_VALUE);
            order[i] = (long) ~rising << 32 | i;
        }
        Arrays.sort(order);
        double above = 0; // weight of positives before
        double below = 0; // of negatives
        double inOrder = 0;
        double precisions = 0;
        for (int from = 0; from < order.length;) {
            double right = 0;
            double wrong = 0;
            int at = from;
            for (; at < order.length && order[at] >> 32 == order[from] >> 32; at++) {
                int i = (int) order[at];
                right += positives[i] ? weights[i] : 0;
                wrong += positives[i] ? 0 : weights[i];
            }
            inOrder += wrong * (above + 0.5 * right);
            above += right;
            below += wrong;
            precisions += right == 0 ? 0 : right * (above / (above + below));
            from = at;
        }
        return new Ranking(inOrder / (above * below), precisions / above);
    }
}
