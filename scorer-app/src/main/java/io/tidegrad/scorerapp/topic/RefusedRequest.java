package io.tidegrad.scorerapp.topic;

/// A request can never be answered: it becomes a dead letter. It has no stack trace, because a stream of malformed
/// requests must not cost more than one of good requests.
final class RefusedRequest extends RuntimeException {
    private final String reason;

    /// @param reason one of `RequestFault.codes`
    /// @param detail what was expected and what was found, for people
    RefusedRequest(String reason, String detail) {
        super(detail, null, false, false);
        this.reason = reason;
    }

    RefusedRequest(RequestFault fault, String detail) {
        this(fault.code(), detail);
    }

    String reason() {
        return reason;
    }

    String detail() {
        return String.valueOf(getMessage());
    }
}
