package io.tidegrad.scorerapp;

import io.helidon.webserver.http.DirectHandlers;
import io.helidon.webserver.http.HttpRouting;
import io.tidegrad.ops.http.EndedConnection;
import io.tidegrad.ops.http.HttpOptions;
import io.tidegrad.ops.http.HttpServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;

/// Some routes behind our limits: 10 s and 1,000 bytes a request.
final class BoundedServer {
    private BoundedServer() {}

    /// @param nanos the time of requests, as the test says
    /// @param reads gets a permit for every read of a connection
    /// @param connectionTime of connections
    static HttpServer start(AtomicLong nanos, Semaphore reads, int connectionsMax, Consumer<EndedConnection> ended,
            LongSupplier connectionTime, @Nullable SSLContext tls, Consumer<HttpRouting.Builder> routing) {
        HttpOptions options = HttpOptions.at("127.0.0.1", 0).withConnections(connectionsMax, ended)
                .withRequests(1_000, Duration.ofSeconds(10), DirectHandlers.create()).withTls(tls).withTimes(() -> {
                    long now = nanos.get();
                    reads.release();
                    return now;
                }, connectionTime);
        try {
            return HttpServer.start(options, routing);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
