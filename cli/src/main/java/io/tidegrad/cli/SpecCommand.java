package io.tidegrad.cli;

import io.tidegrad.control.SpecFile;
import io.tidegrad.model.learn.LearningMemory;
import io.tidegrad.model.spec.LayerOutline;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.trainer.Room;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;

@Command(name = "spec", description = {"Check a model spec, without Kafka.", "",
    "Prints the network layer by layer (place in the spec, layer, shape of its output for a row, number of weights), the"
            + " heap that learning and scoring need, and the fingerprint. If the spec is invalid or needs more heap than"
            + " this JVM may use, every mistake is reported with its line, and the exit status is 2."})
final class SpecCommand extends OptionsCommand {
    @Parameters(paramLabel = "FILE", arity = "0..1", description = "YAML file of the spec.")
    private @Nullable Path file;

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    static CommandLine group() {
        return new CommandLine(new SpecCommand())
                .addSubcommand(SettingsCommand.reading(CliSettings.SPEC_SUGGEST, SpecSuggestCommand::run))
                .addSubcommand(SettingsCommand.reading(CliSettings.SPEC_CHECK, SpecCheckCommand::run));
    }

    @Override
    public Integer call() {
        Path given = file;
        if (given == null) {
            throw new ParameterException(spec().commandLine(), "Missing required parameter: 'FILE'");
        }
        ModelSpec spec = SpecFile.read(given);
        if (spec.isOpen()) {
            throw new CommandException(given + ": expected a list of features, found features: auto, which is made of"
                    + " events; spec suggest and spec check show which");
        }
        LearningMemory memory = LearningMemory.of(spec);
        PrintWriter out = out();
        out.print(json ? json(spec, memory) : text(spec, memory));
        out.flush();
        Room.require(List.of(spec), Runtime.getRuntime().maxMemory());
        return 0;
    }

    private static String text(ModelSpec spec, LearningMemory memory) {
        List<LayerOutline> outline = spec.outline();
        int places = width(outline.stream().map(LayerOutline::place).toList());
        int layers = Math.min(60, width(outline.stream().map(LayerOutline::layer).toList()));
        String line = "  %-" + places + "s  %-" + layers + "s  %-20s %,14d%n";
        StringBuilder text = new StringBuilder();
        text.append(String.format(Locale.ROOT, "model %s%n%n", spec.model()));
        text.append(String.format(Locale.ROOT, "  %-" + places + "s  %-" + layers + "s  %-20s %14s%n", "", "layer",
                "output", "weights"));
        for (LayerOutline layer : outline) {
            text.append(
                    String.format(Locale.ROOT, line, layer.place(), layer.layer(), layer.output(), layer.weights()));
        }
        text.append(String.format(Locale.ROOT,
                "%nweights      %,d%nheap         %s%na scorer     %s%nfingerprint  %s%n", weights(spec), memory.text(),
                LearningMemory.text(memory.scoring().total()), fingerprint(spec)));
        return text.toString();
    }

    private static int width(List<String> texts) {
        return texts.stream().mapToInt(String::length).max().orElse(1);
    }

    private static long weights(ModelSpec spec) {
        return io.tidegrad.engine.model.Plan.of(spec.network()).weights();
    }

    private static String fingerprint(ModelSpec spec) {
        return HexFormat.of().formatHex(spec.fingerprint());
    }

    private static JsonLine json(ModelSpec spec, LearningMemory memory) {
        return new JsonLine().put("model", spec.model()).put("fingerprint", fingerprint(spec))
                .put("weights", weights(spec)).put("steps", spec.steps()).put("outputs", spec.outputs())
                .put("network",
                        spec.outline().stream()
                                .map(layer -> new JsonLine().put("place", layer.place()).put("layer", layer.layer())
                                        .put("output", layer.output().axes()).put("weights", layer.weights()))
                                .toList())
                .put("memory_bytes", memory.byUse()).put("scorer_memory_bytes", new JsonLine()
                        .putAll(LearningMemory.byUse(memory.scoring())).put("total", memory.scoring().total()))
                .put("canonical", spec.canonical());
    }
}
