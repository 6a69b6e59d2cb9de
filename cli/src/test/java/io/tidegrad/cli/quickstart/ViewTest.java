package io.tidegrad.cli.quickstart;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.localstack.TrainerHealth;
import io.tidegrad.localstack.streams.ShippedStream;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ViewTest {
    private static final String ESCAPE = "\u001b";

    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

    private PrintStream out(Charset charset) {
        return new PrintStream(bytes, true, charset);
    }

    private String written() {
        return bytes.toString(StandardCharsets.UTF_8);
    }

    private static Progress progress(ShippedStream stream, double seconds) {
        TrainerHealth trainer = new TrainerHealth("running", 123_456, 123_456, 0, 0, 123_456, 123_000,
                new TrainerHealth.Report(123_000, 0.4251, 0.5226, 0.8233, 0.8310, 0.7731, "aa", "bb"));
        return new Progress(stream, seconds, 124_000, 300_000, 10_001.2, trainer,
                stream == ShippedStream.FLIGHTS ? new BaselineRun.Score(0.4333, 0.7664) : BaselineRun.Score.NONE,
                123_000, 412);
    }

    @Test
    void aPipeGetsPlainLinesEveryTwoSeconds() {
        View view = View.of(Terminal.plain(out(StandardCharsets.US_ASCII)));
        view.doing("broker", 0.2);
        view.doing("broker", 0.4);
        view.done("broker", 0.5);
        for (int tick = 0; tick <= 20; tick++) {
            view.progress(progress(ShippedStream.FLIGHTS, tick * 0.25));
        }
        List<String> lines = written().lines().toList();
        assertThat(lines).hasSize(2 + 3);
        assertThat(lines.get(0)).isEqualTo("  broker ...");
        assertThat(lines.get(1)).isEqualTo("  broker: 0.5 s");
        assertThat(lines.get(2)).isEqualTo("   0.0 s  sent 124,000 of 300,000 (10,001/s)  learned 123,456"
                + "  AUC 0.7731 (baseline 0.7664)" + "  log loss 0.4251 (baseline 0.4333, prior 0.5226)"
                + "  version 123,456, served 123,000 (0.4 s old)");
        assertThat(written()).doesNotContain(ESCAPE);
    }

    @ParameterizedTest
    @ValueSource(ints = {20, 40, 80, 200})
    void noLiveLineIsAsWideAsTheTerminal(int columns) {
        Terminal terminal = new Terminal(out(StandardCharsets.UTF_8), true, false, true, columns);
        View view = View.of(terminal);
        view.doing("a broker and a schema registry that take their time", 100);
        view.progress(progress(ShippedStream.FLIGHTS, 1));
        view.progress(progress(ShippedStream.DIGITS, 2));
        String text = written().replaceAll(ESCAPE + "\\[[0-9;]*[A-Za-z]", "").replace("\r", "");
        assertThat(text.lines()).allSatisfy(line -> assertThat(line).hasSizeLessThan(columns));
    }

    @Test
    void aTableIsDrawnOverWithoutLeavingAnythingBehind() {
        Terminal terminal = new Terminal(out(StandardCharsets.UTF_8), true, false, true, 80);
        View view = View.of(terminal);
        view.progress(progress(ShippedStream.FLIGHTS, 1));
        long drawn = written().lines().count();
        bytes.reset();
        view.progress(progress(ShippedStream.FLIGHTS, 2));
        assertThat(written()).startsWith(ESCAPE + "[" + drawn + "A\r" + ESCAPE + "[J");
        bytes.reset();
        view.settle();
        view.line("done");
        assertThat(written()).isEqualTo("done\n");
    }

    @Test
    void colourIsForTerminalsThatWantIt() {
        Terminal colourful = new Terminal(out(StandardCharsets.UTF_8), true, true, true, 80);
        Terminal sober = new Terminal(out(StandardCharsets.UTF_8), true, false, true, 80);
        assertThat(colourful.green("equal")).isEqualTo(ESCAPE + "[32mequal" + ESCAPE + "[0m");
        assertThat(sober.green("equal")).isEqualTo("equal");
    }

    @Test
    void asciiTerminalsGetAscii() {
        Terminal ascii = Terminal.plain(out(StandardCharsets.US_ASCII));
        assertThat(ascii.dot()).isEqualTo("-");
        assertThat(ascii.fit("abcdef", 4)).isEqualTo("abc~");
        assertThat(Terminal.plain(out(StandardCharsets.UTF_8)).fit("abcdef", 4)).isEqualTo("abc…");
    }
}
