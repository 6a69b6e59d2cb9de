package io.tidegrad.scorerapp;

import io.helidon.http.Status;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import io.tidegrad.scorer.Predictions;
import io.tidegrad.scorer.Scorer;
import io.tidegrad.scorer.ServedModel;

/// `/v1/models`: JSON records in, probabilities out, and what is told of the models.
final class ScoreEndpoint {
    private final ServedModels models;
    private final RequestBody bodies;
    private final WorkLimit work;

    /// Hashing a large model's floats takes seconds, which whoever asks in a loop must not take from scoring.
    private final WorkLimit describing = new WorkLimit(1, DESCRIBING_WAIT_MAX);

    private static final int DESCRIBING_WAIT_MAX = 16;

    ScoreEndpoint(ServedModels models, RequestBody bodies, WorkLimit work) {
        this.models = models;
        this.bodies = bodies;
        this.work = work;
    }

    void score(ServerRequest request, ServerResponse response) {
        Scorer scorer = scorer(request);
        models.answer(
                scorer,
                () -> {
                    byte[] body = bodies.read(request);
                    Scored scored = work.within(() -> score(scorer, body));
                    Answers.send(response, Status.OK_200, scored.json());
                    return scored.records();
                });
    }

    private record Scored(byte[] json, int records) {}

    private Scored score(Scorer scorer, byte[] body) {
        ServedModel served = models.current(scorer);
        Predictions predictions =
                models.score(
                        scorer, served, models.readers(served).records().read(body, body.length));
        return new Scored(
                Answers.predictions(predictions, served.spec().loss()), predictions.size());
    }

    void list(ServerRequest request, ServerResponse response) {
        Answers.send(response, Status.OK_200, Answers.models(models.names()));
    }

    void model(ServerRequest request, ServerResponse response) {
        Scorer scorer = scorer(request);
        ServedModel served = models.current(scorer);
        byte[] json =
                describing.within(
                        () ->
                                Answers.model(
                                        scorer,
                                        served,
                                        scorer.status(),
                                        models.readers(served).fields().expected()));
        Answers.send(response, Status.OK_200, json);
    }

    void admissions(ServerRequest request, ServerResponse response) {
        Scorer scorer = scorer(request);
        Answers.send(
                response,
                Status.OK_200,
                Answers.admissions(scorer, scorer.admissions().after(after(request))));
    }

    private Scorer scorer(ServerRequest request) {
        return models.scorer(request.path().pathParameters().get("model"));
    }

    /// `after` of a query, 0 without one.
    private static long after(ServerRequest request) {
        String text = request.query().first("after").orElse("0");
        try {
            return Long.parseLong(text);
        } catch (NumberFormatException notANumber) {
            throw new HttpProblem(
                    ProblemReason.BAD_QUERY,
                    "after: expected a whole number, found '" + StrictJson.printable(text) + "'");
        }
    }
}
