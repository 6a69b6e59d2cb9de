package io.tidegrad.model.evaluation;

import io.tidegrad.model.binary.BinaryReader;
import io.tidegrad.model.binary.BinaryWriter;

/// The newest predictions with their labels: a ring of a fixed number of events. What it says of them is computed when asked,
/// from the oldest to the newest, so no sum ever forgets by subtraction.
///
/// Of a prediction of classes it keeps what metrics need: the likeliest class, its probability, that of the label, and the
/// squared error, as floats.
public final class EventWindow {
    private final MetricTask task;
    private final int capacity;
    private final boolean weighted;
    private final int width;
    private final float[] values; // of each event its label, its weight if weighted, and its prediction
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
    }

    private boolean single() {
        return task.isOfYesOrNo() || !task.classifies();
    }

    /// @param at index of the prediction's first number
    public void add(float[] prediction, int at, float label, float weight) {
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

    /// Index of the first value of an event, from the oldest one, which is 0.
    private int at(int event) {
        return (size < capacity ? event : (next + event) % capacity) * width;
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
        boolean[] positives = new boolean[size];
        float[] weights = new float[size];
        for (int event = 0; event < size; event++) {
            scores[event] = values[predictionAt(event)];
            positives[event] = values[at(event)] > 0;
            weights[event] = weight(event);
        }
        return Ranking.of(scores, positives, weights);
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
        for (int event = 0; event < size && !single(); event++) {
            requireClass(from, values[at(event)]);
            requireClass(from, values[predictionAt(event)]);
        }
    }

    private void requireClass(BinaryReader from, float found) {
        if (!(found >= 0 && found < task.outputs())) {
            throw from.fail("expected a class below " + task.outputs() + " in a window, found " + found);
        }
    }
}
