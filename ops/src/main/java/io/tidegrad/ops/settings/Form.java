package io.tidegrad.ops.settings;

import java.time.DateTimeException;
import java.time.Duration;
import java.time.OffsetDateTime;
import java.util.Arrays;
import java.util.List;
import java.util.function.Predicate;
import org.apache.kafka.common.utils.Utils;

/// What a setting's value must look like.
///
/// @param expected for people, after "expected"
/// @param check whether a value looks like that; an exception about its format says no
/// @param values which ones it takes, for a page of all settings; empty where the setting's placeholder says it
/// @param repeated whether the setting may be repeated on the command line, its values separated by commas everywhere
public record Form(String expected, Predicate<String> check, String values, boolean repeated) {
    static final String FOREVER = "forever";

    /// Part of a topic's name.
    public static final Form NAME = matching("letters, digits, '.', '_' and '-'", "[a-zA-Z0-9._-]+");

    public static final Form DECIMAL = of("a number above 0, for instance 0.001 or 1e-6", value -> {
        double number = Double.parseDouble(value);
        return number > 0 && number < Double.POSITIVE_INFINITY;
    }).taking("above 0");

    /// A version of a model.
    public static final Form PIN = matching("a model, its epoch and version, for instance flights=1.120500",
            "[a-zA-Z0-9._-]+=[1-9][0-9]{0,8}\\.[0-9]{1,18}");

    /// A topic for a model.
    public static final Form TOPIC_OF = matching("a model and a topic, for instance flights=flights-scored",
            "[a-zA-Z0-9._-]+=[a-zA-Z0-9._-]{1,249}");

    /// In steps of a hundredth.
    public static final Form PERCENT = matching("a percentage from 0.01 to 100, for instance 5 or 0.25",
            "(?=.*[1-9])([0-9]{1,2}(\\.[0-9]{1,2})?|100(\\.00?)?)");

    /// How long a topic keeps its records.
    public static final Form RETENTION = of("a duration as P30D or PT12H, or " + FOREVER,
            value -> value.equals(FOREVER) || Duration.parse(value).toMillis() > 0);

    /// A time by the clock.
    public static final Form DURATION =
            of("a duration above 0, for instance PT0.5S or PT2S", value -> Duration.parse(value).toMillis() > 0);

    /// How late labels come.
    public static final Form ROWS_OR_DURATION = of("a number of rows, or an event time as PT12H or P1D",
            value -> value.matches("[0-9]{1,9}") || Duration.parse(value).toMillis() > 0);

    /// Needs no value on the command line.
    public static final Form FLAG = matching("true or false", "true|false");

    public static final Form ADDRESSES =
            of("HOST:PORT, for instance 127.0.0.1:9092", value -> Arrays.stream(value.split(",", -1)).map(String::strip)
                    .allMatch(address -> Utils.getHost(address) != null && Utils.getPort(address) != null));

    /// Where a server answers over HTTP. Who may ask is no part of it: a URL is shown in logs.
    public static final Form HTTP_URL = matching("a URL without user and query, for instance http://127.0.0.1:8080",
            "https?://([a-zA-Z0-9][a-zA-Z0-9.-]*|\\[[0-9a-fA-F:.]+])(:[0-9]{1,5})?(/[a-zA-Z0-9._~/-]*)?");

    private static Form of(String expected, Predicate<String> check) {
        return new Form(expected, check, "", false);
    }

    private static Form matching(String expected, String pattern) {
        return of(expected, value -> value.matches(pattern));
    }

    private Form taking(String those) {
        return new Form(expected, check, those, repeated);
    }

    public static Form text(String expected) {
        return of(expected, value -> !value.isBlank());
    }

    public static Form number(long min, long max) {
        String expected =
                "a whole number " + (max == Long.MAX_VALUE ? "of at least " + min : "from " + min + " to " + max);
        return new Form(expected, value -> Long.parseLong(value) >= min && Long.parseLong(value) <= max,
                max < 1_000_000 ? min + " to " + max : "", false);
    }

    public static Form choice(List<String> values) {
        String expected = String.join(" or ", values);
        return of(expected, values::contains).taking(expected);
    }

    /// Somewhere in a log.
    ///
    /// @param words that name a place
    /// @param snapshots whether `snapshot:N` is one
    public static Form place(List<String> words, boolean snapshots) {
        return of(
                String.join("", words.stream().map(word -> word + ", ").toList()) + (snapshots ? "snapshot:N, " : "")
                        + "an offset, or a time such as 2026-01-31T12:00:00Z",
                value -> words.contains(value) || value.matches("[0-9]{1,18}")
                        || snapshots && value.matches("snapshot:[0-9]{1,18}")
                        || !OffsetDateTime.parse(value).isAfter(OffsetDateTime.MAX));
    }

    /// Several values of one form.
    public static Form many(Form of) {
        return new Form(of.expected, of.check, of.values, true);
    }

    public boolean accepts(String value) {
        try {
            return check.test(value);
        } catch (NumberFormatException | DateTimeException | ArithmeticException otherFormat) {
            return false;
        }
    }
}
