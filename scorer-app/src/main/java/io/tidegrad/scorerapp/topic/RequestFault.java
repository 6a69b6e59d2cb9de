package io.tidegrad.scorerapp.topic;

import io.tidegrad.model.feature.Rejection;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/// What is wrong with a request beside what its features say (`Rejection.Reason`).
enum RequestFault {
    /// No key, or an empty one: nobody could tell whose the answer is.
    NO_REQUEST_ID,
    /// The key is not UTF-8.
    BAD_REQUEST_ID,
    /// Several models are served, and the header names none.
    NO_MODEL_NAMED, UNKNOWN_MODEL, MODEL_DELETED,
    /// The answer would not fit into the topic of predictions.
    PREDICTION_TOO_LARGE,
    /// What nobody foresaw: an error of this program or of the deserializer that it was given, twice for the same
    /// request.
    INTERNAL;

    /// Those of an event that a request's can be.
    private static final Set<Rejection.Reason> OF_EVENTS =
            EnumSet.of(Rejection.Reason.NULL_VALUE, Rejection.Reason.NOT_AVRO, Rejection.Reason.UNKNOWN_SCHEMA,
                    Rejection.Reason.TOO_LARGE, Rejection.Reason.WRONG_TYPE, Rejection.Reason.MISSING_FIELD,
                    Rejection.Reason.NOT_FINITE, Rejection.Reason.OUT_OF_RANGE);

    /// As written in headers and metrics: `no-request-id`.
    String code() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /// Every reason that a dead letter of a request may have.
    static List<String> codes() {
        List<String> codes = new ArrayList<>();
        OF_EVENTS.forEach(reason -> codes.add(reason.code()));
        for (RequestFault fault : values()) {
            codes.add(fault.code());
        }
        return codes;
    }
}
