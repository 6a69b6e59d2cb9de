package io.tidegrad.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.cli.plot.Panel;
import io.tidegrad.cli.plot.Plot;
import io.tidegrad.proof.LongProof;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// The programs of `docs/examples` are compiled and run, show what `docs/troubles.md` says of them, and their committed
/// plots are theirs: they learn the same bits on every machine.
class ExamplesTest {
    private static final Path DOCS = Path.of(System.getProperty("tidegrad.root"), "docs");
    private static final String SUPERSCRIPT = "⁰¹²³⁴⁵⁶⁷⁸⁹";
    private static final Map<Example, Plot> PLOTS = new EnumMap<>(Example.class);

    private static Plot plot(Example example) {
        return PLOTS.computeIfAbsent(example, none -> {
            StringWriter out = new StringWriter();
            int status = Tidegrad.commandLine().setOut(new PrintWriter(out, true)).execute("example", example.label());
            assertThat(status).isZero();
            return Example.plot(out.toString().lines().toList());
        });
    }

    private static List<Panel.Point> line(Example example, int panel, String name) {
        return plot(example).panels().get(panel).lines().stream().filter(line -> line.name().equals(name)).findFirst()
                .orElseThrow().points();
    }

    private static double first(Example example, int panel, String name) {
        return line(example, panel, name).getFirst().y();
    }

    private static double last(Example example, int panel, String name) {
        return line(example, panel, name).getLast().y();
    }

    @LongProof("runs of all example programs")
    @ParameterizedTest
    @EnumSource
    void theCommittedPlotIsWhatTheProgramPrints(Example example) throws IOException {
        assertThat(plot(example).svg())
                .as("draw it again: ./tidegrad example %1$s --plot docs/plots/%1$s.svg", example.label())
                .isEqualTo(Files.readString(DOCS.resolve("plots/" + example.label() + ".svg")));
    }

    @ParameterizedTest
    @EnumSource
    void thePageShowsThePlotAndTheCommand(Example example) throws IOException {
        assertThat(Files.readString(DOCS.resolve("troubles.md"))).contains("(plots/" + example.label() + ".svg)")
                .contains("(examples/" + example.file() + ")").contains("./tidegrad example " + example.label());
    }

    /// Its lines joined: a sentence may be broken anywhere.
    private static String page() throws IOException {
        return Files.readString(DOCS.resolve("troubles.md")).replaceAll("\\s+", " ");
    }

    private static String said(String format, Object... numbers) {
        return String.format(Locale.ROOT, format, numbers);
    }

    /// 4·10⁻²
    private static String power(double number) {
        return said("%.0e", number).replaceFirst("e([-+])0?", "·10$1").replace("+", "").replaceFirst("^1·", "")
                .replace("10-", "10⁻").transform(text -> {
                    int at = text.indexOf("10") + 2;
                    return text.substring(0, at) + text.substring(at).chars()
                            .mapToObj(c -> c == '⁻' ? "⁻" : SUPERSCRIPT.substring(c - '0', c - '0' + 1))
                            .collect(Collectors.joining());
                });
    }

    @Test
    void thePageTellsTheNumbersOfVanishingGradients() throws IOException {
        Example example = Example.VANISHING_GRADIENTS;
        List<String> remedies = List.of("relu + He", "residual sigmoid", "sigmoid + layer norm");
        assertThat(page())
                .contains(
                        said("%s becomes %s", power(last(example, 0, "sigmoid")), power(first(example, 0, "sigmoid"))))
                .contains(said("is between %.1f and %.0f, and after 2,000 steps the loss is %.2f, %.2f and %.2f.",
                        least(remedies.stream().map(name -> first(example, 0, name))),
                        most(remedies.stream().map(name -> first(example, 0, name))), last(example, 1, "relu + He"),
                        last(example, 1, "residual sigmoid"), last(example, 1, "sigmoid + layer norm")))
                .contains(said("its loss begins at %.1f", first(example, 1, "residual sigmoid")))
                .contains(said("The relu's loss rises to %.1f", most(ys(example, 1, "relu + He"))));
    }

    @LongProof("networks that are trained")
    @Test
    void thePageTellsTheNumbersOfExplodingGradients() throws IOException {
        Example example = Example.EXPLODING_GRADIENTS;
        String clipped = "clipped to norm 1";
        double top = Math.pow(10, Math.floor(Math.log10(most(ys(example, 0, "no clipping")))));
        assertThat(page())
                .contains(said("the loss climbs to %s and after %.0f steps it is no longer finite", power(top),
                        line(example, 0, "no clipping").getLast().x()))
                .contains(said("a loss of %.2f after 2,000 steps", last(example, 0, clipped)))
                .contains(said("%.0f to %.0f times as long as allowed", least(ys(example, 1, clipped)),
                        most(ys(example, 1, clipped))));
    }

    @LongProof("a long example")
    @Test
    void thePageTellsTheNumbersOfPlateaus() throws IOException {
        assertThat(page())
                .contains(said(
                        "needs %,.0f steps to get below a loss of 0.5. Momentum adds up what the steps have in"
                                + " common and takes %.0f. Ten times the rate is as quick",
                        stepBelow("SGD", 0.5), stepBelow("SGD with momentum", 0.5)))
                .contains(
                        said("%.2f above the least loss there can be", last(Example.PLATEAUS, 1, "SGD with momentum")))
                .contains(said("that settle, %.3f above it", last(Example.PLATEAUS, 1, "rate x 10 + restarts")));
        assertThat(stepBelow("SGD rate x 10", 0.5)).isEqualTo(stepBelow("SGD with momentum", 0.5));
        assertThat(said("%.2f", last(Example.PLATEAUS, 1, "SGD rate x 10"))).isEqualTo("0.01");
    }

    @LongProof("a long example")
    @Test
    void thePageTellsTheNumbersOfOverfitting() throws IOException {
        Example example = Example.OVERFITTING;
        double stopped = last(example, 1, "early stopping");
        assertThat(page())
                .contains(said("after 100 passes the loss on them is %.3f, and %.1f on events that were held back",
                        last(example, 0, "nothing done"), last(example, 1, "nothing done")))
                .contains(said("and ends at %.2f; dropout", last(example, 1, "L2")))
                .contains(said("reaches %.2f at pass %.0f, so", leastOf(example, 1, "dropout").y(),
                        leastOf(example, 1, "dropout").x()))
                .contains(said("the second, and ends at %.2f as well", stopped));
        assertThat(leastOf(example, 1, "nothing done").x()).isEqualTo(2);
        assertThat(stopped).isEqualTo(leastOf(example, 1, "nothing done").y());
    }

    private static Stream<Double> ys(Example example, int panel, String name) {
        return line(example, panel, name).stream().map(Panel.Point::y);
    }

    private static double least(Stream<Double> values) {
        return values.min(Comparator.naturalOrder()).orElseThrow();
    }

    private static double most(Stream<Double> values) {
        return values.max(Comparator.naturalOrder()).orElseThrow();
    }

    private static Panel.Point leastOf(Example example, int panel, String name) {
        return line(example, panel, name).stream().min(Comparator.comparingDouble(Panel.Point::y)).orElseThrow();
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

    @LongProof("a long example")
    @Test
    void withoutClippingTheLossGrowsUntilNothingIsFinite() {
        Example example = Example.EXPLODING_GRADIENTS;
        assertThat(line(example, 0, "no clipping").getLast().x()).isLessThan(500);
        assertThat(last(example, 0, "no clipping")).isGreaterThan(1e20);
        assertThat(line(example, 0, "clipped to norm 1").getLast().x()).isEqualTo(2_000);
        assertThat(last(example, 0, "clipped to norm 1")).isLessThan(0.3);
        assertThat(line(example, 1, "clipped to norm 1").stream().mapToDouble(Panel.Point::y).max().orElseThrow())
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
        return line(Example.PLATEAUS, 0, way).stream().filter(point -> point.y() < loss).findFirst().orElseThrow().x();
    }

    @LongProof("a network that is trained to overfit")
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
