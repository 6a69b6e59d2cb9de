package io.tidegrad.ops.http;

import java.io.IOException;
import java.util.concurrent.atomic.AtomicBoolean;

/// The main class of a JVM that lets in more connections than it may have files open. Prints its port, and once that no
/// descriptor was left: who reads the port does not read all that a flood would print, and a full pipe would stop the
/// server. Ends with its input.
final class StarvedServer {
    private StarvedServer() {}

    public static void main(String[] args) throws IOException {
        AtomicBoolean told = new AtomicBoolean();
        try (HttpServer server = HttpServer.start(HttpOptions.at("127.0.0.1", 0).withConnections(100_000, why -> {
            if (why == EndedConnection.DESCRIPTORS && told.compareAndSet(false, true)) {
                System.out.println(why);
            }
        }), routing -> routing.get("/hello", (request, response) -> response.send("hello")))) {
            System.out.println(server.port());
            System.in.read();
        }
    }
}
