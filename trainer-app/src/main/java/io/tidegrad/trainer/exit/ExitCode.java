package io.tidegrad.trainer.exit;

/// How the trainer's process ends. A supervisor starts it again when `retryable()` and leaves it down otherwise: the
/// same thing would happen again. `docs/operations/run.md` carries this table for operators.
public enum ExitCode {
    /// Stopped on request: everything learned is committed.
    OK(0, false),
    /// A setting, a spec or a topic is not as it must be; the message names it and the remedy.
    CONFIGURATION(2, false),
    /// The stored state, the group's offsets and the log contradict each other. Nothing was committed.
    STATE_VIOLATION(3, false),
    /// The model gives losses or weights that are not finite; the same log would lead there again.
    MODEL_DIVERGED(4, false),
    /// A defect of ours. Nothing was committed.
    INTERNAL(70, false),
    /// Kafka or the registry did not answer, or another instance took over; starting again is the remedy.
    RETRYABLE(75, true);

    private final int status;
    private final boolean retryable;

    ExitCode(int status, boolean retryable) {
        this.status = status;
        this.retryable = retryable;
    }

    /// The process's exit status.
    public int status() {
        return status;
    }

    public boolean retryable() {
        return retryable;
    }
}
