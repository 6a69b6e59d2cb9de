package io.tidegrad.control.suggestion;

import io.tidegrad.model.feature.NumberText;
import io.tidegrad.model.feature.TextPieces;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// What the words of some texts show.
///
/// @param each the mean number of words of a text
/// @param longest the most words of a text
/// @param distinct the number of different words
/// @param again the share of words, each once a text, that are no numbers and in another text too
record TextWords(double each, int longest, int distinct, double again) {
    private static final double EACH_MIN = 3;
    private static final double AGAIN_MIN = 0.5;

    static TextWords of(List<String> texts) {
        Map<String, Integer> textsOf = new HashMap<>();
        long words = 0;
        int longest = 0;
        for (String text : texts) {
            List<String> found = TextPieces.words(text);
            words += found.size();
            longest = Math.max(longest, found.size());
            Set<String> once = new HashSet<>(found);
            once.forEach(word -> textsOf.merge(word, 1, Integer::sum));
        }
        long all = textsOf.values().stream().mapToLong(count -> count).sum();
        long again =
                textsOf.entrySet().stream().filter(word -> word.getValue() > 1 && NumberText.of(word.getKey()) == null)
                        .mapToLong(Map.Entry::getValue).sum();
        return new TextWords((double) words / Math.max(1, texts.size()), longest, textsOf.size(),
                (double) again / Math.max(1, all));
    }

    /// Whether the words say more than which text it is.
    boolean areText() {
        return each >= EACH_MIN && again >= AGAIN_MIN;
    }
}
