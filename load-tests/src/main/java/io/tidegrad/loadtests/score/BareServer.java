package io.tidegrad.loadtests.score;

import io.helidon.http.Header;
import io.helidon.http.HeaderNames;
import io.helidon.http.HeaderValues;
import io.helidon.webserver.WebServer;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;

/// The main class of a JVM that reads requests as the scorer does and answers each with the same bytes: what the server
/// alone can do. `BareServer <port> <connections at most> <answer of /v1> <answer of /v2>`.
public final class BareServer {
    private static final Header JSON = HeaderValues.createCached(HeaderNames.CONTENT_TYPE, "application/json");
    private static final Duration READ_WITHIN = Duration.ofSeconds(30);

    private BareServer() {}

    public static void main(String[] args) {
        byte[] v1 = args[2].getBytes(StandardCharsets.UTF_8);
        byte[] v2 = args[3].getBytes(StandardCharsets.UTF_8);
        WebServer.builder().host("127.0.0.1").port(Integer.parseInt(args[0])).useNio(false) // as the scorer
                .maxTcpConnections(Integer.parseInt(args[1])).idleConnectionTimeout(READ_WITHIN)
                .connectionOptions(socket -> socket.readTimeout(READ_WITHIN).tcpNoDelay(true))
                .routing(routing -> routing
                        .post(Protocol.V1.path("{model}"), (request, response) -> answer(request, response, v1))
                        .post(Protocol.V2.path("{model}"), (request, response) -> answer(request, response, v2)))
                .build().start();
    }

    private static void answer(ServerRequest request, ServerResponse response, byte[] answer) {
        try {
            request.content().inputStream().readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        response.header(JSON).send(answer);
    }
}
