package io.tidegrad.model.feature;

import io.tidegrad.model.binary.BinaryReader;
import io.tidegrad.model.stream.Example;
import io.tidegrad.model.stream.LabelText;
import io.tidegrad.model.stream.StreamSpec;
import io.tidegrad.schemas.RecordDecoder;
import io.tidegrad.schemas.UndecodableException;
import java.nio.charset.CharacterCodingException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/// Reads what a stream's spec says of one of its two topics: id, event time, and weight or label. A pure function of
/// the record and its schemas, so that joining the same records again gives the same examples. Not thread-safe.
public final class StreamFields {
    /// UTF-8 bytes of the longest id that is taken.
    public static final int ID_BYTES_MAX = 1_000;

    /// How far event time may lie ahead of the record's timestamp. The broker keeps that one near its clock
    /// (`message.timestamp.after.max.ms`). One event from next year would end the wait of all others.
    public static final Duration AHEAD_MAX = Duration.ofDays(1);

    /// So that sampling, which may raise a weight ten thousandfold, stays within an example's bound.
    public static final double WEIGHT_MAX = 1e11;

    /// Seconds of the years 1973 to 2286, taken for milliseconds, would be the first months of 1970.
    private static final long SECONDS_FROM = 100_000_000;
    private static final long SECONDS_TO = 10_000_000_000L;

    /// 2^53: from here on neighbouring whole numbers are one double.
    private static final double EXACT_LIMIT = 0x1p53;

    private final @Nullable String idPath;
    private final @Nullable String timePath;
    private final TimeUnit timeUnit;
    private final @Nullable String weightPath;
    private final @Nullable String labelPath;
    private final @Nullable String constantLabel;
    private final @Nullable String retractPath;
    private final @Nullable EventReader reader; // null where nothing is read from values
    private final CanonicalText text = new CanonicalText();

    private @Nullable String id;
    private long time;
    private double weight;
    private @Nullable String label;

    private StreamFields(@Nullable EventReader reader, @Nullable String idPath, @Nullable String timePath,
            TimeUnit timeUnit, @Nullable String weightPath, @Nullable String labelPath, @Nullable String constantLabel,
            @Nullable String retractPath) {
        this.reader = reader;
        this.idPath = idPath;
        this.timePath = timePath;
        this.timeUnit = timeUnit;
        this.weightPath = weightPath;
        this.labelPath = labelPath;
        this.constantLabel = constantLabel;
        this.retractPath = retractPath;
    }

    /// A reader of the stream's events.
    public static StreamFields ofEvents(StreamSpec spec) {
        StreamSpec.Events events = spec.events();
        return new StreamFields(new EventReader(events.topic(), spec.eventPaths(), events.format(), events.schema()),
                events.key(), events.eventTime(), events.timeUnit(), spec.weight(), spec.label(), null, null);
    }

    /// A reader of the stream's labels.
    ///
    /// @param spec of a stream with a topic of labels
    public static StreamFields ofLabels(StreamSpec spec) {
        StreamSpec.Labels labels = Objects.requireNonNull(spec.labels(), "a topic of labels");
        List<String> paths = spec.labelPaths();
        return new StreamFields(
                paths.isEmpty() ? null : new EventReader(labels.topic(), paths, labels.format(), labels.schema()),
                labels.key(), labels.eventTime(), labels.timeUnit(), null, labels.value(), labels.constant(),
                labels.retract());
    }

    /// Reads a record as it lies in its topic. Returns null, or why it is rejected.
    ///
    /// @param timestamp the record's, epoch milliseconds
    /// @throws io.tidegrad.schemas.SchemaRegistry.RegistryUnavailableException the registry did not answer: try again
    public @Nullable Rejection read(RecordDecoder decoder, byte @Nullable [] key, byte @Nullable [] value,
            long timestamp) {
        if (reader == null) {
            return read(path -> null, key, timestamp);
        }
        if (value == null) {
            return readNullValue(key, timestamp);
        }
        Event event;
        try {
            event = reader.read(decoder, value);
        } catch (UndecodableException undecodable) {
            return Rejection.of(undecodable);
        }
        return read(event, key, timestamp);
    }

    /// Reads a record. Returns null, or why it is rejected.
    ///
    /// @param event the decoded value
    /// @param key the record's key
    /// @param timestamp the record's, epoch milliseconds
    @Nullable
    Rejection read(Event event, byte @Nullable [] key, long timestamp) {
        try {
            id = id(event, key);
            time = time(event, timestamp);
            weight = weight(event);
            label = isTakenBack(event) ? null : label(event);
            return null;
        } catch (RejectedException rejected) {
            return rejected.rejection();
        }
    }

    /// Reads a record without value: it takes back the label of the id that its key names.
    @Nullable
    Rejection readNullValue(byte @Nullable [] key, long timestamp) {
        try {
            if (!StreamSpec.RECORD_KEY.equals(idPath)) {
                throw new RejectedException(Rejection.Reason.NULL_VALUE, "expected a value with the id in '" + idPath
                        + "', found null; a null value can take a label back only with key: " + StreamSpec.RECORD_KEY);
            }
            id = recordKey(key);
            time = checked(timestamp, timestamp);
            weight = 1;
            label = null;
            return null;
        } catch (RejectedException rejected) {
            return rejected.rejection();
        }
    }

    /// The id of the record that was read; null where the spec names no path for it.
    public @Nullable String id() {
        return id;
    }

    /// The event time of the record that was read, epoch milliseconds.
    public long time() {
        return time;
    }

    /// The weight of the event that was read.
    public double weight() {
        return weight;
    }

    /// The label of the record that was read; null: it takes the label back, or the spec names no path for a label.
    public @Nullable String label() {
        return label;
    }

    private @Nullable String id(Event event, byte @Nullable [] key) throws RejectedException {
        if (idPath == null) {
            return null;
        }
        if (idPath.equals(StreamSpec.RECORD_KEY)) {
            return recordKey(key);
        }
        Object value = event.get(idPath);
        if (value == null) {
            throw Values.missing(idPath, "an id");
        }
        String canonical = canonical(idPath, value);
        if (!isExact(value)) {
            throw Values.wrongType(idPath, "an id that is exact: text, or a whole number that fits a long", value);
        }
        return checked(canonical, text.length());
    }

    /// Whether no other number that somebody wrote can have become this one: what does not fit a long was read as the
    /// nearest double, so that the labels of one event would be given to its neighbours too.
    private static boolean isExact(Object value) {
        return switch (value) {
            case Long _,Integer _,Short _,Byte _ -> true;
            case Numeral numeral when numeral.isWhole() -> true;
            case Number number -> number.doubleValue() == StrictMath.rint(number.doubleValue())
                    && Math.abs(number.doubleValue()) < EXACT_LIMIT;
            default -> true;
        };
    }

    private String recordKey(byte @Nullable [] key) throws RejectedException {
        if (key == null) {
            throw new RejectedException(Rejection.Reason.MISSING_FIELD, "the record's key: expected an id, found null");
        }
        for (byte each : key) {
            if (each == 0) {
                throw new RejectedException(Rejection.Reason.WRONG_TYPE,
                        "the record's key: expected an id in UTF-8, found " + key.length
                                + " bytes with a 0 among them, as serializers of Avro and of numbers write them;"
                                + " name a field of the value as the id");
            }
        }
        try {
            return checked(BinaryReader.utf8(key, 0, key.length), key.length);
        } catch (CharacterCodingException notUtf8) {
            throw new RejectedException(Rejection.Reason.WRONG_TYPE,
                    "the record's key: expected an id in UTF-8, found other bytes");
        }
    }

    /// @param length bytes of the id in UTF-8
    private String checked(String id, int length) throws RejectedException {
        if (length == 0 || length > ID_BYTES_MAX) {
            throw new RejectedException(Rejection.Reason.WRONG_TYPE,
                    (StreamSpec.RECORD_KEY.equals(idPath) ? "the record's key" : "field '" + idPath + "'")
                            + ": expected an id of 1 to " + ID_BYTES_MAX + " bytes, found one of " + length);
        }
        return id;
    }

    private long time(Event event, long timestamp) throws RejectedException {
        if (timePath == null) {
            return checked(timestamp, timestamp);
        }
        Object value = event.get(timePath);
        if (value == null) {
            throw new RejectedException(Rejection.Reason.MISSING_TIME,
                    "field '" + timePath + "': expected the event's time, found null");
        }
        long time = Values.time(timePath, value, timeUnit);
        // What a time in another unit becomes if it is a timestamp of Avro, which is decoded to milliseconds.
        long from = timeUnit == TimeUnit.MILLISECONDS ? SECONDS_FROM : 1;
        if (value instanceof Number && time >= from && time < SECONDS_TO && timestamp > 100 * SECONDS_TO) {
            throw new RejectedException(Rejection.Reason.OUT_OF_RANGE, "field '" + timePath
                    + "': expected a time in epoch " + timeUnit.name().toLowerCase(Locale.ROOT) + ", found "
                    + Values.describe(value) + ", which would be " + Instant.ofEpochMilli(time)
                    + (timeUnit == TimeUnit.MILLISECONDS
                            ? "; if it counts seconds, say time-unit: seconds beside event-time"
                            : "; Avro's timestamp-* types need no time-unit: leave it out, or name the unit it counts"));
        }
        return checked(time, timestamp);
    }

    private static long checked(long time, long timestamp) throws RejectedException {
        if (timestamp < 0) {
            throw new RejectedException(Rejection.Reason.MISSING_TIME,
                    "the record's timestamp: expected one, found none");
        }
        Rejection refused = refused(time, timestamp);
        if (refused != null) {
            throw new RejectedException(refused.reason(), refused.detail());
        }
        return time;
    }

    /// Returns why a time is refused: no example can say it, or it lies too far ahead of its record's timestamp. Null if
    /// it is taken.
    public static @Nullable Rejection refused(long time, long timestamp) {
        if (time < Example.TIME_MIN || time > Example.TIME_MAX) {
            return new Rejection(Rejection.Reason.OUT_OF_RANGE,
                    "expected an event time in the years 0 to 9999, found " + time + " ms since 1970");
        }
        return time - timestamp <= AHEAD_MAX.toMillis() ? null
                : new Rejection(Rejection.Reason.FUTURE_TIME,
                        "expected an event time of at most a day after the record's timestamp, "
                                + Instant.ofEpochMilli(timestamp) + ", found " + Instant.ofEpochMilli(time));
    }

    private double weight(Event event) throws RejectedException {
        if (weightPath == null) {
            return 1;
        }
        Object value = event.get(weightPath);
        double number = value instanceof Number given ? given.doubleValue() : Double.NaN;
        if (number >= 0 && number <= WEIGHT_MAX) {
            return number + 0.0; // -0 is 0
        }
        throw new RejectedException(Rejection.Reason.INVALID_WEIGHT, "field '" + weightPath
                + "': expected the event's weight, a number from 0 to 1e11, found " + Values.describe(value));
    }

    private boolean isTakenBack(Event event) throws RejectedException {
        if (retractPath == null) {
            return false;
        }
        Object value = event.get(retractPath);
        if (value == null) {
            return false;
        }
        String said = canonical(retractPath, value);
        if (LabelText.same(said, "true") || LabelText.same(said, "false")) {
            return LabelText.same(said, "true");
        }
        throw Values.wrongType(retractPath, "true, false, 0 or 1", value);
    }

    private @Nullable String label(Event event) throws RejectedException {
        if (labelPath == null) {
            return constantLabel;
        }
        Object value = event.get(labelPath);
        if (value == null) {
            throw new RejectedException(Rejection.Reason.MISSING_LABEL,
                    "field '" + labelPath + "': expected the label, found null");
        }
        String given = canonical(labelPath, value);
        int length = text.length(); // in UTF-8
        if (length == 0 || length > LabelText.BYTES_MAX) {
            throw new RejectedException(Rejection.Reason.INVALID_LABEL, "field '" + labelPath
                    + "': expected a label of 1 to " + LabelText.BYTES_MAX + " bytes, found one of " + length);
        }
        return given;
    }

    private String canonical(String path, Object value) throws RejectedException {
        text.clear().appendValue(path, value);
        try {
            return text.toUtf8Text();
        } catch (CharacterCodingException notUtf8) { // replaced, two ids could become one
            throw new RejectedException(Rejection.Reason.WRONG_TYPE,
                    "field '" + path + "': expected text in UTF-8, found other bytes");
        }
    }
}
