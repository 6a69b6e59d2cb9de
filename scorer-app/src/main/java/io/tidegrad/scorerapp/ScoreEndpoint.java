package io.tidegrad.scorerapp;

import io.helidon.common.media.type.MediaType;
import io.helidon.common.media.type.MediaTypes;
import io.helidon.http.HttpMediaType;
import io.helidon.http.RequestException;
import io.helidon.http.ServerRequestHeaders;
import io.helidon.http.Status;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import io.tidegrad.model.feature.Event;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.scorer.Predictions;
import io.tidegrad.scorer.RejectedEventException;
import io.tidegrad.scorer.Scorer;
import io.tidegrad.scorer.ScorerStatus;
import io.tidegrad.scorer.ServedModel;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
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
        int status = Status.INTERNAL_SERVER_ERROR_500.code();
        try {
            answer(scorer, request, response);
            status = Status.OK_200.code();
        } catch (HttpProblem e) {
            status = e.reason().status().code();
            throw e;
        } finally {
            metrics.answered(scorer.model(), status, System.nanoTime() - start);
        }
    }

    private void answer(Scorer scorer, ServerRequest request, ServerResponse response) {
        try {
            byte[] body = body(request);
            ServedModel served = served(scorer);
            List<Event> events = readers(served).reader().read(body, body.length);
            // By the version whose fields they were read by: the one that a swap brings meanwhile
            // may
            // be another model's.
            Predictions predictions = scorer.scoreAll(served, events);
            Answers.send(
                    response,
                    Status.OK_200,
                    Answers.predictions(predictions, served.spec().loss()));
            metrics.scored(scorer.model(), events.size());
        } catch (RejectedEventException e) {
            throw new HttpProblem(
                    ProblemReason.of(e.rejection().reason()), e.index(), e.rejection().detail());
        }
    }

    /// The model that a path names.
    Scorer scorer(ServerRequest request) {
        String name = request.path().pathParameters().get("model");
        Scorer scorer = scorers.get(name);
        if (scorer == null) {
            throw new HttpProblem(
                    ProblemReason.UNKNOWN_MODEL,
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
        ScorerStatus status = scorer.status();
        if (status.control().deleted()) {
            return new HttpProblem(ProblemReason.MODEL_DELETED, status.control().lastInWords());
        }
        return new HttpProblem(
                ProblemReason.NOT_READY,
                "model '"
                        + scorer.model()
                        + "' has no snapshot yet; its follower is "
                        + status.follower());
    }

    private byte[] body(ServerRequest request) {
        checkContent(request.headers());
        long declared = request.headers().contentLength().orElse(0);
        if (declared > maxBodyBytes) {
            throw tooLarge(declared + " bytes declared");
        }
        if (!request.content().hasEntity()) {
            return new byte[0];
        }
        byte[] body;
        try {
            // Not closed here: closing reads what is left, and a client that sends no more would
            // hold the answer
            // back. The server drains or ends the connection.
            body = request.content().inputStream().readNBytes(maxBodyBytes + 1);
        } catch (RequestException e) {
            throw switch (ProblemReason.of(e.status())) {
                case BODY_TOO_LARGE -> tooLarge("more than that");
                case TOO_SLOW -> tooSlow();
                default -> badBody();
            };
        } catch (IOException | RuntimeException e) {
            log.debug("reading a body failed", e);
            throw badBody();
        }
        if (body.length > maxBodyBytes) {
            throw tooLarge("more than that");
        }
        return body;
    }

    /// JSON, in UTF-8, as it is. What clients say when nobody told them what they send (curl, urllib: a form) is taken for
    /// nothing said.
    private static void checkContent(ServerRequestHeaders headers) {
        Optional<HttpMediaType> type;
        try {
            type = headers.contentType();
        } catch (IllegalArgumentException noMediaType) {
            throw wrongType("something else");
        }
        type.filter(stated -> !isJson(stated))
                .ifPresent(
                        stated -> {
                            throw wrongType("'" + RecordReader.printable(stated.text()) + "'");
                        });
    }

    private static boolean isJson(HttpMediaType stated) {
        MediaType type = stated.mediaType();
        return (type.equals(MediaTypes.APPLICATION_JSON)
                        || type.hasSuffix("json")
                        || type.equals(MediaTypes.APPLICATION_FORM_URLENCODED))
                && stated.charset().map("UTF-8"::equalsIgnoreCase).orElse(true);
    }

    private static HttpProblem wrongType(String found) {
        return new HttpProblem(
                ProblemReason.WRONG_CONTENT_TYPE,
                "Content-Type: expected application/json in UTF-8, or none, found " + found);
    }

    private static HttpProblem badBody() {
        return new HttpProblem(
                ProblemReason.BAD_BODY, "it ended early, or is not framed as HTTP says");
    }

    static HttpProblem tooSlow() {
        return new HttpProblem(
                ProblemReason.TOO_SLOW,
                "expected the whole request within "
                        + ScorerServer.REQUEST_WITHIN.toSeconds()
                        + " s of its first byte");
    }

    private HttpProblem tooLarge(String found) {
        return new HttpProblem(
                ProblemReason.BODY_TOO_LARGE,
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
                    ProblemReason.BAD_QUERY,
                    "after: expected a whole number, found '" + RecordReader.printable(text) + "'");
        }
    }
}
