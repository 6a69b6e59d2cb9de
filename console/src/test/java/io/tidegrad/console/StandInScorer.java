package io.tidegrad.console;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;
import java.util.function.Function;

/// Answers over HTTP as `docs/scoring.md` says that a scorer does. What the console asks is also put to a real one
/// (`QuickstartTest` in cli).
final class StandInScorer implements AutoCloseable {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final HttpServer server;
    private final List<JsonNode> asked = new CopyOnWriteArrayList<>();
    private final List<String> authorizations = new CopyOnWriteArrayList<>();
    private volatile Function<JsonNode, String> predicts;
    private volatile String health = "{\"live\": true, \"ready\": true, \"models\": {\"fraud\": {\"ready\": true}}}";
    private volatile int status = 200;
    private volatile long version = 1;

    /// @param predicts the prediction of a record, as JSON
    StandInScorer(Function<JsonNode, String> predicts) throws IOException {
        this.predicts = predicts;
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
        server.createContext("/health", exchange -> send(exchange, 200, health));
        server.createContext("/v1/models/", this::score);
        server.start();
    }

    private void score(HttpExchange exchange) throws IOException {
        JsonNode record = JSON.readTree(exchange.getRequestBody());
        asked.add(record);
        authorizations.add(String.valueOf(exchange.getRequestHeaders().getFirst("Authorization")));
        String model = exchange.getRequestURI().getPath().split("/")[3];
        send(exchange, status, status == 200 ? """
                {"model": "%s", "epoch": 1, "version": %d, "offset": 9, "freshness_ms": 412, "predictions": [%s]}"""
                .formatted(model, version, predicts.apply(record)) : predicts.apply(record));
    }

    private static void send(HttpExchange exchange, int status, String json) throws IOException {
        byte[] body = json.getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().add("Content-Type", "application/json");
        exchange.sendResponseHeaders(status, body.length);
        exchange.getResponseBody().write(body);
        exchange.close();
    }

    URI url() {
        return URI.create("http://127.0.0.1:" + server.getAddress().getPort());
    }

    /// Returns the records that it was asked about, in order.
    List<JsonNode> asked() {
        return asked;
    }

    List<String> authorizations() {
        return authorizations;
    }

    /// Answers by another version from now on.
    void serves(long now, Function<JsonNode, String> then) {
        predicts = then;
        version = now;
    }

    void answers(int with, String json) {
        predicts = record -> json;
        status = with;
    }

    void says(String ofItsHealth) {
        health = ofItsHealth;
    }

    @Override
    public void close() {
        server.stop(0);
    }
}
