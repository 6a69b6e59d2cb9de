package io.tidegrad.schemas;

import org.apache.kafka.common.errors.SerializationException;
import org.jspecify.annotations.Nullable;

/// A value that no retry can decode: what a dead letter is made of.
public final class UndecodableException extends SerializationException {
    /// Why; the name goes into the dead letter's headers.
    public enum Reason {
        /// Fewer bytes than the five of the Confluent header.
        TOO_SHORT,
        /// The first byte is not 0: not in Confluent wire format.
        WRONG_MAGIC_BYTE,
        /// The registry has no schema under this id. It lies outside the log: another day it may have one.
        UNKNOWN_SCHEMA,
        /// The schema is no Avro record, or of a kind that is not supported.
        UNSUPPORTED_SCHEMA,
        /// The value ends in the middle of a field.
        TRUNCATED,
        /// Bytes are left after the last field.
        TRAILING_BYTES,
        /// The bytes are no object in JSON, where one was expected.
        NOT_JSON,
        /// What it would become in memory is out of proportion to its bytes, because its schema nests what takes none.
        TOO_LARGE,
        /// The bytes can't be what the schema says: an impossible length, branch, symbol or nesting.
        MALFORMED
    }

    private final Reason reason;

    public UndecodableException(Reason reason, String message) {
        this(reason, message, null);
    }

    public UndecodableException(Reason reason, String message, @Nullable Throwable cause) {
        super(message, cause);
        this.reason = reason;
    }

    public Reason reason() {
        return reason;
    }

    /// Leaves the stack trace out: it is the value's fault, not the code's, and a stream of poison must not cost more
    /// than a stream of events (filling it takes longer than decoding does).
    @Override
    public Throwable fillInStackTrace() {
        return this;
    }
}
