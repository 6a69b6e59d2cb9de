package io.tidegrad.localstack.streams;

import java.io.BufferedReader;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.zip.GZIPInputStream;
import org.apache.avro.Schema;

/// The streams of real events that ship with Tidegrad, each with its event schema and its model's spec. The README.md
/// next to the files says where they come from.
public enum ShippedStream {
    /// US flights in order of departure; the label is whether a flight arrives late.
    FLIGHTS("flight.avsc", 300_000, 7_500, 3, "794bb0e677eb3e8444251e28cf966d45b3c724044f2e15c24aace8df90007fd1"),
    /// MNIST digits; the label is the digit.
    DIGITS("digit.avsc", 10_000, 1_000, 0, "0550b4bccb35a4aed6f213808764cca7204a763d89d64fbcf7d68f3a5133bebc");

    private final String schemaFile;
    private final int rows;
    private final int eventsPerSecond;
    private final int weeks;
    private final String sha256;

    /// @param weeks number of weeks that all events span
    /// @param sha256 hash of the unzipped text
    ShippedStream(String schemaFile, int rows, int eventsPerSecond, int weeks, String sha256) {
        this.schemaFile = schemaFile;
        this.rows = rows;
        this.eventsPerSecond = eventsPerSecond;
        this.weeks = weeks;
        this.sha256 = sha256;
    }

    /// The name on the command line: `flights`.
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }

    public int rows() {
        return rows;
    }

    /// The default pace.
    public int eventsPerSecond() {
        return eventsPerSecond;
    }

    /// Event number `index` of the endlessly repeated stream. Each repetition is whole weeks after the one before, so
    /// that time advances while hours and weekdays stay the same.
    ///
    /// @param events the events from `read`
    public StreamEvent repeated(List<StreamEvent> events, long index) {
        return events.get((int) (index % rows)).later(weeks * (int) (index / rows));
    }

    String sha256() {
        return sha256;
    }

    public Schema schema() {
        return new Schema.Parser().parse(text(schemaFile));
    }

    /// The model's spec in YAML.
    public String spec() {
        return text(specFile());
    }

    public String specFile() {
        return label() + ".yaml";
    }

    /// Reads all events in order and checks the file's checksum.
    ///
    /// @throws DamagedStreamException a line or the checksum is wrong
    public List<StreamEvent> read() {
        return read(label() + ".csv.gz");
    }

    List<StreamEvent> read(String file) {
        MessageDigest digest = newSha256();
        List<StreamEvent> events = new ArrayList<>(rows);
        try (InputStream text = new DigestInputStream(new GZIPInputStream(open(file)), digest);
                BufferedReader lines = new BufferedReader(new InputStreamReader(text, StandardCharsets.US_ASCII))) {
            lines.readLine(); // the names of the columns
            long previousMinute = 0;
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                switch (this) {
                    case FLIGHTS -> {
                        Flight flight = flight(line, previousMinute);
                        previousMinute = flight.departed() / MINUTE_MILLIS;
                        events.add(flight);
                    }
                    case DIGITS -> events.add(digit(line));
                }
            }
        } catch (IOException e) {
            throw new DamagedStreamException(file + " can't be read: " + e.getMessage(), e);
        } catch (RuntimeException malformed) {
            throw new DamagedStreamException(file + ", line " + (events.size() + 2) + ": " + malformed.getMessage(),
                    malformed);
        }
        String found = HexFormat.of().formatHex(digest.digest());
        if (!found.equals(sha256)) {
            throw new DamagedStreamException(file + " is damaged: expected SHA-256 " + sha256 + ", found " + found,
                    null);
        }
        return events;
    }

    private static final long MINUTE_MILLIS = 60_000;

    private static Flight flight(String line, long previousMinute) {
        String[] columns = line.split(",", -1);
        return new Flight((previousMinute + Long.parseLong(columns[0])) * MINUTE_MILLIS, Integer.parseInt(columns[2]),
                columns[3], columns[4], Integer.parseInt(columns[1]) >= Flight.LATE_MINUTES);
    }

    private static Digit digit(String line) {
        String[] columns = line.split(",", -1);
        byte[] pixels = new byte[Digit.PIXELS];
        for (int pixel = 0; pixel < pixels.length; pixel++) {
            pixels[pixel] = (byte) Integer.parseInt(columns[pixel + 1]);
        }
        return new Digit(pixels, Integer.parseInt(columns[0]));
    }

    private static MessageDigest newSha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException everyJdkHasIt) {
            throw new IllegalStateException(everyJdkHasIt);
        }
    }

    private static String text(String file) {
        try (InputStream in = open(file)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static InputStream open(String file) throws IOException {
        InputStream in = ShippedStream.class.getResourceAsStream(file);
        if (in == null) {
            throw new FileNotFoundException(file + " is missing from this build");
        }
        return in;
    }
}
