package io.tidegrad.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.tidegrad.console.ConsoleApp;
import io.tidegrad.console.ConsoleConfig;
import io.tidegrad.console.ConsoleSettings;
import io.tidegrad.control.ProcessStatus;
import io.tidegrad.localstack.ChildJvm;
import io.tidegrad.localstack.SharedStack;
import io.tidegrad.ops.settings.Settings;
import io.tidegrad.proof.LongProof;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What a console knows of a trainer and a joiner while they run, after both were killed, and after they were stopped; and
/// what it knows of a verification.
@LongProof("waits for silence, twice")
class SilentProcessTest {
    private static final int EVENTS = 200;

    @TempDir
    private Path directory;

    private final Readings readings = new Readings();
    private final String model = "m" + readings.id;
    private final String stream = "s" + readings.id;
    private final Path log = Path.of("log");

    private List<String> settings(String... more) {
        return Stream.concat(Stream.of("--prefix", "p" + readings.id, "--bootstrap-servers", readings.bootstrap,
                "--registry-url", SharedStack.get().registryUrl()), Stream.of(more)).toList();
    }

    private ChildJvm process() {
        List<String> main = new ArrayList<>(List.of(Tidegrad.class.getName(), "trainer", "--with-joiner"));
        main.addAll(settings("--all-models", "--http-port", "0", "--state-dir", directory.resolve("s").toString()));
        List<String> flags = new ArrayList<>(ChildJvm.TIDEGRAD_FLAGS);
        flags.addAll(List.of("-Xmx256m", "-XX:TieredStopAtLevel=1", "-Dtidegrad.kernels=scalar")); // quick to start
        return ChildJvm.run("trainer", flags, main, directory.resolve(log), directory.resolve(log));
    }

    private int command(String... words) {
        List<String> all = new ArrayList<>(List.of(words));
        all.addAll(settings());
        return Tidegrad.commandLine().execute(all.toArray(String[]::new));
    }

    private void create(String name, int hidden) throws IOException {
        Path spec = Files.writeString(directory.resolve(name + ".yaml"), """
                model: %s
                input: { stream: %s }
                features: [ number: { field: a } ]
                network: [ dense: %d, relu, dense: 1 ]
                loss: binary-cross-entropy
                optimizer: { adam: { rate: 0.01 } }
                publish: { every: PT0.2S }
                """.formatted(name, stream, hidden));
        assertThat(command("models", "create", "--spec", spec.toString(), "--timeout", "0")).isZero();
    }

    private JsonNode told(ConsoleApp console) throws IOException, InterruptedException {
        URI events = URI.create("http://127.0.0.1:" + console.httpPort() + "/events?model=" + model);
        try (HttpClient http = HttpClient.newHttpClient();
                InputStream body = http
                        .send(HttpRequest.newBuilder(events).build(), HttpResponse.BodyHandlers.ofInputStream()).body();
                BufferedReader lines = new BufferedReader(new InputStreamReader(body, StandardCharsets.UTF_8))) {
            return new ObjectMapper().readTree(lines.readLine().substring("data: ".length()));
        }
    }

    private JsonNode awaitTold(ConsoleApp console, Predicate<JsonNode> what) {
        return await().atMost(Readings.PATIENCE.multipliedBy(2)).pollInterval(Duration.ofMillis(500))
                .until(() -> told(console), what);
    }

    private static JsonNode process(JsonNode told, String role) {
        for (JsonNode each : told.path("processes")) {
            if (each.path("role").asText().equals(role)) {
                return each;
            }
        }
        return told.path("nobody");
    }

    private static boolean isRunning(JsonNode told, String role, long committed) {
        JsonNode run = process(told, role).at("/runs/0");
        return run.path("state").asText().equals("RUNNING") && run.path("lag").asLong(-1) == 0
                && run.at("/reads/0/next").asLong() >= committed;
    }

    private static long silent(JsonNode told, String role) {
        return told.path("now_ms").asLong() - process(told, role).path("seen_ms").asLong();
    }

    @Test
    void aTrainerAndAJoinerThatAreKilledAreSilentAndThoseThatStopSaySo() throws Exception {
        Path streamSpec = Files.writeString(directory.resolve("stream.yaml"), """
                stream: %s
                events: { topic: %s }
                label: over
                """.formatted(stream, readings.topic));
        readings.send(EVENTS);
        assertThat(command("streams", "create", "--spec", streamSpec.toString())).isZero();
        create(model, 4);
        Settings settings =
                Settings.read(ConsoleSettings.CONSOLE, CliSettings.ALL, settings("--http-port", "0"), Map.of());
        try (ConsoleApp console = ConsoleApp.start(ConsoleConfig.of(settings, of -> {
            throw new AssertionError("it decides nothing");
        }))) {
            try (ChildJvm both = process()) {
                JsonNode told =
                        awaitTold(console, at -> isRunning(at, "trainer", EVENTS) && isRunning(at, "joiner", EVENTS));
                assertThat(process(told, "trainer").path("heap_max").asLong()).isBetween(200_000_000L, 270_000_000L);
                assertThat(process(told, "trainer").path("build").asText()).isNotBlank();
                assertThat(process(told, "joiner").at("/runs/0/reads/0/topic").asText()).isEqualTo(readings.topic);

                // Without news it tells at every heartbeat.
                long until = System.nanoTime() + Duration.ofMillis(2 * ProcessStatus.HEARTBEAT_MILLIS).toNanos();
                while (System.nanoTime() < until) {
                    told = told(console);
                    assertThat(silent(told, "trainer")).isLessThan(ProcessStatus.SILENT_MILLIS);
                    assertThat(silent(told, "joiner")).isLessThan(ProcessStatus.SILENT_MILLIS);
                    Thread.sleep(1_000);
                }
                both.kill();
            }
            JsonNode silent = awaitTold(console, at -> silent(at, "trainer") > ProcessStatus.SILENT_MILLIS
                    && silent(at, "joiner") > ProcessStatus.SILENT_MILLIS);
            assertThat(process(silent, "trainer").path("stopped").asBoolean()).isFalse();
            assertThat(process(silent, "joiner").path("stopped").asBoolean()).isFalse();

            try (ChildJvm again = process()) {
                again.requireAlive();
                JsonNode back = awaitTold(console, at -> silent(at, "trainer") < ProcessStatus.HEARTBEAT_MILLIS
                        && isRunning(at, "trainer", EVENTS) && silent(at, "joiner") < ProcessStatus.HEARTBEAT_MILLIS);
                assertThat(back.path("processes")).as("the same ones: %s", back.path("processes")).hasSize(2);
            } // SIGTERM
            JsonNode stopped = awaitTold(console, at -> process(at, "trainer").path("stopped").asBoolean()
                    && process(at, "joiner").path("stopped").asBoolean());
            assertThat(process(stopped, "trainer").path("problem").asText()).isEmpty();

            assertThat(command("verify", "--model", model)).isZero();
            assertThat(command("verify", "--model", model, "--tell")).isZero();
            assertThat(command("replay", "--model", model, "--tell")).isZero();
            JsonNode verdicts = awaitTold(console, at -> at.at("/model/verdicts").size() == 2).at("/model/verdicts");
            assertThat(verdicts.at("/0/command").asText()).isEqualTo("replay");
            assertThat(verdicts.at("/0/equal").isNull()).isTrue();
            assertThat(verdicts.at("/1/command").asText()).isEqualTo("verify");
            assertThat(verdicts.at("/1/equal").asBoolean()).isTrue();
            assertThat(verdicts.at("/1/found").asText()).isEqualTo(verdicts.at("/1/expected").asText())
                    .isEqualTo(verdicts.at("/0/found").asText()).hasSize(64);
            assertThat(command("verify", "--model", model)).as("with a verdict on the topic").isZero();

            create("wide", 16);
            assertThat(command("models", "shadow", "wide", "--for", model, "--timeout", "0")).isZero();
            assertThat(command("models", "compare", "wide", "--for", model)).isZero();
            assertThat(command("models", "compare", "wide", "--for", model, "--tell")).isZero();
            JsonNode pair = awaitTold(console, at -> !at.at("/model/candidates/0/verdict/detail").isMissingNode())
                    .at("/model/candidates/0");
            assertThat(pair.path("model").asText()).isEqualTo("wide");
            assertThat(pair.at("/verdict/detail").asText()).isEqualTo("too few examples that both learned");
            assertThat(pair.at("/verdict/better").asText()).isEmpty();
        } finally {
            readings.close();
        }
    }
}
