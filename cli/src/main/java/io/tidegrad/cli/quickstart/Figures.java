package io.tidegrad.cli.quickstart;

import java.util.Locale;

/// Formats numbers for people, equally in every locale.
final class Figures {
    private Figures() {}

    static String text(String format, Object... values) {
        return String.format(Locale.ROOT, format, values);
    }

    static String count(long value) {
        return text("%,d", value);
    }

    /// Returns four decimals; a dash for NaN.
    static String measure(double value) {
        return Double.isNaN(value) ? "-" : text("%.4f", value);
    }

    static String millis(double value) {
        return Double.isNaN(value) ? "-" : text("%,.0f ms", value);
    }

    /// Returns the served version and its freshness.
    static String served(long version, double freshnessMillis) {
        if (version < 0) {
            return "none yet";
        }
        return count(version) + (Double.isNaN(freshnessMillis) ? "" : text(" (%.1f s old)", freshnessMillis / 1000));
    }
}
