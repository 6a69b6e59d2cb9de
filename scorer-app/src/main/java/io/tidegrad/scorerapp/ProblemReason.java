package io.tidegrad.scorerapp;

import io.helidon.http.Status;
import io.tidegrad.model.feature.Rejection;
import java.util.Locale;

/// Why a request gets no prediction. The set is closed, so that metrics have one series for each reason.
/// `docs/scoring.md` lists what each means to a client.
enum ProblemReason {
    BAD_JSON(Status.BAD_REQUEST_400), NO_RECORDS(Status.BAD_REQUEST_400), NOT_A_RECORD(Status.BAD_REQUEST_400),
    /// JSON, but no inference request.
    NOT_A_REQUEST(Status.BAD_REQUEST_400),
    /// Shape, datatype and data of a tensor do not fit together, or the tensors do not.
    BAD_TENSOR(Status.BAD_REQUEST_400), UNKNOWN_OUTPUT(Status.BAD_REQUEST_400), UNKNOWN_FIELD(Status.BAD_REQUEST_400),
    WRONG_TYPE(Status.BAD_REQUEST_400), MISSING_FIELD(Status.BAD_REQUEST_400), NOT_FINITE(Status.BAD_REQUEST_400),
    OUT_OF_RANGE(Status.BAD_REQUEST_400),
    /// The log is required, and the schema of the events can't hold the record.
    NOT_LOGGABLE(Status.BAD_REQUEST_400), BAD_BODY(Status.BAD_REQUEST_400), BAD_QUERY(Status.BAD_REQUEST_400),
    /// Not HTTP/1.1 as this server accepts it.
    BAD_REQUEST(Status.BAD_REQUEST_400),
    /// The token is missing or unknown.
    UNAUTHORIZED(Status.UNAUTHORIZED_401), UNKNOWN_MODEL(Status.NOT_FOUND_404), UNKNOWN_VERSION(Status.NOT_FOUND_404),
    UNKNOWN_PATH(Status.NOT_FOUND_404), METHOD_NOT_ALLOWED(Status.METHOD_NOT_ALLOWED_405),
    /// A control record deleted the model. A retry helps only once it is created again.
    MODEL_DELETED(Status.GONE_410), TOO_SLOW(Status.REQUEST_TIMEOUT_408),
    BODY_TOO_LARGE(Status.REQUEST_ENTITY_TOO_LARGE_413), LINE_TOO_LONG(Status.REQUEST_URI_TOO_LONG_414),
    WRONG_CONTENT_TYPE(Status.UNSUPPORTED_MEDIA_TYPE_415), WRONG_CONTENT_ENCODING(Status.UNSUPPORTED_MEDIA_TYPE_415),
    NOT_READY(Status.SERVICE_UNAVAILABLE_503),
    /// All places to be processed or to wait are taken.
    OVERLOADED(Status.SERVICE_UNAVAILABLE_503),
    /// The log is required and takes nothing more at present.
    LOG_FULL(Status.SERVICE_UNAVAILABLE_503),
    /// A defect of this program. The log has its cause.
    INTERNAL(Status.INTERNAL_SERVER_ERROR_500);

    private final Status status;

    ProblemReason(Status status) {
        this.status = status;
    }

    Status status() {
        return status;
    }

    /// Returns whether the connection is closed after the response, because where the next request begins is unknown.
    boolean endsConnection() {
        return switch (this) {
            case BAD_BODY, BAD_REQUEST, TOO_SLOW, BODY_TOO_LARGE, LINE_TOO_LONG, WRONG_CONTENT_ENCODING -> true;
            case BAD_JSON, NO_RECORDS, NOT_A_RECORD, NOT_A_REQUEST, BAD_TENSOR, UNKNOWN_OUTPUT, UNKNOWN_FIELD,
                    WRONG_TYPE, MISSING_FIELD, NOT_FINITE, OUT_OF_RANGE, NOT_LOGGABLE, BAD_QUERY, UNAUTHORIZED,
                    UNKNOWN_MODEL, UNKNOWN_VERSION, UNKNOWN_PATH, METHOD_NOT_ALLOWED, MODEL_DELETED, WRONG_CONTENT_TYPE,
                    NOT_READY, OVERLOADED, LOG_FULL, INTERNAL ->
                false;
        };
    }

    /// Returns the reason as in responses and metrics: `wrong-type`.
    String code() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /// Returns the reason for a rejection by the featurizer.
    static ProblemReason of(Rejection.Reason rejection) {
        return switch (rejection) {
            case WRONG_TYPE -> WRONG_TYPE;
            case MISSING_FIELD -> MISSING_FIELD;
            case NOT_FINITE -> NOT_FINITE;
            case OUT_OF_RANGE -> OUT_OF_RANGE;
            // Labels, weights, event times, bytes on a topic and the end of a trainer: scoring looks at none of these.
            case NULL_VALUE, NOT_AVRO, NOT_JSON, UNKNOWN_SCHEMA, UNKNOWN_FIELD, TOO_LARGE, MISSING_LABEL, INVALID_LABEL,
                    NO_ROOM_FOR_CLASS, INVALID_WEIGHT, MISSING_TIME, FUTURE_TIME, NOT_AN_EXAMPLE, QUARANTINED,
                    ENDED_THE_TRAINER ->
                INTERNAL;
        };
    }

    /// Returns the reason for a request that the HTTP server refused by itself.
    static ProblemReason of(Status status) {
        return switch (status.code()) {
            case 404 -> UNKNOWN_PATH;
            case 405 -> METHOD_NOT_ALLOWED;
            case 408 -> TOO_SLOW;
            case 413 -> BODY_TOO_LARGE;
            case 414 -> LINE_TOO_LONG;
            case 415 -> WRONG_CONTENT_TYPE;
            // 505 is mapped because an unsupported version is the client's mistake, and a 5xx would alert the operator.
            // 500 is mapped because the server's parser met something for which it has no check (a method of control
            // characters, an end among headers); a defect of this program is reported in another way.
            default -> BAD_REQUEST;
        };
    }
}
