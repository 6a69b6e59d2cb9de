package io.tidegrad.replay.backtest;

import dev.hardwood.InputFile;
import dev.hardwood.reader.ParquetFileReader;
import dev.hardwood.reader.RowReader;
import dev.hardwood.row.PqList;
import dev.hardwood.row.PqMap;
import dev.hardwood.row.PqStruct;
import dev.hardwood.row.StructAccessor;
import dev.hardwood.schema.ColumnProjection;
import io.tidegrad.model.feature.MapEvent;
import io.tidegrad.model.learn.EventPreparation;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.StopException;
import io.tidegrad.schemas.FieldPath;
import java.io.IOException;
import java.math.BigDecimal;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/// Rows of a Parquet file, nested ones too. Values are what docs/model-spec.md says of Avro's: times are epoch
/// milliseconds, a time without an offset is read as UTC, and a decimal is the nearest double.
final class ParquetFile extends DataFile {
    private final Path file;
    private final ParquetFileReader reader;
    private final List<String> columns;
    private final Set<String> wanted = new LinkedHashSet<>();
    private @Nullable RowReader rows; // opened by the first row, when it is known what is wanted
    private @Nullable Map<String, @Nullable Object> values; // of the present row, once somebody asks
    private long place;

    ParquetFile(Path file) throws IOException {
        this.file = file;
        try {
            reader = ParquetFileReader.open(InputFile.of(file));
        } catch (NoSuchFileException none) {
            throw none;
        } catch (RuntimeException | IOException notParquet) {
            throw damaged(file, 0, notParquet);
        }
        columns = reader.getFileSchema().getRootNode().children().stream().map(node -> node.name()).toList();
    }

    private static StopException damaged(Path file, long row, Exception why) {
        return new StopException(ExitCode.CONFIGURATION,
                file + " behind row " + row + ": expected Parquet, found " + deepest(why), why);
    }

    /// The reader's own threads wrap what they met.
    private static String deepest(Throwable why) {
        Throwable cause = why.getCause();
        return cause == null || cause == why ? String.valueOf(why.getMessage()) : deepest(cause);
    }

    @Override
    public List<String> columns() {
        return columns;
    }

    @Override
    public Rows rows(ModelSpec spec, EventPreparation preparation) {
        List<String> needed = spec.fields().stream().map(ParquetFile::column).distinct().toList();
        requireColumns(file, spec, columns, needed);
        wanted.addAll(needed);
        return into -> preparation.prepare(new MapEvent(values()), into);
    }

    /// The column in which a path begins.
    private static String column(String field) {
        return FieldPath.parsedOrName(field).first();
    }

    private RowReader opened() {
        RowReader opened = rows;
        if (opened == null) {
            opened = wanted.isEmpty() ? reader.rowReader() : reader.buildRowReader()
                    .projection(ColumnProjection.columns(wanted.toArray(String[]::new))).build();
            rows = opened;
        }
        return opened;
    }

    @Override
    Map<String, @Nullable Object> values() {
        Map<String, @Nullable Object> made = values;
        if (made == null) {
            try {
                made = record(opened());
            } catch (RuntimeException e) {
                throw damaged(file, place - 1, e);
            }
            values = made;
        }
        return made;
    }

    @Override
    public boolean next() {
        try {
            RowReader reading = opened();
            if (!reading.hasNext()) {
                return false;
            }
            reading.next();
        } catch (RuntimeException e) {
            throw damaged(file, place, e);
        }
        place++;
        values = null;
        return true;
    }

    private static Map<String, @Nullable Object> record(StructAccessor row) {
        Map<String, @Nullable Object> record = new LinkedHashMap<>();
        for (int i = 0; i < row.getFieldCount(); i++) {
            if (!row.isNull(i)) {
                record.put(row.getFieldName(i), value(row.getValue(i)));
            }
        }
        return record;
    }

    private static @Nullable Object value(@Nullable Object value) {
        return switch (value) {
            case null -> null;
            case BigDecimal decimal -> decimal(decimal);
            case Instant time -> time.toEpochMilli();
            case LocalDateTime time -> time.toInstant(ZoneOffset.UTC).toEpochMilli();
            case LocalDate date -> date.toEpochDay() * 86_400_000L;
            case LocalTime time -> time.toNanoOfDay() / 1_000_000;
            case UUID id -> id.toString();
            case PqStruct struct -> record(struct);
            case PqList list -> {
                List<@Nullable Object> elements = new ArrayList<>(list.size());
                for (int i = 0; i < list.size(); i++) {
                    elements.add(list.isNull(i) ? null : value(list.get(i)));
                }
                yield elements;
            }
            case PqMap map -> {
                Map<String, @Nullable Object> entries = new HashMap<>();
                map.getEntries().forEach(entry -> entries.put(String.valueOf(entry.getKey()), value(entry.getValue())));
                yield entries;
            }
            default -> value;
        };
    }

    private static Object decimal(BigDecimal value) {
        if (value.scale() == 0 && value.precision() <= 18) {
            return value.longValueExact();
        }
        return value.doubleValue();
    }

    @Override
    public long place() {
        return place;
    }

    @Override
    void closeFile() throws IOException {
        if (rows != null) {
            rows.close();
        }
        reader.close();
    }
}
