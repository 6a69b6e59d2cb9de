package io.tidegrad.model.evaluation;

import io.tidegrad.model.binary.BinaryReader;
import io.tidegrad.model.binary.BinaryWriter;
import java.time.Duration;

/// Metrics of the events of the newest stretch of event time, in slots: slot ⌊time · slots / span⌋. What is in the window are
/// the slot of stream time and the slots - 1 before, so it covers between span · (1 - 1/slots) and the span. A label counts in
/// the slot of its event; one whose slot is not in the window any more is late, and counted as nothing else.
///
/// Sums of slots are added when asked, from the oldest to the newest. Areas under curves come from histograms.
public final class TimeWindow {
    private static final long NONE = Long.MIN_VALUE;

    private final MetricTask task;
    private final long slotMillis;
    private final Slot[] slots; // a ring, by the slot's number
    private long newest = NONE;
    private long late;
    private float before = Float.NaN; // the label before

    /// Sums of one slot, and of what is compared with them.
    private static final class Slot {
        private final MetricSums sums;
        private double noChange;
        private double noChangeTotal;
        private double linear;
        private double linearTotal;

        Slot(MetricTask task) {
            sums = new MetricSums(task, true, task.classes() <= SliceEvaluation.CLASSES_MAX);
        }

        void add(Slot other) {
            sums.add(other.sums);
            noChange += other.noChange;
            noChangeTotal += other.noChangeTotal;
            linear += other.linear;
            linearTotal += other.linearTotal;
        }

        void clear() {
            if (sums.predictions() > 0) {
                sums.clear();
                noChange = 0;
                noChangeTotal = 0;
                linear = 0;
                linearTotal = 0;
            }
        }
    }

    /// @param span a whole number of milliseconds for each slot
    public TimeWindow(MetricTask task, Duration span, int slots) {
        this.task = task;
        slotMillis = span.toMillis() / slots;
        if (slotMillis < 1 || slotMillis * slots != span.toMillis()) {
            throw new IllegalArgumentException(
                    "expected a span of whole milliseconds for each of " + slots + " slots, found " + span);
        }
        this.slots = new Slot[slots];
        for (int slot = 0; slot < slots; slot++) {
            this.slots[slot] = new Slot(task);
        }
    }

    /// Lets the window end with the slot of this time. Stream time that was wrong may go back: what lay after it is dropped.
    ///
    /// @param streamTime epoch ms
    public void moveTo(long streamTime) {
        long number = Math.floorDiv(streamTime, slotMillis);
        if (number == newest) {
            return;
        }
        boolean near = newest != NONE && Math.abs(number - newest) < slots.length;
        long first = near ? Math.min(number, newest) + 1 : 0;
        long last = near ? Math.max(number, newest) : slots.length - 1L;
        for (long each = first; each <= last; each++) {
            slot(each).clear();
        }
        newest = number;
    }

    /// Counts a prediction; returns false if it is late.
    ///
    /// @param time of the event, epoch ms
    /// @param at index of the prediction's first number
    /// @param linearLoss what a linear model lost, with the weight; NaN if there is none
    public boolean add(long time, float[] prediction, int at, float label, float weight, double linearLoss) {
        float labelBefore = before;
        before = label;
        long number = Math.floorDiv(time, slotMillis);
        if (newest == NONE || number <= newest - slots.length || number > newest) {
            late++;
            return false;
        }
        Slot slot = slot(number);
        slot.sums.add(prediction, at, label, weight, 1);
        if (!Float.isNaN(labelBefore)) {
            slot.noChange += weight * noChange(labelBefore, label);
            slot.noChangeTotal += weight;
        }
        if (!Double.isNaN(linearLoss)) {
            slot.linear += linearLoss;
            slot.linearTotal += weight;
        }
        return true;
    }

    private double noChange(float labelBefore, float label) {
        return task.classifies() ? labelBefore == label ? 1 : 0 : Math.abs((double) label - labelBefore);
    }

    private Slot slot(long number) {
        return slots[Math.floorMod(number, slots.length)];
    }

    /// Labels that came when their slot was not in the window any more.
    public long late() {
        return late;
    }

    /// Returns what metrics say of the window.
    public RecentEvaluation.Newest newest() {
        Slot all = new Slot(task);
        for (int back = slots.length - 1; back >= 0 && newest != NONE; back--) {
            Slot slot = slot(newest - back);
            if (slot.sums.predictions() > 0) {
                all.add(slot);
            }
        }
        return new RecentEvaluation.Newest(all.sums, new Ranking(all.sums.auc(), all.sums.averagePrecision()),
                all.noChange / all.noChangeTotal, all.linear / all.linearTotal, Double.NaN);
    }

    void write(BinaryWriter to) {
        to.int64(newest).varint(late).floats(new float[]{before}, 0, 1);
        for (Slot slot : slots) {
            boolean filled = slot.sums.predictions() > 0;
            to.int8(filled ? 1 : 0);
            if (filled) {
                slot.sums.write(to);
                to.float64(slot.noChange).float64(slot.noChangeTotal).float64(slot.linear).float64(slot.linearTotal);
            }
        }
    }

    void read(BinaryReader from) {
        newest = from.int64();
        late = from.varint();
        before = from.newFloats(1)[0];
        for (Slot slot : slots) {
            slot.clear();
            if (from.int8() == 1) {
                slot.sums.read(from);
                slot.noChange = from.float64();
                slot.noChangeTotal = from.float64();
                slot.linear = from.float64();
                slot.linearTotal = from.float64();
            }
        }
    }
}
