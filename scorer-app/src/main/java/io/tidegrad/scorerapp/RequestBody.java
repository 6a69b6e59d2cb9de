package io.tidegrad.scorerapp;

import io.helidon.common.media.type.MediaType;
import io.helidon.common.media.type.MediaTypes;
import io.helidon.http.HttpMediaType;
import io.helidon.http.RequestException;
import io.helidon.http.ServerRequestHeaders;
import io.helidon.webserver.CloseConnectionException;
import io.helidon.webserver.http.ServerRequest;
import java.io.IOException;
import java.io.InputStream;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Reads a request's body within its limits.
///
/// @param maxBytes size above which a body is refused
/// @param memory memory that all bodies share
record RequestBody(int maxBytes, BodyMemory memory) {
    private static final Logger log = LoggerFactory.getLogger(RequestBody.class);

    /// @return the body, which must be closed
    /// @throws HttpProblem if it is not declared as JSON, is too large, arrives too slowly or incompletely, or if too
    ///     many are being processed
    BodyMemory.Body read(ServerRequest request) {
        checkContent(request.headers());
        long declared = request.headers().contentLength().orElse(0);
        if (declared > maxBytes) {
            throw tooLarge(declared + " bytes declared");
        }
        if (!request.content().hasEntity()) {
            return memory.none();
        }
        BodyMemory.Body body;
        try {
            int most = declared > 0 ? (int) declared : maxBytes + 1;
            InputStream in = request.content().inputStream();
            body = memory.read(in, most);
            // The stream is closed only at its end, so that the server need not look for more. Closed earlier, it would
            // read the rest, and a client that sends nothing more would delay the response. The server drains or closes
            // the connection.
            if (body.bytes().length == declared) {
                in.close();
            }
        } catch (RequestException e) {
            throw switch (ProblemReason.of(e.status())) {
                case BODY_TOO_LARGE -> tooLarge("more than that");
                case TOO_SLOW -> tooSlow();
                default -> badBody();
            };
        } catch (HttpProblem | CloseConnectionException overloadedOrGone) {
            throw overloadedOrGone;
        } catch (IOException | RuntimeException e) {
            log.debug("reading a body failed", e);
            throw badBody();
        }
        if (body.bytes().length > maxBytes) {
            body.close();
            throw tooLarge("more than that");
        }
        return body;
    }

    /// Only uncompressed JSON in UTF-8 is accepted. A form's type, which curl and urllib declare by default, counts as
    /// none.
    private static void checkContent(ServerRequestHeaders headers) {
        Optional<HttpMediaType> type;
        try {
            type = headers.contentType();
        } catch (RuntimeException noMediaType) {
            // The library's parser may throw anything: a quotation mark that is not closed gives a
            // StringIndexOutOfBoundsException (Helidon 4.5.0).
            throw wrongType("something else");
        }
        type.filter(stated -> !isJson(stated)).ifPresent(stated -> {
            throw wrongType("'" + StrictJson.printable(stated.text()) + "'");
        });
    }

    private static boolean isJson(HttpMediaType stated) {
        MediaType type = stated.mediaType();
        return (type.equals(MediaTypes.APPLICATION_JSON) || type.hasSuffix("json")
                || type.equals(MediaTypes.APPLICATION_FORM_URLENCODED))
                && stated.charset().map("UTF-8"::equalsIgnoreCase).orElse(true);
    }

    private static HttpProblem wrongType(String found) {
        return new HttpProblem(ProblemReason.WRONG_CONTENT_TYPE,
                "Content-Type: expected application/json in UTF-8, or none, found " + found);
    }

    private static HttpProblem badBody() {
        return new HttpProblem(ProblemReason.BAD_BODY, "it ended early, or is not framed as HTTP says");
    }

    static HttpProblem tooSlow() {
        return new HttpProblem(ProblemReason.TOO_SLOW, "expected the whole request within "
                + ScorerServer.REQUEST_WITHIN.toSeconds() + " s of its first byte");
    }

    private HttpProblem tooLarge(String found) {
        return new HttpProblem(ProblemReason.BODY_TOO_LARGE,
                "expected at most " + maxBytes + " bytes, found " + found + "; send fewer records a request");
    }
}
