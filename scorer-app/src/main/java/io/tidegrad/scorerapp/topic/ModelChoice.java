package io.tidegrad.scorerapp.topic;

import io.tidegrad.schemas.DeadLetter;
import io.tidegrad.scorer.ModelRouter;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.Header;
import org.jspecify.annotations.Nullable;

/// Chooses the router for a request by the model's name in its header. Without the header it is the only model that is
/// served.
///
/// @param routers routers by name
record ModelChoice(Map<String, ModelRouter> routers) {
    /// Also set on the prediction or dead letter if the request had it.
    static final String HEADER = DeadLetter.MODEL;

    private static final int SHOWN_CHARS_MAX = 100;

    /// @throws RefusedRequest `no-model-named`, `unknown-model`
    ModelRouter of(ConsumerRecord<byte[], byte[]> request) {
        String named = named(request);
        if (named == null) {
            if (routers.size() == 1) {
                return routers.values().iterator().next();
            }
            throw new RefusedRequest(RequestFault.NO_MODEL_NAMED, "expected the header " + HEADER + " to name one of "
                    + String.join(", ", routers.keySet()) + ", found none");
        }
        ModelRouter asked = routers.get(named);
        if (asked == null) {
            throw new RefusedRequest(RequestFault.UNKNOWN_MODEL, "header " + HEADER + ": expected one of "
                    + String.join(", ", routers.keySet()) + ", found '" + shortened(named) + "'");
        }
        return asked;
    }

    private static @Nullable String named(ConsumerRecord<byte[], byte[]> request) {
        Header header = request.headers().lastHeader(HEADER);
        return header == null || header.value() == null ? null : new String(header.value(), StandardCharsets.UTF_8);
    }

    private static String shortened(String name) {
        return name.length() <= SHOWN_CHARS_MAX ? name : name.substring(0, SHOWN_CHARS_MAX) + "…";
    }
}
