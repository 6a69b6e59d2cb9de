package io.tidegrad.loadtests;

import java.util.Locale;

/// Bounds of what a user may ask for.
public final class Limits {
    private Limits() {}

    /// @param option for the message: `--seconds`
    /// @throws IllegalArgumentException it does not lie between them, or is no number
    public static void require(String option, double value, double least, double most) {
        if (!(value >= least && value <= most)) {
            throw new IllegalArgumentException(
                    option + " expects " + text(least) + " to " + text(most) + ", found " + text(value));
        }
    }

    private static String text(double value) {
        return value == Math.rint(value) ? String.format(Locale.ROOT, "%,.0f", value) : String.valueOf(value);
    }
}
