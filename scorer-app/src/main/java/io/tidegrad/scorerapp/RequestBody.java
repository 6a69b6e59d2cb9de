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

/// Bytes of a request's body, as many as are taken.
///
/// @param maxBytes larger ones are refused
/// @param memory that all of them share
record RequestBody(int maxBytes, BodyMemory memory) {
    private static final Logger log = LoggerFactory.getLogger(RequestBody.class);

    /// @return to be closed
    /// @throws HttpProblem it is not said to be JSON, is too large, comes too slowly or not whole, or too many are
    ///     under way
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
            // Closed at its end only, so that the server need not look for more. Before it, closing
            // reads what is left, and a client that sends no more would hold the answer back; the
            // server drains or ends the connection.
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

    /// JSON, in UTF-8, as it is. What clients say when nobody told them what they send (curl, urllib: a form) is taken
    /// for nothing said.
    private static void checkContent(ServerRequestHeaders headers) {
        Optional<HttpMediaType> type;
        try {
            type = headers.contentType();
        } catch (RuntimeException noMediaType) {
            // Whatever the library's parser makes of it: a quotation mark that is not closed gives
            // a StringIndexOutOfBoundsException (Helidon 4.5.0).
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
