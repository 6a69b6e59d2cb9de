package io.tidegrad.model.spec;

import java.math.BigDecimal;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// `{key: value, …}`; a null value stands for the default and is left out.
public final class Flow {
    private final Map<String, String> entries = new LinkedHashMap<>();

    public Flow add(String key, @Nullable String value) {
        if (value != null) {
            entries.put(key, value);
        }
        return this;
    }

    /// Moves `key` behind the others, if it is there.
    Flow last(String key) {
        return add(key, entries.remove(key));
    }

    public boolean isEmpty() {
        return entries.isEmpty();
    }

    int size() {
        return entries.size();
    }

    String firstKey() {
        return entries.keySet().iterator().next();
    }

    String firstValue() {
        return entries.values().iterator().next();
    }

    @Override
    public String toString() {
        return entries.entrySet().stream().map(entry -> entry.getKey() + ": " + entry.getValue())
                .collect(Collectors.joining(", ", "{", "}"));
    }

    /// As written in a spec: `minute-of-day`.
    static String name(Enum<?> value) {
        return value.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /// The shortest decimal that reads back as the same number, without exponent.
    public static String number(double value) {
        BigDecimal decimal = new BigDecimal(Double.toString(value));
        return decimal.signum() == 0 ? "0" : decimal.stripTrailingZeros().toPlainString();
    }

    /// Double-quoted as in JSON, which is YAML too.
    public static String quoted(String text) {
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
}
