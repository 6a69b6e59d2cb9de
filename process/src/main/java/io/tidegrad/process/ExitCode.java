package io.tidegrad.process;

/// The exit codes of a process that learns or joins. A supervisor starts it again after a code that is `retryable()`, and leaves
/// it down after another one, because the same would happen again. `docs/operations/run.md` has this table for operators.
public enum ExitCode {
    /// The process was stopped on request, and has committed everything.
    OK(0, false),
    /// A setting, a spec or a topic is not as it must be; the message names it and the remedy.
    CONFIGURATION(2, false),
    /// The stored state, the group's offsets and the log contradict each other. Nothing was committed.
    STATE_VIOLATION(3, false),
    /// A loss or a weight is not finite, and the same log would lead to that again.
    MODEL_DIVERGED(4, false),
    /// A defect of ours. Nothing was committed.
    INTERNAL(70, false),
    /// Kafka or the registry did not answer, or another instance took over. Starting again helps.
    RETRYABLE(75, true);

    private final int status;
    private final boolean retryable;

    ExitCode(int status, boolean retryable) {
        this.status = status;
        this.retryable = retryable;
    }

    public int status() {
        return status;
    }

    public boolean retryable() {
        return retryable;
    }
}
