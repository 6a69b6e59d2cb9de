package io.tidegrad.console;

import io.helidon.http.Status;
import io.helidon.webserver.http.Handler;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import io.tidegrad.process.StopException;
import java.io.IOException;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// `POST /decisions`: a decision as JSON, which only the console's own page may ask for.
/// @param desk makes decisions and returns what was decided
record DecisionEndpoint(OwnSite site, Function<AskedDecision, Map<String, @Nullable Object>> desk) implements Handler {
    private static final Logger LOG = LoggerFactory.getLogger(DecisionEndpoint.class);
    private static final int BODY_BYTES_MAX = 8 * 1024;

    @Override
    public void handle(ServerRequest request, ServerResponse response) throws IOException {
        if (PageRequest.isOurs(site, request, response)) {
            decide(request, response);
        }
    }

    private void decide(ServerRequest request, ServerResponse response) throws IOException {
        AskedDecision asked;
        try {
            asked = AskedDecision.parse(PageRequest.body(request, BODY_BYTES_MAX));
        } catch (IllegalArgumentException e) {
            PageRequest.refuse(response, Status.BAD_REQUEST_400, String.valueOf(e.getMessage()));
            return;
        }
        Map<String, @Nullable Object> decided;
        try {
            decided = desk.apply(asked);
        } catch (RuntimeException e) {
            StopException why = StopException.from(e);
            LOG.warn("not decided on the page: {} of {}: {}", asked.action().word(), asked.model(), why.getMessage(),
                    why.mayBeADefect() ? e : null);
            PageRequest.refuse(response, switch (why.exitCode()) {
                case RETRYABLE -> Status.SERVICE_UNAVAILABLE_503;
                case INTERNAL -> Status.INTERNAL_SERVER_ERROR_500;
                default -> Status.CONFLICT_409;
            }, String.valueOf(why.getMessage()));
            return;
        }
        PageRequest.answer(response, Status.OK_200, decided);
    }
}
