package io.tidegrad.scorerapp;

import io.helidon.webserver.WebServer;
import io.helidon.webserver.http.HttpRouting;
import io.helidon.webserver.http1.Http1Config;
import java.time.Duration;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;

/// Some routes behind our limits: 10 s and 1,000 bytes a request.
final class BoundedServer {
    private BoundedServer() {}

    /// @param nanos the time, as the test says
    /// @param reads gets a permit for every read of a connection
    static WebServer start(
            AtomicLong nanos,
            Semaphore reads,
            OpenConnections connections,
            @Nullable SSLContext tls,
            Consumer<HttpRouting.Builder> routing) {
        return WebServer.builder()
                .host("127.0.0.1")
                .port(0)
                .useNio(false)
                .shutdownHook(false)
                .protocolsDiscoverServices(false)
                .addConnectionSelector(
                        new BoundedHttp1(
                                Http1Config.builder(),
                                Duration.ofSeconds(10),
                                1_000,
                                () -> {
                                    long now = nanos.get();
                                    reads.release();
                                    return now;
                                },
                                connections,
                                tls))
                .routing(routing)
                .build()
                .start();
    }
}
