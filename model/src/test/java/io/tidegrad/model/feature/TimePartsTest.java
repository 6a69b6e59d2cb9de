package io.tidegrad.model.feature;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.model.spec.Feature.Part;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.LongRange;

class TimePartsTest {
    @Property
    void partsAreThoseOfTheJdksCalendar(
            @ForAll @LongRange(min = -62_167_219_200_000L, max = 253_402_300_799_999L) long time) {
        check(time);
    }

    @Example
    void everyDayOfFourCenturiesIsRight() {
        for (long day = 0; day < 146_097; day++) {
            check(day * 86_400_000L - 1);
        }
    }

    private static void check(long time) {
        ZonedDateTime utc = Instant.ofEpochMilli(time).atZone(ZoneOffset.UTC);
        int[] expected = {utc.getHour() * 60 + utc.getMinute(), utc.getHour(), utc.getDayOfWeek().getValue() - 1,
            utc.getDayOfMonth() - 1, utc.getMonthValue() - 1};
        Part[] parts = {Part.MINUTE_OF_DAY, Part.HOUR, Part.WEEKDAY, Part.DAY, Part.MONTH};
        for (int i = 0; i < parts.length; i++) {
            int found = TimeParts.of(parts[i], time);
            if (found != expected[i]) {
                assertThat(found).as("%s of %s", parts[i], utc).isEqualTo(expected[i]);
            }
        }
    }
}
