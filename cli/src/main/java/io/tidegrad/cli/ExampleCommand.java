package io.tidegrad.cli;

import io.tidegrad.cli.plot.PlotFile;
import io.tidegrad.engine.model.NetworkSpec;
import java.io.IOException;
import java.io.PrintWriter;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.TypeConversionException;

/// Runs a program of one file with only the engine on its class path, as a reader of the docs would.
@Command(name = "example", description = {"Run a program that shows a classic trouble of learning, and what helps.", "",
    "Prints its numbers, or draws them. The programs are in docs/examples, and docs/troubles.md explains them."})
final class ExampleCommand extends OptionsCommand {
    @Parameters(paramLabel = "NAME", converter = ExampleName.class,
            description = "vanishing-gradients, exploding-gradients, plateaus or overfitting.")
    private Example example = Example.VANISHING_GRADIENTS;

    @Option(names = "--plot", paramLabel = "FILE", description = "File for a plot in place of numbers (SVG).")
    private @Nullable Path plot;

    static final class ExampleName implements ITypeConverter<Example> {
        @Override
        public Example convert(String value) {
            return Arrays.stream(Example.values())
                    .filter(example -> example.label().equals(value.toLowerCase(Locale.ROOT))).findFirst()
                    .orElseThrow(() -> new TypeConversionException("expected "
                            + Arrays.stream(Example.values()).map(Example::label).collect(Collectors.joining(", "))
                            + ", found '" + value + "'"));
        }
    }

    @Override
    public Integer call() throws IOException {
        PrintWriter out = out();
        List<String> printed = run();
        if (plot == null) {
            printed.forEach(out::println);
        } else {
            PlotFile.write(plot, Example.plot(printed));
            out.println("drawn: " + plot);
        }
        out.flush();
        return 0;
    }

    private List<String> run() throws IOException {
        Path root =
                Path.of(Objects.requireNonNull(System.getProperty("tidegrad.root"), "the launcher sets tidegrad.root"));
        Path file = root.resolve("docs/examples").resolve(example.file());
        Process process = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--add-modules=jdk.incubator.vector", "-XX:+UseSerialGC", "-cp", engine(), file.toString())
                .redirectError(ProcessBuilder.Redirect.INHERIT).start();
        try (var lines = process.inputReader()) {
            List<String> printed = lines.lines().toList();
            if (process.waitFor() != 0) {
                throw new CommandException(file + " ended with status " + process.exitValue() + ", see above");
            }
            return printed;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CommandException("interrupted while " + file + " ran");
        } finally {
            process.destroyForcibly();
        }
    }

    private static String engine() {
        try {
            return Path.of(NetworkSpec.class.getProtectionDomain().getCodeSource().getLocation().toURI()).toString();
        } catch (URISyntaxException neverOfAFile) {
            throw new IllegalStateException(neverOfAFile);
        }
    }
}
