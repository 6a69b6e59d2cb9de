package io.tidegrad.model.spec;

import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.DoublePredicate;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// How the value of a key is read and how it is written in canonical text.
///
/// @param read reports a mistake and then returns a placeholder that the part's constructor accepts
public record ValueType<V>(Function<SpecNode, V> read, Function<V, String> write) {
    static final ValueType<Boolean> FLAG = new ValueType<>(SpecNode::bool, String::valueOf);
    static final ValueType<String> FIELD = new ValueType<>(SpecNode::field, Flow::quoted);

    static final ValueType<Double> RATE =
            decimal("a number above 0 and at most 1000", value -> (float) value > 0 && value <= 1000);
    static final ValueType<Double> FRACTION =
            decimal("a number from 0 to below 1", value -> value >= 0 && (float) value < 1);
    static final ValueType<Double> EPSILON =
            decimal("a number above 0 and at most 1", value -> (float) value > 0 && value <= 1);
    static final ValueType<Double> UP_TO_1000 =
            decimal("a number from 0 to 1000", value -> value >= 0 && value <= 1000);
    static final ValueType<Double> POSITIVE = decimal("a number above 0", value -> value > 0);

    /// What a time counts where it is a number. Milliseconds unless said.
    public static final ValueType<TimeUnit> TIME_UNIT =
            oneOf(new TimeUnit[]{TimeUnit.MILLISECONDS, TimeUnit.SECONDS, TimeUnit.MICROSECONDS, TimeUnit.NANOSECONDS});

    static ValueType<Integer> whole(int min, int max) {
        return new ValueType<>(node -> node.integer(min, max), String::valueOf);
    }

    static ValueType<Long> whole(long min, long max) {
        return new ValueType<>(node -> node.integer(min, max), String::valueOf);
    }

    /// @param what describes the numbers that `range` accepts; 0 or 1 must be one of them, as a placeholder
    public static ValueType<Double> decimal(String what, DoublePredicate range) {
        return new ValueType<>(node -> {
            double value = node.decimal(what, range);
            return range.test(value) ? value : 1;
        }, Flow::number);
    }

    static ValueType<String> text(String what) {
        return new ValueType<>(node -> node.text(what), Flow::quoted);
    }

    /// One of some constants of an enum, by their names in a spec.
    public static <E extends Enum<E>> ValueType<E> oneOf(E[] values) {
        String[] names = Stream.of(values).map(Flow::name).toArray(String[]::new);
        return new ValueType<>(node -> {
            String name = node.name(names);
            return name == null ? values[0] : values[List.of(names).indexOf(name)];
        }, Flow::name);
    }

    /// @param what describes the elements, of which there must be one at least
    static <V> ValueType<List<V>> list(String what, ValueType<V> element) {
        return new ValueType<>(node -> node.list(what).stream().map(element.read).toList(),
                values -> values.stream().map(element.write).collect(Collectors.joining(", ", "[", "]")));
    }

    /// Read by another function, which looks for more mistakes.
    ValueType<V> readBy(Function<SpecNode, V> other) {
        return new ValueType<>(other, write);
    }
}
