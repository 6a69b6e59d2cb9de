package io.tidegrad.model.feature;

/// Why an event can't be learned or scored: it goes to the dead-letter topic (trainer) or is answered 4xx (scorer).
///
/// @param detail for a person: field, expected, found
public record Rejection(Reason reason, String detail) {
    public enum Reason {
        NULL_VALUE,
        /// Wrong magic byte, truncated, trailing bytes, undecodable.
        NOT_AVRO, UNKNOWN_SCHEMA,
        /// What it would become in memory is out of proportion to its bytes.
        TOO_LARGE, WRONG_TYPE,
        /// A field that a feature needs is null or absent, and the spec says `missing: reject`.
        MISSING_FIELD, MISSING_LABEL, INVALID_LABEL,
        /// Not a number from 0 on, or missing.
        INVALID_WEIGHT, NOT_FINITE, OUT_OF_RANGE, MISSING_TIME, FUTURE_TIME,
        /// It ended the trainer, twice in a row, and was set aside without being decoded.
        ENDED_THE_TRAINER;

        /// As written in headers and metrics: `unknown-schema`.
        public String code() {
            return name().toLowerCase(java.util.Locale.ROOT).replace('_', '-');
        }
    }
}
