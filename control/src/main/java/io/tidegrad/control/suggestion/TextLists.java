package io.tidegrad.control.suggestion;

import io.tidegrad.model.feature.NumberText;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Texts that are lists of values behind one separator, as `Action|Sci-Fi` is.
///
/// @param separator what stands between the values
/// @param each the mean number of values of a text
/// @param longest the most values of a text
/// @param distinct the number of different values
record TextLists(String separator, double each, int longest, int distinct) {
    private static final List<String> SEPARATORS = List.of("|", ";", ",");
    private static final double EACH_MIN = 1.5;
    private static final double AGAIN_MIN = 0.9;

    /// Returns what separates the values of some different texts; null if nothing does. Lists are of different lengths,
    /// there are at least twice as many of them as values, and hardly a value is in one of them only. Numbers don't count:
    /// those behind a comma may be one.
    static @Nullable TextLists of(List<String> texts) {
        return SEPARATORS.stream().map(separator -> of(texts, separator)).filter(lists -> lists.each > 0).findFirst()
                .orElse(null);
    }

    private static TextLists of(List<String> texts, String separator) {
        Map<String, Integer> textsOf = new HashMap<>();
        Set<Integer> lengths = new HashSet<>();
        int longest = 0;
        long all = 0;
        for (String text : texts) {
            List<String> found = values(text, separator);
            lengths.add(found.size());
            longest = Math.max(longest, found.size());
            all += found.size();
            Set.copyOf(found).forEach(value -> textsOf.merge(value, 1, Integer::sum));
        }
        long again = textsOf.entrySet().stream()
                .filter(value -> value.getValue() > 1 && NumberText.of(value.getKey().strip()) == null)
                .mapToLong(Map.Entry::getValue).sum();
        long once = textsOf.values().stream().mapToLong(count -> count).sum();
        double each = (double) all / Math.max(1, texts.size());
        boolean are = each >= EACH_MIN && lengths.size() > 1 && texts.size() >= 2 * textsOf.size()
                && again >= AGAIN_MIN * once;
        return new TextLists(separator, are ? each : 0, longest, textsOf.size());
    }

    private static List<String> values(String text, String separator) {
        List<String> values = new ArrayList<>();
        for (int at = 0; at <= text.length();) {
            int end = text.indexOf(separator, at);
            end = end < 0 ? text.length() : end;
            String value = text.substring(at, end).strip();
            if (!value.isEmpty()) {
                values.add(value);
            }
            at = end + separator.length();
        }
        return values;
    }
}
