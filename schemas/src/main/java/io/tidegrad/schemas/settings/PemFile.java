package io.tidegrad.schemas.settings;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/// A file of keys or certificates that a setting names.
public final class PemFile {
    /// Whatever is larger is another file: a chain of certificates has some kilobytes.
    private static final int BYTES_MAX = 1024 * 1024;

    private PemFile() {}

    /// All of it, a character a byte.
    ///
    /// @throws IllegalArgumentException names the file, what was expected and what was found
    public static String text(Path file) {
        try {
            if (Files.size(file) > BYTES_MAX) {
                throw new IllegalArgumentException(
                        file + ": expected a PEM file, found " + Files.size(file) + " bytes");
            }
            return Files.readString(file, StandardCharsets.ISO_8859_1);
        } catch (NoSuchFileException e) {
            throw new IllegalArgumentException(file + ": expected a PEM file, found none", e);
        } catch (IOException e) {
            throw new IllegalArgumentException(
                    file + ": expected a PEM file, found one that can't be read (" + e.getClass().getSimpleName() + ")",
                    e);
        }
    }
}
