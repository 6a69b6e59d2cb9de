package io.tidegrad.cli.quickstart;

import io.tidegrad.localstack.streams.Flight;
import io.tidegrad.localstack.streams.StreamEvent;
import java.util.Arrays;
import java.util.List;

/// The baseline, which learns in step with the trainer: if it is asked for its score after the events that the trainer has
/// learned, it learns up to the same event. So both scores are over the same events.
final class BaselineRun {
    private static final double PROBABILITY_MIN = 1e-15;

    private final List<? extends StreamEvent> events;
    private final HashedLogisticRegression regression = new HashedLogisticRegression();
    private final double[] probabilities;
    private int learned;
    private double totalLoss;
    private Score score = Score.NONE;

    /// @param events events of a stream that the baseline can learn: flights
    BaselineRun(List<? extends StreamEvent> events) {
        this.events = events;
        probabilities = new double[events.size()];
    }

    record Score(double logLoss, double auc) {
        static final Score NONE = new Score(Double.NaN, Double.NaN);
    }

    /// Returns the progressive score over the first `count` events. For a count below an earlier one it returns the score
    /// for the earlier one.
    Score after(long count) {
        if (learned >= Math.min(count, events.size())) {
            return score; // sorting 300,000 probabilities again would be a waste
        }
        for (; learned < Math.min(count, events.size()); learned++) {
            if (!(events.get(learned) instanceof Flight flight)) {
                return Score.NONE;
            }
            double probability = regression.learn(flight);
            probabilities[learned] = probability;
            double given = flight.late() ? probability : 1 - probability;
            totalLoss -= Math.log(Math.max(given, PROBABILITY_MIN));
        }
        score = new Score(totalLoss / learned, auc());
        return score;
    }

    /// Returns the exact share of (late, on time) pairs in the right order, where ties count half.
    private double auc() {
        double[] late = new double[learned];
        double[] onTime = new double[learned];
        int lateCount = 0;
        int onTimeCount = 0;
        for (int event = 0; event < learned; event++) {
            if (((Flight) events.get(event)).late()) {
                late[lateCount++] = probabilities[event];
            } else {
                onTime[onTimeCount++] = probabilities[event];
            }
        }
        return auc(Arrays.copyOf(late, lateCount), Arrays.copyOf(onTime, onTimeCount));
    }

    /// Returns NaN unless both arrays have a value. Sorts both.
    static double auc(double[] positives, double[] negatives) {
        Arrays.sort(positives);
        Arrays.sort(negatives);
        double ordered = 0;
        int below = 0;
        int notAbove = 0;
        for (double positive : positives) {
            while (below < negatives.length && negatives[below] < positive) {
                below++;
            }
            while (notAbove < negatives.length && negatives[notAbove] <= positive) {
                notAbove++;
            }
            ordered += below + (notAbove - below) * 0.5;
        }
        return ordered / ((double) positives.length * negatives.length);
    }
}
