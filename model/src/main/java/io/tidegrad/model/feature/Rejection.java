package io.tidegrad.model.feature;

import io.tidegrad.schemas.UndecodableException;

/// Why an event can't be learned or scored. The trainer sends it to the dead-letter topic, the scorer answers 4xx.
///
/// @param detail message for people: field, expected, found
public record Rejection(Reason reason, String detail) {
    public enum Reason {
        NULL_VALUE,
        /// The value has a wrong magic byte, is truncated, has trailing bytes or can't be decoded.
        NOT_AVRO,
        /// The value is no object in JSON, which the spec says it is.
        NOT_JSON, UNKNOWN_SCHEMA,
        /// The event's schema lacks a field of a model of which no schema is known yet that has them all.
        UNKNOWN_FIELD,
        /// The event would take far more memory than its bytes justify.
        TOO_LARGE, WRONG_TYPE,
        /// A field that a feature needs is null or absent, and the spec says `missing: reject`.
        MISSING_FIELD, MISSING_LABEL, INVALID_LABEL,
        /// The label is a new class, and all outputs that the spec reserves have one.
        NO_ROOM_FOR_CLASS,
        /// The weight is missing or not a number of at least 0.
        INVALID_WEIGHT, NOT_FINITE, OUT_OF_RANGE, MISSING_TIME, FUTURE_TIME,
        /// The record of a stream's topic has not the headers of an example.
        NOT_AN_EXAMPLE,
        /// The event's loss or gradient is beyond the bound of the spec.
        QUARANTINED,
        /// The event ended the trainer twice in a row and was set aside without being decoded.
        ENDED_THE_TRAINER;

        /// The reason as written in headers and metrics: `unknown-schema`.
        public String code() {
            return name().toLowerCase(java.util.Locale.ROOT).replace('_', '-');
        }
    }

    /// Why an event whose bytes can't be decoded is rejected.
    public static Rejection of(UndecodableException undecodable) {
        Reason reason = switch (undecodable.reason()) {
            case UNKNOWN_SCHEMA -> Reason.UNKNOWN_SCHEMA;
            case TOO_LARGE -> Reason.TOO_LARGE;
            case NOT_JSON -> Reason.NOT_JSON;
            case TOO_SHORT, WRONG_MAGIC_BYTE, UNSUPPORTED_SCHEMA, TRUNCATED, TRAILING_BYTES, MALFORMED ->
                Reason.NOT_AVRO;
        };
        return new Rejection(reason, String.valueOf(undecodable.getMessage()));
    }
}
