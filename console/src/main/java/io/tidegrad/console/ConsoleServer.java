package io.tidegrad.console;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.helidon.http.HeaderNames;
import io.helidon.http.Status;
import io.helidon.webserver.http.Handler;
import io.helidon.webserver.http.HttpRouting;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Tags;
import io.tidegrad.ops.measure.Measure;
import io.tidegrad.ops.measure.Measures;
import io.tidegrad.ops.security.ServerSecurity;
import io.tidegrad.process.OperationsServer;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// Answers with the page, and with what changes in the picture as a stream of server-sent events.
final class ConsoleServer implements AutoCloseable {
    /// Each open page has one.
    static final int CONNECTIONS_MAX = 256;

    /// So that a stream of events never takes the connections that the page's files and health need.
    static final int STREAMS_MAX = 192;

    /// A stream without news says so, which tells that the client is still there.
    private static final long SILENCE_MILLIS = 10_000;

    /// Between two events of a stream, so that a trainer that reports often does not draw the page as often.
    private static final long APART_MILLIS = 500;

    private static final ObjectMapper JSON = new ObjectMapper();

    private static final Measures<Picture.Status> PICTURE = Measures.of(
            Measure.gauge("tidegrad.console.caught.up", "1 once everything that was there at the start has been read",
                    status -> status.caughtUp() ? 1 : 0),
            Measure.<Picture.Status>gauge("tidegrad.console.models", "Models that are shown", Picture.Status::models)
                    .field("models"),
            Measure.<Picture.Status>gauge("tidegrad.console.models.left.out", "Models for which there is no room",
                    Picture.Status::leftOut).field("models_left_out"),
            Measure.<Picture.Status>counter("tidegrad.console.unreadable.records", "Records that could not be read",
                    Picture.Status::unreadable).field("unreadable_records"));

    private static final Measures<Picture.Traffic> TRAFFIC = Measures.of(
            Measure.counter("tidegrad.console.received.bytes", "Bytes that came from Kafka to read the topics",
                    Picture.Traffic::received),
            Measure.counter("tidegrad.console.sent.bytes", "Bytes that went to Kafka to read the topics",
                    Picture.Traffic::sent));

    private final Picture picture;
    private final OwnSite site;
    private final boolean decides;
    private final @Nullable TryEndpoint tries;
    private final boolean trustsHosts; // also those that are no name of this console
    private final OperationsServer server;
    private final AtomicInteger streams = new AtomicInteger();

    private ConsoleServer(ConsoleConfig config, Picture picture,
            @Nullable Function<AskedDecision, Map<String, @Nullable Object>> desk, @Nullable TryEndpoint tries) {
        this.picture = picture;
        this.tries = tries;
        site = new OwnSite(config.httpHost(), config.security().certificate() != null);
        decides = desk != null;
        // Others' pages have no token, and what listens for other machines may have a name that is not known here.
        trustsHosts = config.security().tokens() != null || !ServerSecurity.isLoopback(config.httpHost());
        Page page = new Page();
        server = OperationsServer.start(config.httpHost(), config.httpPort(), CONNECTIONS_MAX,
                TryEndpoint.BODY_BYTES_MAX, config.security(), this::health, (HttpRouting.Builder routing) -> {
                    page.routes(routing);
                    routing.get("/events", OperationsServer.known(config.security(), ofTrustedHosts(this::events)));
                    if (desk != null) {
                        routing.post("/decisions",
                                OperationsServer.known(config.security(), new DecisionEndpoint(site, desk)));
                    }
                    if (tries != null) {
                        routing.get("/try", OperationsServer.known(config.security(), ofTrustedHosts(tries::form)));
                        routing.post("/try", OperationsServer.known(config.security(), (request, response) -> {
                            if (PageRequest.isOurs(site, request, response)) {
                                tries.ask(request, response);
                            }
                        }));
                    }
                });
        PICTURE.register(server.metrics(), Tags.empty(), picture, Picture::status);
        TRAFFIC.register(server.metrics(), Tags.empty(), picture, Picture::traffic);
        Gauge.builder("tidegrad.console.pages", streams, AtomicInteger::get).description("Pages that are open")
                .register(server.metrics());
    }

    /// @param desk makes decisions and returns what was decided; null if the page decides nothing
    /// @param tries asks a scorer about events that are made on the page, and is closed with the server; null if no scorer
    ///     is known
    static ConsoleServer start(ConsoleConfig config, Picture picture,
            @Nullable Function<AskedDecision, Map<String, @Nullable Object>> desk, @Nullable TryEndpoint tries) {
        return new ConsoleServer(config, picture, desk, tries);
    }

    private OperationsServer.Health health() {
        Picture.Status status = picture.status();
        Map<String, @Nullable Object> said = new LinkedHashMap<>();
        said.put("status", status.problem().isEmpty() ? "UP" : "DEGRADED");
        said.put("problem", status.problem());
        said.put("caught_up", status.caughtUp());
        said.put("left_out_message", status.leftOutMessage());
        PICTURE.write(status, said::put);
        return new OperationsServer.Health(true, said);
    }

    /// Returns a handler that gives no data to another site's page whose owner lets its name point here.
    private Handler ofTrustedHosts(Handler handler) {
        return (request, response) -> {
            if (trustsHosts || site.isNamedBy(request)) {
                handler.handle(request, response);
            } else {
                response.status(Status.FORBIDDEN_403)
                        .send("expected an address or localhost as Host, found another name:"
                                + " with --token-file the console answers under any");
            }
        };
    }

    /// Sends what has changed, at most twice a second, until the client is gone. The first event has everything.
    private void events(ServerRequest request, ServerResponse response) {
        String model = request.query().first("model").orElse("");
        if (streams.incrementAndGet() > STREAMS_MAX) {
            streams.decrementAndGet();
            response.status(Status.SERVICE_UNAVAILABLE_503)
                    .send("expected at most " + STREAMS_MAX + " open pages, found more; close some");
            return;
        }
        Page.secured(response).header(HeaderNames.CONTENT_TYPE, "text/event-stream").header(HeaderNames.CACHE_CONTROL,
                "no-store");
        try (OutputStream to = response.outputStream()) {
            long seen = 0;
            long points = 0;
            while (!picture.isClosed()) {
                Picture.Change change = picture.await(seen, model, points, SILENCE_MILLIS);
                if (picture.isClosed()) {
                    break;
                }
                if (change != null) {
                    change.said().put("decides", decides);
                    change.said().put("tries", tries != null);
                }
                to.write((change == null ? ": nothing new\n\n"
                        : "data: " + JSON.writeValueAsString(change.said()) + "\n\n").getBytes(StandardCharsets.UTF_8));
                to.flush();
                if (change != null) {
                    seen = change.revision();
                    points = change.points();
                }
                Thread.sleep(APART_MILLIS);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (IOException | UncheckedIOException gone) {
            // The client has closed the page.
        } finally {
            streams.decrementAndGet();
        }
    }

    int port() {
        return server.port();
    }

    CompletableFuture<String> ended() {
        return server.ended();
    }

    @Override
    public void close() {
        server.close();
        if (tries != null) {
            tries.close();
        }
    }
}
