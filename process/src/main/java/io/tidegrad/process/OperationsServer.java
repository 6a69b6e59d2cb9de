package io.tidegrad.process;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.helidon.http.HeaderNames;
import io.helidon.http.Status;
import io.helidon.webserver.http.Handler;
import io.helidon.webserver.http.HttpRouting;
import io.helidon.webserver.http.ServerResponse;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.tidegrad.ops.http.EndedConnection;
import io.tidegrad.ops.http.HttpOptions;
import io.tidegrad.ops.http.HttpServer;
import io.tidegrad.ops.http.SharedAnswer;
import io.tidegrad.ops.measure.ProcessMeters;
import io.tidegrad.ops.security.ServerSecurity;
import java.io.IOException;
import java.net.BindException;
import java.nio.charset.StandardCharsets;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import java.util.function.IntSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// Answers `GET /health` (JSON) and `GET /metrics` (Prometheus) of one process.
public final class OperationsServer implements AutoCloseable {
    private static final ObjectMapper JSON = new ObjectMapper();

    /// Probes and one or two scrapers need a handful, and a connection that is not used makes room for the next.
    public static final int CONNECTIONS_MAX = 32;

    private static final String STATUS = "status";

    private final HttpServer server;
    private final SharedAnswer<Answer> healthAnswer;
    private final SharedAnswer<byte[]> metricsPage;
    private final PrometheusMeterRegistry metrics;
    private final ProcessMeters ofProcess;
    private final Map<EndedConnection, Counter> ended = new EnumMap<>(EndedConnection.class);
    private final List<Supplier<Health>> parts = new CopyOnWriteArrayList<>();
    private final List<Runnable> beforeMetrics = new CopyOnWriteArrayList<>();

    /// What the process says of itself.
    ///
    /// @param answers whether it is ready
    /// @param said becomes JSON; `status` is `UP`, `DEGRADED` or `DOWN`
    public record Health(boolean answers, Map<String, ? extends @Nullable Object> said) {
        /// Returns what the parts of a process say, with the worst status of them.
        private static Health of(List<Health> parts) {
            Health worst = parts.stream().max(Comparator.comparingInt(Health::rank)).orElseThrow();
            Map<String, @Nullable Object> said = new LinkedHashMap<>();
            parts.forEach(part -> said.putAll(part.said()));
            said.put(STATUS, worst.said().get(STATUS));
            return new Health(worst.answers(), said);
        }

        private int rank() {
            return !answers ? 2 : "UP".equals(said.get(STATUS)) ? 0 : 1;
        }
    }

    private record Answer(boolean answers, byte[] json) {
    }

    private OperationsServer(HttpOptions options, ServerSecurity security, Supplier<Health> health,
            Consumer<HttpRouting.Builder> more) throws IOException {
        parts.add(health);
        healthAnswer = new SharedAnswer<>(() -> answer(Health.of(parts.stream().map(Supplier::get).toList())));
        metrics = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
        ofProcess = new ProcessMeters(metrics);
        metricsPage = new SharedAnswer<>(() -> {
            beforeMetrics.forEach(Runnable::run);
            return metrics.scrape().getBytes(StandardCharsets.UTF_8);
        });
        for (EndedConnection why : EndedConnection.values()) {
            ended.put(why,
                    Counter.builder("tidegrad.connections.ended")
                            .description("HTTP connections that ended otherwise than between two requests")
                            .tag("reason", why.name().toLowerCase(Locale.ROOT)).register(metrics));
        }
        server = HttpServer.start(options
                .withConnections(options.connections().max(), why -> Objects.requireNonNull(ended.get(why)).increment())
                .withTls(security.tls()), routing -> {
                    routing.get("/health", (request, response) -> {
                        Answer answer = healthAnswer.get();
                        response.status(answer.answers() ? Status.OK_200 : Status.SERVICE_UNAVAILABLE_503)
                                .header(HeaderNames.CONTENT_TYPE, "application/json").send(answer.json());
                    }).get("/metrics", known(security, (request, response) -> metrics(response)));
                    more.accept(routing);
                });
    }

    private void metrics(ServerResponse response) {
        response.header(HeaderNames.CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8").send(metricsPage.get());
    }

    /// Returns a handler that answers only who has a token, unlike `/health`, whose probes have none.
    public static Handler known(ServerSecurity security, Handler handler) {
        return (request, response) -> {
            if (security.letsIn(request.headers().first(HeaderNames.AUTHORIZATION).orElse(null))) {
                handler.handle(request, response);
            } else {
                response.status(Status.UNAUTHORIZED_401).header(HeaderNames.WWW_AUTHENTICATE, "Bearer").send();
            }
        };
    }

    private static Answer answer(Health health) {
        try {
            return new Answer(health.answers(), JSON.writeValueAsBytes(health.said()));
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("health", e);
        }
    }

    /// @param health asked when somebody asks us, from several threads
    /// @throws StopException if the port is taken
    public static OperationsServer start(String host, int port, ServerSecurity security, Supplier<Health> health) {
        return start(host, port, CONNECTIONS_MAX, 0, security, health, routing -> {
        });
    }

    /// Starts a server that answers more than health and metrics.
    ///
    /// @param connections open at once
    /// @param bodyBytesMax of a request
    /// @param more adds what it answers
    /// @throws StopException if the port is taken
    public static OperationsServer start(String host, int port, int connections, int bodyBytesMax,
            ServerSecurity security, Supplier<Health> health, Consumer<HttpRouting.Builder> more) {
        try {
            return new OperationsServer(HttpOptions.at(host, port).withConnections(connections, why -> {
            }).withBodies(bodyBytesMax), security, health, more);
        } catch (BindException e) {
            throw new StopException(ExitCode.CONFIGURATION, "http-port: expected a free port of " + host + ", found "
                    + port + " in use; choose another, or 0 for any", e);
        } catch (IOException e) {
            throw new StopException(ExitCode.CONFIGURATION,
                    "http-host, http-port: can't listen on " + host + ":" + port + ": " + e.getMessage(), e);
        }
    }

    /// Adds what another part of the process says of itself. The status is then the worst one.
    public void add(Supplier<Health> part) {
        parts.add(part);
    }

    /// Runs this before each answer to `/metrics`, for meters that come and go.
    public void beforeMetrics(Runnable update) {
        beforeMetrics.add(update);
    }

    /// Where the program registers its own meters.
    public PrometheusMeterRegistry metrics() {
        return metrics;
    }

    /// Returns a future that completes with the reason when the server does not answer any more, after which only a
    /// restart helps.
    public CompletableFuture<String> ended() {
        return server.ended();
    }

    public int port() {
        return server.port();
    }

    /// @param topics for each topic, how many of its records could not be read so far
    public void countUnreadable(Map<String, IntSupplier> topics) {
        topics.forEach((topic, count) -> Gauge.builder("tidegrad_unreadable_records", count, IntSupplier::getAsInt)
                .description("records of a topic of ours that can't be read").tag("topic", topic).strongReference(true)
                .register(metrics));
    }

    @Override
    public void close() {
        server.close();
        ofProcess.close();
        metrics.close();
    }
}
