package io.tidegrad.scorer;

import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// Sessions for callers that hold none of their own (one virtual thread a request, say). Never waits: with all slots
/// empty a session is made, with all slots full one is dropped.
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
            // Look before taking: an exchange on an empty slot would still claim the cache line.
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

    /// Spreads threads over the slots.
    private int start() {
        return (int) (Thread.currentThread().threadId() % slots.length());
    }
}
