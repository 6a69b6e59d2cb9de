package io.tidegrad.scorerapp.topic;

/// A request can never be answered: it becomes a dead letter. It has no stack trace, because a stream of malformed
/// requests must not cost more than one of good requests.
final class RefusedRequest extends RuntimeException {
    private final String reason;
    private boolean unread;

    /// Of a value that can't be read, so that no model has looked at it.
    ///
    /// @param reason one of `RequestFault.codes`
    static RefusedRequest unread(String reason, String detail) {
        RefusedRequest refused = new RefusedRequest(reason, detail);
        refused.unread = true;
        return refused;
    }

    /// @param reason one of `RequestFault.codes`
    /// @param detail what was expected and what was found, for people
    RefusedRequest(String reason, String detail) {
        super(detail, null, false, false);
        this.reason = reason;
    }

    RefusedRequest(RequestFault fault, String detail) {
        this(fault.code(), detail);
    }

    boolean isUnread() {
        return unread;
    }

    String reason() {
        return reason;
    }

    String detail() {
        return String.valueOf(getMessage());
    }
}
