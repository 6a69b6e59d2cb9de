package io.tidegrad.scorerapp;

import io.helidon.http.Status;

/// A request that can't be answered with a prediction, and what to tell its sender. Carries no cause and no trace: it is
/// an answer, not an accident.
final class HttpProblem extends RuntimeException {
    /// The problem concerns the request as a whole.
    static final int NO_RECORD = -1;

    private final transient Status status;
    private final String reason;
    private final int record;

    /// @param reason a stable code for programs, `wrong-type`
    /// @param record position of the record at fault, from 0, or `NO_RECORD`
    /// @param message for a person: where, expected, found
    HttpProblem(Status status, String reason, int record, String message) {
        super(message, null, false, false);
        this.status = status;
        this.reason = reason;
        this.record = record;
    }

    HttpProblem(Status status, String reason, String message) {
        this(status, reason, NO_RECORD, message);
    }

    Status status() {
        return status;
    }

    String reason() {
        return reason;
    }

    int record() {
        return record;
    }

    String message() {
        return String.valueOf(getMessage());
    }
}
