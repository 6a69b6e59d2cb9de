package io.tidegrad.control;

import org.jspecify.annotations.Nullable;

/// Says why something that was asked for can't be done: what was expected, what was found, where, and what to do. Each
/// app decides what the reason means for it.
public final class ControlException extends RuntimeException {
    private final Reason reason;

    /// The kind of remedy that helps.
    public enum Reason {
        /// A setting, a spec, a name or a topic is not as it must be, so that another try would fail too.
        CONFIGURATION,
        /// The contents of topics contradict each other.
        STATE_VIOLATION,
        /// Kafka did not answer, or another process was faster. Another try may succeed.
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
