package io.tidegrad.scorer;

import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// Sessions for callers without one of their own, for instance one virtual thread for each request. It never waits: if
/// all slots are empty, a session is created; if all are full, one is dropped.
final class SessionPool {
    private final AtomicReferenceArray<@Nullable ScoringSession> slots;
    private final Supplier<ScoringSession> make;

    SessionPool(int slots, Supplier<ScoringSession> make) {
        this.slots = new AtomicReferenceArray<>(slots);
        this.make = make;
    }

    ScoringSession take() {
        int start = start();
        for (int step = 0; step < slots.length(); step++) {
            int slot = (start + step) % slots.length();
            // The plain read comes first, because an exchange would claim the cache line even if the slot is empty.
            if (slots.get(slot) != null) {
                ScoringSession session = slots.getAndSet(slot, null);
                if (session != null) {
                    return session;
                }
            }
        }
        return make.get();
    }

    void giveBack(ScoringSession session) {
        int start = start();
        for (int step = 0; step < slots.length(); step++) {
            if (slots.compareAndSet((start + step) % slots.length(), null, session)) {
                return;
            }
        }
    }

    /// Returns the slot at which a thread begins, so that threads spread over the slots.
    private int start() {
        return (int) (Thread.currentThread().threadId() % slots.length());
    }
}
