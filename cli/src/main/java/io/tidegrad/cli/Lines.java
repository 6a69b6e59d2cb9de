package io.tidegrad.cli;

import java.util.Locale;

/// A result for people: lines with a name and a value.
final class Lines {
    private final StringBuilder text = new StringBuilder();

    Lines add(String name, String format, Object... values) {
        text.append(String.format(Locale.ROOT, "%-13s ", name)).append(String.format(Locale.ROOT, format, values))
                .append(System.lineSeparator());
        return this;
    }

    @Override
    public String toString() {
        return text.toString();
    }
}
