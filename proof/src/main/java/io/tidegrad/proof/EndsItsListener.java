package io.tidegrad.proof;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/// Runs a program that loses its own port while it is healthy: `HEALTH-PATH MAIN-CLASS [arguments]`. As soon as the
/// path is answered with 200, it interrupts the thread that accepts connections, which closes the socket. Otherwise the
/// program runs unchanged.
public final class EndsItsListener {
    private static final String ACCEPTING = "http-[0-9]+"; // its thread's name, with the port

    private EndsItsListener() {}

    public static void main(String[] arguments) throws Throwable {
        Thread.ofPlatform().daemon().start(() -> end(arguments[0]));
        Class.forName(arguments[1]).getMethod("main", String[].class).invoke(null,
                (Object) Arrays.copyOfRange(arguments, 2, arguments.length));
    }

    private static void end(String path) {
        try (HttpClient client = HttpClient.newHttpClient()) {
            while (true) {
                Thread accepting = accepting();
                if (accepting != null && isWell(client, accepting, path)) {
                    accepting.interrupt();
                    return;
                }
                LockSupport.parkNanos(Duration.ofMillis(10).toNanos());
            }
        }
    }

    private static @Nullable Thread accepting() {
        return Thread.getAllStackTraces().keySet().stream().filter(thread -> thread.getName().matches(ACCEPTING))
                .findFirst().orElse(null);
    }

    private static boolean isWell(HttpClient client, Thread accepting, String path) {
        URI uri = URI.create("http://127.0.0.1:" + accepting.getName().substring(5) + path);
        try {
            return client.send(HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.discarding())
                    .statusCode() == 200;
        } catch (IOException notYet) {
            return false;
        } catch (InterruptedException stopping) {
            throw new IllegalStateException(stopping);
        }
    }
}
