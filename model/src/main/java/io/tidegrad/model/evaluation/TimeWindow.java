package io.tidegrad.model.evaluation;

import io.tidegrad.model.binary.BinaryReader;
import io.tidegrad.model.binary.BinaryWriter;
import java.time.Duration;

/// Metrics of the events of the newest stretch of event time, in slots: slot ⌊time · slots / span⌋. What is in the window are
/// the newest slot that an event was in and the slots - 1 before, so it covers between span · (1 - 1/slots) and the span. An
/// event of an earlier slot is too late and not counted.
public final class TimeWindow {
    private final MetricTask task;
    private final long slotMillis;
    private final MetricSums[] slots; // a ring, by the slot's number
    private long newest = Long.MIN_VALUE;

    /// @param span a whole number of milliseconds for each slot
    public TimeWindow(MetricTask task, Duration span, int slots) {
        this.task = task;
        slotMillis = span.toMillis() / slots;
        if (slotMillis < 1 || slotMillis * slots != span.toMillis()) {
            throw new IllegalArgumentException(
                    "expected a span of whole milliseconds for each of " + slots + " slots, found " + span);
        }
        this.slots = new MetricSums[slots];
        for (int slot = 0; slot < slots; slot++) {
            this.slots[slot] = empty();
        }
    }

    private MetricSums empty() {
        return new MetricSums(task, false, true);
    }

    /// Counts a prediction; returns false if it is too late.
    ///
    /// @param time of the event, epoch ms
    /// @param at index of the prediction's first number
    public boolean add(long time, float[] prediction, int at, float label, float weight) {
        long number = Math.floorDiv(time, slotMillis);
        if (newest != Long.MIN_VALUE && number <= newest - slots.length) {
            return false;
        }
        if (newest == Long.MIN_VALUE || number > newest) {
            long first = newest == Long.MIN_VALUE || number - newest >= slots.length ? number - slots.length + 1
                    : newest + 1;
            for (long each = first; each <= number; each++) {
                slots[slot(each)].clear();
            }
            newest = number;
        }
        slots[slot(number)].add(prediction, at, label, weight, 1);
        return true;
    }

    private int slot(long number) {
        return Math.floorMod(number, slots.length);
    }

    /// Returns what metrics say of the window.
    public MetricSums sums() {
        MetricSums sums = empty();
        for (int back = slots.length - 1; back >= 0 && newest != Long.MIN_VALUE; back--) {
            sums.add(slots[slot(newest - back)]);
        }
        return sums;
    }

    void write(BinaryWriter to) {
        to.int64(newest);
        for (MetricSums slot : slots) {
            slot.write(to);
        }
    }

    void read(BinaryReader from) {
        newest = from.int64();
        for (MetricSums slot : slots) {
            slot.read(from);
        }
    }
}
