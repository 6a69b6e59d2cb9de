package io.tidegrad.scorerapp.topic;

import io.tidegrad.model.feature.Rejection;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/// What can be wrong with a request apart from its features, for which there is `Rejection.Reason`.
enum RequestFault {
    /// The key is missing or empty, so nobody could tell to which request an answer belongs.
    NO_REQUEST_ID,
    /// The key is not UTF-8.
    BAD_REQUEST_ID,
    /// Several models are served, and no header names one.
    NO_MODEL_NAMED, UNKNOWN_MODEL, MODEL_DELETED,
    /// The prediction is larger than the topic of predictions allows.
    PREDICTION_TOO_LARGE,
    /// The request and what is answered are together larger than the topic of what is served allows.
    LOG_RECORD_TOO_LARGE,
    /// An unexpected error of this program or of the configured deserializer, twice for the same request.
    INTERNAL;

    /// The reasons of events that can also apply to requests.
    private static final Set<Rejection.Reason> OF_EVENTS =
            EnumSet.of(Rejection.Reason.NULL_VALUE, Rejection.Reason.NOT_AVRO, Rejection.Reason.NOT_JSON,
                    Rejection.Reason.UNKNOWN_SCHEMA, Rejection.Reason.TOO_LARGE, Rejection.Reason.WRONG_TYPE,
                    Rejection.Reason.MISSING_FIELD, Rejection.Reason.NOT_FINITE, Rejection.Reason.OUT_OF_RANGE);

    /// Returns the reason as in headers and metrics: `no-request-id`.
    String code() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /// Returns every reason that the dead letter of a request may have.
    static List<String> codes() {
        List<String> codes = new ArrayList<>();
        OF_EVENTS.forEach(reason -> codes.add(reason.code()));
        for (RequestFault fault : values()) {
            codes.add(fault.code());
        }
        return codes;
    }
}
