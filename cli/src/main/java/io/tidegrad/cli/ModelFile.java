package io.tidegrad.cli;

import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.model.RowShape;
import io.tidegrad.engine.snapshot.SavedModel;
import io.tidegrad.exchange.OnnxExport;
import io.tidegrad.model.safetensors.SafetensorsExport;
import io.tidegrad.model.snapshot.LoadedModel;
import io.tidegrad.model.snapshot.SnapshotFile;
import io.tidegrad.model.spec.ModelSpec;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// A file for a model. The end of its name is its format.
///
/// @param option option that named the file
record ModelFile(String option, Path path, Format format) {
    enum Format {
        /// Predictions, as a scorer makes them.
        ONNX,
        /// Weights and statistics with PyTorch's names.
        SAFETENSORS,
        /// Everything that learning changes; see `SavedModel`.
        TIDEGRAD,
        /// A published version, which a scorer can open; see `SnapshotFile`.
        SNAPSHOT;

        String ending() {
            return "." + name().toLowerCase(Locale.ROOT);
        }
    }

    /// Returns null if the name has the ending of none of the formats.
    static @Nullable ModelFile of(String option, String path, Set<Format> formats) {
        for (Format format : formats) {
            if (path.endsWith(format.ending())) {
                return new ModelFile(option, Path.of(path), format);
            }
        }
        return null;
    }

    /// `--to: expected a name that ends in .onnx or .safetensors, found model.pt`.
    static String wrongEnding(String option, String path, Set<Format> formats) {
        return option + ": expected a name that ends in "
                + EnumSet.copyOf(formats).stream().map(Format::ending).collect(Collectors.joining(" or ")) + ", found "
                + path;
    }

    /// Writes a published version in any format; see `write(ModelSpec, Parameters, Map)`.
    void write(LoadedModel model, Map<String, String> metadata) {
        if (format == Format.SNAPSHOT) {
            SnapshotFile.Head head = SnapshotFile.Head.of(model.manifest(), model.spec().yaml());
            write(to -> SnapshotFile.write(head, model.parameters(), to));
        } else {
            write(model.spec(), model.parameters(), metadata);
        }
    }

    /// Writes another file and moves it into place, so that the file is never incomplete.
    ///
    /// @param metadata texts for formats that can hold them
    void write(ModelSpec spec, Parameters parameters, Map<String, String> metadata) {
        write(to -> {
            switch (format) {
                case ONNX -> to.write(OnnxExport.of(spec.model(), parameters, metadata));
                case SAFETENSORS -> SafetensorsExport.write(parameters, metadata, to);
                case TIDEGRAD -> SavedModel.write(parameters, to);
                case SNAPSHOT -> throw new IllegalStateException("a snapshot is of a version that was published");
            }
        });
    }

    @FunctionalInterface
    private interface Content {
        void write(OutputStream to) throws IOException;
    }

    private void write(Content content) {
        Path directory = path.toAbsolutePath().getParent();
        Path part = path.resolveSibling(path.getFileName() + ".part");
        try {
            try (OutputStream to = new BufferedOutputStream(Files.newOutputStream(part))) {
                content.write(to);
            }
            Files.move(part, path, StandardCopyOption.REPLACE_EXISTING);
        } catch (NoSuchFileException e) {
            throw new CommandException(option + " " + path + ": expected a directory " + directory + ", found none", e);
        } catch (IOException e) {
            throw new CommandException(option + " " + path + ": can't be written: " + e, e);
        } finally {
            try {
                Files.deleteIfExists(part);
            } catch (IOException e) {
                // The exception that is being thrown says what is wrong with the file.
            }
        }
    }

    /// Describes the content for people: name and text of each line.
    List<Map.Entry<String, String>> contents(ModelSpec spec, Parameters parameters) {
        List<Map.Entry<String, String>> lines = new ArrayList<>();
        lines.add(Map.entry("written", String.format(Locale.ROOT, "%s, %,d bytes", path, path.toFile().length())));
        switch (format) {
            case ONNX -> {
                RowShape row = parameters.plan().spec().row();
                if (row.numbers() > 0) {
                    lines.add(Map.entry("input", "numbers (batch, " + row.numbers() + ") float"));
                }
                if (row.ids() > 0) {
                    lines.add(Map.entry("input", "ids (batch, " + row.ids() + ") int64"));
                }
                lines.add(Map.entry("output", "predictions (batch, " + parameters.plan().outputs() + ") float, "
                        + switch (spec.loss().link()) {
                            case LOGIT, MULTINOMIAL_LOGIT -> "probabilities";
                            case IDENTITY, LOG -> "values";
                        }));
            }
            case SAFETENSORS -> lines.add(Map.entry("tensors", String.join(", ", SafetensorsExport.names(parameters))));
            case TIDEGRAD -> lines.add(Map.entry("holds",
                    "weights, statistics and optimizer state; io.tidegrad.engine.snapshot.SavedModel" + " reads it"));
            case SNAPSHOT -> lines.add(
                    Map.entry("holds", "weights, statistics, spec and manifest; io.tidegrad.scorer.Scorer opens it"));
        }
        return lines;
    }
}
