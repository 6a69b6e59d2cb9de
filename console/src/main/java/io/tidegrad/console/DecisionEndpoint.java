package io.tidegrad.console;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.helidon.http.HeaderNames;
import io.helidon.http.Status;
import io.helidon.webserver.http.Handler;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import io.tidegrad.process.StopException;
import java.io.IOException;
import java.io.InputStream;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// `POST /decisions`: a decision as JSON, which only the console's own page may ask for.
final class DecisionEndpoint implements Handler {
    private static final Logger LOG = LoggerFactory.getLogger(DecisionEndpoint.class);
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int BODY_BYTES_MAX = 8 * 1024;
    private static final String TYPE = "application/json";

    private final OwnSite site;
    private final Function<AskedDecision, Map<String, @Nullable Object>> desk;

    /// @param desk makes decisions and returns what was decided
    DecisionEndpoint(OwnSite site, Function<AskedDecision, Map<String, @Nullable Object>> desk) {
        this.site = site;
        this.desk = desk;
    }

    @Override
    public void handle(ServerRequest request, ServerResponse response) throws IOException {
        if (!site.isNamedBy(request) || !site.asks(request)) {
            refuse(response, Status.FORBIDDEN_403,
                    "expected a request of the console's own page, opened by an address, localhost, --http-host or over TLS,"
                            + " found another Host or Origin");
        } else if (!isJson(request)) {
            // A page of another site can send other types without asking the console first.
            refuse(response, Status.UNSUPPORTED_MEDIA_TYPE_415, "Content-Type: expected " + TYPE + ", found another");
        } else {
            decide(request, response);
        }
    }

    private void decide(ServerRequest request, ServerResponse response) throws IOException {
        AskedDecision asked;
        try (InputStream from = request.content().inputStream()) {
            byte[] body = from.readNBytes(BODY_BYTES_MAX + 1);
            if (body.length > BODY_BYTES_MAX) {
                throw new IllegalArgumentException("expected at most " + BODY_BYTES_MAX + " bytes, found more");
            }
            asked = AskedDecision.parse(body);
        } catch (IllegalArgumentException e) {
            refuse(response, Status.BAD_REQUEST_400, String.valueOf(e.getMessage()));
            return;
        }
        Map<String, @Nullable Object> decided;
        try {
            decided = desk.apply(asked);
        } catch (RuntimeException e) {
            StopException why = StopException.from(e);
            LOG.warn("not decided on the page: {} of {}: {}", asked.action().word(), asked.model(), why.getMessage(),
                    why.mayBeADefect() ? e : null);
            refuse(response, switch (why.exitCode()) {
                case RETRYABLE -> Status.SERVICE_UNAVAILABLE_503;
                case INTERNAL -> Status.INTERNAL_SERVER_ERROR_500;
                default -> Status.CONFLICT_409;
            }, String.valueOf(why.getMessage()));
            return;
        }
        answer(response, Status.OK_200, decided);
    }

    private static boolean isJson(ServerRequest request) {
        String type = request.headers().first(HeaderNames.CONTENT_TYPE).orElse("").toLowerCase(Locale.ROOT);
        return type.equals(TYPE) || type.startsWith(TYPE + ";");
    }

    private static void refuse(ServerResponse response, Status status, String why) throws IOException {
        answer(response, status, Map.of("error", why));
    }

    private static void answer(ServerResponse response, Status status, Map<String, ? extends @Nullable Object> said)
            throws IOException {
        Page.secured(response).status(status).header(HeaderNames.CONTENT_TYPE, TYPE)
                .header(HeaderNames.CACHE_CONTROL, "no-store").send(JSON.writeValueAsBytes(said));
    }
}
