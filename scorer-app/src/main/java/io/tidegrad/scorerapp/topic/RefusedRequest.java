package io.tidegrad.scorerapp.topic;

/// One request can't be answered, now or ever: it becomes a dead letter. Without a stack trace: a stream of malformed
/// requests must not cost more than one of good ones.
final class RefusedRequest extends RuntimeException {
    private final String reason;

    /// @param reason as of `RequestFault.codes`
    /// @param detail for a person: expected, found
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
