package io.tidegrad.cli;

import io.tidegrad.console.ConsoleMain;
import io.tidegrad.console.ConsoleSettings;
import io.tidegrad.control.ControlException;
import io.tidegrad.exchange.NotExpressibleException;
import io.tidegrad.joiner.app.JoinerMain;
import io.tidegrad.joiner.app.JoinerSettings;
import io.tidegrad.loadtests.LoadTestException;
import io.tidegrad.localstack.LocalStackException;
import io.tidegrad.localstack.streams.DamagedStreamException;
import io.tidegrad.ops.settings.Commands;
import io.tidegrad.ops.settings.SettingsException;
import io.tidegrad.process.StopException;
import io.tidegrad.schemas.KafkaTime;
import io.tidegrad.scorer.SnapshotNotFoundException;
import io.tidegrad.scorerapp.ScorerMain;
import io.tidegrad.scorerapp.ScorerSettings;
import io.tidegrad.trainer.TrainerMain;
import java.io.PrintWriter;
import java.util.List;
import java.util.function.BiConsumer;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/// The command `tidegrad`, whose subcommands are all others.
@Command(name = "tidegrad", description = "A model that never stops learning, on the JVM and Kafka.",
        versionProvider = Version.class, commandListHeading = "%nCommands:%n",
        footer = {"",
            "tidegrad COMMAND --help describes a command. The launcher has some of its own: ./tidegrad test runs",
            "the quick tests, ./tidegrad test --all runs all of them, ./tidegrad build builds and rehearses a",
            "start, ./tidegrad package makes an archive and a Maven repository, and ./tidegrad golden compares the",
            "engine with PyTorch's numbers."})
public final class Tidegrad implements Runnable {
    static final int FAILED = 1;
    static final int USAGE = SettingsException.STATUS;

    private static final List<Class<? extends RuntimeException>> FORESEEN =
            List.of(CommandException.class, LoadTestException.class, SnapshotNotFoundException.class,
                    NotExpressibleException.class, LocalStackException.class, DamagedStreamException.class);

    @Spec
    private CommandSpec command = CommandSpec.create();

    @CommandLine.Option(names = {"-h", "--help"}, usageHelp = true, description = "Show the commands.")
    private boolean help;

    @CommandLine.Option(names = "--version", versionHelp = true,
            description = "Show the version, the JVM and the kernels in use.")
    private boolean version;

    private Tidegrad() {}

    public static void main(String[] arguments) {
        // Libraries bring logging configurations of their own, so ours is named and not looked for.
        System.getProperties().putIfAbsent("logback.configurationFile", "io/tidegrad/cli/" + log(arguments));
        KafkaTime.install();
        System.exit(commandLine().execute(arguments));
    }

    /// Returns the logging configuration for a command.
    static String log(String... arguments) {
        String word = arguments.length == 0 ? "" : arguments[0];
        boolean goesLive = word.equals("replay")
                && List.of(arguments).stream().anyMatch(each -> each.equals("live") || each.endsWith("=live"));
        return switch (word) {
            case "quickstart" -> "quickstart/logback.xml";
            case "replay", "spec", "verify", "models", "streams", "snapshots", "export", "lr-find", "backtest",
                    "example" ->
                goesLive ? "logback.xml" : "once.xml";
            default -> "logback.xml";
        };
    }

    static CommandLine commandLine() {
        return new CommandLine(new Tidegrad()).addSubcommand(new QuickstartCommand())
                .addSubcommand(new LocalStackCommand()).addSubcommand(new ProduceCommand())
                .addSubcommand(program(CliSettings.TRAINER,
                        (given, known) -> TrainerMain.start(given, CliSettings.TRAINER, known,
                                TrainerWithJoiner::start)))
                .addSubcommand(program(JoinerSettings.JOINER, JoinerMain::start))
                .addSubcommand(program(ScorerSettings.SCORER, ScorerMain::start))
                .addSubcommand(program(ConsoleSettings.CONSOLE,
                        (given, known) -> ConsoleMain.start(given, known, Snapshots::onThePage)))
                .addSubcommand(SettingsCommand.reading(CliSettings.REPLAY, ReplayCommand::run))
                .addSubcommand(SpecCommand.group())
                .addSubcommand(SettingsCommand.reading(CliSettings.VERIFY, VerifyCommand::run))
                .addSubcommand(ModelDecision.group()).addSubcommand(StreamsCommand.group())
                .addSubcommand(SnapshotsCommand.group())
                .addSubcommand(SettingsCommand.reading(CliSettings.EXPORT, ExportCommand::run))
                .addSubcommand(SettingsCommand.reading(CliSettings.LR_FIND, LrFindCommand::run))
                .addSubcommand(SettingsCommand.reading(CliSettings.BACKTEST, BacktestCommand::run))
                .addSubcommand(new ExampleCommand()).addSubcommand(new BenchCommand())
                .addSubcommand(LoadtestCommand.group()).addSubcommand(new ChaosCommand())
                .addSubcommand(new RehearseCommand()).setParameterExceptionHandler(Tidegrad::wrongUsage)
                .setExecutionExceptionHandler((e, commandLine, parsed) -> failed(e, commandLine.getErr()))
                .setExpandAtFiles(false).setUsageHelpAutoWidth(true);
    }

    private static CommandLine program(io.tidegrad.ops.settings.Command command,
            BiConsumer<List<String>, Commands> main) {
        return SettingsCommand.of(command, (arguments, line) -> {
            main.accept(arguments, CliSettings.ALL);
            return 0;
        });
    }

    @Override
    public void run() {
        throw new ParameterException(command.commandLine(), "a command is missing");
    }

    private static int wrongUsage(ParameterException e, String[] arguments) {
        CommandLine commandLine = e.getCommandLine();
        String name = commandLine.getCommandSpec().qualifiedName();
        commandLine.getErr().println("tidegrad: " + e.getMessage() + " (" + name + " --help describes the command)");
        return USAGE;
    }

    /// Prints the message alone if the cause lies outside the program. Anything else is a defect, whose stack trace is
    /// needed to repair it.
    private static int failed(Exception thrown, PrintWriter err) {
        Exception e = thrown instanceof ControlException refusal ? StopException.of(refusal) : thrown;
        if (e instanceof SettingsException) {
            err.println(e.getMessage());
            return USAGE;
        }
        if (e instanceof StopException known) {
            err.println("tidegrad: " + known.getMessage());
            return known.exitCode().status();
        }
        if (FORESEEN.stream().anyMatch(type -> type.isInstance(e))) {
            err.println("tidegrad: " + e.getMessage());
        } else {
            err.println("tidegrad: a defect of Tidegrad; please report it with these lines");
            e.printStackTrace(err);
        }
        return FAILED;
    }
}
