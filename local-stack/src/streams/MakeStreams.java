import dev.hardwood.InputFile;
import dev.hardwood.reader.ParquetFileReader;
import dev.hardwood.reader.RowReader;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.time.LocalDateTime;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.zip.Deflater;
import java.util.zip.GZIPOutputStream;

/// Makes the two streams that ship with the quick start; `make-streams` beside this file fetches what it reads. What
/// the files hold is described in the README.md of the folder they go to.
///
/// Usage: `java -cp <hardwood, zstd-jni> MakeStreams.java <flights-3m.parquet> <mnist digits folder> <output folder>`
class MakeStreams {
    static final int FLIGHTS_FROM = 500_000;
    static final int FLIGHTS_TO = 800_000; // exclusive

    /// Of the shuffle of the digits, which the source lists sorted by digit.
    static final long DIGITS_SEED = 20240901;

    public static void main(String[] args) throws Exception {
        if (args.length != 3) {
            System.err.println("usage: MakeStreams.java <flights-3m.parquet> <mnist digits folder> <output folder>");
            System.exit(2);
        }
        Path output = Path.of(args[2]);
        Files.createDirectories(output);
        flights(Path.of(args[0]), output.resolve("flights.csv.gz"));
        digits(Path.of(args[1]), output.resolve("digits.csv.gz"));
    }

    /// One line a flight, in the order of the source: minutes since the flight before (the first line: since the epoch,
    /// the local time read as UTC), delay in minutes, distance in miles, origin, destination.
    static void flights(Path parquet, Path file) throws Exception {
        StringBuilder csv = new StringBuilder("minutes_since_previous,delay,distance,origin,destination\n");
        long previous = 0;
        int row = 0;
        try (ParquetFileReader reader = ParquetFileReader.open(InputFile.of(parquet));
                RowReader rows = reader.rowReader()) {
            while (row < FLIGHTS_TO && rows.hasNext()) {
                rows.next();
                if (row++ < FLIGHTS_FROM) {
                    continue;
                }
                LocalDateTime departed = rows.getLocalTimestamp("date");
                long minute = ChronoUnit.MINUTES.between(LocalDateTime.of(1970, 1, 1, 0, 0), departed);
                if (minute < previous) {
                    throw new IOException("row " + (row - 1) + " steps back in time, to " + departed);
                }
                csv.append(minute - previous)
                        .append(',')
                        .append(((Number) rows.getValue("delay")).longValue())
                        .append(',')
                        .append(((Number) rows.getValue("distance")).longValue())
                        .append(',')
                        .append(rows.getString("origin"))
                        .append(',')
                        .append(rows.getString("destination"))
                        .append('\n');
                previous = minute;
            }
        }
        if (row != FLIGHTS_TO) {
            throw new IOException(parquet + " has only " + row + " rows, " + FLIGHTS_TO + " are needed");
        }
        write(csv, file, FLIGHTS_TO - FLIGHTS_FROM);
    }

    /// One line a digit: the digit, then its 784 pixels, row by row, 0 (paper) to 255 (ink). Shuffled once by
    /// `Collections.shuffle` with a `java.util.Random` of `DIGITS_SEED` over the source's order (all 0s, all 1s, …).
    static void digits(Path folder, Path file) throws Exception {
        List<String> lines = new ArrayList<>();
        for (int digit = 0; digit < 10; digit++) {
            String json = Files.readString(folder.resolve(digit + ".json"));
            String[] values = json.substring(json.indexOf('[') + 1, json.indexOf(']')).split(",");
            if (values.length % 784 != 0) {
                throw new IOException(digit + ".json has " + values.length + " values, no multiple of 784");
            }
            for (int at = 0; at < values.length; at += 784) {
                StringBuilder line = new StringBuilder().append(digit);
                for (int pixel = 0; pixel < 784; pixel++) {
                    double ink = Double.parseDouble(values[at + pixel]); // 0 to 1, 3 decimals of k / 255
                    line.append(',').append(Math.round(ink * 255));
                }
                lines.add(line.append('\n').toString());
            }
        }
        Collections.shuffle(lines, new Random(DIGITS_SEED));
        StringBuilder csv = new StringBuilder("digit,pixels\n");
        lines.forEach(csv::append);
        write(csv, file, lines.size());
    }

    static void write(CharSequence csv, Path file, int rows) throws Exception {
        MessageDigest sha256 = MessageDigest.getInstance("SHA-256");
        try (OutputStream gzip = new BestGzip(Files.newOutputStream(file));
                OutputStream out = new DigestOutputStream(gzip, sha256)) {
            out.write(csv.toString().getBytes(StandardCharsets.US_ASCII));
        }
        System.out.println(file.getFileName() + ": " + rows + " rows, " + Files.size(file)
                + " bytes, SHA-256 of the text " + HexFormat.of().formatHex(sha256.digest()));
    }

    static final class BestGzip extends GZIPOutputStream {
        BestGzip(OutputStream out) throws IOException {
            super(out);
            def.setLevel(Deflater.BEST_COMPRESSION);
        }
    }
}
