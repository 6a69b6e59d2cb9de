package io.tidegrad.scorerapp;

/// A request that can't be answered with a prediction, and what to tell its sender. Carries no cause and no trace: it
/// is an answer, not an accident.
final class HttpProblem extends RuntimeException {
    /// The problem concerns the request as a whole.
    static final int NO_RECORD = -1;

    private final ProblemReason reason;
    private final int record;

    /// @param record position of the record at fault, from 0, or `NO_RECORD`
    /// @param message for a person: where, expected, found
    HttpProblem(ProblemReason reason, int record, String message) {
        super(message, null, false, false);
        this.reason = reason;
        this.record = record;
    }

    HttpProblem(ProblemReason reason, String message) {
        this(reason, NO_RECORD, message);
    }

    /// A defect of ours. The client is told so and no more; the log holds the cause.
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
