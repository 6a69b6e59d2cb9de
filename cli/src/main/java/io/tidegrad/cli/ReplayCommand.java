package io.tidegrad.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.model.learn.ProgressiveEvaluation;
import io.tidegrad.trainer.replay.Replay;
import io.tidegrad.trainer.replay.ReplayOptions;
import io.tidegrad.trainer.replay.ReplayResult;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

@Command(
        name = "replay",
        description = {
            "Learn a model again, from its log and its registered spec alone.",
            "",
            "Reads the events topic from where the model began, learns as fast as it goes, and prints the hashes. The"
                    + " trainer prints the same ones for the same offset, or something is broken."
        })
final class ReplayCommand implements Callable<Integer> {
    @Spec private CommandSpec command = CommandSpec.create();

    @Option(
            names = "--bootstrap-servers",
            paramLabel = "HOST:PORT",
            required = true,
            description = "Where Kafka is.")
    private String bootstrapServers = "";

    @Option(
            names = "--registry-url",
            paramLabel = "URL",
            required = true,
            description = "Base of the schema registry's Confluent REST API.")
    private String registryUrl = "";

    @Option(
            names = "--model",
            paramLabel = "NAME",
            required = true,
            description = "A model that a trainer has registered.")
    private String model = "";

    @Option(
            names = "--until",
            paramLabel = "OFFSET",
            description =
                    "Offset of the events topic to stop before (default: the end of the topic at the start).")
    private @Nullable Long until;

    @Option(
            names = "--prefix",
            paramLabel = "PREFIX",
            defaultValue = "tidegrad",
            description = "Of Tidegrad's topics (default: ${DEFAULT-VALUE}).")
    private String prefix = "";

    @Option(
            names = "--kafka",
            paramLabel = "KEY=VALUE",
            description = "A Kafka client setting (TLS, SASL, ...); repeat for more.")
    private Map<String, String> kafka = new LinkedHashMap<>();

    @Option(names = "--json", description = "Print the result as one line of JSON.")
    private boolean json;

    @Option(
            names = {"-h", "--help"},
            usageHelp = true,
            description = "Tells this.")
    private boolean help;

    @Override
    public Integer call() {
        Kernels kernels = Kernels.active();
        ReplayResult result = Replay.run(options(kernels));
        if (json) {
            System.out.println(json(result, kernels));
        } else {
            System.out.print(text(result, kernels));
        }
        System.out.flush();
        return 0;
    }

    private ReplayOptions options(Kernels kernels) {
        try {
            return new ReplayOptions(
                    bootstrapServers,
                    registryUrl,
                    prefix,
                    model,
                    until == null ? ReplayOptions.TO_END : until,
                    kernels,
                    kafka);
        } catch (IllegalArgumentException e) {
            throw new ParameterException(command.commandLine(), String.valueOf(e.getMessage()), e);
        }
    }

    private String text(ReplayResult result, Kernels kernels) {
        double seconds = result.nanos() * 1e-9;
        return String.format(
                Locale.ROOT,
                """
                model         %s, replayed to offset %,d with kernels %s
                events        %,d = %,d learned + %,d pending + %,d dead letters
                version       %,d
                log loss      %.4f, running prior %.4f
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
                result.evaluation().logLoss(),
                result.evaluation().priorLogLoss(),
                result.weightsHash(),
                result.stateHash(),
                seconds,
                result.events() / seconds);
    }

    private String json(ReplayResult result, Kernels kernels) {
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
