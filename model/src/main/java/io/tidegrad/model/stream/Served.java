package io.tidegrad.model.stream;

import io.tidegrad.model.spec.Flow;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Locale;
import java.util.regex.Pattern;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.jspecify.annotations.Nullable;

/// What a scorer answered for an event, as a header of the event in a scorer's log, and of the examples that a joiner
/// makes of it:
///
/// `tidegrad-served-by`: `1 model epoch.version offset time stage propensity predictions`, with one blank between two
///
/// `1` is the format's number. The time is that of the answer, in epoch milliseconds. The stage is `live` or
/// `challenger`. The propensity is the share of keys for which a split lets this model answer, a decimal number above 0
/// and up to 1; it is `-` where no split was asked. The predictions are one number for each output, with a comma between
/// two, as `Float.toString` writes them.
///
/// What the members of a mixture gave the event comes in a header of its own, as many numbers as there are outputs of all
/// members together:
///
/// `tidegrad-served-members`: `1 outputs`
///
/// docs/streams.md shows both.
///
/// @param model that answered, which is not always the one that the request named
/// @param offset next offset of the log of record in the version
/// @param propensity null: no split was asked
/// @param memberOutputs empty: the model has no mixture, or it is not known what its members gave
public record Served(String model, int epoch, long version, long offset, long time, Stage stage,
        @Nullable Double propensity, float[] predictions, float[] memberOutputs) {
    public static final int FORMAT = 1;
    public static final String HEADER = Example.CARRIED_PREFIX + "by";

    public static final String MEMBERS_HEADER = Example.CARRIED_PREFIX + "members";

    private static final String FIELDS = FORMAT + " model epoch.version offset time stage propensity predictions";
    private static final int FIELD_COUNT = 8;
    private static final String NO_SPLIT = "-";

    /// As many bytes as the headers of a dead letter may have.
    private static final int HEADER_BYTES_MAX = 64 * 1024;

    private static final int MODEL_LENGTH_MAX = 100;
    private static final int EPOCH_DIGITS_MAX = 9;
    private static final int NUMBER_DIGITS_MAX = 18;
    private static final int FLOAT_LENGTH_MAX = 32;
    private static final int SHOWN_MAX = 40;
    private static final Pattern NUMBER = Pattern.compile("-?[0-9]+(\\.[0-9]+)?(E-?[0-9]+)?");

    /// What the model that answered was to the name that the request asked for.
    public enum Stage {
        /// The model that answers for the name.
        LIVE,
        /// A model that answers for a share of the keys.
        CHALLENGER;

        private final String code = name().toLowerCase(Locale.ROOT);

        public String code() {
            return code;
        }
    }

    public Served(String model, int epoch, long version, long offset, long time, Stage stage,
            @Nullable Double propensity, float[] predictions) {
        this(model, epoch, version, offset, time, stage, propensity, predictions, new float[0]);
    }

    public Served {
        if (!isName(model)) {
            throw new IllegalArgumentException("expected the name of a model, found '" + model + "'");
        }
        if (epoch < 0 || version < 0 || offset < 0 || time < 0 || time > Example.TIME_MAX) {
            throw new IllegalArgumentException("expected an epoch, a version, an offset and a time from 0 on, found "
                    + epoch + ", " + version + ", " + offset + " and " + time);
        }
        if (propensity != null && !(propensity > 0 && propensity <= 1)) {
            throw new IllegalArgumentException("expected a propensity above 0 and up to 1, found " + propensity);
        }
        if (predictions.length == 0) {
            throw new IllegalArgumentException("expected at least one prediction, found none");
        }
    }

    /// Equal predictions are those with the same bits.
    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof Served served && text().equals(served.text())
                && Arrays.equals(memberOutputs, served.memberOutputs);
    }

    @Override
    public int hashCode() {
        return text().hashCode();
    }

    @Override
    public String toString() {
        return text();
    }

    /// The header's value.
    public String text() {
        StringBuilder text = new StringBuilder(64 + 12 * predictions.length).append(FORMAT).append(' ').append(model)
                .append(' ').append(epoch).append('.').append(version).append(' ').append(offset).append(' ')
                .append(time).append(' ').append(stage.code).append(' ')
                .append(propensity == null ? NO_SPLIT : Flow.number(propensity));
        return append(predictions, text);
    }

    private static String append(float[] numbers, StringBuilder text) {
        for (int i = 0; i < numbers.length; i++) {
            text.append(i == 0 ? ' ' : ',').append(numbers[i]);
        }
        return text.toString();
    }

    public void writeTo(Headers headers) {
        headers.add(HEADER, text().getBytes(StandardCharsets.US_ASCII));
        if (memberOutputs.length > 0) {
            String text = append(memberOutputs, new StringBuilder().append(FORMAT));
            headers.add(MEMBERS_HEADER, text.getBytes(StandardCharsets.US_ASCII));
        }
    }

    /// Returns what was served, or null if nothing says that the event was.
    ///
    /// @throws ExampleException one of the headers stands there twice or can't be read
    public static @Nullable Served read(Headers headers) throws ExampleException {
        Header found = one(HEADER, headers);
        if (found == null) {
            return null;
        }
        Header members = one(MEMBERS_HEADER, headers);
        return new Reader(HEADER, found.value())
                .served(members == null ? new float[0] : new Reader(MEMBERS_HEADER, members.value()).memberOutputs());
    }

    private static @Nullable Header one(String name, Headers headers) throws ExampleException {
        Header found = null;
        for (Header header : headers) {
            if (header.key().equals(name)) {
                if (found != null) {
                    throw new ExampleException("header " + name + ": expected once, found twice");
                }
                found = header;
            }
        }
        return found;
    }

    private static boolean isName(String text) {
        if (text.isEmpty() || text.length() > MODEL_LENGTH_MAX) {
            return false;
        }
        for (int i = 0; i < text.length(); i++) {
            char each = text.charAt(i);
            if (!(each >= 'a' && each <= 'z' || Example.isDigit(each) || each == '-')) {
                return false;
            }
        }
        return true;
    }

    private static final class Reader {
        private final String header;
        private final String text;

        Reader(String header, byte @Nullable [] value) throws ExampleException {
            this.header = header;
            if (value == null || value.length == 0) {
                throw new ExampleException("header " + header + ": expected a text, found nothing");
            }
            if (value.length > HEADER_BYTES_MAX) {
                throw new ExampleException("header " + header + ": expected at most " + HEADER_BYTES_MAX
                        + " bytes, found " + value.length);
            }
            text = new String(value, StandardCharsets.ISO_8859_1); // what is no ASCII fits no field
        }

        /// The numbers of the header of members: finite, for members' weights follow from them.
        float[] memberOutputs() throws ExampleException {
            String[] fields = fields(2, FORMAT + " outputs");
            float[] outputs = predictions(fields[1]);
            for (float output : outputs) {
                if (!Float.isFinite(output)) {
                    throw wrong("outputs ", "finite numbers", fields[1]);
                }
            }
            return outputs;
        }

        private String[] fields(int count, String described) throws ExampleException {
            String[] fields = text.split(" ", -1);
            if (!fields[0].equals(Integer.toString(FORMAT))) {
                throw new ExampleException("header " + header + ": expected format " + FORMAT + ", found "
                        + shown(fields[0]) + "; a newer build may be able to read it");
            }
            if (fields.length != count) {
                throw wrong("", '"' + described + '"', text);
            }
            return fields;
        }

        Served served(float[] memberOutputs) throws ExampleException {
            String[] fields = fields(FIELD_COUNT, FIELDS);
            if (!isName(fields[1])) {
                throw wrong("model ", "a name of a-z, 0-9 and -", fields[1]);
            }
            int dot = fields[2].indexOf('.');
            if (!Example.isWhole(fields[2], 0, dot, EPOCH_DIGITS_MAX)
                    || !Example.isWhole(fields[2], dot + 1, fields[2].length(), NUMBER_DIGITS_MAX)) {
                throw wrong("version ", "epoch.version", fields[2]);
            }
            return new Served(fields[1], Integer.parseInt(fields[2], 0, dot, 10),
                    Long.parseLong(fields[2], dot + 1, fields[2].length(), 10),
                    whole("offset ", fields[3], Long.MAX_VALUE), whole("time ", fields[4], Example.TIME_MAX),
                    stage(fields[5]), propensity(fields[6]), predictions(fields[7]), memberOutputs);
        }

        private long whole(String field, String text, long max) throws ExampleException {
            if (Example.isWhole(text, 0, text.length(), NUMBER_DIGITS_MAX)) {
                long value = Long.parseLong(text);
                if (value <= max) {
                    return value;
                }
            }
            throw wrong(field, "a whole number from 0 to " + max, text);
        }

        private Stage stage(String code) throws ExampleException {
            for (Stage each : Stage.values()) {
                if (each.code.equals(code)) {
                    return each;
                }
            }
            throw wrong("stage ", "live or challenger", code);
        }

        private @Nullable Double propensity(String text) throws ExampleException {
            if (text.equals(NO_SPLIT)) {
                return null;
            }
            double value = isNumber(text) ? Double.parseDouble(text) : Double.NaN;
            if (!(value > 0 && value <= 1)) {
                throw wrong("propensity ", "a number above 0 and up to 1, or -", text);
            }
            return value;
        }

        private float[] predictions(String text) throws ExampleException {
            float[] predictions = new float[8];
            int count = 0;
            for (int from = 0; from <= text.length(); count++) {
                int comma = text.indexOf(',', from);
                int to = comma < 0 ? text.length() : comma;
                String number = text.substring(from, to);
                if (count == predictions.length) {
                    predictions = Arrays.copyOf(predictions, 2 * count);
                }
                predictions[count] = prediction(number);
                from = to + 1;
            }
            return Arrays.copyOf(predictions, count);
        }

        private float prediction(String text) throws ExampleException {
            if (text.equals("NaN") || text.equals("Infinity") || text.equals("-Infinity") || isNumber(text)) {
                return Float.parseFloat(text);
            }
            throw wrong("predictions ", "numbers with a comma between two", text);
        }

        /// As `Float.toString` writes a finite number, or an integer. What Java reads beside these, such as hexadecimal
        /// digits and blanks, is none.
        private static boolean isNumber(String text) {
            return text.length() <= FLOAT_LENGTH_MAX && NUMBER.matcher(text).matches();
        }

        /// @param field and a blank; empty: all of the header
        private ExampleException wrong(String field, String expected, String found) {
            return new ExampleException(
                    "header " + header + ": expected " + field + expected + ", found \"" + shown(found) + '"');
        }

        private static String shown(String text) {
            String printable = text.replaceAll("[\\p{Cntrl}\u0080-\u009f]", "?");
            return printable.length() <= SHOWN_MAX ? printable : printable.substring(0, SHOWN_MAX) + "…";
        }
    }
}
