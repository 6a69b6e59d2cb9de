package io.tidegrad.cli;

import io.tidegrad.ops.settings.Command;
import io.tidegrad.ops.settings.CommonSettings;
import io.tidegrad.ops.settings.Setting;
import io.tidegrad.ops.settings.Settings;
import io.tidegrad.process.StopException;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.concurrent.Callable;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.apache.kafka.common.KafkaException;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;
import picocli.CommandLine.Unmatched;

/// A command whose arguments picocli does not parse, because its settings may also come from the environment and a file.
final class SettingsCommand implements Callable<Integer> {
    /// What the command does with its arguments.
    @FunctionalInterface
    interface Program {
        /// Returns the exit status.
        int run(List<String> arguments, CommandLine line);
    }

    /// What the command does with its settings.
    @FunctionalInterface
    interface Action {
        /// Returns the exit status.
        ///
        /// @param settings settings that have been read, but whose mistakes have not been refused yet, so that the
        ///     action can add its own
        int run(Settings settings, CommandLine line);
    }

    private static final Duration SHORT_WAIT = Duration.ofSeconds(2);

    private final Program program;

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Unmatched
    private List<String> arguments = new ArrayList<>();

    private SettingsCommand(Program program) {
        this.program = program;
    }

    /// Returns the command of a program that reads its settings itself.
    static CommandLine of(Command command, Program program) {
        CommandLine line = new CommandLine(new SettingsCommand(program));
        String purpose = command.purpose();
        line.getCommandSpec().name(command.word().substring(command.word().lastIndexOf(' ') + 1)).usageMessage()
                .description(Character.toUpperCase(purpose.charAt(0)) + purpose.substring(1) + ".");
        return line;
    }

    /// Returns the command that reads its settings and then does `action`.
    static CommandLine reading(Command command, Action action) {
        return of(command, (arguments, line) -> {
            if (arguments.contains("--help") || arguments.contains("-h")) {
                line.getOut().print(command.help());
                return 0;
            }
            Settings settings = Settings.read(command, CliSettings.ALL, withName(command, arguments), System.getenv());
            for (Setting single : List.of(CommonSettings.MODEL, CommonSettings.STREAM, CommonSettings.SPEC)) {
                if (settings.list(single).size() > 1 && command != CliSettings.BACKTEST
                        && command != CliSettings.MODELS_LIST && command != CliSettings.STREAMS_LIST) {
                    settings.problem(
                            "--" + single.key() + ": expected one, found " + String.join(", ", settings.list(single)));
                }
            }
            try {
                return action.run(settings, line);
            } catch (KafkaException e) {
                throw StopException.from(e);
            }
        });
    }

    @Override
    public Integer call() {
        int status = program.run(arguments, spec.commandLine());
        spec.commandLine().getOut().flush();
        return status;
    }

    /// Returns the arguments with `--model` or `--stream` before the name, if the command accepts the name alone.
    private static List<String> withName(Command command, List<String> arguments) {
        if (arguments.isEmpty() || arguments.getFirst().startsWith("-")) {
            return arguments;
        }
        List<String> named = new ArrayList<>(arguments);
        Stream.of(CommonSettings.MODEL, CommonSettings.STREAM).filter(command::takesFirst)
                .forEach(first -> named.addFirst("--" + first.key()));
        return named;
    }

    /// Returns a progress line on standard error; with `--json` one that shows nothing.
    static ProgressLine progress(Settings settings, CommandLine line) {
        return settings.flag(CliSettings.JSON) ? ProgressLine.NONE : ProgressLine.on(line.getErr(), System.getenv());
    }

    /// Waits for what a decision brings about. A wait that lasts is told on standard error, but not with `--json`.
    ///
    /// @param timeout of the wait
    static <T> T waiting(Settings settings, PrintWriter err, Duration timeout, String what, Supplier<T> wait) {
        if (settings.flag(CliSettings.JSON)) {
            return wait.get();
        }
        Thread telling = Thread.ofVirtual().start(() -> {
            try {
                Thread.sleep(SHORT_WAIT);
                err.printf("decided; waiting up to %d s for %s (--timeout 0 does not wait)%n", timeout.toSeconds(),
                        what);
                err.flush();
            } catch (InterruptedException e) {
                // There is nothing to tell: the wait is over.
            }
        });
        try {
            return wait.get();
        } finally {
            telling.interrupt();
        }
    }

    static String stream(Settings settings) {
        return settings.list(CommonSettings.STREAM).getFirst();
    }

    static OptionalInt epoch(Settings settings) {
        OptionalLong given = settings.numberIfGiven(CliSettings.EPOCH);
        return given.isPresent() ? OptionalInt.of((int) given.getAsLong()) : OptionalInt.empty();
    }

    static String model(Settings settings) {
        return settings.list(CommonSettings.MODEL).getFirst();
    }
}
