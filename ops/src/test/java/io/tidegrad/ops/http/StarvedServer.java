package io.tidegrad.ops.http;

import java.io.IOException;

/// The main class of a JVM that lets in more connections than it may have files open. Prints its port; ends with its input.
final class StarvedServer {
    private StarvedServer() {}

    public static void main(String[] args) throws IOException {
        try (HttpServer server =
                HttpServer.start(
                        HttpOptions.at("127.0.0.1", 0)
                                .withConnections(
                                        100_000,
                                        why -> {
                                            if (why == EndedConnection.DESCRIPTORS) {
                                                System.out.println(why);
                                            }
                                        }),
                        routing ->
                                routing.get(
                                        "/hello", (request, response) -> response.send("hello")))) {
            System.out.println(server.port());
            System.in.read();
        }
    }
}
