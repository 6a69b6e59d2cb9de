package io.tidegrad.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.tidegrad.proof.LongProof;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Types what `docs/getting-started.md` shows into one shell, from the first command to the last, in a folder that is a
/// clone to it: real processes, the genuine serializer of Confluent, and no command that the page does not have, but for
/// looking. Only ports are others. What the page shows below a block is what the block must print.
@Tag("interop")
@LongProof("npm, a broker and a registry, joiner, trainer and scorer as processes")
class GettingStartedTest {
    private static final Path ROOT = Path.of(System.getProperty("tidegrad.root"));
    /// A block, and the output below it if the page shows any.
    private static final Pattern COMMANDS =
            Pattern.compile("(?ms)^```sh\\n(.*?)^```$(?:(?:(?!^```|^#).)*?^```text\\n(.*?)^```)?");
    private static final Duration PATIENCE = Duration.ofMinutes(3);
    private static final String END = "@end of block";

    /// @param output what the page shows, with `…` for what differs; empty if it shows nothing
    private record Block(String commands, String output) {
        /// A line of `…` alone stands for any lines.
        void requireShown(String printed) {
            String shown = output.lines()
                    .map(line -> line.equals("…") ? "(?:.*\n)*?" : Pattern.quote(line).replace("…", "\\E.*\\Q") + "\n")
                    .collect(Collectors.joining());
            assertThat(printed).as(commands).containsPattern(Pattern.compile("(?m)^" + shown));
        }
    }

    @TempDir
    Path directory;
    private final Deque<Block> blocks = new ArrayDeque<>();
    private final BlockingQueue<String> said = new LinkedBlockingQueue<>();
    private String joiner;
    private Process shell;

    @BeforeEach
    void open() throws IOException {
        String page = Files.readString(ROOT.resolve("docs/getting-started.md"));
        List<String> ports = freePorts(5);
        joiner = "http://127.0.0.1:" + ports.get(3);
        UnaryOperator<String> elsewhere = text -> text
                .replace("tidegrad local-stack", "tidegrad local-stack --kafka-port 9092 --registry-port 8081")
                .replace("9092", ports.get(0)).replace("8081", ports.get(1)).replace("8090", ports.get(2))
                .replace("8091", ports.get(3)).replace("8092", ports.get(4));
        COMMANDS.matcher(page).results().map((MatchResult block) -> new Block(elsewhere.apply(block.group(1)),
                elsewhere.apply(Objects.requireNonNullElse(block.group(2), "")))).forEach(blocks::add);
        assertThat(blocks).filteredOn(block -> !block.output().isEmpty()).hasSize(5);

        Path clone = directory.resolve("clone");
        Files.createDirectories(clone.resolve("docs"));
        Files.createSymbolicLink(clone.resolve("docs/examples"), ROOT.resolve("docs/examples"));
        Path launcher = Files.writeString(clone.resolve("tidegrad"), """
                #!/bin/sh
                [ "$1" != build ] || exit 0
                exec '%s' --add-modules jdk.incubator.vector --enable-native-access=ALL-UNNAMED -Xmx384m \\
                    -XX:+UseSerialGC -cp '%s' io.tidegrad.cli.Tidegrad "$@"
                """.formatted(Path.of(System.getProperty("java.home"), "bin", "java"),
                System.getProperty("java.class.path")));
        assertThat(launcher.toFile().setExecutable(true)).isTrue();
        shell = new ProcessBuilder("bash", "-e").directory(clone.toFile()).redirectErrorStream(true).start();
        BufferedReader output = shell.inputReader(UTF_8);
        Thread.ofVirtual().start(() -> output.lines().forEach(said::add));
    }

    private static List<String> freePorts(int count) throws IOException {
        List<ServerSocket> open = new ArrayList<>();
        try {
            for (int i = 0; i < count; i++) {
                open.add(new ServerSocket(0, 1, InetAddress.getLoopbackAddress()));
            }
            return open.stream().map(socket -> "" + socket.getLocalPort()).toList();
        } finally {
            for (ServerSocket socket : open) {
                socket.close();
            }
        }
    }

    @AfterEach
    void close() {
        shell.descendants().forEach(ProcessHandle::destroyForcibly);
        shell.destroyForcibly();
    }

    /// Types a block and returns what it says, of both streams; fails if a command of it fails.
    private String typed(String block) {
        try {
            shell.outputWriter(UTF_8).write("{\n" + block + "\n} </dev/null\necho; echo " + END + "\n");
            shell.outputWriter(UTF_8).flush();
            StringBuilder all = new StringBuilder();
            while (true) {
                String line = said.poll(PATIENCE.toSeconds(), TimeUnit.SECONDS);
                assertThat(line).as("%s%nfailed or takes too long; it says:%n%s%n%s", block, all, logs()).isNotNull();
                if (Objects.requireNonNull(line).equals(END)) {
                    return all.toString();
                }
                // The launcher leaves it out.
                if (!line.equals("WARNING: Using incubator modules: jdk.incubator.vector")) {
                    all.append(line).append('\n');
                }
            }
        } catch (IOException | InterruptedException e) {
            throw new IllegalStateException(block + logs(), e);
        }
    }

    private String next(String begin) {
        Block block = blocks.remove();
        assertThat(block.commands()).startsWith(begin);
        String printed = typed(block.commands());
        block.requireShown(printed);
        return printed;
    }

    private String logs() {
        StringBuilder logs = new StringBuilder();
        for (String process : List.of("stack", "joiner", "trainer", "scorer")) {
            Path log = directory.resolve("card-fraud").resolve(process + ".log");
            try {
                List<String> lines = Files.exists(log) ? Files.readAllLines(log) : List.of();
                logs.append(process).append(": ")
                        .append(String.join("\n", lines.subList(Math.max(0, lines.size() - 5), lines.size())))
                        .append('\n');
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
        return logs.toString();
    }

    private static JsonNode json(String text) {
        try {
            return new ObjectMapper().readTree(text.substring(Math.max(0, text.indexOf('{'))));
        } catch (IOException e) {
            throw new UncheckedIOException(text, e);
        }
    }

    private JsonNode stream() {
        return json(typed("curl -s " + joiner + "/health")).path("streams").path(0);
    }

    private JsonNode model(String name) {
        return json(typed("tidegrad models list " + name + " --json"));
    }

    /// Waits until the joiner has joined all there is, and the models have learned all that it wrote. The joiner's own
    /// counts are no measure: a transaction that was aborted and done again is counted twice.
    private void awaitLearned(long examples, String... models) {
        await().atMost(PATIENCE).pollInterval(Duration.ofSeconds(1)).untilAsserted(() -> {
            for (String name : models) {
                JsonNode model = model(name);
                assertThat(model.path("events").asLong()).as("%s %s %s", model, stream(), logs())
                        .isGreaterThanOrEqualTo(examples);
                assertThat(model.path("lag").asLong(-1)).as("%s", model).isZero();
            }
            assertThat(stream().path("lag")).isNotEmpty().allMatch(lag -> lag.asLong() == 0);
        });
    }

    private double probability(String answer) {
        return json(answer).path("predictions").path(0).path("probabilities").path(0).asDouble(-1);
    }

    @Test
    void whoTypesThePageHasALearningModelThenABetterOneAndHasLostNothing() {
        next("./tidegrad build");
        assertThat(next("tidegrad local-stack")).contains("local-stack is ready");
        next("cat >card-payments.yaml");
        assertThat(next("cat >fraud.yaml")).contains("fingerprint ");
        next("tidegrad joiner");

        awaitLearned(8_000, "fraud"); // the payments of three days wait for chargebacks
        next("grep ready trainer.log");
        assertThat(probability(next("curl "))).isBetween(0.001, 0.999);

        assertThat(next("node producer.mjs 2")).containsPattern("sent 10000 payments and \\d+ charge");
        assertThat(next("{ sed")).contains("stage         none -> live", "trainer       learns ");
        awaitLearned(20_000, "fraud", "fraud-ip");
        assertThat(next("tidegrad models list")).containsPattern("(?m)^fraud-ip +live +1 ");
        assertThat(model("fraud-ip").path("auc").asDouble()).isGreaterThan(model("fraud").path("auc").asDouble());

        assertThat(next("tidegrad models shadow")).contains("fraud: shadow at ", "fraud: challenge at ",
                "fraud: promote at ", "answered by   fraud-ip");
        String abroad = Objects.requireNonNull(blocks.peek()).commands();
        String promoted = next("curl ");
        assertThat(json(promoted).path("model").asText()).as(promoted).isEqualTo("fraud-ip");
        // Nothing is learned any more, so both answers are by the same version.
        String atHome = typed(abroad.replace("\"XX\"", "\"DE\""));
        assertThat(json(atHome).path("version")).isEqualTo(json(promoted).path("version"));
        assertThat(probability(promoted)).isGreaterThan(2 * probability(atHome));

        assertThat(stream().path("dead_letters").asLong()).as("%s", stream()).isZero();
        Matcher equal =
                Pattern.compile("equal +([\\d,]+) examples of 20,000 ids").matcher(next("tidegrad verify --stream"));
        assertThat(equal.find()).as("%s", stream()).isTrue();
        long examples = Long.parseLong(equal.group(1).replace(",", ""));
        assertThat(examples).isGreaterThan(20_000); // the rest are corrections
        for (String name : List.of("fraud", "fraud-ip")) {
            assertThat(model(name).path("events").asLong()).as(name).isEqualTo(examples);
        }
        next("kill ");
        assertThat(blocks).isEmpty();
    }
}
