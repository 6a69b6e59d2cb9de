package io.tidegrad.control;

import org.jspecify.annotations.Nullable;

/// Why something that was asked for can't be done, for a person: what was expected, what was found, where, what to do.
/// It ends no process by itself: each app decides what the reason means for it.
public final class ControlException extends RuntimeException {
    private final Reason reason;

    /// What kind of remedy helps.
    public enum Reason {
        /// A setting, a spec, a name or a topic is not as it must be. The same would happen again.
        CONFIGURATION,
        /// What the topics hold contradicts itself.
        STATE_VIOLATION,
        /// Kafka did not answer, or somebody else was faster. Another try may succeed.
        RETRYABLE
    }

    public ControlException(Reason reason, String message) {
        this(reason, message, null);
    }

    public ControlException(Reason reason, String message, @Nullable Throwable cause) {
        super(message, cause);
        this.reason = reason;
    }

    public Reason reason() {
        return reason;
    }
}
