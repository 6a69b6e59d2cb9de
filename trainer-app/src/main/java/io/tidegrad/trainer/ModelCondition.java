package io.tidegrad.trainer;

import java.time.Instant;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Why a model of this process does not learn as it should: at most one reason of each kind, none while all is well.
/// `/health`, the metrics and `models list` tell all of them. Thread-safe.
final class ModelCondition {
    /// What may keep a model from learning as it should.
    enum Kind {
        /// It can't go on: it has stopped, and only a decision or a restart of the process tries again.
        FAILED("failed", false),
        /// It has stopped for a reason that may pass, and is tried again.
        RETRYING("retrying", false),
        /// There is something to learn, and no commit for longer than a trainer takes that is well.
        STALLED("stalled", true),
        /// Many of the newest events were refused.
        DEAD_LETTERS("dead-letters", false),
        /// An event ended the trainer twice in a row, and was set aside.
        EVENT_SET_ASIDE("event-set-aside", false);

        private final String word;
        private final boolean down;

        /// @param down whether the whole process is not ready while one of its models has such a reason
        Kind(String word, boolean down) {
            this.word = word;
            this.down = down;
        }

        /// In health, metrics and listings.
        String word() {
            return word;
        }

        boolean isDown() {
            return down;
        }
    }

    /// @param message one sentence for a person
    /// @param since when the model first had a reason of this kind, without a break
    record Reason(Kind kind, String message, Instant since) {
    }

    private final Map<Kind, Reason> reasons = new EnumMap<>(Kind.class);

    /// The model has this reason from now on; if it has one of the kind already, only the message changes.
    synchronized void set(Kind kind, String message) {
        Reason before = reasons.get(kind);
        if (before == null || !before.message().equals(message)) {
            reasons.put(kind, new Reason(kind, message, before == null ? Instant.now() : before.since()));
        }
    }

    synchronized void clear(Kind kind) {
        reasons.remove(kind);
    }

    /// The model is paused, deleted or begins anew: whatever was wrong before says nothing of it.
    synchronized void clear() {
        reasons.clear();
    }

    /// In the order of the kinds.
    synchronized List<Reason> reasons() {
        return List.copyOf(reasons.values());
    }

    synchronized @Nullable Reason reason(Kind kind) {
        return reasons.get(kind);
    }
}
