package io.tidegrad.scorerapp;

import io.helidon.http.Status;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import io.tidegrad.scorer.ModelRouter;
import io.tidegrad.scorer.TraceContext;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/// `/v2`: the Open Inference Protocol over HTTP.
///
/// @param ignoreUnknown whether members that the protocol does not know are ignored instead of refused
record InferEndpoint(ServedModels models, OpenInference protocol, RequestBody bodies, WorkLimit work,
        boolean ignoreUnknown, BooleanSupplier live) {
    /// Returns whether responses at this path, errors included, have the protocol's form.
    static boolean isHere(String path) {
        return path.equals("/v2") || path.startsWith("/v2/") || path.startsWith("/v2?");
    }

    void server(ServerRequest request, ServerResponse response) {
        JsonResponses.send(response, Status.OK_200, InferResponses.server());
    }

    void live(ServerRequest request, ServerResponse response) {
        boolean alive = live.getAsBoolean();
        JsonResponses.send(response, status(alive), InferResponses.live(alive));
    }

    void ready(ServerRequest request, ServerResponse response) {
        boolean ready = models.ready();
        JsonResponses.send(response, status(ready), InferResponses.ready(live.getAsBoolean(), ready));
    }

    void model(ServerRequest request, ServerResponse response) {
        JsonResponses.send(response, Status.OK_200,
                InferResponses.metadata(protocol.metadata(ScoreEndpoint.name(request), version(request))));
    }

    void modelReady(ServerRequest request, ServerResponse response) {
        boolean ready = protocol.ready(ScoreEndpoint.name(request), version(request));
        JsonResponses.send(response, status(ready), InferResponses.modelReady(ScoreEndpoint.name(request), ready));
    }

    void infer(ServerRequest request, ServerResponse response) {
        ModelRouter asked = models.router(ScoreEndpoint.name(request));
        models.answer(asked.name(), () -> {
            TraceContext trace = ScoreEndpoint.trace(request);
            ScoreEndpoint.Response inferred;
            try (BodyMemory.Body body = bodies.read(request)) {
                byte[] json = body.bytes();
                inferred = work.within(() -> infer(asked, version(request), json, trace));
            }
            JsonResponses.send(response, Status.OK_200, inferred.json());
            return inferred.records();
        });
    }

    private ScoreEndpoint.Response infer(ModelRouter asked, @Nullable String version, byte[] body,
            @Nullable TraceContext trace) {
        OpenInference.Answer answer =
                protocol.infer(asked, version, InferReader.read(body, ignoreUnknown), body.length, trace);
        return new ScoreEndpoint.Response(InferResponses.inference(answer), answer.predictions().size());
    }

    private static Status status(boolean well) {
        return well ? Status.OK_200 : Status.SERVICE_UNAVAILABLE_503;
    }

    private static @Nullable String version(ServerRequest request) {
        return request.path().pathParameters().first("version").orElse(null);
    }
}
