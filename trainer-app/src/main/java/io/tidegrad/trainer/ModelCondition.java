package io.tidegrad.trainer;

import java.time.Instant;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// The reasons why a model of this process does not learn as it should, at most one of each kind. `/health`, the metrics
/// and `models list` tell all of them. Thread-safe.
final class ModelCondition {
    enum Kind {
        /// The model has stopped, and only a decision or a restart of the process makes it try again.
        FAILED("failed", false),
        /// The model has stopped for a reason that may pass, and is tried again.
        RETRYING("retrying", false),
        /// There is something to learn, but for longer than a healthy trainer takes nothing was committed.
        STALLED("stalled", true),
        /// Many of the newest events were refused.
        DEAD_LETTERS("dead-letters", false),
        /// Events were refused because there is no room for their class.
        NO_ROOM_FOR_CLASS("no-room-for-class", false),
        /// Labels, predictions, errors or fields are not what they have been.
        CHANGED("changed", false),
        /// The gate publishes no newer version.
        HELD("held", false),
        /// An event ended the trainer twice in a row and was set aside.
        EVENT_SET_ASIDE("event-set-aside", false);

        private final String word;
        private final boolean down;

        /// @param word the kind in health, metrics and listings
        /// @param down whether the whole process is not ready while one of its models has such a reason
        Kind(String word, boolean down) {
            this.word = word;
            this.down = down;
        }

        String word() {
            return word;
        }

        boolean isDown() {
            return down;
        }
    }

    /// @param since the time from which on the model has always had a reason of this kind
    record Reason(Kind kind, String message, Instant since) {
    }

    private final Map<Kind, Reason> reasons = new EnumMap<>(Kind.class);

    /// Sets the reason of this kind, or removes it if `message` is null.
    synchronized void set(Kind kind, @Nullable String message) {
        Reason before = reasons.get(kind);
        if (message == null) {
            reasons.remove(kind);
        } else if (before == null || !before.message().equals(message)) {
            reasons.put(kind, new Reason(kind, message, before == null ? Instant.now() : before.since()));
        }
    }

    /// Removes all reasons, because the model is paused, deleted or begins again.
    synchronized void clear() {
        reasons.clear();
    }

    synchronized List<Reason> reasons() {
        return List.copyOf(reasons.values());
    }

    synchronized @Nullable Reason reason(Kind kind) {
        return reasons.get(kind);
    }
}
