package io.tidegrad.model.spec;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// `{key: value, …}`; a null value stands for the default and is left out.
final class Flow {
    private final List<String> entries = new ArrayList<>();

    Flow add(String key, @Nullable String value) {
        if (value != null) {
            entries.add(key + ": " + value);
        }
        return this;
    }

    /// Before those that are there.
    Flow first(String key, String value) {
        entries.addFirst(key + ": " + value);
        return this;
    }

    boolean isEmpty() {
        return entries.isEmpty();
    }

    @Override
    public String toString() {
        return "{" + String.join(", ", entries) + "}";
    }

    /// As written in a spec: `minute-of-day`.
    static String name(Enum<?> value) {
        return value.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /// The shortest decimal that reads back as the same number, without exponent.
    static String number(double value) {
        BigDecimal decimal = new BigDecimal(Double.toString(value));
        return decimal.signum() == 0 ? "0" : decimal.stripTrailingZeros().toPlainString();
    }

    static String numbers(List<Double> values) {
        return values.stream().map(Flow::number).collect(Collectors.joining(", ", "[", "]"));
    }

    /// Double-quoted as in JSON, which is YAML too.
    static String quoted(String text) {
        StringBuilder quoted = new StringBuilder("\"");
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '"' || c == '\\') {
                quoted.append('\\').append(c);
            } else if (c < 0x20 || c > 0x7e) {
                quoted.append(String.format(Locale.ROOT, "\\u%04x", (int) c));
            } else {
                quoted.append(c);
            }
        }
        return quoted.append('"').toString();
    }

    static @Nullable String unless(double byDefault, double value) {
        return value == byDefault ? null : number(value);
    }

    static @Nullable String flag(boolean set) {
        return set ? "true" : null;
    }

    /// The name alone where all is as by default.
    static String named(String name, Flow settings) {
        return settings.isEmpty() ? name : "{" + name + ": " + settings + "}";
    }
}
