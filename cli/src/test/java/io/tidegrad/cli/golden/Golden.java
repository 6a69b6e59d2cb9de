package io.tidegrad.cli.golden;

import io.tidegrad.engine.kernel.Kernels;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.regex.PatternSyntaxException;
import java.util.stream.Stream;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.ExitCode;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/// `./tidegrad golden`: the launcher runs this source file, and with it the classes of this folder, on the class path of
/// the product, which it is no part of.
@Command(name = "tidegrad golden", description = {"Compare the engine with numbers from outside.", "",
    "Runs every case file (*.json) of a folder, in the order of names, through the engine that learns and serves,"
            + " and compares everything that the case expects: outputs, losses, gradients, weights after steps.",
    "Prints a line for each case that fails (FAIL name: what, got, want, where) or that the engine can't express"
            + " yet (SKIP name: what), then how many passed, failed and were skipped. The status is 0 only if none"
            + " failed."})
public final class Golden implements Callable<Integer> {
    private static final String SUFFIX = ".json";

    @Spec
    private CommandSpec command = CommandSpec.create();

    @Parameters(paramLabel = "DIR", description = "The folder with the case files.")
    private Path directory = Path.of("");

    @Option(names = "--filter", paramLabel = "GLOB", defaultValue = "*",
            description = "Only cases whose name matches, such as 'optimizer_*' (default: all).")
    private String filter = "*";

    @Option(names = {"-h", "--help"}, usageHelp = true, description = "Tells this.")
    private boolean help;

    private Golden() {}

    public static void main(String[] arguments) {
        // Libraries bring logging configurations of their own, and an exit is logged.
        System.getProperties().putIfAbsent("logback.configurationFile", "io/tidegrad/cli/once.xml");
        System.exit(commandLine().execute(arguments));
    }

    static CommandLine commandLine() {
        return new CommandLine(new Golden()).setParameterExceptionHandler((e, arguments) -> {
            e.getCommandLine().getErr()
                    .println("tidegrad: " + e.getMessage() + " (tidegrad golden --help tells what there is)");
            return ExitCode.USAGE;
        }).setExpandAtFiles(false).setUsageHelpAutoWidth(true);
    }

    @Override
    public Integer call() {
        try {
            return run(files());
        } catch (GoldenException e) {
            throw new ParameterException(command.commandLine(), String.valueOf(e.getMessage()), e);
        }
    }

    private int run(List<Path> files) {
        PrintWriter out = command.commandLine().getOut();
        Kernels kernels = Kernels.active();
        int passed = 0;
        int failed = 0;
        int skipped = 0;
        for (Path file : files) {
            switch (GoldenCase.run(file, kernels)) {
                case Outcome.Passed() -> passed++;
                case Outcome.Failed(String difference) -> {
                    failed++;
                    out.println("FAIL " + name(file) + ": " + difference);
                }
                case Outcome.Skipped(String reason) -> {
                    skipped++;
                    out.println("SKIP " + name(file) + ": " + reason);
                }
            }
        }
        out.println(passed + " passed, " + failed + " failed, " + skipped + " skipped");
        out.flush();
        return failed == 0 ? ExitCode.OK : ExitCode.SOFTWARE;
    }

    private List<Path> files() {
        PathMatcher matcher = matcher();
        List<Path> files;
        try (Stream<Path> all = Files.list(directory)) {
            files = all.filter(file -> file.getFileName().toString().endsWith(SUFFIX))
                    .filter(file -> matcher.matches(Path.of(name(file)))).sorted(Comparator.comparing(Golden::name))
                    .toList();
        } catch (IOException e) {
            throw new ParameterException(command.commandLine(),
                    "DIR: expected a folder of case files, found " + directory + ", which can't be listed", e);
        }
        if (files.isEmpty()) {
            throw new ParameterException(command.commandLine(),
                    "expected case files (" + filter + SUFFIX + ") in " + directory + ", found none");
        }
        return files;
    }

    private PathMatcher matcher() {
        try {
            return FileSystems.getDefault().getPathMatcher("glob:" + filter);
        } catch (PatternSyntaxException e) {
            throw new ParameterException(command.commandLine(),
                    "--filter: expected a glob like 'layer_*', found '" + filter + "'", e);
        }
    }

    private static String name(Path file) {
        String name = file.getFileName().toString();
        return name.substring(0, name.length() - SUFFIX.length());
    }
}
