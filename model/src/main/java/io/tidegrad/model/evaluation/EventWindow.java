package io.tidegrad.model.evaluation;

import io.tidegrad.model.binary.BinaryReader;
import io.tidegrad.model.binary.BinaryWriter;
import java.util.Arrays;

/// The newest predictions with their labels: a ring of a fixed number of events. What it says of them is computed when asked,
/// from the oldest to the newest, so no sum ever forgets by subtraction.
///
/// Of a prediction of classes it keeps what metrics need: the likeliest class, its probability, that of the label, and the
/// squared error, as floats. Where labels are yes or no, it also keeps what a linear model scored.
public final class EventWindow {
    private final MetricTask task;
    private final int capacity;
    private final boolean weighted;
    private final int width;
    private final float[] values; // of each event its label, its weight if weighted, and its prediction
    private final float[] linear; // by event the linear model's score, NaN where it is not known; empty if ranks are none
    private int size;
    private int next;

    /// @param capacity events
    /// @param weighted whether events have weights other than 1
    public EventWindow(MetricTask task, int capacity, boolean weighted) {
        this.task = task;
        this.capacity = capacity;
        this.weighted = weighted;
        width = (weighted ? 2 : 1) + (single() ? 1 : 4);
        values = new float[Math.multiplyExact(capacity, width)];
        linear = new float[task.isOfYesOrNo() ? capacity : 0];
    }

    private boolean single() {
        return task.isOfYesOrNo() || !task.classifies();
    }

    /// @param at index of the prediction's first number
    public void add(float[] prediction, int at, float label, float weight) {
        add(prediction, at, label, weight, Float.NaN);
    }

    /// @param linearScore what a linear model scored; NaN if there is none
    void add(float[] prediction, int at, float label, float weight, float linearScore) {
        if (linear.length > 0) {
            linear[next] = linearScore;
        }
        int to = next * width;
        values[to++] = label;
        if (weighted) {
            values[to++] = weight;
        }
        if (single()) {
            values[to] = prediction[at + task.point()];
        } else {
            MetricSums.reduce(task, prediction, at, (int) label, values, to);
        }
        next = next + 1 == capacity ? 0 : next + 1;
        size = Math.min(size + 1, capacity);
    }

    /// Returns the number of events in the window.
    public int size() {
        return size;
    }

    /// Where an event lies in the ring; the oldest one is 0.
    private int place(int event) {
        return size < capacity ? event : (next + event) % capacity;
    }

    /// Index of its first value.
    private int at(int event) {
        return place(event) * width;
    }

    private float weight(int event) {
        return weighted ? values[at(event) + 1] : 1;
    }

    private int predictionAt(int event) {
        return at(event) + (weighted ? 2 : 1);
    }

    /// Returns what metrics say of the window, without the areas under curves.
    public MetricSums sums() {
        MetricSums sums = new MetricSums(task, false, true);
        for (int event = 0; event < size; event++) {
            float label = values[at(event)];
            if (single()) {
                sums.add(values, predictionAt(event) - task.point(), label, weight(event), 1);
            } else {
                sums.addReduced(values, predictionAt(event), (int) label, weight(event), 1);
            }
        }
        return sums;
    }

    /// Returns how good it is to predict the label before: the share of labels that are equal, or of numbers the mean
    /// absolute difference. NaN with less than two events.
    public double noChange() {
        double sum = 0;
        double total = 0;
        for (int event = 1; event < size; event++) {
            float before = values[at(event - 1)];
            float label = values[at(event)];
            sum += weight(event) * (task.classifies() ? before == label ? 1 : 0 : Math.abs((double) label - before));
            total += weight(event);
        }
        return sum / total;
    }

    /// Returns the exact areas under curves.
    ///
    /// @throws IllegalStateException labels are not yes or no
    public Ranking ranking() {
        if (!task.isOfYesOrNo()) {
            throw new IllegalStateException("expected labels of yes or no, found " + task.kind());
        }
        float[] scores = new float[size];
        for (int event = 0; event < size; event++) {
            scores[event] = values[predictionAt(event)];
        }
        return ranking(scores);
    }

    private Ranking ranking(float[] scores) {
        boolean[] positives = new boolean[size];
        float[] weights = new float[size];
        for (int event = 0; event < size; event++) {
            positives[event] = values[at(event)] > 0;
            weights[event] = weight(event);
        }
        return Ranking.of(scores, positives, weights);
    }

    /// The exact area under the ROC curve of the linear model. NaN where labels are not yes or no, and as long as it is not
    /// known of some event what that model scored.
    double linearAuc() {
        float[] scores = new float[Math.min(size, linear.length)];
        for (int event = 0; event < scores.length; event++) {
            scores[event] = linear[place(event)];
            if (Float.isNaN(scores[event])) {
                return Double.NaN;
            }
        }
        return scores.length == 0 ? Double.NaN : ranking(scores).rocAuc();
    }

    /// Returns how likely it is, by the window's labels, what probabilities are said of: yes, or the likeliest class.
    Recalibration recalibration() {
        Recalibration recalibration = new Recalibration(size);
        for (int event = 0; event < size; event++) {
            int from = predictionAt(event);
            float label = values[at(event)];
            recalibration.add(values[single() ? from : from + 1], single() ? label > 0 : label == values[from],
                    weight(event));
        }
        return recalibration.fitted();
    }

    void write(BinaryWriter to) {
        to.int32(size).int32(next).floats(values, 0, size * width);
    }

    void read(BinaryReader from) {
        size = from.count("events of a window", capacity);
        next = from.count("next event of a window", capacity - 1);
        from.floats(values, 0, size * width);
        Arrays.fill(linear, Float.NaN);
        for (int event = 0; event < size && !single(); event++) {
            requireClass(from, values[at(event)]);
            requireClass(from, values[predictionAt(event)]);
        }
    }

    /// Writes what the linear model scored, for a reader that has read the window.
    void writeLinear(BinaryWriter to) {
        to.floats(linear, 0, Math.min(size, linear.length));
    }

    /// Reads it after the window itself. Without it no score is known.
    void readLinear(BinaryReader from) {
        from.floats(linear, 0, Math.min(size, linear.length));
    }

    private void requireClass(BinaryReader from, float found) {
        if (!(found >= 0 && found < task.outputs())) {
            throw from.fail("expected a class below " + task.outputs() + " in a window, found " + found);
        }
    }
}
