package io.tidegrad.cli;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.joran.JoranConfigurator;
import ch.qos.logback.classic.util.LogbackMDCAdapter;
import io.tidegrad.localstack.ChildJvm;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

class TidegradTest {
    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    private int run(String line) {
        CommandLine commandLine =
                Tidegrad.commandLine().setOut(new PrintWriter(out, true)).setErr(new PrintWriter(err, true));
        return commandLine.execute(line.split(" "));
    }

    /// Child JVMs run with `ChildJvm.LAUNCHER_FLAGS`; what is measured there is to be true of the launcher.
    @Test
    void theLauncherRunsWithTheFlagsOfOurChildren() throws IOException {
        String launcher = Files.readString(Path.of(System.getProperty("tidegrad.root"), "tidegrad"));
        assertThat(ChildJvm.LAUNCHER_FLAGS).filteredOn(flag -> flag.startsWith("-X") || flag.startsWith("--sun-misc"))
                .contains("--sun-misc-unsafe-memory-access=allow")
                .allSatisfy(flag -> assertThat(launcher).contains(flag));
    }

    /// What a command prints is its result, and beside it what somebody has to know, without times and classes.
    @Test
    void aCommandThatPrintsAResultLogsWarningsOnly() throws Exception {
        assertThat(Tidegrad.log("models", "list")).isEqualTo("once.xml");
        assertThat(Tidegrad.log("replay", "--until", "end")).isEqualTo("once.xml");
        assertThat(Tidegrad.log("replay", "--until", "live")).isEqualTo("logback.xml");
        assertThat(Tidegrad.log("replay", "--until=live")).isEqualTo("logback.xml");
        assertThat(Tidegrad.log("trainer")).isEqualTo("logback.xml");
        LoggerContext context = new LoggerContext();
        context.setMDCAdapter(new LogbackMDCAdapter());
        JoranConfigurator configurator = new JoranConfigurator();
        configurator.setContext(context);
        PrintStream stderr = System.err;
        ByteArrayOutputStream said = new ByteArrayOutputStream();
        System.setErr(new PrintStream(said, true, StandardCharsets.UTF_8));
        try {
            configurator.doConfigure(Tidegrad.class.getResource("once.xml"));
            context.getLogger("io.tidegrad.control.ControlLog").info("deciding again");
            context.getLogger("org.apache.kafka.clients.NetworkClient").warn("Node -1");
            context.getLogger("io.tidegrad.control.KafkaTopics").warn("keeps events for 1 h");
        } finally {
            context.stop();
            System.setErr(stderr);
        }
        assertThat(said.toString(StandardCharsets.UTF_8).lines()).containsExactly("tidegrad: keeps events for 1 h");
    }

    @ParameterizedTest
    @ValueSource(strings = {"quickstrat", "quickstart --sream digits", "quickstart --stream numbers",
        "quickstart --rate 0", "quickstart --events 300001", "quickstart --events many", "local-stack --kafka-port x",
        "produce --events 0 --bootstrap-servers k:1 --registry-url r --scorer s",
        "replay --model flights --registry-url http://r", "loadtest", "loadtest train --stream numbers",
        "loadtest train --mini-batch 1,0", "loadtest train --mini-batch 1;8", "loadtest train --repetitions 0",
        "loadtest train --events many", "loadtest poison --stream all", "loadtest poison --events -1",
        "loadtest floods --limits 100", "loadtest floods --limits 256,many", "loadtest models --models 0",
        "loadtest freshness --rate 0", "loadtest soak --rate 0", "loadtest scale --axis length",
        "loadtest report x.json", "example", "example vanishing", "--loud"})
    void aMistakeIsOneLineAndStatusTwo(String line) {
        assertThat(run(line)).isEqualTo(2);
        assertThat(err.toString().lines()).hasSize(1);
        assertThat(err.toString()).matches("(?s)tidegrad( replay)?: .*").contains("--help");
        assertThat(out.toString()).isEmpty();
    }

    @Test
    void theMessageSaysWhatWasExpectedAndFound() {
        run("quickstart --stream numbers");
        assertThat(err.toString()).contains("expected flights or digits, found 'numbers'");
    }

    @ParameterizedTest
    @ValueSource(strings = {"--help", "quickstart --help", "local-stack --help", "replay --help", "lr-find --help",
        "example --help", "loadtest --help", "loadtest train --help", "loadtest poison --help",
        "loadtest floods --help", "loadtest soak --help", "loadtest report --help"})
    void helpGoesToStandardOutput(String line) {
        assertThat(run(line)).isZero();
        assertThat(out.toString()).contains("Usage: tidegrad");
        assertThat(err.toString()).isEmpty();
    }

    @Test
    void theHelpListsWhatExitRequires() {
        run("quickstart --help");
        assertThat(out.toString()).contains("events = learned + pending + dead letters")
                .contains("weights-hash equal in trainer, scorer and replay")
                .contains("AUC at least 0.7909 and no less than the baseline's")
                .contains("at least 20 snapshots loaded")
                .contains("accuracy at least 0.80, over the last 2,000 at least 0.87");
    }

    @Test
    void theVersionIsThatOfTheBuild() {
        assertThat(run("--version")).isZero();
        assertThat(out.toString()).matches("tidegrad [0-9]+\\.[0-9]+\\.[0-9]+ \\(JDK .*, kernels .*\\)\\s+");
    }
}
