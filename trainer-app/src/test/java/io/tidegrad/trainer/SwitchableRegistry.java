package io.tidegrad.trainer;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;

/// Passes requests on to a real schema registry, or is as unwell as it is told to be.
final class SwitchableRegistry implements AutoCloseable {
    enum Fault {
        NONE, ANSWERS_500, ANSWERS_NOTHING, CLOSES_THE_CONNECTION, BEGINS_AND_STOPS, NEVER_ENDS, GREETS_IN_HTML,
        REDIRECTS
    }

    private final String target;
    private final HttpServer server;
    private final HttpClient client = HttpClient.newHttpClient();
    private final Map<String, String> answers = new ConcurrentHashMap<>();
    private Fault fault = Fault.NONE; // guarded by this
    private final Set<String> silent = new HashSet<>(); // paths; guarded by this
    private int hanging; // questions about these; guarded by this

    SwitchableRegistry(String target) throws IOException {
        this.target = target;
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
        server.createContext("/", this::pass);
        server.start();
    }

    String url() {
        return "http://127.0.0.1:" + server.getAddress().getPort() + URI.create(target).getRawPath();
    }

    synchronized void fault(Fault fault) {
        this.fault = fault;
        notifyAll();
    }

    private synchronized Fault fault() {
        return fault;
    }

    /// What it says is the schema with this id.
    void answerWith(int id, String answer) {
        answers.put("/schemas/ids/" + id, answer);
    }

    /// It does not answer who asks for the schema with this id, until it is told to.
    synchronized void silentAbout(int id, boolean silence) {
        if (silence) {
            silent.add("/schemas/ids/" + id);
        } else {
            silent.remove("/schemas/ids/" + id);
        }
        notifyAll();
    }

    /// How often somebody has begun to wait for such an answer.
    synchronized int askedInVain() {
        return hanging;
    }

    private synchronized void hangWhileSilent(String path) throws IOException {
        hanging += silent.contains(path) ? 1 : 0;
        try {
            while (silent.contains(path)) {
                wait();
            }
        } catch (InterruptedException e) {
            throw new IOException(e);
        }
    }

    private void pass(HttpExchange exchange) throws IOException {
        try (exchange) {
            String path = exchange.getRequestURI().getPath();
            String schema = path.replaceFirst("^.*/schemas/", "/schemas/");
            hangWhileSilent(schema);
            String own = answers.get(schema);
            switch (fault()) {
                case NONE -> {
                    if (own == null) {
                        passOn(exchange);
                    } else {
                        answer(exchange, 200, own);
                    }
                }
                case ANSWERS_500 -> answer(exchange, 500, "{\"message\":\"out of order\"}");
                case ANSWERS_NOTHING -> hang(Fault.ANSWERS_NOTHING);
                case CLOSES_THE_CONNECTION -> {
                }
                case BEGINS_AND_STOPS -> {
                    exchange.sendResponseHeaders(200, 0);
                    exchange.getResponseBody().write('{');
                    exchange.getResponseBody().flush();
                    hang(Fault.BEGINS_AND_STOPS);
                }
                case NEVER_ENDS -> {
                    exchange.sendResponseHeaders(200, 0);
                    byte[] spaces = " ".repeat(1 << 16).getBytes(StandardCharsets.US_ASCII);
                    while (fault() == Fault.NEVER_ENDS) {
                        exchange.getResponseBody().write(spaces);
                    }
                }
                case GREETS_IN_HTML -> answer(exchange, 200, "<html>Please log in</html>");
                case REDIRECTS -> {
                    exchange.getResponseHeaders().add("Location", target + path);
                    answer(exchange, 302, "");
                }
            }
        }
    }

    private synchronized void hang(Fault here) throws IOException {
        try {
            while (fault == here) {
                wait();
            }
        } catch (InterruptedException e) {
            throw new IOException(e);
        }
    }

    private static void answer(HttpExchange exchange, int status, String body) throws IOException {
        byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
        exchange.sendResponseHeaders(status, bytes.length == 0 ? -1 : bytes.length);
        exchange.getResponseBody().write(bytes);
    }

    private void passOn(HttpExchange exchange) throws IOException {
        try {
            byte[] body = exchange.getRequestBody().readAllBytes();
            HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(target).resolve(exchange.getRequestURI()))
                    .method(exchange.getRequestMethod(), HttpRequest.BodyPublishers.ofByteArray(body));
            String type = exchange.getRequestHeaders().getFirst("Content-Type");
            if (type != null) {
                request.header("Content-Type", type);
            }
            HttpResponse<byte[]> response = client.send(request.build(), HttpResponse.BodyHandlers.ofByteArray());
            exchange.getResponseHeaders().add("Content-Type", "application/json");
            exchange.sendResponseHeaders(response.statusCode(),
                    response.body().length == 0 ? -1 : response.body().length);
            exchange.getResponseBody().write(response.body());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void close() {
        fault(Fault.NONE);
        synchronized (this) {
            silent.clear();
            notifyAll();
        }
        server.stop(0);
        client.close();
    }
}
