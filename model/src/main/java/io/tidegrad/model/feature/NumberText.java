package io.tidegrad.model.feature;

import org.jspecify.annotations.Nullable;

/// Numbers in texts without types, such as the cells of a CSV file.
public final class NumberText {
    /// Up to here, a number's digits and the power of ten behind its point are doubles, and their quotient is rounded once:
    /// the nearest double (Clinger 1990, "How to read floating point numbers accurately").
    private static final int DIGITS_MAX = 15;
    private static final double[] POWERS =
            {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};

    private NumberText() {}

    /// Returns a `Long` or a `Double`; null for what is no number. As in JSON, a point or an exponent makes it a double.
    public static @Nullable Number of(String text) {
        int length = text.length();
        boolean negative = length > 0 && text.charAt(0) == '-';
        int at = negative || length > 0 && text.charAt(0) == '+' ? 1 : 0;
        long digits = 0;
        int count = 0;
        int behindPoint = -1;
        for (; at < length; at++) {
            char next = text.charAt(at);
            if (next == '.' && behindPoint < 0) {
                behindPoint = 0;
            } else if (next >= '0' && next <= '9' && count < DIGITS_MAX) {
                digits = 10 * digits + (next - '0');
                count++;
                behindPoint += behindPoint < 0 ? 0 : 1;
            } else {
                return slowNumber(text);
            }
        }
        if (count == 0) {
            return null;
        }
        if (behindPoint < 0) {
            return negative ? -digits : digits;
        }
        double value = digits / POWERS[behindPoint];
        return negative ? -value : value;
    }

    private static @Nullable Number slowNumber(String text) {
        boolean whole = true;
        for (int i = 0; i < text.length(); i++) {
            if ("0123456789+-.eE".indexOf(text.charAt(i)) < 0) {
                return null;
            }
            whole &= ".eE".indexOf(text.charAt(i)) < 0;
        }
        try {
            if (whole) {
                return Long.valueOf(text);
            }
        } catch (NumberFormatException tooLong) {
            // A double, as in JSON.
        }
        try {
            return Double.valueOf(text);
        } catch (NumberFormatException other) {
            return null;
        }
    }
}
