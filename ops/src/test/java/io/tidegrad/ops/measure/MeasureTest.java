package io.tidegrad.ops.measure;

import static org.assertj.core.api.Assertions.assertThat;

import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class MeasureTest {
    private static final Measure<State> AGE =
            Measure.<State>gauge("age.seconds", "how old", State::ageMillis).seconds().field("age_ms");

    /// @param ageMillis null while it is not known
    private record State(@Nullable Long ageMillis, long events) {
    }

    private static Map<String, @Nullable Number> fields(Measures<State> measures, State state) {
        Map<String, @Nullable Number> fields = new LinkedHashMap<>();
        measures.write(state, fields::put);
        return fields;
    }

    @Test
    void aSeriesAndAFieldShowOneValueEachInItsUnit() {
        Measures<State> measures = Measures.of(AGE);
        State state = new State(1_500L, 0);
        MeterRegistry registry = new SimpleMeterRegistry();
        measures.register(registry, Tags.of("model", "m"), state, held -> held);
        assertThat(registry.get("age.seconds").tag("model", "m").gauge().value()).isEqualTo(1.5);
        assertThat(registry.get("age.seconds").gauge().getId().getDescription()).isEqualTo("how old");
        assertThat(fields(measures, state)).containsExactly(Map.entry("age_ms", 1_500L));
    }

    @Test
    void whatIsNotKnownIsNaNOfAGaugeZeroOfACounterAndNullInHealth() {
        Measure<State> events = Measure.<State>counter("events", "how many", State::events).label("kind", "seen");
        Measures<State> measures = Measures.of(AGE, events);
        AtomicReference<@Nullable State> holder = new AtomicReference<>();
        MeterRegistry registry = new SimpleMeterRegistry();
        measures.register(registry, Tags.empty(), holder, AtomicReference::get);
        assertThat(registry.get("age.seconds").gauge().value()).isNaN();
        assertThat(registry.get("events").tag("kind", "seen").functionCounter().count()).isZero();
        holder.set(new State(null, 7));
        assertThat(registry.get("age.seconds").gauge().value()).isNaN();
        assertThat(registry.get("events").functionCounter().count()).isEqualTo(7);
        assertThat(fields(measures, new State(null, 7))).hasSize(1).containsEntry("age_ms", null);
    }

    @Test
    void jsonHasNoNaNAndNoInfinity() {
        Measures<State> measures = Measures.of(Measure.inHealth("share", state -> Double.NaN),
                Measure.inHealth("left", state -> Double.POSITIVE_INFINITY));
        assertThat(fields(measures, new State(null, 0))).containsEntry("share", null).containsEntry("left", null);
    }

    @Test
    void anOptionalFieldIsLeftOutWhenThereIsNothingToShow() {
        Measures<State> measures = Measures.of(Measure.<State>counter("events", "how many", State::events)
                .optionalField("events", count -> count.longValue() > 0 ? count : null));
        assertThat(fields(measures, new State(null, 0))).isEmpty();
        assertThat(fields(measures, new State(null, 3))).containsExactly(Map.entry("events", 3L));
    }

    @Test
    void aNumberOfHealthOnlyIsNoSeries() {
        MeterRegistry registry = new SimpleMeterRegistry();
        Measures.of(Measure.<State>inHealth("events", State::events)).register(registry, Tags.empty(),
                new State(null, 1), held -> held);
        assertThat(registry.getMeters()).isEmpty();
    }
}
