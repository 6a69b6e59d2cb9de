package io.tidegrad.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.model.learn.ProgressiveEvaluation;
import io.tidegrad.schemas.settings.Setting;
import io.tidegrad.schemas.settings.Settings;
import io.tidegrad.trainer.replay.Replay;
import io.tidegrad.trainer.replay.ReplayOptions;
import io.tidegrad.trainer.replay.ReplayResult;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;
import picocli.CommandLine.Unmatched;

/// Hands all arguments over to [Settings], as trainer and scorer do.
@Command(
        name = "replay",
        description = "Learn a model again, from its log and its registered spec alone.")
final class ReplayCommand implements Callable<Integer> {
    @Spec private CommandSpec command = CommandSpec.create();

    @Unmatched private List<String> arguments = new ArrayList<>();

    @Override
    public Integer call() {
        PrintWriter out = command.commandLine().getOut();
        if (arguments.contains("--help") || arguments.contains("-h")) {
            out.print(io.tidegrad.schemas.settings.Command.REPLAY.help());
            out.flush();
            return 0;
        }
        Settings settings =
                Settings.read(
                        io.tidegrad.schemas.settings.Command.REPLAY, arguments, System.getenv());
        Kernels kernels = Kernels.active();
        ReplayOptions options = ReplayOptions.of(settings, kernels);
        ReplayResult result = Replay.run(options);
        out.print(
                settings.flag(Setting.JSON)
                        ? json(options.model(), result, kernels) + System.lineSeparator()
                        : text(options.model(), result, kernels));
        out.flush();
        return 0;
    }

    private static String text(String model, ReplayResult result, Kernels kernels) {
        double seconds = result.nanos() * 1e-9;
        ProgressiveEvaluation evaluation = result.evaluation();
        return String.format(
                Locale.ROOT,
                """
                model         %s, replayed to offset %,d with kernels %s
                events        %,d = %,d learned + %,d pending + %,d dead letters
                version       %,d
                %-13s %.4f, running prior %.4f
                weights-hash  %s
                state-hash    %s
                took          %.1f s, %,.0f events/s
                """,
                model,
                result.nextOffset(),
                kernels.name(),
                result.events(),
                result.learned(),
                result.pending(),
                result.deadLetters(),
                result.version(),
                evaluation.classifies() ? "log loss" : "squared error",
                evaluation.classifies() ? evaluation.logLoss() : evaluation.meanSquaredError(),
                evaluation.classifies()
                        ? evaluation.priorLogLoss()
                        : evaluation.priorMeanSquaredError(),
                result.weightsHash(),
                result.stateHash(),
                seconds,
                result.events() / seconds);
    }

    private static String json(String model, ReplayResult result, Kernels kernels) {
        ProgressiveEvaluation evaluation = result.evaluation();
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("model", model);
        line.put("kernels", kernels.name());
        line.put("next_offset", result.nextOffset());
        line.put("events", result.events());
        line.put("learned", result.learned());
        line.put("pending", result.pending());
        line.put("dead_letters", result.deadLetters());
        line.put("version", result.version());
        line.put("accuracy", number(evaluation.accuracy()));
        line.put("log_loss", number(evaluation.logLoss()));
        line.put("prior_log_loss", number(evaluation.priorLogLoss()));
        line.put("auc", number(evaluation.auc()));
        line.put("mean_squared_error", number(evaluation.meanSquaredError()));
        line.put("prior_mean_squared_error", number(evaluation.priorMeanSquaredError()));
        line.put("mean_absolute_error", number(evaluation.meanAbsoluteError()));
        line.put("weights_hash", result.weightsHash());
        line.put("state_hash", result.stateHash());
        line.put("seconds", result.nanos() * 1e-9);
        try {
            return new ObjectMapper().writeValueAsString(line);
        } catch (JsonProcessingException numbersAndTextsAlwaysWork) {
            throw new IllegalStateException(numbersAndTextsAlwaysWork);
        }
    }

    /// JSON has no NaN.
    private static @Nullable Double number(double value) {
        return Double.isFinite(value) ? value : null;
    }
}
