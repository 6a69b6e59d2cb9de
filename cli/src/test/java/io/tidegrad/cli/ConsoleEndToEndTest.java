package io.tidegrad.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.tidegrad.console.Browser;
import io.tidegrad.localstack.ChildJvm;
import io.tidegrad.localstack.LocalStack;
import io.tidegrad.localstack.LocalStackOptions;
import io.tidegrad.proof.LongProof;
import io.tidegrad.schemas.Topics;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.opentest4j.TestAbortedException;

/// The page of a console in a real Chromium, beside a trainer, a joiner, a scorer and a broker, each a process of its own:
/// what is decided by clicks takes effect or is refused with the reason, and what is killed is missed until it is back.
/// Machines without a Chromium leave these tests out.
@LongProof("a broker and four processes, each of which is killed")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ConsoleEndToEndTest {
    private static final String TOKEN = "of-an-operator-0123456789";
    private static final int EVENTS = 3_000; // of which a comparison counts those after the first 1,000
    private static final Duration PATIENCE = Duration.ofMinutes(3);

    private static final String CONNECTION = "document.getElementById('connection').textContent";
    private static final String PROBLEMS = "document.querySelector('#problems').innerText";
    private static final String LEARNED = "document.querySelector('.tile .value').textContent";
    private static final String ANSWER = "document.querySelector('dialog .answer').textContent";

    @TempDir
    static Path directory;

    private final Map<String, ChildJvm> running = new HashMap<>();
    private final Map<String, Integer> ports = new HashMap<>();
    private final HttpClient http = HttpClient.newHttpClient();
    private LocalStack stack;
    private Readings readings;
    private Browser page;
    private String prefix;
    private int sent;

    @BeforeAll
    void start() throws Exception {
        Path program = Browser.program();
        if (program == null) {
            throw new TestAbortedException("expected a Chromium on this machine, found none");
        }
        stack = LocalStack.start(LocalStackOptions.temporary().withKafkaAsChild());
        readings = new Readings(stack);
        prefix = new Topics("p" + readings.id).prefix();
        Files.writeString(directory.resolve("tokens"), TOKEN + "\n");
        send(EVENTS);
        Path stream = Files.writeString(directory.resolve("stream.yaml"),
                "stream: joined\nevents: { topic: %s }\nlabel: over\n".formatted(readings.topic));
        command("streams", "create", "--spec", stream.toString());
        for (String model : List.of("small", "wide", "steady")) {
            Path spec = Files.writeString(directory.resolve(model + ".yaml"), """
                    model: %s
                    input: { stream: joined }
                    features: [ number: { field: a } ]
                    network: [ dense: %d, relu, dense: 1 ]
                    loss: binary-cross-entropy
                    optimizer: { adam: { rate: 0.01 } }
                    publish: { every: PT0.2S }
                    """.formatted(model, model.equals("wide") ? 16 : 4));
            command("models", "create", "--spec", spec.toString(), "--timeout", "0");
        }
        List.of("joiner", "trainer", "scorer", "console").forEach(this::run);
        page = Browser.start(program);
        page.size(1_400, 1_000);
        page.open("http://127.0.0.1:" + port("console") + "/#small");
        logIn("a-token-that-nobody-has-given");
        see(CONNECTION + " === 'A token is needed.'");
        logIn(TOKEN);
        see(CONNECTION + " === 'live'");
    }

    @AfterAll
    void stop() {
        if (page != null) {
            page.close();
        }
        running.values().forEach(ChildJvm::close);
        if (readings != null) {
            readings.close();
        }
        if (stack != null) {
            stack.close();
        }
        http.close();
    }

    // ---- processes ----

    private void run(String command, String... more) {
        List<String> main =
                new ArrayList<>(List.of(Tidegrad.class.getName(), command, "--prefix", prefix, "--bootstrap-servers",
                        stack.bootstrapServers(), "--http-port", String.valueOf(ports.getOrDefault(command, 0))));
        if (!command.equals("scorer")) {
            main.addAll(List.of("--registry-url", stack.registryUrl()));
        }
        main.addAll(switch (command) {
            case "joiner" -> List.of("--all-streams", "--state-dir", directory.resolve("joined").toString());
            case "trainer" -> List.of("--all-models", "--state-dir", directory.resolve("learned").toString());
            case "scorer" -> List.of("--model", "small", "--model", "steady");
            default -> List.of("--token-file", directory.resolve("tokens").toString());
        });
        main.addAll(command.equals("console") && more.length == 0 ? List.of("--decisions") : List.of());
        List<String> flags = new ArrayList<>(ChildJvm.TIDEGRAD_FLAGS);
        flags.addAll(List.of("-Xmx256m", "-XX:TieredStopAtLevel=1", "-Dtidegrad.kernels=scalar")); // quick to start
        try {
            Files.deleteIfExists(output(command));
        } catch (IOException e) {
            throw new AssertionError(e);
        }
        running.put(command, ChildJvm.run(command, flags, main, output(command), directory.resolve(command + ".log")));
    }

    private static Path output(String command) {
        return directory.resolve(command + ".out");
    }

    /// Returns where a process answers, as soon as it says so. It is the same one after a restart.
    private int port(String command) {
        await().atMost(PATIENCE).until(() -> {
            Objects.requireNonNull(running.get(command)).requireAlive();
            Matcher said = Pattern.compile("http://[^:]+:(\\d+)").matcher(Files.readString(output(command)));
            boolean found = said.find();
            if (found) {
                ports.put(command, Integer.parseInt(said.group(1)));
            }
            return found;
        });
        return Objects.requireNonNull(ports.get(command));
    }

    private void kill(String command) {
        Objects.requireNonNull(running.get(command)).kill();
    }

    private void send(int events) {
        readings.send(events);
        sent += events;
    }

    private String command(String... words) {
        assertThat(readings.run(prefix, List.of(words))).as(readings.err()).isZero();
        return readings.out();
    }

    /// Returns what the scorer answers for the name.
    private JsonNode score(String name) throws IOException, InterruptedException {
        HttpRequest request = HttpRequest
                .newBuilder(URI.create("http://127.0.0.1:" + port("scorer") + "/v1/models/" + name + "/score"))
                .POST(HttpRequest.BodyPublishers.ofString("{\"a\": 0.5}")).build();
        return new ObjectMapper().readTree(http.send(request, HttpResponse.BodyHandlers.ofString()).body());
    }

    // ---- the page ----

    private void see(String expression) {
        page.see(expression, PATIENCE);
    }

    private void logIn(String token) {
        see("document.getElementById('token-form').hidden === false");
        page.click("document.getElementById('token')");
        page.type(token);
        page.click("document.querySelector('#token-form button')");
    }

    private void show(String model) {
        page.evaluate("location.hash = '#" + model + "'");
        see("document.querySelector('h1')?.textContent === '" + model + "'");
    }

    private static String learned(int events) {
        return LEARNED + " === '" + String.format(Locale.ROOT, "%,d", events) + "'";
    }

    /// Clicks on a button until its dialog is there: what comes meanwhile may move it.
    private void ask(String button) {
        see(button + " != null");
        await().atMost(PATIENCE).until(() -> {
            if (!page.evaluate("document.querySelector('dialog[open]') !== null").asBoolean()) {
                page.click(button);
            }
            return page.evaluate("document.querySelector('dialog[open]') !== null").asBoolean();
        });
    }

    /// Gives a name and a reason, confirms, and returns what the dialog answers.
    private String confirm(String reason) {
        page.evaluate("document.querySelector('dialog [name=author]').value = ''");
        page.click("document.querySelector('dialog [name=author]')");
        page.type("Ann");
        page.click("document.querySelector('dialog [name=reason]')");
        page.type(reason);
        page.click("document.querySelector('dialog [type=submit]')");
        see("!['', 'Sending…'].includes(" + ANSWER + ")");
        String answer = page.evaluate(ANSWER).asText();
        page.evaluate("document.querySelector('dialog').close()");
        return answer;
    }

    private static String button(String of) {
        return "document.querySelector('[data-key^=\"" + of + " \"]')";
    }

    private static String rows(String part) {
        return "[...document.querySelectorAll('." + part + " tbody tr')]";
    }

    private static String decided(String action) {
        return rows("decisions") + ".some(row => row.cells[1].innerText === '" + action
                + "' && row.cells[3].innerText === 'Ann')";
    }

    @Test
    void whatIsDecidedByClicksIsServedAndLearnedOnAndWhatIsRefusedSaysWhy() throws Exception {
        for (String model : List.of("wide", "small")) {
            show(model);
            see(learned(sent));
        }
        command("models", "shadow", "wide", "--for", "small", "--timeout", "0");
        command("models", "compare", "wide", "--for", "small", "--tell");
        see(rows("tried") + "[0].cells[3].innerText.includes('difference of losses')");
        await().atMost(PATIENCE).until(() -> score("small").path("model").asText().equals("small"));

        ask(button("promote wide"));
        assertThat(confirm("it loses less")).startsWith("Decided: promote of small: wide");
        await().atMost(PATIENCE).until(() -> score("small").path("model").asText().equals("wide"));
        see(decided("promote"));
        see("document.querySelector('.badge').innerText === 'retired'");
        see("document.querySelector('article').innerText.includes('wide answers for this name')");
        show("wide");
        see("document.querySelector('.badge').innerText === 'live'");
        see(rows("scorers") + ".some(row => row.cells[1].innerText === 'small')");

        send(100);
        see(learned(sent));
        see(rows("versions") + ".length > 1");
        String oldest = rows("versions") + ".at(-1).querySelector('[data-key^=\"rollback wide 1 \"]')";
        long base = page.evaluate("Number(" + oldest + ".dataset.key.split(' ')[3])").asLong();
        ask(oldest);
        assertThat(confirm("bad labels")).startsWith("Decided: rollback of wide: epoch 2 from version " + base);
        await().atMost(PATIENCE).until(() -> score("small").path("epoch").asInt() == 2);
        see("document.querySelector('.lineage')?.innerText.startsWith('epoch 2 ← epoch 1 at version ')");
        see(rows("scorers") + ".some(row => row.cells[2].innerText === '2')");
        see(decided("rollback"));
        send(100);
        await().atMost(PATIENCE).until(() -> score("small").path("version").asLong() > base);

        ask(button("pause wide"));
        assertThat(confirm("labels are late")).startsWith("Decided: pause of wide");
        see("document.querySelector('.badge').innerText === 'paused'");
        see(button("resume wide") + " !== null");
        assertThat(command("models", "show", "wide")).contains("Ann; labels are late", "Ann; bad labels");
        assertThat(command("models", "show", "small")).contains("Ann; it loses less");

        // Somebody else was faster.
        ask(button("resume wide"));
        command("models", "resume", "wide", "--timeout", "0");
        assertThat(confirm("labels are back")).startsWith("Not decided: ").contains("expected one that is paused");

        see(button("pause wide") + " !== null");
        ask(button("pause wide"));
        page.evaluate("sessionStorage.setItem('token', 'a-token-that-was-taken-out')");
        assertThat(confirm("no")).isEqualTo("Not decided: the token is not known any more. Load the page again.");
        page.open("http://127.0.0.1:" + port("console") + "/?again#wide");
        logIn(TOKEN);

        ask(button("pause wide"));
        kill("console");
        run("console", "without decisions");
        port("console");
        see(CONNECTION + " === 'live'");
        assertThat(confirm("no")).startsWith("Not decided: ").contains("without --decisions");
        see(button("pause wide") + " === null && " + rows("versions") + ".length > 0");
        kill("console");
        run("console");
        see(button("pause wide") + " !== null");
        assertThat(command("models", "show", "wide")).doesNotContain("paused");
    }

    /// What a process says of itself in the table.
    private static String state(String process) {
        return rows("processes") + ".find(row => row.cells[0].innerText.startsWith('" + process
                + "')).cells[2].innerText";
    }

    private void seeBack(String process) {
        see("/^(running|serving)/.test(" + state(process) + ")"); // what was odd may stand behind it
    }

    @Test
    void eachProcessThatIsKilledIsMissedOnThePageUntilItIsBackAndNothingElseHasToBeStartedAgain() throws Exception {
        show("steady");
        see(learned(sent));
        List<String> processes = List.of("trainer", "scorer", "joiner");
        processes.forEach(this::port);
        processes.forEach(this::seeBack);

        processes.forEach(this::kill);
        processes.forEach(each -> see(state(each) + ".startsWith('silent for ')"));
        send(100);
        for (int i = 0; i < processes.size(); i++) {
            run(processes.get(i));
            seeBack(processes.get(i));
            processes.subList(i + 1, processes.size())
                    .forEach(each -> assertThat(page.evaluate(state(each)).asText()).startsWith("silent for "));
        }
        see(PROBLEMS + " === ''");
        seeServed();

        kill("console");
        see(CONNECTION + ".startsWith('The console does not answer; this is of 20')");
        send(100);
        run("console");
        see(CONNECTION + " === 'live'");
        seeServed();

        stack.brokerProcess().kill();
        see(PROBLEMS + ".includes('Kafka at " + stack.bootstrapServers() + " does not answer')");
        see(CONNECTION + ".startsWith('not live; this is of 20')");
        stack.brokerProcess().restart();
        see(CONNECTION + " === 'live'");
        send(100);
        seeServed();
        see(PROBLEMS + " === ''");
        processes.forEach(this::seeBack);
    }

    /// Everything that was sent is learned, and the scorer serves it.
    private void seeServed() throws IOException, InterruptedException {
        see(learned(sent));
        see("document.querySelectorAll('.tile')[4].innerText.includes('0 updates behind')");
        long version = page
                .evaluate("Number(document.querySelectorAll('.tile .value')[3].textContent.replace(',', ''))").asLong();
        assertThat(score("steady").path("version").asLong()).isEqualTo(version);
    }
}
