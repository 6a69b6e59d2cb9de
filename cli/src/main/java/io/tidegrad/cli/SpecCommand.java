package io.tidegrad.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.tidegrad.control.SpecFile;
import io.tidegrad.engine.model.Memory;
import io.tidegrad.model.learn.LearningMemory;
import io.tidegrad.model.spec.LayerOutline;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.trainer.Room;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(name = "spec", description = {"Check a model spec, without Kafka.", "",
    "Prints its network layer by layer (place in the spec, layer, what it puts out for a row, weights), the heap that"
            + " learning and scoring take, and the fingerprint. The status is 2, and every mistake is told with its"
            + " line, if the spec is none or needs more heap than this JVM may have."})
final class SpecCommand implements Callable<Integer> {
    @Spec
    private CommandSpec command = CommandSpec.create();

    @Parameters(paramLabel = "FILE", description = "The spec, a YAML file.")
    private Path file = Path.of("");

    @Option(names = "--json", description = "Prints one JSON object.")
    private boolean json;

    @Mixin
    private HelpOption help = new HelpOption();

    @Override
    public Integer call() {
        ModelSpec spec = SpecFile.read(file);
        LearningMemory memory = LearningMemory.of(spec);
        PrintWriter out = command.commandLine().getOut();
        out.print(json ? json(spec, memory) + System.lineSeparator() : text(spec, memory));
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
                "puts out", "weights"));
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

    private static String json(ModelSpec spec, LearningMemory memory) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("model", spec.model());
        json.put("fingerprint", fingerprint(spec));
        json.put("weights", weights(spec));
        json.put("outputs", spec.outputs());
        json.put("network", spec.outline().stream().map(layer -> {
            Map<String, Object> said = new LinkedHashMap<>();
            said.put("place", layer.place());
            said.put("layer", layer.layer());
            said.put("output", layer.output().axes());
            said.put("weights", layer.weights());
            return said;
        }).toList());
        Map<String, Object> bytes = new LinkedHashMap<>(parts(memory.learning()));
        bytes.put("warm_up", memory.warmUp());
        bytes.put("total", memory.total());
        json.put("memory_bytes", bytes);
        Map<String, Object> scoring = new LinkedHashMap<>(parts(memory.scoring()));
        scoring.put("total", memory.scoring().total());
        json.put("scorer_memory_bytes", scoring);
        json.put("canonical", spec.canonical());
        try {
            return new ObjectMapper().writeValueAsString(json);
        } catch (JsonProcessingException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Map<String, Object> parts(Memory memory) {
        Map<String, Object> bytes = new LinkedHashMap<>();
        bytes.put("weights", memory.weights());
        bytes.put("optimizer_state", memory.optimizerState());
        bytes.put("gradients", memory.gradients());
        bytes.put("workspace", memory.workspace());
        bytes.put("batch", memory.batch());
        return bytes;
    }
}
