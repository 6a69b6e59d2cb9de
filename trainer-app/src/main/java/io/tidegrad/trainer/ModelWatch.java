package io.tidegrad.trainer;

import io.tidegrad.trainer.store.Accounts;
import io.tidegrad.trainer.store.CommittedState;
import java.time.Duration;
import java.util.Locale;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Looks once a second at each model of the process and keeps its `ModelCondition`: what stands still, or learns
/// nothing of what comes, is told though nothing failed.
final class ModelWatch implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(ModelWatch.class);
    private static final Duration EVERY = Duration.ofSeconds(1);

    /// Half of the events lost is more than a bad sender among many.
    static final double DEAD_LETTERS_MAX = 0.5;

    private final ModelSlots slots;
    private final Thread thread;
    private volatile boolean closed;

    ModelWatch(ModelSlots slots) {
        this.slots = slots;
        thread = Thread.ofVirtual().name("watch").start(this::run);
    }

    private void run() {
        while (!closed) {
            for (ModelSlot slot : slots.all()) {
                try {
                    look(slot);
                } catch (RuntimeException e) {
                    LOG.error("model {} can't be looked at", slot.model(), e);
                }
            }
            try {
                Thread.sleep(EVERY);
            } catch (InterruptedException e) {
                return;
            }
        }
    }

    private static void look(ModelSlot slot) {
        slot.look();
        ModelTrainer trainer = slot.trainer();
        if (trainer == null || !trainer.learns()) {
            slot.condition().clear(ModelCondition.Kind.STALLED);
            return;
        }
        stalled(slot, trainer);
        deadLetters(slot, trainer);
        setAside(slot, trainer);
    }

    /// Until the model's next start: somebody should find out why.
    private static void setAside(ModelSlot slot, ModelTrainer trainer) {
        long events = trainer.eventsSetAsideNow();
        if (events > 0) {
            slot.condition().set(ModelCondition.Kind.EVENT_SET_ASIDE,
                    "events that ended the trainer twice in a row and were set aside: " + events
                            + "; the topic of dead letters holds them (ended-the-trainer), the log says what they threw");
        } else {
            slot.condition().clear(ModelCondition.Kind.EVENT_SET_ASIDE);
        }
    }

    private static void stalled(ModelSlot slot, ModelTrainer trainer) {
        String why = trainer.stalled();
        if (why == null) {
            slot.condition().clear(ModelCondition.Kind.STALLED);
            return;
        }
        if (slot.condition().reason(ModelCondition.Kind.STALLED) == null) {
            LOG.error("model {} stands still: {}", slot.model(), why);
        }
        slot.condition().set(ModelCondition.Kind.STALLED, why);
    }

    /// A minute without any event changes nothing: a sender of a broken event every two minutes would else look well
    /// every other minute.
    private static void deadLetters(ModelSlot slot, ModelTrainer trainer) {
        CommittedState committed = trainer.committed();
        if (committed == null) {
            return;
        }
        double share = trainer.deadLetterShare();
        String of = "of the events of the last minute";
        ModelCondition.Kind kind = ModelCondition.Kind.DEAD_LETTERS;
        if (Double.isNaN(share)) {
            if (slot.condition().reason(kind) != null) {
                return;
            }
            Accounts accounts = committed.accounts();
            share = (double) accounts.deadLetters() / (accounts.deadLetters() + accounts.accepted());
            of = "of the events of its epoch, of which none came in the last minute,";
        }
        if (share >= DEAD_LETTERS_MAX) {
            slot.condition().set(kind, String.format(Locale.ROOT,
                    "%.0f %% %s are dead letters; the topic of dead letters says why of each", 100 * share, of));
        } else {
            slot.condition().clear(kind);
        }
    }

    @Override
    public void close() {
        closed = true;
        thread.interrupt();
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
