package io.tidegrad.scorerapp;

/// A request can't be answered with a prediction. It says what to tell the client. It has no cause and no stack trace,
/// because it is a response and not a failure of the server.
final class HttpProblem extends RuntimeException {
    /// The problem concerns the request as a whole.
    static final int NO_RECORD = -1;

    private final ProblemReason reason;
    private final int record;

    /// @param record position of the record at fault, from 0, or `NO_RECORD`
    /// @param message where, what was expected and what was found, for people
    HttpProblem(ProblemReason reason, int record, String message) {
        super(message, null, false, false);
        this.reason = reason;
        this.record = record;
    }

    HttpProblem(ProblemReason reason, String message) {
        this(reason, NO_RECORD, message);
    }

    static HttpProblem notARequest(String message) {
        return new HttpProblem(ProblemReason.NOT_A_REQUEST, message);
    }

    /// Returns the problem for a defect of this program. The client learns only that; the log has the cause.
    static HttpProblem internal() {
        return new HttpProblem(ProblemReason.INTERNAL, "a defect of the scorer, not of the request; see its log");
    }

    static HttpProblem unauthorized() {
        return new HttpProblem(ProblemReason.UNAUTHORIZED,
                "expected Authorization: Bearer and a token that is known here");
    }

    ProblemReason reason() {
        return reason;
    }

    int record() {
        return record;
    }

    String message() {
        return String.valueOf(getMessage());
    }
}
