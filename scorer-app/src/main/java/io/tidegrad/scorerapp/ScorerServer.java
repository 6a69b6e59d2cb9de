package io.tidegrad.scorerapp;

import io.helidon.http.DirectHandler;
import io.helidon.http.HeaderNames;
import io.helidon.http.HttpException;
import io.helidon.http.Status;
import io.helidon.webserver.WebServer;
import io.helidon.webserver.http.DirectHandlers;
import io.helidon.webserver.http.HttpRouting;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import io.helidon.webserver.http1.Http1Config;
import io.tidegrad.scorer.Scorer;
import io.tidegrad.scorer.ServedModel;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.time.InstantSource;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.BooleanSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// HTTP around scorers: one virtual thread a connection, limits on everything a client can make large or slow, and an
/// answer in JSON to every mistake.
final class ScorerServer implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(ScorerServer.class);

    private static final int HEADER_BYTES_MAX = 8 * 1024;
    private static final int REQUEST_LINE_BYTES_MAX = 4 * 1024;

    /// Between two reads: a client that says nothing for so long is gone.
    private static final Duration READ_WITHIN = Duration.ofSeconds(30);

    private static final Duration STOP_WITHIN = Duration.ofSeconds(5);

    private final Map<String, Scorer> scorers;
    private final InstantSource clock;
    private final BooleanSupplier live;
    private final ScorerMetrics metrics;
    private final ScoreEndpoint score;
    private final WebServer server;

    /// Starts to listen.
    ///
    /// @param scorers by model
    /// @param live false when only a restart helps
    ScorerServer(
            ScorerConfig config,
            Map<String, Scorer> scorers,
            InstantSource clock,
            BooleanSupplier live) {
        requireFree(config.host(), config.port());
        this.scorers = new LinkedHashMap<>(scorers);
        this.clock = clock;
        this.live = live;
        metrics = new ScorerMetrics(scorers.values(), clock);
        score =
                new ScoreEndpoint(
                        scorers, metrics, config.maxBodyBytes(), config.ignoreUnknownFields());
        server =
                WebServer.builder()
                        .host(config.host())
                        .port(config.port())
                        .maxTcpConnections(config.maxConnections())
                        .idleConnectionTimeout(READ_WITHIN)
                        .idleConnectionPeriod(Duration.ofSeconds(10))
                        .connectionOptions(
                                socket -> socket.readTimeout(READ_WITHIN).tcpNoDelay(true))
                        .addProtocol(
                                Http1Config.builder()
                                        .maxHeadersSize(HEADER_BYTES_MAX)
                                        .maxPrologueLength(REQUEST_LINE_BYTES_MAX)
                                        .build())
                        .directHandlers(directHandlers())
                        .shutdownHook(false)
                        .shutdownGracePeriod(STOP_WITHIN)
                        .routing(this::route)
                        .build()
                        .start();
        if (!server.isRunning() || server.port() <= 0) {
            server.stop();
            throw new IllegalStateException(
                    "can't listen on " + config.host() + ":" + config.port() + "; see the log");
        }
    }

    /// Helidon logs a failed bind and comes back as if it listened, so it is asked first, and looked at afterwards.
    private static void requireFree(String host, int port) {
        try (ServerSocket probe = new ServerSocket()) {
            probe.setReuseAddress(true);
            probe.bind(new InetSocketAddress(host, port));
        } catch (IOException | IllegalArgumentException e) {
            throw new IllegalStateException(
                    "can't listen on " + host + ":" + port + ": " + e.getMessage());
        }
    }

    int port() {
        return server.port();
    }

    @Override
    public void close() {
        server.stop();
    }

    private void route(HttpRouting.Builder routing) {
        routing.post("/v1/models/{model}/score", score::score)
                .any(
                        "/v1/models/{model}/score",
                        (request, response) -> ScoreEndpoint.allowOnly(response, "POST"))
                .get("/v1/models", this::models)
                .get("/v1/models/{model}", this::model)
                .get("/v1/models/{model}/admissions", this::admissions)
                .get("/health", (request, response) -> health(response, isLive() && isReady()))
                .get("/health/live", (request, response) -> health(response, isLive()))
                .get("/health/ready", (request, response) -> health(response, isReady()))
                .get("/metrics", this::metrics)
                .any((request, response) -> nothingHere(request))
                .error(HttpProblem.class, ScorerServer::problem)
                .error(HttpException.class, ScorerServer::refusedByServer)
                .error(Exception.class, ScorerServer::internal);
    }

    private void models(ServerRequest request, ServerResponse response) {
        Answers.send(response, Status.OK_200, Answers.models(scorers.keySet()));
    }

    private void model(ServerRequest request, ServerResponse response) {
        Scorer scorer = score.scorer(request);
        ServedModel served = score.served(scorer);
        Answers.send(
                response,
                Status.OK_200,
                Answers.model(scorer, served, scorer.status(), score.fields(served)));
    }

    private void admissions(ServerRequest request, ServerResponse response) {
        Scorer scorer = score.scorer(request);
        Answers.send(
                response,
                Status.OK_200,
                Answers.admissions(
                        scorer, scorer.admissions().after(ScoreEndpoint.after(request))));
    }

    private void health(ServerResponse response, boolean well) {
        Answers.send(
                response,
                well ? Status.OK_200 : Status.SERVICE_UNAVAILABLE_503,
                Answers.health(isLive(), isReady(), scorers.values(), clock.millis()));
    }

    private void metrics(ServerRequest request, ServerResponse response) {
        response.header(HeaderNames.CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")
                .send(metrics.scrape());
    }

    private boolean isLive() {
        return live.getAsBoolean();
    }

    private boolean isReady() {
        return scorers.values().stream().allMatch(Scorer::ready);
    }

    private static void nothingHere(ServerRequest request) {
        throw new HttpProblem(
                Status.NOT_FOUND_404,
                "unknown-path",
                "nothing at "
                        + request.prologue().method().text()
                        + " "
                        + RecordReader.printable(request.path().path())
                        + "; there are POST /v1/models/{model}/score, GET /v1/models, /v1/models/{model},"
                        + " /v1/models/{model}/admissions, /health, /metrics");
    }

    private static void problem(
            ServerRequest request, ServerResponse response, HttpProblem problem) {
        if (problem.status().code() == Status.SERVICE_UNAVAILABLE_503.code()) {
            response.header(HeaderNames.RETRY_AFTER, "1");
        }
        Answers.send(
                response,
                problem.status(),
                Answers.problem(problem.reason(), problem.record(), problem.message()));
    }

    private static void refusedByServer(
            ServerRequest request, ServerResponse response, HttpException refused) {
        Status status = refused.status();
        Answers.send(
                response,
                status,
                Answers.problem(
                        reason(status),
                        HttpProblem.NO_RECORD,
                        RecordReader.printable(String.valueOf(refused.getMessage()))));
    }

    /// A defect of ours. The client is told so and no more; the log holds the cause.
    private static void internal(ServerRequest request, ServerResponse response, Exception e) {
        log.error(
                "{} {} failed",
                request.prologue().method(),
                RecordReader.printable(request.path().path()),
                e);
        Answers.send(
                response,
                Status.INTERNAL_SERVER_ERROR_500,
                Answers.problem(
                        "internal",
                        HttpProblem.NO_RECORD,
                        "a defect of the scorer, not of the request; see its log"));
    }

    /// What is wrong before a request is one: answered in the same shape.
    private static DirectHandlers directHandlers() {
        DirectHandler handler =
                (request, event, status, headers, message) -> {
                    headers.set(HeaderNames.CONTENT_TYPE, "application/json");
                    return DirectHandler.TransportResponse.builder()
                            .status(status)
                            .headers(headers)
                            .keepAlive(false)
                            .entity(
                                    Answers.problem(
                                            reason(status),
                                            HttpProblem.NO_RECORD,
                                            RecordReader.printable(String.valueOf(message))))
                            .build();
                };
        DirectHandlers.Builder handlers = DirectHandlers.builder();
        for (DirectHandler.EventType event : DirectHandler.EventType.values()) {
            handlers.addHandler(event, handler);
        }
        return handlers.build();
    }

    /// `Request Header Fields Too Large` → `request-header-fields-too-large`.
    private static String reason(Status status) {
        return status.reasonPhrase().toLowerCase(java.util.Locale.ROOT).replace(' ', '-');
    }
}
