package io.tidegrad.trainer.relearn;

import io.tidegrad.model.evaluation.LossComparison;
import java.util.ArrayDeque;
import java.util.List;

/// Compares two models that learn the same log side by side, by what each loses at the same events before it learns them. An
/// event that one of them does not learn is left out.
public final class PairedLosses {
    private static final long BEFORE = -1; // of an event before the first that counts

    private final List<Side> sides;
    private final LossComparison comparison = new LossComparison();

    /// What is known of one model's events, by offset, and not yet of the other's.
    private static final class Side {
        private final RelearnedModel model;
        private final ArrayDeque<Long> waiting = new ArrayDeque<>(); // accepted, in a mini-batch that is open
        private final ArrayDeque<Long> offsets = new ArrayDeque<>();
        private final ArrayDeque<Double> losses = new ArrayDeque<>();
        private long next; // all before it is known

        Side(RelearnedModel model, long from) {
            this.model = model;
            next = from;
            for (int pending = model.model().pending(); pending > 0; pending--) {
                waiting.add(BEFORE);
            }
        }

        long first() {
            return !offsets.isEmpty() ? offsets.getFirst() : !waiting.isEmpty() ? waiting.getFirst() : next;
        }

        void drop() {
            offsets.removeFirst();
            losses.removeFirst();
        }
    }

    /// @param from the offset of the first event that counts; both models have learned what comes before
    public PairedLosses(RelearnedModel model, RelearnedModel other, long from) {
        sides = List.of(new Side(model, from), new Side(other, from));
        for (Side side : sides) {
            side.model.model().watch((predictions, at, labels, labelAt, loss, weight) -> {
                long offset = side.waiting.removeFirst();
                if (offset != BEFORE) {
                    side.offsets.add(offset);
                    side.losses.add(side.model.model().evaluation().newestLoss());
                }
            });
            side.model.pairs(this);
        }
    }

    private Side of(RelearnedModel model) {
        return sides.getFirst().model == model ? sides.getFirst() : sides.getLast();
    }

    /// The model is about to take the record at this offset.
    void begin(RelearnedModel model, long offset) {
        of(model).waiting.add(offset);
    }

    /// The model has taken the record.
    ///
    /// @param accepted whether it is an event that it learns
    void end(RelearnedModel model, long offset, boolean accepted) {
        Side side = of(model);
        if (!accepted) {
            side.waiting.removeLast();
        }
        side.next = offset + 1;
        pair();
    }

    private void pair() {
        Side one = sides.getFirst();
        Side other = sides.getLast();
        while (!one.offsets.isEmpty() || !other.offsets.isEmpty()) {
            long first = one.first();
            long otherFirst = other.first();
            if (first < otherFirst && !one.offsets.isEmpty()) {
                one.drop();
            } else if (otherFirst < first && !other.offsets.isEmpty()) {
                other.drop();
            } else if (first == otherFirst && !one.offsets.isEmpty() && !other.offsets.isEmpty()) {
                comparison.add(one.losses.getFirst(), other.losses.getFirst());
                one.drop();
                other.drop();
            } else {
                return;
            }
        }
    }

    /// How the first model compares with the other one, as far as both have learned.
    public LossComparison.Result result() {
        return comparison.result();
    }
}
