package io.tidegrad.control.suggestion;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.IntUnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/// Which categories and parts of times a suggested spec crosses: every two of a few, and every three of fewer, whose
/// combinations come again in the sample and are more than those of a part of them. The label is not asked: what the
/// first events say of it by thousands of combinations is chance.
final class CrossSuggestion {
    /// Of more, none: crosses grow with the square, and each costs a table and a wider first layer.
    private static final int PAIRED_MAX = 8;

    private static final int TRIPLED_MAX = 4;

    /// A cross has this many times the values of what it is made of, or it says what that says already.
    private static final double MORE_MIN = 1.05;

    /// Values an event: where hardly any comes again, there is nothing to learn.
    private static final double VALUES_MAX = 0.9;

    private final List<String> written = new ArrayList<>();
    private final List<Combination> single = new ArrayList<>();

    /// @param of places of what is combined, ascending
    /// @param codes of each event the number of its value
    private record Combination(List<Integer> of, int[] codes, int values) {
    }

    /// @param as how a cross names it in a spec
    /// @param codes of each event the number of its value, or `Column.MISSING`
    void add(String as, int[] codes) {
        single.add(numbered(List.of(written.size()), IntStream.of(codes).mapToObj(code -> (long) code).toList()));
        written.add(as);
    }

    /// Returns a line for each cross: those of two first.
    ///
    /// @param buckets of a table for so many values in the sample
    List<String> features(IntUnaryOperator buckets) {
        int fields = single.size();
        List<String> features = new ArrayList<>();
        List<Combination> shorter = single;
        for (int size = 2; fields <= (size == 2 ? PAIRED_MAX : TRIPLED_MAX) && size <= 3; size++) {
            List<Combination> these = new ArrayList<>();
            for (Combination begun : shorter) {
                for (int next = begun.of.getLast() + 1; next < fields; next++) {
                    Combination made = combined(begun, next);
                    these.add(made);
                    if (saysMore(made, shorter)) {
                        features.add(String.format(Locale.ROOT,
                                "- cross: { fields: [%s], buckets: %d } # together %,d values;"
                                        + " buckets for four times as many",
                                made.of.stream().map(written::get).collect(Collectors.joining(", ")),
                                buckets.applyAsInt(made.values), made.values));
                    }
                }
            }
            shorter = these;
        }
        return features;
    }

    private static boolean saysMore(Combination made, List<Combination> shorter) {
        int part = shorter.stream().filter(each -> made.of.containsAll(each.of)).mapToInt(Combination::values).max()
                .orElseThrow();
        return made.values > MORE_MIN * part && made.values <= VALUES_MAX * made.codes.length;
    }

    private Combination combined(Combination begun, int next) {
        int[] codes = single.get(next).codes;
        List<Integer> of = new ArrayList<>(begun.of);
        of.add(next);
        return numbered(of,
                IntStream.range(0, codes.length).mapToObj(row -> (long) begun.codes[row] << 32 | codes[row]).toList());
    }

    /// Numbers the values in the order in which they come.
    private static Combination numbered(List<Integer> of, List<Long> values) {
        Map<Long, Integer> numbers = new HashMap<>();
        int[] codes =
                values.stream().mapToInt(value -> numbers.computeIfAbsent(value, unused -> numbers.size())).toArray();
        return new Combination(of, codes, numbers.size());
    }
}
