package io.tidegrad.cli;

import io.tidegrad.cli.example.ExampleException;
import io.tidegrad.cli.plot.PlotException;
import io.tidegrad.cli.quickstart.QuickstartException;
import io.tidegrad.control.ControlException;
import io.tidegrad.exchange.NotExpressibleException;
import io.tidegrad.loadtests.LoadTestException;
import io.tidegrad.localstack.LocalStackException;
import io.tidegrad.localstack.streams.DamagedStreamException;
import io.tidegrad.ops.settings.SettingsException;
import io.tidegrad.schemas.KafkaTime;
import io.tidegrad.scorer.SnapshotNotFoundException;
import io.tidegrad.trainer.exit.TrainerException;
import java.io.PrintWriter;
import java.util.List;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/// The one command.
@Command(name = "tidegrad", description = "A model that never stops learning, on the JVM and Kafka.",
        versionProvider = Version.class,
        subcommands = {QuickstartCommand.class, LocalStackCommand.class, TrainerCommand.class, ScorerCommand.class,
            ReplayCommand.class, SpecCommand.class, VerifyCommand.class, ModelsCommand.class, SnapshotsCommand.class,
            ExportCommand.class, LrFindCommand.class, ExampleCommand.class, BenchCommand.class, LoadtestCommand.class,
            ChaosCommand.class, RehearseCommand.class},
        commandListHeading = "%nCommands:%n",
        footer = {"", "tidegrad COMMAND --help tells more. ./tidegrad test runs the quick tests, ./tidegrad test",
            "--all runs all, ./tidegrad build builds and rehearses a start, and ./tidegrad golden",
            "compares the engine with PyTorch's numbers: these are the launcher's."})
public final class Tidegrad implements Runnable {
    static final int FAILED = 1;
    static final int USAGE = SettingsException.STATUS;

    @Spec
    private CommandSpec command = CommandSpec.create();

    @CommandLine.Option(names = {"-h", "--help"}, usageHelp = true, description = "Tells what there is.")
    private boolean help;

    @CommandLine.Option(names = "--version", versionHelp = true,
            description = "Tells the version, the JVM and the kernels in use.")
    private boolean version;

    private Tidegrad() {}

    public static void main(String[] arguments) {
        // Libraries bring logging configurations of their own, so ours is named and not looked for.
        System.getProperties().putIfAbsent("logback.configurationFile", "io/tidegrad/cli/" + log(arguments));
        KafkaTime.install();
        System.exit(commandLine().execute(arguments));
    }

    /// Its logging configuration.
    static String log(String... arguments) {
        String word = arguments.length == 0 ? "" : arguments[0];
        boolean goesLive = word.equals("replay")
                && List.of(arguments).stream().anyMatch(each -> each.equals("live") || each.endsWith("=live"));
        return switch (word) {
            case "quickstart" -> "quickstart/logback.xml";
            case "replay", "spec", "verify", "models", "snapshots", "export", "lr-find", "example" ->
                goesLive ? "logback.xml" : "once.xml";
            default -> "logback.xml";
        };
    }

    static CommandLine commandLine() {
        return new CommandLine(new Tidegrad()).setParameterExceptionHandler(Tidegrad::wrongUsage)
                .setExecutionExceptionHandler((e, commandLine, parsed) -> failed(e, commandLine.getErr()))
                .setExpandAtFiles(false).setUsageHelpAutoWidth(true);
    }

    @Override
    public void run() {
        throw new ParameterException(command.commandLine(), "a command is missing");
    }

    private static int wrongUsage(ParameterException e, String[] arguments) {
        CommandLine commandLine = e.getCommandLine();
        String name = commandLine.getCommandSpec().qualifiedName();
        commandLine.getErr().println("tidegrad: " + e.getMessage() + " (" + name + " --help tells what there is)");
        return USAGE;
    }

    /// A message says all when the cause lies outside the program; else it is a defect, and the trace belongs to it.
    private static int failed(Exception thrown, PrintWriter err) {
        Exception e = thrown instanceof ControlException refusal ? TrainerException.of(refusal) : thrown;
        switch (e) {
            case PlotException known -> err.println("tidegrad: " + known.getMessage());
            case ExampleException known -> err.println("tidegrad: " + known.getMessage());
            case QuickstartException known -> err.println("tidegrad: " + known.getMessage());
            case LoadTestException known -> err.println("tidegrad: " + known.getMessage());
            case ExportException known -> err.println("tidegrad: " + known.getMessage());
            case SnapshotNotFoundException known -> err.println("tidegrad: " + known.getMessage());
            case NotExpressibleException known -> err.println("tidegrad: " + known.getMessage());
            case LocalStackException known -> err.println("tidegrad: " + known.getMessage());
            case DamagedStreamException known -> err.println("tidegrad: " + known.getMessage());
            case SettingsException known -> {
                err.println(known.getMessage());
                return USAGE;
            }
            case TrainerException known -> {
                err.println("tidegrad: " + known.getMessage());
                return known.exitCode().status();
            }
            default -> {
                err.println("tidegrad: a defect of Tidegrad; please report it with these lines");
                e.printStackTrace(err);
            }
        }
        return FAILED;
    }
}
