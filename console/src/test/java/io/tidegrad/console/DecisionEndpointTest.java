package io.tidegrad.console;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.tidegrad.control.ControlException;
import io.tidegrad.control.Decisions;
import io.tidegrad.control.LogPosition;
import io.tidegrad.ops.security.BearerTokens;
import io.tidegrad.ops.security.ServerSecurity;
import io.tidegrad.ops.settings.Commands;
import io.tidegrad.ops.settings.Settings;
import io.tidegrad.ops.settings.SettingsException;
import java.io.IOException;
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
import java.util.OptionalInt;
import java.util.function.Function;
import org.apache.kafka.common.errors.TimeoutException;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Who may ask the console for a decision, and what is asked of it then. The decisions themselves are tested where they are
/// made.
class DecisionEndpointTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String TOKEN = "of-an-operator-0123456789";
    private static final String PAUSE = """
                    {"model": "fraud", "action": "pause", "author": "Ann", "reason": "labels are late"}""";
    private static final String ROLLBACK = """
                    {"model": "fraud", "action": "rollback", "author": "Ann", "reason": "bad labels", "epoch": 2,
                     "version": 1500, "resume_at": "base"}""";

    private final List<AskedDecision> asked = new ArrayList<>();
    private Function<AskedDecision, Map<String, @Nullable Object>> desk = decision -> {
        asked.add(decision);
        return Map.of("action", decision.action().word());
    };
    private final HttpClient client = HttpClient.newHttpClient();
    private final Picture picture = new Picture(List.of());
    private ConsoleServer server;

    @TempDir
    Path directory;

    @BeforeEach
    void start() throws Exception {
        Path tokens = Files.writeString(directory.resolve("tokens"), TOKEN + "\n");
        server = ConsoleServer.start(
                ConsoleServerTest.config(new ServerSecurity(null, new BearerTokens(tokens, System::nanoTime)), 0),
                picture, decision -> desk.apply(decision), null);
    }

    @AfterEach
    void end() {
        picture.close();
        server.close();
        client.close();
    }

    private String site() {
        return "http://127.0.0.1:" + server.port();
    }

    private HttpResponse<String> post(String body, String... headers) throws Exception {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(site() + "/decisions"))
                .POST(HttpRequest.BodyPublishers.ofString(body));
        if (headers.length > 0) {
            request.headers(headers);
        }
        return client.send(request.build(), BodyHandlers.ofString());
    }

    private HttpResponse<String> ofThePage(String body) throws Exception {
        return post(body, "Authorization", "Bearer " + TOKEN, "Origin", site(), "Content-Type", "application/json");
    }

    private static String error(HttpResponse<String> answer) throws IOException {
        JsonNode said = JSON.readTree(answer.body());
        return said.path("error").asText();
    }

    private int statusAt(String host) throws IOException {
        return ConsoleServerTest
                .status(server, "POST /decisions", host,
                        "Origin: http://" + host + "\r\nAuthorization: Bearer " + TOKEN
                                + "\r\nContent-Type: application/json\r\nContent-Length: " + PAUSE.length() + "\r\n",
                        PAUSE);
    }

    @Test
    void thePageAsksForADecisionWithTheAuthorsNameAndAReason() throws Exception {
        HttpResponse<String> answer = ofThePage(PAUSE);

        assertThat(answer.statusCode()).isEqualTo(200);
        assertThat(JSON.readTree(answer.body()).path("action").asText()).isEqualTo("pause");
        assertThat(asked).containsExactly(
                new AskedDecision("fraud", AskedDecision.Action.PAUSE, "Ann", "labels are late", "fraud", null));
    }

    @Test
    void aRollbackNamesItsVersionAndWhereLearningGoesOnWhichIsTheEndUnlessSaid() throws Exception {
        assertThat(ofThePage(ROLLBACK).statusCode()).isEqualTo(200);
        assertThat(ofThePage(ROLLBACK.replace(", \"resume_at\": \"base\"", "").replace("1500,", "1500")
                .replace("\"resume_at\": \"base\"", "")).statusCode()).isEqualTo(200);

        assertThat(asked).extracting(AskedDecision::back).containsExactly(
                new Decisions.Back(OptionalInt.of(2), 1_500, new Decisions.ResumeAt.Base()),
                new Decisions.Back(OptionalInt.of(2), 1_500, new Decisions.ResumeAt.At(new LogPosition.End())));
    }

    @Test
    void aPromotionIsForTheModelsOwnNameUnlessAnotherOneIsGiven() throws Exception {
        String promote = PAUSE.replace("pause", "promote");
        assertThat(ofThePage(promote).statusCode()).isEqualTo(200);
        assertThat(ofThePage(promote.replace("{", "{\"for\": \"shop\", ")).statusCode()).isEqualTo(200);

        assertThat(asked).extracting(AskedDecision::name).containsExactly("fraud", "shop");
    }

    @Test
    void whoHasNoTokenDecidesNothing() throws Exception {
        assertThat(post(PAUSE, "Origin", site(), "Content-Type", "application/json").statusCode()).isEqualTo(401);
        assertThat(asked).isEmpty();
    }

    @Test
    void aPageOfAnotherSiteDecidesNothingThoughItKnewAToken() throws Exception {
        String known = "Bearer " + TOKEN;
        for (String origin : List.of("http://evil.example", "null", "http://127.0.0.1:1", "http://127.0.0.1")) {
            assertThat(post(PAUSE, "Authorization", known, "Origin", origin, "Content-Type", "application/json")
                    .statusCode()).as(origin).isEqualTo(403);
        }
        assertThat(post(PAUSE, "Authorization", known, "Content-Type", "application/json").statusCode()).isEqualTo(403);
        for (String type : List.of("text/plain", "application/x-www-form-urlencoded", "application/json-patch+json")) {
            assertThat(post(PAUSE, "Authorization", known, "Origin", site(), "Content-Type", type).statusCode())
                    .as(type).isEqualTo(415);
        }
        assertThat(asked).isEmpty();
    }

    @Test
    void aNameThatSomebodyLetPointHereIsNoNameOfTheConsole() throws Exception {
        int port = server.port();
        for (String host : List.of("evil.example:" + port, "127.0.0.1.evil.example", "localhost.evil.example")) {
            assertThat(statusAt(host)).as(host).isEqualTo(403);
        }
        assertThat(asked).isEmpty();
        for (String host : List.of("127.0.0.1:" + port, "localhost:" + port, "LOCALHOST", "[::1]:" + port)) {
            assertThat(statusAt(host)).as(host).isEqualTo(200);
        }
    }

    @Test
    void whatIsNoDecisionIsRefusedWithWhatWasExpected() throws Exception {
        Map<String, String> wrong = Map.ofEntries(Map.entry("", "JSON object"), Map.entry("[]", "JSON object"),
                Map.entry("{", "no JSON"),
                Map.entry(PAUSE.replace("pause", "delete"), "pause, resume, promote or rollback"),
                Map.entry(PAUSE.replace("Ann", " "), "author: expected a text, found none"),
                Map.entry(PAUSE.replace("\"labels are late\"", "7"), "reason: expected a text, found none"),
                Map.entry(PAUSE.replace("Ann", "A\\u001b[2Jnn"), "author: expected one line of text"),
                Map.entry(PAUSE.replace("Ann", "é".repeat(129)), "author: expected at most 256 bytes, found 258"),
                Map.entry(PAUSE.replace("{", "{\"force\": true, "), "a decision's fields: expected model, action"),
                Map.entry(ROLLBACK.replace("1500", "-1"), "version: expected a whole number from 0"),
                Map.entry(ROLLBACK.replace("1500", "1.5"), "version: expected a whole number from 0"),
                Map.entry(ROLLBACK.replace("\"epoch\": 2,", ""), "epoch: expected a whole number from 1"),
                Map.entry(ROLLBACK.replace("base", "begin"), "resume_at: expected end or base, found 'begin'"),
                Map.entry(PAUSE.replace("late", "late".repeat(2_100)), "expected at most 8192 bytes"));
        for (Map.Entry<String, String> each : wrong.entrySet()) {
            HttpResponse<String> answer = ofThePage(each.getKey());
            assertThat(answer.statusCode()).as(each.getKey()).isEqualTo(400);
            assertThat(error(answer)).contains(each.getValue());
        }
        assertThat(asked).isEmpty();
    }

    @Test
    void whyNothingWasDecidedIsTold() throws Exception {
        desk = decision -> {
            throw new ControlException(ControlException.Reason.CONFIGURATION, "expected one that learns");
        };
        HttpResponse<String> answer = ofThePage(PAUSE);
        assertThat(answer.statusCode()).isEqualTo(409);
        assertThat(error(answer)).isEqualTo("expected one that learns");

        desk = decision -> {
            throw new TimeoutException("no broker");
        };
        answer = ofThePage(PAUSE);
        assertThat(answer.statusCode()).isEqualTo(503);
        assertThat(error(answer)).contains("no broker");
    }

    @Test
    void aConsoleThatAsksForNoTokenIsNotToldToDecide() {
        Settings settings = Settings.read(ConsoleSettings.CONSOLE, Commands.of(ConsoleSettings.CONSOLE),
                List.of("--bootstrap-servers", "127.0.0.1:1", "--registry-url", "http://127.0.0.1:1", "--decisions"),
                Map.of());
        assertThatThrownBy(() -> ConsoleConfig.of(settings, checked -> (decisions, model, back) -> {
            throw new IllegalStateException("decides");
        })).isInstanceOf(SettingsException.class).hasMessageContaining("--decisions: expected --token-file beside it");
    }

    @Test
    void aConsoleThatIsNotToldToDecideHasNoSuchAnswer() throws Exception {
        try (ConsoleServer without =
                ConsoleServer.start(ConsoleServerTest.config(new ServerSecurity(null, null), 0), picture, null, null)) {
            String own = "http://127.0.0.1:" + without.port();
            HttpRequest request = HttpRequest.newBuilder(URI.create(own + "/decisions"))
                    .headers("Origin", own, "Content-Type", "application/json")
                    .POST(HttpRequest.BodyPublishers.ofString(PAUSE)).build();
            assertThat(client.send(request, BodyHandlers.ofString()).statusCode()).isIn(404, 405);
        }
    }
}
