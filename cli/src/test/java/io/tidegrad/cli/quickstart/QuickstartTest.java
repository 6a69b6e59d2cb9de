package io.tidegrad.cli.quickstart;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.tidegrad.cli.Tidegrad;
import io.tidegrad.proof.LongProof;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The real thing, as a user runs it: the command in a process of its own, with its broker, registry, trainer, scorer
/// and replay.
class QuickstartTest {
    private static final Duration LONG = Duration.ofMinutes(5);

    @TempDir
    Path folder;

    /// @param jvmFlags of the command, which hands them on to its trainer, scorer and replay
    private Process quickstart(List<String> jvmFlags, String... arguments) throws IOException {
        List<String> line = new ArrayList<>();
        line.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        line.addAll(jvmFlags);
        line.addAll(List.of("--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED"));
        line.add("-Djava.io.tmpdir=" + folder);
        line.add("-Dtidegrad.root=" + System.getProperty("tidegrad.root"));
        line.addAll(List.of("-cp", System.getProperty("java.class.path"), Tidegrad.class.getName()));
        line.add("quickstart");
        line.addAll(List.of(arguments));
        return new ProcessBuilder(line).redirectOutput(out().toFile()).redirectError(err().toFile()).start();
    }

    private Path out() {
        return folder.resolve("out");
    }

    private Path err() {
        return folder.resolve("err");
    }

    private void awaitEnd(Process process) throws InterruptedException {
        assertThat(process.waitFor(LONG.toSeconds(), TimeUnit.SECONDS)).isTrue();
    }

    @LongProof("20,000 events at the rate of a quick start, and their replay")
    @Test
    void learnsServesAndReplaysTheSameBits() throws Exception {
        Process process = quickstart(List.of(), "--events", "20000", "--exit", "--json");
        awaitEnd(process);
        assertThat(process.exitValue()).describedAs(Files.readString(err())).isZero();
        List<String> lines = Files.readAllLines(out());
        assertThat(lines).hasSize(1);
        JsonNode outcome = new ObjectMapper().readTree(lines.getFirst());
        assertThat(outcome.get("events").asLong()).isEqualTo(20_000);
        assertThat(outcome.get("learned").asLong()).isEqualTo(20_000);
        assertThat(outcome.get("snapshots_loaded").asLong()).isPositive();
        assertThat(outcome.get("freshness_ms_p99").asDouble()).isPositive();
        assertThat(outcome.get("weights_hash_trainer").asText()).matches("[0-9a-f]{64}");
        assertThat(outcome.get("weights_hash_scorer")).isEqualTo(outcome.get("weights_hash_trainer"));
        assertThat(outcome.get("weights_hash_replay")).isEqualTo(outcome.get("weights_hash_trainer"));
        assertThat(outcome.get("state_hash_replay")).isEqualTo(outcome.get("state_hash_trainer"));
        assertThat(Files.readString(err())).contains("equal: learned live").doesNotContain("\u001b[");
        assertThat(runDirectories()).isEmpty();
    }

    /// Not at the end only: everything is up when it dies.
    @LongProof("a whole quick start, whose processes end when it is killed")
    @Test
    void itsChildrenEndWithItHoweverItEnds() throws Exception {
        // Which compiler a process has does not matter to how it ends.
        Process process = quickstart(List.of("-XX:TieredStopAtLevel=1", "-Dtidegrad.kernels=scalar"), "--stream",
                "digits", "--events", "300");
        await().atMost(LONG).until(() -> Files.readString(out()).contains("curl"));
        theCurlLineWorksAsItStands();
        theConsoleAsksTheScorerAboutAnEventOfTheLog();
        theConsoleShowsTheModelAtWork();
        List<ProcessHandle> children = process.descendants().toList();
        assertThat(children).hasSize(4);
        process.destroyForcibly();
        awaitEnd(process);
        await().atMost(Duration.ofSeconds(60)).until(() -> children.stream().noneMatch(ProcessHandle::isAlive));
    }

    private void theCurlLineWorksAsItStands() throws Exception {
        Matcher curl = Pattern.compile("curl .*").matcher(Files.readString(out()));
        assertThat(curl.find()).isTrue();
        if (new ProcessBuilder("sh", "-c", "command -v curl").start().waitFor() != 0) {
            return; // a machine without curl has nothing to run it with
        }
        Process shell = new ProcessBuilder("sh", "-c", curl.group()).start();
        JsonNode answer = new ObjectMapper().readTree(shell.getInputStream());
        assertThat(answer.path("model").asText()).isEqualTo("digits");
        assertThat(answer.path("version").asLong()).isEqualTo(300);
        assertThat(answer.path("predictions").get(0).path("probabilities")).hasSize(10);
    }

    /// The page at the address that is shown, and what comes to it.
    private void theConsoleShowsTheModelAtWork() throws Exception {
        Matcher address = Pattern.compile("http://127\\.0\\.0\\.1:[0-9]+").matcher(Files.readString(out()));
        assertThat(address.find()).isTrue();
        try (HttpClient client = HttpClient.newHttpClient()) {
            HttpResponse<String> page = client.send(HttpRequest.newBuilder(URI.create(address.group() + "/")).build(),
                    HttpResponse.BodyHandlers.ofString());
            assertThat(page.statusCode()).isEqualTo(200);
            assertThat(page.body()).contains("<title>");
            URI events = URI.create(address.group() + "/events?model=digits");
            try (Stream<String> lines =
                    client.send(HttpRequest.newBuilder(events).build(), HttpResponse.BodyHandlers.ofLines()).body()) {
                JsonNode whole =
                        new ObjectMapper().readTree(lines.findFirst().orElseThrow().substring("data: ".length()));
                assertThat(whole.findValues("learned")).extracting(JsonNode::asLong).contains(300L);
            }
        }
    }

    /// As its page does.
    private void theConsoleAsksTheScorerAboutAnEventOfTheLog() throws Exception {
        Matcher address = Pattern.compile("http://127\\.0\\.0\\.1:[0-9]+").matcher(Files.readString(out()));
        assertThat(address.find()).isTrue(); // the first one that is shown
        ObjectMapper json = new ObjectMapper();
        URI uri = URI.create(address.group() + "/try?model=digits");
        try (HttpClient client = HttpClient.newHttpClient()) {
            JsonNode form = await().atMost(LONG)
                    .until(() -> json.readTree(client
                            .send(HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.ofString()).body()),
                            said -> said.path("events").asInt() > 0);
            assertThat(form.at("/fields/0/kind").asText()).isEqualTo("image");
            assertThat(form.at("/examples/0/values/pixels")).hasSize(28 * 28);
            assertThat(form.at("/examples/0/label").asInt(-1)).isBetween(0, 9);
            HttpResponse<String> answer = client.send(HttpRequest.newBuilder(uri)
                    .headers("Origin", address.group(), "Content-Type", "application/json")
                    .POST(HttpRequest.BodyPublishers.ofString(form.at("/examples/0/values").toString())).build(),
                    HttpResponse.BodyHandlers.ofString());
            assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
            assertThat(json.readTree(answer.body()).path("version").asLong()).isEqualTo(300);
            assertThat(json.readTree(answer.body()).at("/predictions/0/probabilities")).hasSize(10);
        }
    }

    private List<Path> runDirectories() throws IOException {
        try (var entries = Files.newDirectoryStream(folder, "tidegrad-quickstart-*")) {
            List<Path> found = new ArrayList<>();
            entries.forEach(found::add);
            return found;
        }
    }
}
