package io.tidegrad.cli;

import io.tidegrad.engine.model.RowShape;
import io.tidegrad.exchange.OnnxExport;
import io.tidegrad.model.safetensors.SafetensorsExport;
import io.tidegrad.model.snapshot.LoadedModel;
import io.tidegrad.model.snapshot.SnapshotManifest;
import io.tidegrad.schemas.settings.KafkaSettings;
import io.tidegrad.schemas.settings.Setting;
import io.tidegrad.schemas.settings.Settings;
import io.tidegrad.scorer.ScorerOptions;
import io.tidegrad.scorer.SnapshotLookup;
import io.tidegrad.trainer.exit.TrainerException;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.Callable;
import org.apache.kafka.common.KafkaException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;
import picocli.CommandLine.Unmatched;

/// Hands all arguments over to [Settings], as trainer and scorer do.
@Command(
        name = "export",
        description = "Write a model's weights to an .onnx or a .safetensors file.")
final class ExportCommand implements Callable<Integer> {
    private enum Format {
        ONNX,
        SAFETENSORS;

        String ending() {
            return "." + name().toLowerCase(Locale.ROOT);
        }
    }

    @Spec private CommandSpec command = CommandSpec.create();

    @Unmatched private List<String> arguments = new ArrayList<>();

    @Override
    public Integer call() {
        PrintWriter out = command.commandLine().getOut();
        if (arguments.contains("--help") || arguments.contains("-h")) {
            out.print(io.tidegrad.schemas.settings.Command.EXPORT.help());
            out.flush();
            return 0;
        }
        Settings settings =
                Settings.read(
                        io.tidegrad.schemas.settings.Command.EXPORT, arguments, System.getenv());
        List<String> models = settings.list(Setting.MODEL);
        if (models.size() > 1) {
            settings.problem("--model: expected one to export, found " + String.join(", ", models));
        }
        String to = settings.text(Setting.TO);
        Format format = null;
        for (Format each : Format.values()) {
            if (to.endsWith(each.ending())) {
                format = each;
            }
        }
        if (format == null && !to.isEmpty()) {
            settings.problem(
                    "--to: expected a name that ends in .onnx or .safetensors, found " + to);
        }
        settings.refuseMistakes();
        if (format != null) {
            Path file = Path.of(to);
            LoadedModel model = find(settings, models.getFirst());
            write(model, format, file);
            out.print(report(model, format, file));
            out.flush();
        }
        return 0;
    }

    private static LoadedModel find(Settings settings, String model) {
        KafkaSettings kafka = settings.kafka();
        ScorerOptions options =
                ScorerOptions.of(model, kafka.consumer()).withPrefix(settings.text(Setting.PREFIX));
        OptionalLong maxBytes = settings.numberIfGiven(Setting.MAX_SNAPSHOT_BYTES);
        if (maxBytes.isPresent()) {
            options = options.withMaxSnapshotBytes(maxBytes.getAsLong());
        }
        try {
            return SnapshotLookup.find(options, settings.numberIfGiven(Setting.VERSION));
        } catch (KafkaException e) {
            throw TrainerException.from(e);
        }
    }

    /// A file is there whole or not at all: it is written beside its place, then moved.
    private static void write(LoadedModel model, Format format, Path file) {
        Path directory = file.toAbsolutePath().getParent();
        Path part = file.resolveSibling(file.getFileName() + ".part");
        try {
            try (OutputStream to = new BufferedOutputStream(Files.newOutputStream(part))) {
                switch (format) {
                    case ONNX ->
                            to.write(
                                    OnnxExport.of(
                                            model.spec().model(),
                                            model.parameters(),
                                            metadata(model)));
                    case SAFETENSORS ->
                            SafetensorsExport.write(model.parameters(), metadata(model), to);
                }
            }
            Files.move(part, file, StandardCopyOption.REPLACE_EXISTING);
        } catch (NoSuchFileException e) {
            throw new ExportException(
                    "--to " + file + ": expected a directory " + directory + ", found none", e);
        } catch (IOException e) {
            throw new ExportException("--to " + file + ": can't be written: " + e, e);
        } finally {
            try {
                Files.deleteIfExists(part);
            } catch (IOException e) {
                // Nothing more to try: what was wrong with the file has just been told.
            }
        }
    }

    private static Map<String, String> metadata(LoadedModel model) {
        SnapshotManifest manifest = model.manifest();
        Map<String, String> metadata = new LinkedHashMap<>();
        metadata.put("producer", "tidegrad");
        metadata.put("model", manifest.model());
        metadata.put("epoch", "" + manifest.epoch());
        metadata.put("version", "" + manifest.version());
        metadata.put("examples", "" + manifest.examples());
        metadata.put("spec-fingerprint", HexFormat.of().formatHex(manifest.specFingerprint()));
        metadata.put(
                "feature-fingerprint", HexFormat.of().formatHex(manifest.featureFingerprint()));
        metadata.put("weights-hash", manifest.weightsHash());
        metadata.put("spec", manifest.specYaml());
        return metadata;
    }

    private static String report(LoadedModel model, Format format, Path file) {
        SnapshotManifest manifest = model.manifest();
        StringBuilder report = new StringBuilder();
        line(
                report,
                "model",
                "%s, version %d.%d, %,d events learned",
                manifest.model(),
                manifest.epoch(),
                manifest.version(),
                manifest.examples());
        line(report, "weights-hash", "%s", manifest.weightsHash());
        line(report, "written", "%s, %,d bytes", file, file.toFile().length());
        switch (format) {
            case ONNX -> {
                RowShape row = model.plan().spec().row();
                if (row.numbers() > 0) {
                    line(report, "input", "numbers (batch, %d) float", row.numbers());
                }
                if (row.ids() > 0) {
                    line(report, "input", "ids (batch, %d) int64", row.ids());
                }
                line(
                        report,
                        "output",
                        "predictions (batch, %d) float, %s",
                        model.plan().outputs(),
                        switch (model.spec().loss().link()) {
                            case LOGIT, MULTINOMIAL_LOGIT -> "probabilities";
                            case IDENTITY, LOG -> "values";
                        });
            }
            case SAFETENSORS ->
                    line(
                            report,
                            "tensors",
                            "%s",
                            String.join(", ", SafetensorsExport.names(model.parameters())));
        }
        return report.toString();
    }

    private static void line(StringBuilder to, String name, String format, Object... values) {
        to.append(String.format(Locale.ROOT, "%-13s ", name))
                .append(String.format(Locale.ROOT, format, values))
                .append(System.lineSeparator());
    }
}
