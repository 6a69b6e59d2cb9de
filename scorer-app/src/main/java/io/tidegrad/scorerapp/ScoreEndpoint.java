package io.tidegrad.scorerapp;

import io.helidon.http.HeaderNames;
import io.helidon.http.HeaderValues;
import io.helidon.http.ServerRequestHeaders;
import io.helidon.http.Status;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import io.tidegrad.model.feature.Event;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.scorer.NotReadyException;
import io.tidegrad.scorer.Predictions;
import io.tidegrad.scorer.RejectedEventException;
import io.tidegrad.scorer.Scorer;
import io.tidegrad.scorer.ServedModel;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// `POST /v1/models/{model}/score`: JSON records in, probabilities out.
final class ScoreEndpoint {
    private static final Logger log = LoggerFactory.getLogger(ScoreEndpoint.class);

    /// A spec's reader, kept as long as versions with that spec are served.
    private record Readers(ModelSpec spec, RecordFields fields, RecordReader reader) {}

    private final Map<String, Scorer> scorers;
    private final ScorerMetrics metrics;
    private final int maxBodyBytes;
    private final boolean ignoreUnknownFields;
    private final Map<String, Readers> readers = new ConcurrentHashMap<>();

    ScoreEndpoint(
            Map<String, Scorer> scorers,
            ScorerMetrics metrics,
            int maxBodyBytes,
            boolean ignoreUnknownFields) {
        this.scorers = scorers;
        this.metrics = metrics;
        this.maxBodyBytes = maxBodyBytes;
        this.ignoreUnknownFields = ignoreUnknownFields;
    }

    void score(ServerRequest request, ServerResponse response) {
        long start = System.nanoTime();
        Scorer scorer = scorer(request);
        int status = Status.OK_200.code();
        try {
            byte[] body = body(request, response);
            ServedModel served = served(scorer);
            List<Event> events = readers(served).reader().read(body, body.length);
            Predictions predictions = scorer.scoreAll(events);
            Answers.send(
                    response,
                    Status.OK_200,
                    Answers.predictions(predictions, served.spec().loss()));
            metrics.scored(scorer.model(), events.size());
        } catch (RejectedEventException e) {
            status = Status.BAD_REQUEST_400.code();
            throw new HttpProblem(
                    Status.BAD_REQUEST_400,
                    e.rejection().reason().code(),
                    e.index(),
                    e.rejection().detail());
        } catch (NotReadyException e) {
            status = Status.SERVICE_UNAVAILABLE_503.code();
            throw notReady(scorer);
        } catch (HttpProblem e) {
            status = e.status().code();
            throw e;
        } catch (RuntimeException e) {
            status = Status.INTERNAL_SERVER_ERROR_500.code();
            throw e;
        } finally {
            metrics.answered(scorer.model(), status, System.nanoTime() - start);
        }
    }

    /// The model that a path names.
    Scorer scorer(ServerRequest request) {
        String name = request.path().pathParameters().get("model");
        Scorer scorer = scorers.get(name);
        if (scorer == null) {
            throw new HttpProblem(
                    Status.NOT_FOUND_404,
                    "unknown-model",
                    "no model '"
                            + RecordReader.printable(name)
                            + "' is served here; served: "
                            + String.join(", ", scorers.keySet()));
        }
        return scorer;
    }

    ServedModel served(Scorer scorer) {
        ServedModel served = scorer.current();
        if (served == null) {
            throw notReady(scorer);
        }
        return served;
    }

    Map<String, String> fields(ServedModel served) {
        return readers(served).fields().expected();
    }

    private Readers readers(ServedModel served) {
        Readers known = readers.get(served.model());
        if (known == null || known.spec() != served.spec()) {
            RecordFields fields = new RecordFields(served.spec());
            known =
                    new Readers(
                            served.spec(), fields, new RecordReader(fields, ignoreUnknownFields));
            readers.put(served.model(), known);
        }
        return known;
    }

    private static HttpProblem notReady(Scorer scorer) {
        return new HttpProblem(
                Status.SERVICE_UNAVAILABLE_503,
                "not-ready",
                "model '"
                        + scorer.model()
                        + "' has no snapshot yet; its follower is "
                        + scorer.status().follower());
    }

    private byte[] body(ServerRequest request, ServerResponse response) {
        ServerRequestHeaders headers = request.headers();
        long declared = headers.contentLength().orElse(0);
        if (declared < 0) {
            throw badBody(response, "Content-Length: expected at least 0, found " + declared);
        }
        if (headers.contains(HeaderNames.CONTENT_LENGTH)
                && headers.contains(HeaderNames.TRANSFER_ENCODING)) {
            throw badBody(response, "expected Content-Length or Transfer-Encoding, found both");
        }
        if (declared > maxBodyBytes) {
            throw tooLarge(response, declared + " bytes declared");
        }
        if (!request.content().hasEntity()) {
            return new byte[0];
        }
        byte[] body;
        try {
            // Not closed here: closing reads what is left, and a client that sends no more would
            // hold
            // the answer back. The server drains or ends the connection.
            body = request.content().inputStream().readNBytes(maxBodyBytes + 1);
        } catch (IOException | RuntimeException e) {
            log.debug("reading a body failed", e);
            throw badBody(response, "it ended early, or is not framed as HTTP says");
        }
        if (body.length > maxBodyBytes) {
            throw tooLarge(response, "more than that");
        }
        return body;
    }

    private static HttpProblem badBody(ServerResponse response, String message) {
        response.header(HeaderValues.CONNECTION_CLOSE);
        return new HttpProblem(Status.BAD_REQUEST_400, "bad-body", message);
    }

    /// What follows of the body is not read: the connection ends with the answer.
    private HttpProblem tooLarge(ServerResponse response, String found) {
        response.header(HeaderValues.CONNECTION_CLOSE);
        return new HttpProblem(
                Status.REQUEST_ENTITY_TOO_LARGE_413,
                "body-too-large",
                "expected at most "
                        + maxBodyBytes
                        + " bytes, found "
                        + found
                        + "; send fewer records a request");
    }

    /// `after` of a query, 0 without one.
    static long after(ServerRequest request) {
        String text = request.query().first("after").orElse("0");
        try {
            return Long.parseLong(text);
        } catch (NumberFormatException notANumber) {
            throw new HttpProblem(
                    Status.BAD_REQUEST_400,
                    "bad-query",
                    "after: expected a whole number, found '" + RecordReader.printable(text) + "'");
        }
    }

    static void allowOnly(ServerResponse response, String method) {
        response.header(HeaderNames.ALLOW, method);
        throw new HttpProblem(
                Status.METHOD_NOT_ALLOWED_405, "method-not-allowed", "expected " + method);
    }
}
