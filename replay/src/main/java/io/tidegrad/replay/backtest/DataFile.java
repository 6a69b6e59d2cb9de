package io.tidegrad.replay.backtest;

import io.tidegrad.control.suggestion.EventSample;
import io.tidegrad.model.learn.EventPreparation;
import io.tidegrad.model.learn.PreparedEvent;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.StopException;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.zip.GZIPInputStream;
import org.jspecify.annotations.Nullable;

/// A file of events, read from its beginning to its end. The end of its name says what it is: `.csv`, `.jsonl` or
/// `.ndjson`, each also with `.gz`, or `.parquet`. Not thread-safe.
public abstract sealed class DataFile implements AutoCloseable permits CsvFile, JsonLinesFile, ParquetFile {
    private static final int BUFFER_BYTES = 1 << 16;

    /// What makes rows of one spec out of the file's rows.
    @FunctionalInterface
    public interface Rows {
        /// Prepares the file's present row, or rejects it.
        void prepare(PreparedEvent into);
    }

    /// Opens a file before its first row.
    ///
    /// @throws StopException it can't be read, or is not what its name says
    public static DataFile open(Path file) {
        String name = String.valueOf(file.getFileName());
        String plain = name.endsWith(".gz") ? name.substring(0, name.length() - 3) : name;
        try {
            if (plain.endsWith(".csv")) {
                return new CsvFile(file, stream(file));
            }
            if (plain.endsWith(".jsonl") || plain.endsWith(".ndjson")) {
                return new JsonLinesFile(file, stream(file));
            }
            if (name.endsWith(".parquet")) {
                return new ParquetFile(file);
            }
        } catch (IOException | UncheckedIOException e) {
            throw unreadable(file, e);
        }
        throw new StopException(ExitCode.CONFIGURATION, file
                + ": expected a name that ends in .csv, .jsonl or .ndjson (each also with .gz), or .parquet; rename it");
    }

    /// Reads a file's first rows.
    ///
    /// @throws StopException it can't be read, or has no row
    public static EventSample sample(Path file) {
        try (DataFile data = open(file)) {
            EventSample sample = new EventSample(file.toString(), !(data instanceof CsvFile));
            List<String> names = data.columns();
            if (names != null && data instanceof CsvFile) {
                names.forEach(sample::declare); // in their order, also those without a value
            }
            while (sample.rows() < EventSample.ROWS_MAX && data.next()) {
                sample.add(data.values());
            }
            if (sample.rows() == 0) {
                throw new StopException(ExitCode.CONFIGURATION, file + ": expected events, found none");
            }
            sample.end(String.format(Locale.ROOT, "the first %,d events of %s", sample.rows(), file.getFileName()));
            return sample;
        }
    }

    private static InputStream stream(Path file) throws IOException {
        InputStream bytes = Files.newInputStream(file);
        if (!file.toString().endsWith(".gz")) {
            return new BufferedInputStream(bytes, BUFFER_BYTES);
        }
        try {
            return new GZIPInputStream(bytes, BUFFER_BYTES);
        } catch (IOException e) {
            bytes.close();
            throw e;
        }
    }

    static StopException unreadable(Path file, Exception e) {
        Throwable cause =
                e instanceof UncheckedIOException unchecked && unchecked.getCause() != null ? unchecked.getCause() : e;
        return new StopException(ExitCode.CONFIGURATION, file + ": expected a readable file, found " + switch (cause) {
            case NoSuchFileException none -> "none";
            case CharacterCodingException other -> "bytes that are not UTF-8";
            default -> String.valueOf(cause);
        }, e);
    }

    /// Names of the columns, by which fields are found; null where each row says its own.
    public abstract @Nullable List<String> columns();

    /// Returns what prepares rows for a spec.
    ///
    /// @throws StopException no column has one of the spec's fields
    public abstract Rows rows(ModelSpec spec, EventPreparation preparation);

    /// The present row as it is in the file, by its columns.
    abstract Map<String, ?> values();

    /// Goes to the next row; false at the end.
    ///
    /// @throws StopException the file is damaged
    public abstract boolean next();

    /// Where the present row is, from 1 on: in a text its line, else its number.
    public abstract long place();

    abstract void closeFile() throws IOException;

    @Override
    public final void close() {
        try {
            closeFile();
        } catch (IOException onlyRead) {
            throw new UncheckedIOException(onlyRead);
        }
    }

    /// @param wanted what a spec reads; of a path, the column that it begins with
    static void requireColumns(Path file, ModelSpec spec, Collection<String> columns, Collection<String> wanted) {
        List<String> absent = new ArrayList<>(wanted);
        absent.removeAll(columns);
        if (!absent.isEmpty()) {
            throw new StopException(ExitCode.CONFIGURATION,
                    file + ": expected the fields of model " + spec.model() + ", found no column "
                            + String.join(", ", absent) + "; its columns are " + String.join(", ", columns)
                            + ". Correct the spec, or the names of the columns");
        }
    }
}
