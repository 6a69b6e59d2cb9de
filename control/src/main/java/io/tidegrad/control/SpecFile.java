package io.tidegrad.control;

import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.model.spec.SpecException;
import io.tidegrad.model.stream.StreamSpec;
import io.tidegrad.schemas.ModelRecord;
import io.tidegrad.control.ControlException.Reason;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.function.BiFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Reads specs of models and streams, and turns their mistakes into a `ControlException`.
public final class SpecFile {
    private static final Pattern NAME = Pattern.compile("(?m)^model:[^\\r\\n]*$");

    private SpecFile() {}

    /// @throws ControlException if the file can't be read, or the spec has mistakes; names all of them
    public static ModelSpec read(Path file) {
        return read("spec", file);
    }

    /// @param setting that names the file
    public static ModelSpec read(String setting, Path file) {
        return parse(text(setting, file), file.toString());
    }

    /// Reads a spec whose model may be registered already, because a supervisor starts a trainer with the same file
    /// again and again.
    public static ModelSpec readRegistered(Path file) {
        return registered(text("spec", file), file.toString());
    }

    /// Reads a stream's spec.
    ///
    /// @throws ControlException if the file can't be read, or the spec has mistakes; names all of them
    public static StreamSpec readStream(Path file) {
        return parse(text("spec", file), file.toString(), StreamSpec::parse);
    }

    private static String text(String setting, Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new ControlException(Reason.CONFIGURATION,
                    setting + " " + file + ": expected a readable file in UTF-8, found " + switch (e) {
                        case NoSuchFileException none -> "none";
                        case CharacterCodingException other -> "other bytes";
                        default -> e.toString();
                    }, e);
        }
    }

    public static ModelSpec parse(String yaml, String source) {
        return parse(yaml, source, ModelSpec::parse);
    }

    public static ModelSpec registered(ModelRecord record) {
        return placed(registered(record.getSpec(), "the registered spec of " + record.getModel()), record);
    }

    /// A registered model's spec with its topic: if the model learns from a stream, the spec names none, but the record
    /// does.
    public static ModelSpec placed(ModelSpec spec, ModelRecord record) {
        return spec.stream() == null ? spec : spec.onTopic(record.getInputTopic());
    }

    /// See `ModelSpec.parseRegistered`.
    public static ModelSpec registered(String yaml, String source) {
        return parse(yaml, source, ModelSpec::parseRegistered);
    }

    /// Returns the spec under another name, with its other lines, comments included, as they are.
    ///
    /// @throws ControlException if the name is not on a line of its own
    public static ModelSpec renamed(ModelSpec spec, String name) {
        Matcher found = NAME.matcher(spec.yaml());
        ModelSpec renamed = found.find()
                ? registered(found.replaceFirst(Matcher.quoteReplacement("model: " + name)), "the spec of " + name)
                : spec;
        if (!renamed.model().equals(name)) {
            throw new ControlException(Reason.CONFIGURATION,
                    "model " + name + ": expected a spec with its name on a line of its own, model: NAME, found none in"
                            + " that of " + spec.model() + "; write it so");
        }
        return renamed;
    }

    private static <S> S parse(String yaml, String source, BiFunction<String, String, S> parser) {
        try {
            return parser.apply(yaml, source);
        } catch (SpecException e) {
            throw new ControlException(Reason.CONFIGURATION, String.valueOf(e.getMessage()), e);
        }
    }
}
