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

    ScoreEndpoint(ServedModels models, RequestBody bodies) {
        this.models = models;
        this.bodies = bodies;
    }

    void score(ServerRequest request, ServerResponse response) {
        Scorer scorer = scorer(request);
        models.answer(
                scorer,
                () -> {
                    byte[] body = bodies.read(request);
                    ServedModel served = models.current(scorer);
                    Predictions predictions =
                            models.score(
                                    scorer,
                                    served,
                                    models.readers(served).records().read(body, body.length));
                    Answers.send(
                            response,
                            Status.OK_200,
                            Answers.predictions(predictions, served.spec().loss()));
                    return predictions.size();
                });
    }

    void list(ServerRequest request, ServerResponse response) {
        Answers.send(response, Status.OK_200, Answers.models(models.names()));
    }

    void model(ServerRequest request, ServerResponse response) {
        Scorer scorer = scorer(request);
        ServedModel served = models.current(scorer);
        Answers.send(
                response,
                Status.OK_200,
                Answers.model(
                        scorer,
                        served,
                        scorer.status(),
                        models.readers(served).fields().expected()));
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
