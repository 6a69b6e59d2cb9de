package io.tidegrad.cli.plot;

import io.tidegrad.cli.CommandException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/// Writes plots, and pages with plots, to files.
public final class PlotFile {
    private PlotFile() {}

    /// @throws CommandException if the file can't be written; says why
    public static void write(Path file, Plot plot) {
        write("--plot", file, plot.svg());
    }

    /// @param option that names the file
    /// @throws CommandException if the file can't be written; says why
    public static void write(String option, Path file, String content) {
        try {
            Files.writeString(file, content);
        } catch (IOException e) {
            throw new CommandException(option + " " + file + ": expected a file that can be written, found "
                    + (e instanceof NoSuchFileException ? "no such directory" : e), e);
        }
    }
}
