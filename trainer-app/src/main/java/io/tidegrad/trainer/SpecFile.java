package io.tidegrad.trainer;

import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.model.spec.SpecException;
import io.tidegrad.trainer.exit.ExitCode;
import io.tidegrad.trainer.exit.TrainerException;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/// A model's spec as the user gives it.
public final class SpecFile {
    private SpecFile() {}

    /// @throws TrainerException the file can't be read, or the spec has mistakes: all of them
    public static ModelSpec read(Path file) {
        return read("--spec", file);
    }

    /// @param option by which it was given
    public static ModelSpec read(String option, Path file) {
        try {
            return parse(Files.readString(file), file.toString());
        } catch (IOException e) {
            throw new TrainerException(
                    ExitCode.CONFIGURATION,
                    option
                            + " "
                            + file
                            + ": expected a readable file in UTF-8, found "
                            + switch (e) {
                                case NoSuchFileException none -> "none";
                                case CharacterCodingException other -> "other bytes";
                                default -> e.toString();
                            },
                    e);
        }
    }

    public static ModelSpec parse(String yaml, String source) {
        try {
            return ModelSpec.parse(yaml, source);
        } catch (SpecException e) {
            throw new TrainerException(ExitCode.CONFIGURATION, String.valueOf(e.getMessage()), e);
        }
    }
}
