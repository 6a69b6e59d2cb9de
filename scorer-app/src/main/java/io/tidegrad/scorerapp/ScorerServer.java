package io.tidegrad.scorerapp;

import io.helidon.http.DirectHandler;
import io.helidon.http.HeaderNames;
import io.helidon.http.HeaderValues;
import io.helidon.http.Headers;
import io.helidon.http.HttpException;
import io.helidon.http.Method;
import io.helidon.http.Status;
import io.helidon.webserver.CloseConnectionException;
import io.helidon.webserver.http.DirectHandlers;
import io.helidon.webserver.http.FilterChain;
import io.helidon.webserver.http.Handler;
import io.helidon.webserver.http.HttpRouting;
import io.helidon.webserver.http.RoutingRequest;
import io.helidon.webserver.http.RoutingResponse;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import io.tidegrad.ops.http.HttpOptions;
import io.tidegrad.ops.http.HttpServer;
import io.tidegrad.ops.http.Seldom;
import io.tidegrad.ops.http.SharedAnswer;
import io.tidegrad.ops.security.ServerSecurity;
import io.tidegrad.scorerapp.topic.TopicScorer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The HTTP server: one virtual thread for each connection, limits on everything that a client can make large or slow,
/// and a JSON response to every mistake.
final class ScorerServer implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(ScorerServer.class);

    private static final int HEADER_BYTES_MAX = HttpOptions.HEADER_BYTES_MAX;
    private static final int REQUEST_LINE_BYTES_MAX = HttpOptions.LINE_BYTES_MAX;

    /// How long a request may take from its first byte to its last.
    static final Duration REQUEST_WITHIN = Duration.ofSeconds(10);

    private static final List<String> V2_MODELS =
            List.of("/v2/models/{model}", "/v2/models/{model}/versions/{version}");

    private static final Pattern DIGITS = Pattern.compile("[0-9]{1,18}");

    private final ServedModels models;
    private final @Nullable TopicScorer requests;
    private final BooleanSupplier live;
    private final ScorerMetrics metrics;
    private final ScoreEndpoint score;
    private final InferEndpoint infer;
    private final ServerSecurity security;
    private final SharedAnswer<byte[]> healthAnswer;
    private final SharedAnswer<byte[]> metricsPage;
    private final Seldom defects = new Seldom();
    private final HttpServer server;

    /// Starts to listen.
    ///
    /// @param requests the topic scorer, for health; null if there is none
    /// @param live returns false if only a restart helps
    ScorerServer(ServerConfig config, ServedModels models, @Nullable TopicScorer requests, ScorerMetrics metrics,
            RequestLimits limits, BooleanSupplier live) {
        security = config.security();
        this.live = live;
        this.models = models;
        this.requests = requests;
        this.metrics = metrics;
        healthAnswer = new SharedAnswer<>(() -> JsonResponses.health(live.getAsBoolean(), models.ready(),
                models.routers(), models::log, requests));
        metricsPage = new SharedAnswer<>(() -> metrics.scrape().getBytes(StandardCharsets.UTF_8));
        RequestBody bodies = new RequestBody(config.maxBodyBytes(), limits.bodies());
        score = new ScoreEndpoint(models, bodies, limits.work());
        infer = new InferEndpoint(models, new OpenInference(models), bodies, limits.work(),
                config.ignoreUnknownFields(), live);
        HttpOptions options = HttpOptions.at(config.host(), config.port())
                .withConnections(config.maxConnections(), metrics::connectionEnded)
                .withRequests(requestBytesMax(config.maxBodyBytes()), REQUEST_WITHIN, directHandlers())
                .withTls(security.tls());
        try {
            server = HttpServer.start(options, this::route);
        } catch (IOException e) {
            throw new IllegalStateException(
                    "can't listen on " + config.host() + ":" + config.port() + ": " + e.getMessage(), e);
        }
    }

    /// Twice the body, because small chunks cost more than they carry.
    private static long requestBytesMax(int maxBodyBytes) {
        return REQUEST_LINE_BYTES_MAX + HEADER_BYTES_MAX + 2L * maxBodyBytes;
    }

    int port() {
        return server.port();
    }

    /// Returns why it stopped to listen although nobody closed it; empty while it listens.
    Optional<String> ended() {
        return Optional.ofNullable(server.ended().getNow(null));
    }

    @Override
    public void close() {
        server.close();
    }

    private void route(HttpRouting.Builder routing) {
        routing.addFilter(ScorerServer::oneRequestAtATime);
        // Routes are tried in this order, so the most frequent come first.
        only(routing, Method.POST, "/v1/models/{model}/score", score::score);
        for (String model : V2_MODELS) {
            only(routing, Method.POST, model + "/infer", infer::infer);
        }
        only(routing, Method.GET, "/v1/models", score::list);
        only(routing, Method.GET, "/v1/models/{model}", score::model);
        only(routing, Method.GET, "/v1/models/{model}/admissions", score::admissions);
        // The protocol's OpenAPI file has this path with the slash, its table without.
        only(routing, Method.GET, "/v2", infer::server);
        only(routing, Method.GET, "/v2/", infer::server);
        open(routing, "/v2/health/live", infer::live);
        open(routing, "/v2/health/ready", infer::ready);
        for (String model : V2_MODELS) {
            only(routing, Method.GET, model, infer::model);
            only(routing, Method.GET, model + "/ready", infer::modelReady);
        }
        open(routing, "/health", (request, response) -> health(response, live.getAsBoolean() && models.ready()));
        open(routing, "/health/live", (request, response) -> health(response, live.getAsBoolean()));
        open(routing, "/health/ready", (request, response) -> health(response, models.ready()));
        only(routing, Method.GET, "/metrics", this::metrics);
        routing.any(guarded((request, response) -> nothingHere(request))).error(HttpProblem.class, this::problem)
                .error(HttpException.class, this::refusedByServer).error(Throwable.class, this::internal);
    }

    /// A route that requires a token, if tokens are configured.
    private void only(HttpRouting.Builder routing, Method method, String path, Handler handler) {
        routing.route(method, path, guarded(handler)).any(path, guarded(notThis(method)));
    }

    /// A route without a token, because supervisors that start and stop processes have none.
    private void open(HttpRouting.Builder routing, String path, Handler handler) {
        routing.route(Method.GET, path, handler).any(path, notThis(Method.GET));
    }

    private Handler guarded(Handler handler) {
        return security.tokens() == null ? handler : (request, response) -> {
            if (!security.letsIn(request.headers().first(HeaderNames.AUTHORIZATION).orElse(null))) {
                throw HttpProblem.unauthorized();
            }
            handler.handle(request, response);
        };
    }

    private Handler notThis(Method method) {
        return (request, response) -> {
            response.header(HeaderNames.ALLOW, method.text());
            problem(request, response, new HttpProblem(ProblemReason.METHOD_NOT_ALLOWED, "expected " + method.text()));
        };
    }

    /// Closes the connection after the response if the rest of the request can't be read.
    private static void oneRequestAtATime(FilterChain chain, RoutingRequest request, RoutingResponse response) {
        chain.proceed();
        if (response.headers().contains(HeaderValues.CONNECTION_CLOSE)) {
            throw new CloseConnectionException("answered, and the rest is not read");
        }
    }

    /// Returns why the end of a request is ambiguous, null if it is not. A proxy in front of us might see another end.
    /// The server refuses such requests; this explains what was wrong.
    private static @Nullable String ambiguousLength(Headers headers) {
        List<String> encodings = headers.values(HeaderNames.TRANSFER_ENCODING);
        List<String> lengths = headers.values(HeaderNames.CONTENT_LENGTH);
        if (!encodings.isEmpty() && !lengths.isEmpty()) {
            return "expected Content-Length or Transfer-Encoding, found both";
        }
        if (!encodings.isEmpty() && (encodings.size() > 1 || !encodings.get(0).equalsIgnoreCase("chunked"))) {
            return "Transfer-Encoding: expected chunked, found " + StrictJson.printable(String.join(", ", encodings));
        }
        if (!lengths.isEmpty() && (lengths.size() > 1 || !DIGITS.matcher(lengths.get(0)).matches())) {
            return "Content-Length: expected one whole number, found "
                    + StrictJson.printable(String.join(", ", lengths));
        }
        return null;
    }

    private void health(ServerResponse response, boolean well) {
        JsonResponses.send(response, well ? Status.OK_200 : Status.SERVICE_UNAVAILABLE_503, healthAnswer.get());
    }

    private void metrics(ServerRequest request, ServerResponse response) {
        response.header(HeaderNames.CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8").send(metricsPage.get());
    }

    private static void nothingHere(ServerRequest request) {
        throw new HttpProblem(ProblemReason.UNKNOWN_PATH,
                "nothing at " + request.prologue().method().text() + " " + StrictJson.printable(request.path().path())
                        + "; there are POST /v1/models/{model}/score, GET /v1/models, /v1/models/{model},"
                        + " /v1/models/{model}/admissions, /health, /metrics, and the Open Inference Protocol"
                        + " under /v2");
    }

    private void problem(ServerRequest request, ServerResponse response, HttpProblem problem) {
        if (problem.reason().status().equals(Status.SERVICE_UNAVAILABLE_503)) {
            response.header(HeaderNames.RETRY_AFTER, "1");
        }
        if (problem.reason() == ProblemReason.UNAUTHORIZED) {
            response.header(HeaderNames.WWW_AUTHENTICATE, "Bearer");
        }
        if (problem.reason().endsConnection()) {
            response.header(HeaderValues.CONNECTION_CLOSE);
        }
        models.refused(request.path().pathParameters().first("model").orElse(ScorerMetrics.NO_MODEL), problem.reason());
        try {
            if (request.prologue().method().equals(Method.HEAD)) {
                // Bytes after the headers would be taken for the next response.
                response.status(problem.reason().status()).send();
            } else {
                JsonResponses.send(response, problem.reason().status(), told(problem, request.path().path()));
            }
        } catch (CloseConnectionException gone) {
            // The client is gone, so the library should not respond with a status of its own.
            log.debug("a refusal that nobody takes", gone);
        }
    }

    private static byte[] told(HttpProblem problem, String path) {
        return InferEndpoint.isHere(path) ? InferResponses.error(problem) : JsonResponses.problem(problem);
    }

    private void refusedByServer(ServerRequest request, ServerResponse response, HttpException refused) {
        problem(request, response,
                new HttpProblem(ProblemReason.of(refused.status()), String.valueOf(refused.getMessage())));
    }

    private void internal(ServerRequest request, ServerResponse response, Throwable e) {
        long times = defects.times();
        if (times > 0) {
            log.error("{} {} failed ({} times since the last such line)", request.prologue().method(),
                    StrictJson.printable(request.path().path()), times, e);
        }
        problem(request, response, HttpProblem.internal());
    }

    /// Responds to a request that the server could not parse, in the same form as to other mistakes.
    private DirectHandlers directHandlers() {
        DirectHandler handler = (request, event, status, headers, message) -> {
            HttpProblem problem = beforeRouting(status, request.headers());
            models.refused(ScorerMetrics.NO_MODEL, problem.reason());
            headers.set(HeaderNames.CONTENT_TYPE, "application/json");
            return DirectHandler.TransportResponse.builder().status(problem.reason().status()).headers(headers)
                    .keepAlive(false).entity(told(problem, request.path())).build();
        };
        DirectHandlers.Builder handlers = DirectHandlers.builder();
        for (DirectHandler.EventType event : DirectHandler.EventType.values()) {
            handlers.addHandler(event, handler);
        }
        return handlers.build();
    }

    /// The server does not say what it found, so all limits are listed.
    private static HttpProblem beforeRouting(Status status, Headers headers) {
        String ambiguous = ambiguousLength(headers);
        if (ambiguous != null) {
            return new HttpProblem(ProblemReason.BAD_BODY, ambiguous);
        }
        ProblemReason reason = ProblemReason.of(status);
        return switch (reason) {
            case BAD_REQUEST -> headers.contains(HeaderNames.CONTENT_ENCODING)
                    ? new HttpProblem(ProblemReason.WRONG_CONTENT_ENCODING,
                            "expected no Content-Encoding: bodies are taken as they are")
                    : new HttpProblem(reason,
                            "expected a request of HTTP/1.1: lines that end in CR LF, one Host, a path and headers"
                                    + " of printable ASCII, at most " + HEADER_BYTES_MAX + " bytes of headers");
            case TOO_SLOW -> RequestBody.tooSlow();
            case LINE_TOO_LONG ->
                new HttpProblem(reason, "expected a request line of at most " + REQUEST_LINE_BYTES_MAX + " bytes");
            default -> new HttpProblem(reason, status.reasonPhrase());
        };
    }
}
