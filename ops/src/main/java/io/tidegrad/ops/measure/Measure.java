package io.tidegrad.ops.measure;

import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import java.util.function.BiConsumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// A number that is read from a state, with everything that its views need: the series of `/metrics`, and the field of
/// `/health` if it has one.
///
/// @param name of the series, with dots; empty if only `/health` has the number
/// @param help for people, in `/metrics`
/// @param labels of the series, besides those of the object that has the state
/// @param per how many of the value's unit are one of the series' unit: 1,000 for a value in milliseconds
/// @param value null while it is not known: NaN in `/metrics`, and 0 for a counter
/// @param field null if only `/metrics` has the number
/// @param <S> the state
public record Measure<S>(Kind kind, String name, String help, Tags labels, double per,
        Function<S, @Nullable Number> value, @Nullable Field field) {
    /// The kind of series.
    public enum Kind {
        COUNTER, GAUGE
    }

    /// @param shown what is shown for a known value; null for nothing
    /// @param omitted whether the field is left out if there is nothing to show; else it is null
    private record Field(String name, Function<Number, @Nullable Number> shown, boolean omitted) {
    }

    /// Only grows while the process runs.
    public static <S> Measure<S> counter(String name, String help, Function<S, @Nullable Number> value) {
        return new Measure<>(Kind.COUNTER, name, help, Tags.empty(), 1, value, null);
    }

    public static <S> Measure<S> gauge(String name, String help, Function<S, @Nullable Number> value) {
        return new Measure<>(Kind.GAUGE, name, help, Tags.empty(), 1, value, null);
    }

    /// A number that only `/health` has.
    public static <S> Measure<S> inHealth(String field, Function<S, @Nullable Number> value) {
        return gauge("", "", value).field(field);
    }

    public Measure<S> label(String key, String labelled) {
        return new Measure<>(kind, name, help, labels.and(key, labelled), per, value, field);
    }

    /// The series is in seconds, value and field are in milliseconds.
    public Measure<S> seconds() {
        return per(1e3);
    }

    public Measure<S> per(double units) {
        return new Measure<>(kind, name, help, labels, units, value, field);
    }

    /// `/health` shows the value, or null while it is not known.
    public Measure<S> field(String key) {
        return field(key, number -> number);
    }

    /// @param shown returns null for null
    public Measure<S> field(String key, Function<Number, @Nullable Number> shown) {
        return new Measure<>(kind, name, help, labels, per, value, new Field(key, shown, false));
    }

    /// @param shown returns null for no field
    public Measure<S> optionalField(String key, Function<Number, @Nullable Number> shown) {
        return new Measure<>(kind, name, help, labels, per, value, new Field(key, shown, true));
    }

    /// Adds the series, if there is one.
    ///
    /// @param holder object that has the state; it is not kept from being collected
    /// @param state returns null while the holder has none
    <H> void register(MeterRegistry registry, Tags ofHolder, H holder, Function<H, @Nullable S> state) {
        if (name.isEmpty()) {
            return;
        }
        Tags tags = ofHolder.and(labels);
        switch (kind) {
            case COUNTER -> FunctionCounter.builder(name, holder, each -> number(state.apply(each), 0))
                    .description(help).tags(tags).register(registry);
            case GAUGE -> Gauge.builder(name, holder, each -> number(state.apply(each), Double.NaN)).description(help)
                    .tags(tags).register(registry);
        }
    }

    private double number(@Nullable S state, double unknown) {
        Number number = state == null ? null : value.apply(state);
        return number == null ? unknown : number.doubleValue() / per;
    }

    /// Writes the field, if there is one. JSON has neither NaN nor infinity: they are shown as null.
    public void write(S state, BiConsumer<String, @Nullable Number> fields) {
        if (field == null) {
            return;
        }
        Number number = value.apply(state);
        Number shown = number == null || !Double.isFinite(number.doubleValue()) ? null : field.shown().apply(number);
        if (shown != null || !field.omitted()) {
            fields.accept(field.name(), shown);
        }
    }
}
