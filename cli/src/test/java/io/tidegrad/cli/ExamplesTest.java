package io.tidegrad.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.cli.example.Example;
import io.tidegrad.cli.plot.Panel;
import io.tidegrad.cli.plot.Plot;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// The programs of `docs/examples` are compiled and run, show what `docs/troubles.md` says of them, and their committed plots
/// are theirs: they learn the same bits on every machine.
class ExamplesTest {
    private static final Path DOCS = Path.of(System.getProperty("tidegrad.root"), "docs");
    private static final Map<Example, Plot> PLOTS = new EnumMap<>(Example.class);

    private static Plot plot(Example example) {
        return PLOTS.computeIfAbsent(
                example,
                none -> {
                    StringWriter out = new StringWriter();
                    int status =
                            Tidegrad.commandLine()
                                    .setOut(new PrintWriter(out, true))
                                    .execute("example", example.label());
                    assertThat(status).isZero();
                    return Example.plot(out.toString().lines().toList());
                });
    }

    private static List<Panel.Point> line(Example example, int panel, String name) {
        return plot(example).panels().get(panel).lines().stream()
                .filter(line -> line.name().equals(name))
                .findFirst()
                .orElseThrow()
                .points();
    }

    private static double first(Example example, int panel, String name) {
        return line(example, panel, name).getFirst().y();
    }

    private static double last(Example example, int panel, String name) {
        return line(example, panel, name).getLast().y();
    }

    @ParameterizedTest
    @EnumSource
    void theCommittedPlotIsWhatTheProgramPrints(Example example) throws IOException {
        assertThat(plot(example).svg())
                .as(
                        "draw it again: ./tidegrad example %1$s --plot docs/plots/%1$s.svg",
                        example.label())
                .isEqualTo(Files.readString(DOCS.resolve("plots/" + example.label() + ".svg")));
    }

    @ParameterizedTest
    @EnumSource
    void thePageShowsThePlotAndTheCommand(Example example) throws IOException {
        assertThat(Files.readString(DOCS.resolve("troubles.md")))
                .contains("(plots/" + example.label() + ".svg)")
                .contains("(examples/" + example.file() + ")")
                .contains("./tidegrad example " + example.label());
    }

    @Test
    void sigmoidsLoseTheGradientAndTheRemediesKeepIt() {
        Example example = Example.VANISHING_GRADIENTS;
        assertThat(last(example, 0, "sigmoid") / first(example, 0, "sigmoid")).isGreaterThan(1e11);
        assertThat(last(example, 1, "sigmoid")).isGreaterThan(0.68);
        for (String remedy : List.of("relu + He", "residual sigmoid", "sigmoid + layer norm")) {
            assertThat(last(example, 0, remedy) / first(example, 0, remedy)).isBetween(0.1, 20.0);
            assertThat(last(example, 1, remedy)).isLessThan(0.25);
        }
    }

    @Test
    void withoutClippingTheLossGrowsUntilNothingIsFinite() {
        Example example = Example.EXPLODING_GRADIENTS;
        assertThat(line(example, 0, "no clipping").getLast().x()).isLessThan(500);
        assertThat(last(example, 0, "no clipping")).isGreaterThan(1e20);
        assertThat(line(example, 0, "clipped to norm 1").getLast().x()).isEqualTo(2_000);
        assertThat(last(example, 0, "clipped to norm 1")).isLessThan(0.3);
        assertThat(
                        line(example, 1, "clipped to norm 1").stream()
                                .mapToDouble(Panel.Point::y)
                                .max()
                                .orElseThrow())
                .isGreaterThan(10);
    }

    @Test
    void momentumLeavesThePlateauAndRestartsSettleToo() {
        Example example = Example.PLATEAUS;
        assertThat(stepBelow("SGD", 0.5)).isGreaterThan(2_000);
        for (String way : List.of("SGD with momentum", "SGD rate x 10", "rate x 10 + restarts")) {
            assertThat(stepBelow(way, 0.5)).isLessThan(600);
        }
        double settled = last(example, 1, "rate x 10 + restarts");
        assertThat(last(example, 1, "SGD with momentum")).isGreaterThan(5 * settled);
        assertThat(last(example, 1, "SGD rate x 10")).isGreaterThan(5 * settled);
    }

    private static double stepBelow(String way, double loss) {
        return line(Example.PLATEAUS, 0, way).stream()
                .filter(point -> point.y() < loss)
                .findFirst()
                .orElseThrow()
                .x();
    }

    @Test
    void whatIsLearnedByHeartIsLostOnWhatIsHeldBack() {
        Example example = Example.OVERFITTING;
        assertThat(last(example, 0, "nothing done")).isLessThan(0.01);
        assertThat(last(example, 1, "nothing done")).isGreaterThan(1.5);
        for (String remedy : List.of("L2", "early stopping")) {
            assertThat(last(example, 1, remedy)).isLessThan(0.6);
        }
        assertThat(last(example, 1, "dropout")).isLessThan(0.8);
    }
}
