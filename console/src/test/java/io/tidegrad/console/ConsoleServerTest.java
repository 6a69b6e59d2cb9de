package io.tidegrad.console;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.ops.security.BearerTokens;
import io.tidegrad.ops.security.ServerSecurity;
import io.tidegrad.proof.MonitoredSeries;
import io.tidegrad.schemas.InMemorySchemaRegistry;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.KafkaSettings;
import io.tidegrad.schemas.settings.RegistrySettings;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ConsoleServerTest {
    private static final String TOKEN = "of-an-operator-0123456789";
    private static final List<String> FILES = List.of("/", "/console.css", "/console.js", "/stream.js", "/dom.js",
            "/format.js", "/chart.js", "/decide.js", "/draw.js", "/flow.js", "/panels.js", "/try.js", "/icon.svg",
            "/uplot.js", "/uplot.css");

    private final Picture picture = new Picture(List.of());

    @TempDir
    Path directory;

    static ConsoleConfig config(ServerSecurity security, int port) {
        return new ConsoleConfig(KafkaSettings.of("127.0.0.1:1"), RegistrySettings.of("mock://console"), Topics.DEFAULT,
                "127.0.0.1", port, security, List.of(), null, null);
    }

    private static <T> HttpResponse<T> get(HttpClient client, ConsoleServer server, String path,
            HttpResponse.BodyHandler<T> body, String... headers) throws Exception {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + server.port() + path));
        if (headers.length > 0) {
            request.headers(headers);
        }
        return client.send(request.build(), body);
    }

    /// Returns the status of an answer to a request with any `Host`: no client sets it, but a site's owner can let its name
    /// point anywhere.
    static int status(ConsoleServer server, String request, String host, String headers, String body)
            throws IOException {
        try (Socket socket = new Socket("127.0.0.1", server.port());
                BufferedReader answer =
                        new BufferedReader(new InputStreamReader(socket.getInputStream(), StandardCharsets.UTF_8))) {
            socket.getOutputStream().write((request + " HTTP/1.1\r\nHost: " + host + "\r\n" + headers + "\r\n" + body)
                    .getBytes(StandardCharsets.UTF_8));
            return Integer.parseInt(answer.readLine().split(" ")[1]);
        }
    }

    static String metrics(ConsoleServer server) throws Exception {
        try (HttpClient client = HttpClient.newHttpClient()) {
            return get(client, server, "/metrics", BodyHandlers.ofString()).body();
        }
    }

    @Test
    void aNameThatSomebodyLetPointHereGetsNoDataWithoutAToken() throws Exception {
        try (ConsoleServer server =
                ConsoleServer.start(config(new ServerSecurity(null, null), 0), picture, null, null)) {
            assertThat(status(server, "GET /events?model=fraud", "evil.example:" + server.port(), "", ""))
                    .isEqualTo(403);
            assertThat(status(server, "GET /events?model=fraud", "localhost:" + server.port(), "", "")).isEqualTo(200);
            picture.close();
        }
    }

    @Test
    void everyFileOfThePageAllowsOnlyScriptsOfThisServerAndNoneInsideOfThePage() throws Exception {
        try (ConsoleServer server = ConsoleServer.start(config(new ServerSecurity(null, null), 0), picture, null, null);
                HttpClient client = HttpClient.newHttpClient()) {
            for (String file : FILES) {
                HttpResponse<String> answer = get(client, server, file, BodyHandlers.ofString());
                assertThat(answer.statusCode()).as(file).isEqualTo(200);
                assertThat(answer.headers().firstValue("Content-Security-Policy")).as(file).get().asString()
                        .contains("default-src 'none'", "script-src 'self'").doesNotContain("unsafe");
                assertThat(answer.headers().firstValue("X-Content-Type-Options")).contains("nosniff");
            }
            assertThat(get(client, server, "/", BodyHandlers.ofString()).body()).doesNotContain("style=", "onclick=",
                    "javascript:", "https://");
        }
    }

    @Test
    void metricsTellHowWellItShowsTheCluster() throws Exception {
        picture.change("fraud", model -> {
        });
        picture.unreadable();
        try (ConsoleServer server = ConsoleServer.start(config(new ServerSecurity(null, null), 0), picture, null, null);
                HttpClient client = HttpClient.newHttpClient();
                InputStream page = get(client, server, "/events?model=fraud", BodyHandlers.ofInputStream()).body()) {
            assertThat(page.read()).isEqualTo('d'); // of "data"
            String metrics = get(client, server, "/metrics", BodyHandlers.ofString()).body();
            assertThat(metrics).contains("\ntidegrad_console_pages 1.0\n", "\ntidegrad_console_models 1.0\n",
                    "\ntidegrad_console_models_left_out 0.0\n", "\ntidegrad_console_unreadable_records_total 1.0\n",
                    "\ntidegrad_console_caught_up 0.0\n");
            assertThat(MonitoredSeries.missingIn(metrics, series -> series.startsWith("tidegrad_console_")
                    || series.startsWith("jvm_") || series.startsWith("process_"))).isEmpty();
            assertThat(MonitoredSeries.withoutUnit(metrics)).isEmpty();
            picture.close();
        }
    }

    @Test
    void newsComeAsEventsUntilTheConsoleEnds() throws Exception {
        SchemaRegistry registry = new InMemorySchemaRegistry();
        Topic topic = new Topic(Topics.DEFAULT, registry);
        RecordIntake intake = new RecordIntake(Topics.DEFAULT, registry, picture);
        intake.take(topic.registered("fraud"));
        try (ConsoleServer server = ConsoleServer.start(config(new ServerSecurity(null, null), 0), picture, null, null);
                HttpClient client = HttpClient.newHttpClient()) {
            HttpResponse<InputStream> stream = get(client, server, "/events?model=fraud", BodyHandlers.ofInputStream());
            assertThat(stream.headers().firstValue("Content-Type")).contains("text/event-stream");
            try (BufferedReader events =
                    new BufferedReader(new InputStreamReader(stream.body(), StandardCharsets.UTF_8))) {
                assertThat(events.readLine()).startsWith("data: {").contains("\"name\":\"fraud\"");
                assertThat(events.readLine()).isEmpty();
                intake.take(topic.progress(Topic.report("fraud", 1_000).build()));
                picture.news();
                assertThat(events.readLine()).startsWith("data: {").contains("\"learned\":1000")
                        .doesNotContain("\"spec\"");
                picture.close();
                assertThat(events.lines()).allMatch(String::isEmpty);
            }
        }
    }

    @Test
    void whoHasNoTokenGetsThePageAndNoData() throws Exception {
        Path tokens = Files.writeString(directory.resolve("tokens"), TOKEN + "\n");
        ServerSecurity security = new ServerSecurity(null, new BearerTokens(tokens, System::nanoTime));
        try (ConsoleServer server = ConsoleServer.start(config(security, 0), picture, null, null);
                HttpClient client = HttpClient.newHttpClient()) {
            assertThat(get(client, server, "/", BodyHandlers.ofString()).statusCode()).isEqualTo(200);
            assertThat(get(client, server, "/events", BodyHandlers.ofString()).statusCode()).isEqualTo(401);
            HttpResponse<InputStream> known =
                    get(client, server, "/events", BodyHandlers.ofInputStream(), "Authorization", "Bearer " + TOKEN);
            assertThat(known.statusCode()).isEqualTo(200);
            known.body().close();
            picture.close();
        }
    }
}
