package io.tidegrad.replay.backtest;

import de.siegmar.fastcsv.reader.CloseableIterator;
import de.siegmar.fastcsv.reader.CsvParseException;
import de.siegmar.fastcsv.reader.CsvReader;
import de.siegmar.fastcsv.reader.CsvRecord;
import de.siegmar.fastcsv.reader.FieldMismatchStrategy;
import io.tidegrad.model.feature.FieldValues;
import io.tidegrad.model.feature.Rejection;
import io.tidegrad.model.learn.EventPreparation;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.StopException;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// CSV as RFC 4180 describes it, in UTF-8, with a header. A column's name is the path of a field, an empty cell is a
/// missing value, and what a cell's text stands for is decided by what the spec makes of the field (`CellKind`).
final class CsvFile extends DataFile {
    private final Path file;
    private final CloseableIterator<CsvRecord> records;
    private final List<String> columns;
    private @Nullable CsvRecord record;

    CsvFile(Path file, InputStream bytes) {
        this.file = file;
        // A cell that is too long, or a row with other cells than the header, is one bad row and not the end.
        records = CsvReader.builder().extraFieldStrategy(FieldMismatchStrategy.IGNORE)
                .missingFieldStrategy(FieldMismatchStrategy.IGNORE).allowUnclosedQuote(false).detectBomHeader(false)
                .ofCsvRecord(new InputStreamReader(bytes, StandardCharsets.UTF_8.newDecoder()
                        .onMalformedInput(CodingErrorAction.REPORT).onUnmappableCharacter(CodingErrorAction.REPORT)))
                .iterator();
        columns = header();
    }

    private List<String> header() {
        if (!next()) {
            throw new StopException(ExitCode.CONFIGURATION,
                    file + ": expected a header with the columns' names, found an empty file");
        }
        List<String> names = present().getFields().stream().map(name -> name.strip().replace("\uFEFF", "")).toList();
        Set<String> seen = new HashSet<>();
        for (String name : names) {
            if (name.isEmpty() || !seen.add(name)) {
                throw new StopException(ExitCode.CONFIGURATION,
                        file + " line 1: expected names of columns that differ, found "
                                + (name.isEmpty() ? "an empty one" : "'" + name + "' twice") + "; correct the header");
            }
        }
        return names;
    }

    private CsvRecord present() {
        CsvRecord present = record;
        if (present == null) {
            throw new IllegalStateException("no row");
        }
        return present;
    }

    @Override
    public List<String> columns() {
        return columns;
    }

    @Override
    public Rows rows(ModelSpec spec, EventPreparation preparation) {
        requireColumns(file, spec, columns, spec.fields());
        List<String> fields = spec.fields();
        FieldValues values = new FieldValues(fields);
        int[] cells = fields.stream().mapToInt(columns::indexOf).toArray();
        CellKind[] kinds = fields.stream().map(field -> CellKind.of(spec, field)).toArray(CellKind[]::new);
        return into -> {
            CsvRecord row = present();
            if (row.getFieldCount() != columns.size()) {
                into.reject(new Rejection(Rejection.Reason.WRONG_TYPE,
                        "expected " + columns.size() + " cells, as the header has, found " + row.getFieldCount()),
                        null);
                return;
            }
            values.begin();
            for (int field = 0; field < cells.length; field++) {
                String cell = row.getField(cells[field]);
                if (!cell.isEmpty()) {
                    kinds[field].put(cell, field, values);
                }
            }
            preparation.prepare(values, into);
        };
    }

    @Override
    Map<String, String> values() {
        Map<String, String> values = new LinkedHashMap<>();
        CsvRecord row = present();
        for (int column = 0; column < Math.min(columns.size(), row.getFieldCount()); column++) {
            if (!row.getField(column).isEmpty()) {
                values.put(columns.get(column), row.getField(column));
            }
        }
        return values;
    }

    @Override
    public boolean next() {
        try {
            boolean another = records.hasNext();
            record = another ? records.next() : null;
            return another;
        } catch (CsvParseException damaged) {
            Throwable why = damaged.getCause() == null ? damaged : damaged.getCause();
            throw new StopException(ExitCode.CONFIGURATION,
                    file + " behind line " + (record == null ? 0 : record.getStartingLineNumber())
                            + ": expected CSV in UTF-8 with quotes as in RFC 4180, found " + why.getMessage()
                            + "; correct the file there",
                    damaged);
        } catch (UncheckedIOException e) {
            throw unreadable(file, e);
        }
    }

    @Override
    public long place() {
        return present().getStartingLineNumber();
    }

    @Override
    void closeFile() throws IOException {
        records.close();
    }
}
