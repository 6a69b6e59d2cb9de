package io.tidegrad.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.tidegrad.ops.settings.Command;
import io.tidegrad.ops.settings.CommonSettings;
import io.tidegrad.ops.settings.Settings;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;
import picocli.CommandLine.Unmatched;

/// A command that hands all arguments over to [Settings], as trainer and scorer do, and is about one model.
abstract class SettingsCall implements Callable<Integer> {
    @Spec
    private CommandSpec command = CommandSpec.create();

    @Unmatched
    private List<String> arguments = new ArrayList<>();

    private final Command settingsOf;

    SettingsCall(Command settingsOf) {
        this.settingsOf = settingsOf;
    }

    /// @param settings read, not yet refused: a command adds what only it can know
    /// @return exit status
    abstract int run(Settings settings, PrintWriter out);

    @Override
    public Integer call() {
        PrintWriter out = command.commandLine().getOut();
        if (arguments.contains("--help") || arguments.contains("-h")) {
            out.print(settingsOf.help());
            out.flush();
            return 0;
        }
        Settings settings = Settings.read(settingsOf, CliCommands.ALL, given(), System.getenv());
        List<String> models = settings.list(CommonSettings.MODEL);
        if (models.size() > 1 && settingsOf != CliCommands.MODELS_LIST) {
            settings.problem("--model: expected one, found " + String.join(", ", models));
        }
        int status = run(settings, out);
        out.flush();
        return status;
    }

    private List<String> given() {
        if (!settingsOf.takesFirst(CommonSettings.MODEL) || arguments.isEmpty()
                || arguments.getFirst().startsWith("-")) {
            return arguments;
        }
        List<String> given = new ArrayList<>(arguments);
        given.addFirst("--" + CommonSettings.MODEL.key());
        return given;
    }

    /// Where progress goes: apart from the result, and nowhere when that is for a program.
    ProgressLine progress(Settings settings) {
        return settings.flag(CliSettings.JSON) ? ProgressLine.NONE
                : ProgressLine.on(command.commandLine().getErr(), System.getenv());
    }

    static String model(Settings settings) {
        return settings.list(CommonSettings.MODEL).getFirst();
    }

    static String json(Map<String, ?> line) {
        try {
            return new ObjectMapper().writeValueAsString(line) + System.lineSeparator();
        } catch (JsonProcessingException numbersAndTextsAlwaysWork) {
            throw new IllegalStateException(numbersAndTextsAlwaysWork);
        }
    }

    /// JSON has no NaN.
    static @Nullable Double number(double value) {
        return Double.isFinite(value) ? value : null;
    }
}
