package io.tidegrad.ops.measure;

import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiConsumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// Measures of one state.
///
/// @param all in the order of the fields of `/health`
/// @param <S> the state
public record Measures<S>(List<Measure<S>> all) {
    public Measures {
        all = List.copyOf(all);
    }

    @SafeVarargs
    public static <S> Measures<S> of(Measure<S>... measures) {
        List<Measure<S>> all = new ArrayList<>();
        for (Measure<S> measure : measures) {
            all.add(measure);
        }
        return new Measures<>(all);
    }

    /// Adds the series to `/metrics`.
    ///
    /// @param tags labels of the holder
    /// @param holder object that has the state; it is not kept from being collected
    /// @param state returns null while the holder has none
    public <H> void register(MeterRegistry registry, Tags tags, H holder, Function<H, @Nullable S> state) {
        all.forEach(measure -> measure.register(registry, tags, holder, state));
    }

    /// Writes the fields of `/health`.
    public void write(S state, BiConsumer<String, @Nullable Number> fields) {
        all.forEach(measure -> measure.write(state, fields));
    }
}
