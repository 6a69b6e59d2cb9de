package io.tidegrad.model.feature;

import io.tidegrad.model.spec.Feature;

/// Calendar arithmetic on epoch milliseconds, UTC, proleptic Gregorian; no time zone table, no allocation.
final class TimeParts {
    private static final long DAY_MILLIS = 86_400_000;

    private TimeParts() {}

    /// The part's value, from 0 to `part.size()` - 1.
    static int of(Feature.Part part, long epochMillis) {
        long day = Math.floorDiv(epochMillis, DAY_MILLIS);
        int millisOfDay = (int) Math.floorMod(epochMillis, DAY_MILLIS);
        return switch (part) {
            case MINUTE_OF_DAY -> millisOfDay / 60_000;
            case HOUR -> millisOfDay / 3_600_000;
            // 1970-01-01 was a Thursday: 3 after Monday.
            case WEEKDAY -> (int) Math.floorMod(day + 3, 7L);
            case DAY -> monthAndDay(day) & 31;
            case MONTH -> monthAndDay(day) >> 5;
        };
    }

    /// Returns month << 5 | day, both from 0. Years start in March, so that the leap day comes last: then the days
    /// before month m are (153 m + 2) / 5 (Howard Hinnant, "chrono-compatible low-level date algorithms").
    private static int monthAndDay(long epochDay) {
        long day = epochDay + 719_468; // days since 0000-03-01
        int dayOfEra = (int) Math.floorMod(day, 146_097L); // an era is 400 years
        int yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365;
        int dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100);
        int monthFromMarch = (5 * dayOfYear + 2) / 153;
        int dayOfMonth = dayOfYear - (153 * monthFromMarch + 2) / 5;
        int month = (monthFromMarch + 2) % 12;
        return month << 5 | dayOfMonth;
    }
}
