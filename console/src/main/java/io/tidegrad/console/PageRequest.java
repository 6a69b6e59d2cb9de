package io.tidegrad.console;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.helidon.http.HeaderNames;
import io.helidon.http.Status;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// A request of the page with JSON, and its answer.
final class PageRequest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String TYPE = "application/json";

    private PageRequest() {}

    /// Returns whether the console's own page asks with JSON. If not, the request is refused already.
    static boolean isOurs(OwnSite site, ServerRequest request, ServerResponse response) throws IOException {
        String type = request.headers().first(HeaderNames.CONTENT_TYPE).orElse("").toLowerCase(Locale.ROOT);
        if (!site.isNamedBy(request) || !site.asks(request)) {
            refuse(response, Status.FORBIDDEN_403,
                    "expected a request of the console's own page, opened by an address, localhost, --http-host or over TLS,"
                            + " found another Host or Origin");
            return false;
        }
        if (!type.equals(TYPE) && !type.startsWith(TYPE + ";")) {
            // A page of another site can send other types without asking the console first.
            refuse(response, Status.UNSUPPORTED_MEDIA_TYPE_415, "Content-Type: expected " + TYPE + ", found another");
            return false;
        }
        return true;
    }

    /// @throws IllegalArgumentException the body is larger
    static byte[] body(ServerRequest request, int bytesMax) throws IOException {
        try (InputStream from = request.content().inputStream()) {
            byte[] body = from.readNBytes(bytesMax + 1);
            if (body.length > bytesMax) {
                // Else the connection can't be used again. The server ends one that says much more.
                from.transferTo(OutputStream.nullOutputStream());
                throw new IllegalArgumentException("expected at most " + bytesMax + " bytes, found more");
            }
            return body;
        }
    }

    static void refuse(ServerResponse response, Status status, String why) throws IOException {
        answer(response, status, Map.of("error", why));
    }

    static void answer(ServerResponse response, Status status, Map<String, ? extends @Nullable Object> said)
            throws IOException {
        answer(response, status, JSON.writeValueAsBytes(said));
    }

    static void answer(ServerResponse response, Status status, byte[] json) {
        Page.secured(response).status(status).header(HeaderNames.CONTENT_TYPE, TYPE)
                .header(HeaderNames.CACHE_CONTROL, "no-store").send(json);
    }
}
