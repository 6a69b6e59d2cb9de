package io.tidegrad.console;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.tidegrad.ops.security.BearerTokens;
import io.tidegrad.ops.security.ServerSecurity;
import io.tidegrad.ops.settings.Commands;
import io.tidegrad.ops.settings.Settings;
import io.tidegrad.ops.settings.SettingsException;
import io.tidegrad.schemas.InMemorySchemaRegistry;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.schemas.Topics;
import java.io.IOException;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TryEndpointTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String SPEC = """
            model: fraud
            input: { topic: payments }
            label: { field: kind, classes: [card, wire] }
            features:
              - number:     { field: amount, clip: [0, 500] }
              - category:   { field: country, buckets: 64, dimension: 2 }
              - cross:      { fields: [amount, country], buckets: 64, dimension: 2 }
              - time-part:  { field: at, parts: [hour], dimension: 2 }
              - sequence:   { field: image, steps: 8, width: 8 }
              - categories: { field: words, count: 5, buckets: 64, dimension: 2 }
            network: [ dense: 2 ]
            loss: categorical-cross-entropy
            optimizer: { sgd: { rate: 0.03 } }
            """;

    private final Picture picture = new Picture(List.of());
    private final HttpClient client = HttpClient.newHttpClient();
    private NewestEvents.Read read = new NewestEvents.Read(List.of(), "");
    private StandInScorer scorer;

    @TempDir
    Path directory;

    @BeforeEach
    void start() throws IOException {
        scorer = new StandInScorer(record -> "{\"probabilities\": [0.25, 0.75]}");
        SchemaRegistry registry = new InMemorySchemaRegistry();
        new RecordIntake(Topics.DEFAULT, registry, picture)
                .take(new Topic(Topics.DEFAULT, registry).registered("fraud", SPEC));
    }

    @AfterEach
    void end() {
        client.close();
        scorer.close();
    }

    private ConsoleServer server(ServerSecurity security, ScorerAddress address) {
        return ConsoleServer.start(ConsoleServerTest.config(security, 0), picture, null,
                new TryEndpoint(picture, (spec, topic) -> read, address));
    }

    private ConsoleServer server() {
        return server(new ServerSecurity(null, null), new ScorerAddress(scorer.url(), null));
    }

    private HttpResponse<String> ask(ConsoleServer server, String body, String... headers) throws Exception {
        String own = "http://127.0.0.1:" + server.port();
        List<String> all = new ArrayList<>(List.of("Origin", own, "Content-Type", "application/json"));
        all.addAll(List.of(headers));
        return client.send(HttpRequest.newBuilder(URI.create(own + "/try?model=fraud"))
                .headers(all.toArray(String[]::new)).POST(HttpRequest.BodyPublishers.ofString(body)).build(),
                BodyHandlers.ofString());
    }

    private String refusal(ConsoleServer server, int status) throws Exception {
        HttpResponse<String> answer = ask(server, "{}");
        assertThat(answer.statusCode()).isEqualTo(status);
        return JSON.readTree(answer.body()).path("error").asText();
    }

    @Test
    void aFormTellsWhatEachFieldMayHoldAndWhatTheNewestEventsHold() throws Exception {
        read = new NewestEvents.Read(
                List.of(Map.of("amount", 7.5, "country", "DE", "at", 1_000L, "image", List.of(0L, 3L), "kind", "wire"),
                        Map.of("amount", 2L, "country", "AT", "at", 3_000L), Map.of("country", "DE")),
                "");
        try (ConsoleServer server = server()) {
            JsonNode form = JSON.readTree(client
                    .send(HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + server.port() + "/try?model=fraud"))
                            .build(), BodyHandlers.ofString())
                    .body());
            assertThat(form.path("fields").toString())
                    .isEqualTo("[{\"name\":\"amount\",\"kind\":\"number\",\"min\":2.0,"
                            + "\"max\":7.5,\"whole\":false},{\"name\":\"country\",\"kind\":\"category\",\"values\":[\"AT\",\"DE\"]},"
                            + "{\"name\":\"at\",\"kind\":\"time\",\"min\":1000.0,\"max\":3000.0,\"whole\":true},"
                            + "{\"name\":\"image\",\"kind\":\"image\",\"width\":8,\"height\":8,\"ink\":3.0},"
                            + "{\"name\":\"words\",\"kind\":\"texts\",\"count\":5}]");
            assertThat(form.path("examples")).hasSize(3);
            assertThat(form.at("/examples/0/label").asText()).isEqualTo("wire");
            assertThat(form.at("/examples/0/values").has("kind")).isFalse();
            assertThat(form.path("classes").toString()).isEqualTo("[\"card\",\"wire\"]");
        }
    }

    @Test
    void aRangeThatNoEventTellsIsThatOfTheSpec() throws Exception {
        read = new NewestEvents.Read(List.of(), "expected the right READ on topic payments");
        try (ConsoleServer server = server()) {
            JsonNode form = JSON.readTree(client
                    .send(HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + server.port() + "/try?model=fraud"))
                            .build(), BodyHandlers.ofString())
                    .body());
            assertThat(form.at("/fields/0/min").asDouble()).isZero();
            assertThat(form.at("/fields/0/max").asDouble()).isEqualTo(500);
            assertThat(form.at("/fields/2").has("max")).isFalse();
            assertThat(form.path("problem").asText()).isEqualTo("expected the right READ on topic payments");
        }
    }

    @Test
    void fieldsNestAsTheirPathsSayAndNullIsLeftOut() throws Exception {
        try (ConsoleServer server = server()) {
            HttpResponse<String> answer = ask(server,
                    "{\"merchant.country\": \"DE\", \"amount\": 1.5, \"items[].price\": [1, 2], \"at\": null}");
            assertThat(answer.statusCode()).isEqualTo(200);
            assertThat(JSON.readTree(answer.body()).at("/predictions/0/probabilities/1").asDouble()).isEqualTo(0.75);
            assertThat(answer.headers().firstValue("Content-Security-Policy")).isPresent();
            assertThat(scorer.asked())
                    .containsExactly(JSON.readTree("{\"merchant\": {\"country\": \"DE\"}, \"amount\": 1.5,"
                            + " \"items\": [{\"price\": 1}, {\"price\": 2}]}"));
        }
    }

    @Test
    void onlyTheConsolesOwnPageAsksAndOnlyWhatIsSmallJson() throws Exception {
        try (ConsoleServer server = server()) {
            String own = "127.0.0.1:" + server.port();
            String json = "Content-Type: application/json\r\nContent-Length: 2\r\n";
            assertThat(ConsoleServerTest.status(server, "POST /try?model=fraud", own,
                    "Origin: http://evil.example\r\n" + json, "{}")).isEqualTo(403);
            assertThat(ConsoleServerTest.status(server, "POST /try?model=fraud", own, json, "{}")).isEqualTo(403);
            assertThat(ConsoleServerTest.status(server, "POST /try?model=fraud", "evil.example:1",
                    "Origin: http://evil.example:1\r\n" + json, "{}")).isEqualTo(403);
            assertThat(ConsoleServerTest.status(server, "GET /try?model=fraud", "evil.example:1", "", ""))
                    .isEqualTo(403);
            assertThat(ConsoleServerTest.status(server, "POST /try?model=fraud", own,
                    "Origin: http://" + own + "\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n", "{}"))
                    .isEqualTo(415);
            assertThat(ConsoleServerTest.status(server, "POST /try?model=..", own,
                    "Origin: http://" + own + "\r\n" + json, "{}")).isEqualTo(404);
            assertThat(ask(server, "[1]").statusCode()).isEqualTo(400);
            assertThat(ask(server, "{\"a\": \"" + "x".repeat(TryEndpoint.BODY_BYTES_MAX) + "\"}").statusCode())
                    .isEqualTo(400);
            String image = "{\"a\": [" + "0.1234,".repeat(16_383) + "1]}";
            assertThat(scorer.asked()).isEmpty();
            assertThat(ask(server, image).statusCode()).isEqualTo(200);
            // The last one, because the server ends this connection.
            assertThat(ask(server, "{\"a\": \"" + "x".repeat(600_000) + "\"}").statusCode()).isIn(400, 413);
            assertThat(scorer.asked()).hasSize(1);
        }
    }

    @Test
    void whoHasNoTokenOfTheConsoleNeitherSeesEventsNorAsks() throws Exception {
        Path tokens = Files.writeString(directory.resolve("tokens"), "of-an-operator-0123456789\n");
        try (ConsoleServer server = server(new ServerSecurity(null, new BearerTokens(tokens, System::nanoTime)),
                new ScorerAddress(scorer.url(), null))) {
            assertThat(ask(server, "{}").statusCode()).isEqualTo(401);
            assertThat(client
                    .send(HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + server.port() + "/try?model=fraud"))
                            .build(), BodyHandlers.ofString())
                    .statusCode()).isEqualTo(401);
            assertThat(ask(server, "{}", "Authorization", "Bearer of-an-operator-0123456789").statusCode())
                    .isEqualTo(200);
            assertThat(scorer.authorizations()).containsExactly("null"); // that token is none of the scorer's
        }
    }

    @Test
    void theScorerGetsTheTokenOfItsFileWhichMayChange() throws Exception {
        Path file = Files.writeString(directory.resolve("scorer-token"), "# of the console\nfirst-0123456789abc\n");
        try (ConsoleServer server = server(new ServerSecurity(null, null), new ScorerAddress(scorer.url(), file))) {
            assertThat(ask(server, "{}").statusCode()).isEqualTo(200);
            Files.writeString(file, "second-0123456789ab\n");
            assertThat(ask(server, "{}").statusCode()).isEqualTo(200);
            assertThat(scorer.authorizations()).containsExactly("Bearer first-0123456789abc",
                    "Bearer second-0123456789ab");
            scorer.answers(401, "{\"reason\": \"unauthorized\", \"message\": \"no\"}");
            assertThat(refusal(server, 502)).contains("asks for another token", "--scorer-token-file");
            Files.delete(file);
            assertThat(refusal(server, 502)).isEqualTo("the token of --scorer-token-file can't be read");
        }
    }

    @Test
    void aScorerThatLogsWhatItAnswersIsNotAsked() throws Exception {
        scorer.says("{\"models\": {\"fraud\": {\"ready\": true, \"log\": {\"topic\": \"scored\"}}, \"other\": {}}}");
        try (ConsoleServer server = server()) {
            assertThat(refusal(server, 502)).contains("logs what it answers for fraud", "--log-topic");
            assertThat(scorer.asked()).isEmpty();
        }
    }

    @Test
    void whyThereIsNoAnswerIsToldInPlainWords() throws Exception {
        try (ConsoleServer server = server()) {
            scorer.answers(400, "{\"reason\": \"wrong-type\", \"message\": \"field 'amount': expected a number\"}");
            assertThat(refusal(server, 400)).isEqualTo("field 'amount': expected a number");
            scorer.answers(503, "{\"reason\": \"not-ready\", \"message\": \"no version yet\"}");
            assertThat(refusal(server, 502))
                    .isEqualTo("the scorer at " + scorer.url() + " gives no answer: no version yet");
            scorer.answers(502, "<html>");
            assertThat(refusal(server, 502)).endsWith("gives no answer: status 502");
            scorer.answers(200, "]");
            assertThat(refusal(server, 502)).startsWith("expected an answer of the scorer at " + scorer.url());
        }
    }

    @Test
    void aScorerThatSaysNothingIsGivenUp() throws Exception {
        try (ServerSocket silent = new ServerSocket(0);
                ConsoleServer server = server(new ServerSecurity(null, null),
                        new ScorerAddress(URI.create("http://127.0.0.1:" + silent.getLocalPort()), null))) {
            assertThat(refusal(server, 502)).endsWith("within 5 s, found none");
        }
    }

    @Test
    void aTokenWithoutAScorerAndAUrlThatIsNoneAreMistakes() throws Exception {
        Path file = Files.writeString(directory.resolve("scorer-token"), "first-0123456789abc\n");
        assertMistake("--scorer-token-file: expected --scorer-url beside it", "--scorer-token-file", file.toString());
        assertMistake("--scorer-url: expected a URL without user and query", "--scorer-url", "http://u:p@h:1");
        assertMistake("--scorer-url: expected a URL", "--scorer-url", "127.0.0.1:8080");
        assertMistake("scorer-token-file: expected a file with a token on a line, found none", "--scorer-url",
                "http://h:1", "--scorer-token-file", directory.resolve("none").toString());
        assertThat(ConsoleConfig.of(settings("--scorer-url", "https://h/base/"), of -> null).scorer())
                .isEqualTo(new ScorerAddress(URI.create("https://h/base"), null));
    }

    private static Settings settings(String... more) {
        List<String> arguments = new ArrayList<>(List.of("--bootstrap-servers", "h:1", "--registry-url", "http://h:2"));
        arguments.addAll(List.of(more));
        return Settings.read(ConsoleSettings.CONSOLE, Commands.of(ConsoleSettings.CONSOLE), arguments, Map.of());
    }

    private static void assertMistake(String message, String... more) {
        assertThatThrownBy(() -> ConsoleConfig.of(settings(more), of -> null)).isInstanceOf(SettingsException.class)
                .hasMessageContaining(message);
    }
}
