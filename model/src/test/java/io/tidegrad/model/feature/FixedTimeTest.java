package io.tidegrad.model.feature;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.DateTimeException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.List;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.Chars;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.LongRange;
import org.jspecify.annotations.Nullable;

/// The JDK's formatter says what a text means.
class FixedTimeTest {
    private static final DateTimeFormatter SECONDS = form("uuuu-MM-dd'T'HH:mm:ss'Z'");
    private static final DateTimeFormatter MILLIS = form("uuuu-MM-dd'T'HH:mm:ss.SSS'Z'");

    private static DateTimeFormatter form(String pattern) {
        return DateTimeFormatter.ofPattern(pattern).withZone(ZoneOffset.UTC);
    }

    private static @Nullable Long byFormatter(String text) {
        try {
            return OffsetDateTime.parse(text, DateTimeFormatter.ISO_DATE_TIME).toInstant().toEpochMilli();
        } catch (DateTimeException none) {
            return null;
        }
    }

    private static @Nullable Long here(String text) {
        try {
            return FixedTime.millis(text);
        } catch (DateTimeException none) {
            return null;
        }
    }

    @Property
    void readsWhatTheFormatterWrites(
            @ForAll @LongRange(min = -62_167_219_200_000L, max = 253_402_300_799_999L) long time) {
        Instant instant = Instant.ofEpochMilli(time);
        String seconds = SECONDS.format(instant);
        String millis = MILLIS.format(instant);
        assertThat(List.of(seconds, millis)).allMatch(FixedTime::matches);
        assertThat(FixedTime.millis(seconds)).isEqualTo(Math.floorDiv(time, 1_000) * 1_000);
        assertThat(FixedTime.millis(millis)).isEqualTo(time);
    }

    @Property
    void saysOfATextWithAnotherCharacterWhatTheFormatterSays(
            @ForAll @LongRange(min = -62_167_219_200_000L, max = 253_402_300_799_999L) long time,
            @ForAll @IntRange(max = 23) int at,
            @ForAll @Chars({'0', '1', '2', '3', '6', '9', 'T', 't', 'Z', 'z', ':', '-', '.', '+', '٣'}) char other) {
        StringBuilder text = new StringBuilder(MILLIS.format(Instant.ofEpochMilli(time)));
        text.setCharAt(at, other);
        String changed = text.toString();
        if (FixedTime.matches(changed)) {
            assertThat(here(changed)).as(changed).isEqualTo(byFormatter(changed));
        }
    }

    @Example
    void everyTwoDigitsOfEveryPlaceAreJudgedAsByTheFormatter() {
        int dates = 0;
        for (String form : List.of("2000-%02d-29T00:00:00Z", "1900-02-%02dT00:00:00Z", "2024-02-%02dT00:00:00.001Z",
                "2023-04-%02dT23:59:59Z", "0000-01-01T%02d:00:00Z", "9999-12-31T23:%02d:59.999Z",
                "1970-01-01T00:00:%02dZ")) {
            for (int number = 0; number < 100; number++) {
                String text = form.formatted(number);
                assertThat(FixedTime.matches(text)).as(text).isTrue();
                assertThat(here(text)).as(text).isEqualTo(byFormatter(text));
                dates += here(text) == null ? 0 : 1;
            }
        }
        assertThat(dates).isEqualTo(12 + 28 + 29 + 30 + 24 + 60 + 60);
    }

    @Example
    void anotherFormIsLeftToTheFormatter() {
        for (String text : List.of("", "2013-01-31", "2013-01-31T23:59Z", "2013-01-31T23:59:59",
                "2013-01-31T23:59:59.9Z", "2013-01-31T23:59:59+01:00", "2013-01-31t23:59:59z",
                "2013-01-31T23:59:59.123456Z")) {
            assertThat(FixedTime.matches(text)).as(text).isFalse();
        }
    }
}
