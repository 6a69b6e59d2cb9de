package io.tidegrad.scorerapp;

import io.helidon.http.HeaderName;
import io.helidon.http.HeaderNames;
import io.helidon.http.Status;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import io.tidegrad.model.feature.Event;
import io.tidegrad.scorer.ModelRouter;
import io.tidegrad.scorer.Predictions;
import io.tidegrad.scorer.Scorer;
import io.tidegrad.scorer.ServedVersion;
import io.tidegrad.scorer.TraceContext;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// `/v1/models`: JSON records in, probabilities out, and information about the models.
final class ScoreEndpoint {
    /// The header with what must always be scored by the same model.
    static final HeaderName KEY = HeaderNames.create("Tidegrad-Key");

    /// The header with the ids of the request's events in the log.
    static final HeaderName ID = HeaderNames.create("Tidegrad-Id");

    private static final HeaderName TRACE_PARENT = HeaderNames.create(TraceContext.PARENT);
    private static final HeaderName TRACE_STATE = HeaderNames.create(TraceContext.STATE);

    private final ServedModels models;
    private final RequestBody bodies;
    private final WorkLimit work;

    /// Hashing a large model's floats takes seconds. A client that asks again and again must not take that time from
    /// scoring.
    private final WorkLimit describing = new WorkLimit(1, DESCRIBING_WAIT_MAX);

    private static final int DESCRIBING_WAIT_MAX = 16;

    ScoreEndpoint(ServedModels models, RequestBody bodies, WorkLimit work) {
        this.models = models;
        this.bodies = bodies;
        this.work = work;
    }

    void score(ServerRequest request, ServerResponse response) {
        ModelRouter asked = models.router(name(request));
        models.answer(asked.name(), () -> {
            String key = request.headers().first(KEY).orElse(null);
            String ids = request.headers().first(ID).orElse(null);
            TraceContext trace = trace(request);
            Response scored;
            try (BodyMemory.Body body = bodies.read(request)) {
                byte[] json = body.bytes();
                boolean explain = isTrue(request, "contributions");
                scored = work.within(() -> explain ? explain(asked, key, new Body(json, ids, trace))
                        : score(asked, key, new Body(json, ids, trace)));
            }
            // The body is released before, so that a response which its client does not read holds none of the memory
            // for bodies.
            JsonResponses.send(response, Status.OK_200, scored.json());
            return scored.records();
        });
    }

    /// The response to a scoring request.
    record Response(byte[] json, int records) {
    }

    private Response score(ModelRouter asked, @Nullable String key, Body body) {
        ServedModels.Scored scored = models.score(asked, key, body);
        Predictions predictions = scored.predictions();
        return new Response(
                JsonResponses.predictions(predictions, scored.by().spec(), scored.by().classes(), scored.ids()),
                predictions.size());
    }

    private Response explain(ModelRouter asked, @Nullable String key, Body body) {
        ServedModels.Explained explained = models.explain(asked, key, body);
        ServedVersion by = explained.by();
        return new Response(
                JsonResponses.explanations(explained.explanations(), by.spec(), by.classes(), explained.ids()),
                explained.explanations().size());
    }

    private record Body(byte[] json, @Nullable String ids,
            @Nullable TraceContext trace) implements ServedModels.Records {
        @Override
        public List<Event> read(ServedVersion by, ServedModels.Readers with) {
            return with.records().read(json, json.length);
        }

        @Override
        public int bytes() {
            return json.length;
        }

        @Override
        public LoggedEvents events() {
            return new LoggedEvents.Json(json);
        }
    }

    void list(ServerRequest request, ServerResponse response) {
        JsonResponses.send(response, Status.OK_200, JsonResponses.models(models.names()));
    }

    void model(ServerRequest request, ServerResponse response) {
        ModelRouter asked = models.router(name(request));
        Scorer scorer = asked.live();
        ServedVersion served = models.current(scorer);
        byte[] json = describing.within(
                () -> JsonResponses.model(asked, served, scorer.status(), models.readers(served).fields().expected()));
        JsonResponses.send(response, Status.OK_200, json);
    }

    void admissions(ServerRequest request, ServerResponse response) {
        Scorer scorer = models.live(name(request));
        JsonResponses.send(response, Status.OK_200,
                JsonResponses.admissions(scorer, scorer.admissions().after(after(request))));
    }

    /// Returns where a request stands in its caller's trace; null if it does not say so.
    static @Nullable TraceContext trace(ServerRequest request) {
        return TraceContext.of(request.headers().values(TRACE_PARENT), request.headers().values(TRACE_STATE));
    }

    static String name(ServerRequest request) {
        return request.path().pathParameters().get("model");
    }

    /// Returns a query's optional parameter.
    private static boolean isTrue(ServerRequest request, String name) {
        // The check comes first, because asking the server for a missing value makes it look up its mappers, 6 % of a
        // request.
        if (!request.query().contains(name)) {
            return false;
        }
        String text = request.query().first(name).orElse("false");
        if (!text.equals("true") && !text.equals("false")) {
            throw new HttpProblem(ProblemReason.BAD_QUERY,
                    name + ": expected true or false, found '" + StrictJson.printable(text) + "'");
        }
        return text.equals("true");
    }

    /// Returns `after` of a query; 0 if it is missing.
    private static long after(ServerRequest request) {
        String text = request.query().first("after").orElse("0");
        try {
            return Long.parseLong(text);
        } catch (NumberFormatException notANumber) {
            throw new HttpProblem(ProblemReason.BAD_QUERY,
                    "after: expected a whole number, found '" + StrictJson.printable(text) + "'");
        }
    }
}
