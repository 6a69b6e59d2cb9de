package io.tidegrad.scorerapp.topic;

import io.tidegrad.schemas.DeadLetter;
import io.tidegrad.scorer.Scorer;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.Header;
import org.jspecify.annotations.Nullable;

/// Which model answers a request: the one that its header names, without one the only one that is served.
final class ModelChoice {
    /// Also the header of a prediction and of a dead letter, where the request had it.
    static final String HEADER = DeadLetter.MODEL;

    private static final int SHOWN_CHARS_MAX = 100;

    private final Map<String, Scorer> scorers;

    /// @param scorers by model
    ModelChoice(Map<String, Scorer> scorers) {
        this.scorers = new LinkedHashMap<>(scorers);
    }

    /// @throws RefusedRequest `no-model-named`, `unknown-model`
    Scorer of(ConsumerRecord<byte[], byte[]> request) {
        String named = named(request);
        if (named == null) {
            if (scorers.size() == 1) {
                return scorers.values().iterator().next();
            }
            throw new RefusedRequest(
                    RequestFault.NO_MODEL_NAMED,
                    "expected the header "
                            + HEADER
                            + " to name one of "
                            + String.join(", ", scorers.keySet())
                            + ", found none");
        }
        Scorer scorer = scorers.get(named);
        if (scorer == null) {
            throw new RefusedRequest(
                    RequestFault.UNKNOWN_MODEL,
                    "header "
                            + HEADER
                            + ": expected one of "
                            + String.join(", ", scorers.keySet())
                            + ", found '"
                            + shortened(named)
                            + "'");
        }
        return scorer;
    }

    private static @Nullable String named(ConsumerRecord<byte[], byte[]> request) {
        Header header = request.headers().lastHeader(HEADER);
        return header == null || header.value() == null
                ? null
                : new String(header.value(), StandardCharsets.UTF_8);
    }

    private static String shortened(String name) {
        return name.length() <= SHOWN_CHARS_MAX ? name : name.substring(0, SHOWN_CHARS_MAX) + "…";
    }
}
