package io.tidegrad.model.learn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.kernel.ScalarKernels;
import io.tidegrad.engine.model.Batch;
import io.tidegrad.engine.model.Predictor;
import io.tidegrad.model.Specs;
import io.tidegrad.model.feature.Event;
import io.tidegrad.model.feature.Featurizer;
import io.tidegrad.model.feature.MapEvent;
import io.tidegrad.model.feature.Rejection;
import io.tidegrad.model.feature.Row;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.proof.SteadyAllocation;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeSet;
import java.util.function.IntFunction;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class QuarantineTest {
    private static final Kernels KERNELS = new ScalarKernels();
    private static final int EVENTS = 1_500;

    /// Nearly all is known of these events after a few hundred.
    private static final String SIGNS = """
            model: signs
            input: { topic: signs, event-time: at }
            label: { field: above }
            features: [ number: { field: x } ]
            network: [ dense: 1 ]
            loss: binary-cross-entropy
            optimizer: { sgd: { rate: 20 } }
            quarantine: { loss: 3, gradient: 100 }
            """;

    private static ModelSpec spec(String yaml, String more) {
        return ModelSpec.parse(yaml.replace("mini-batch: { size: 1 }\n", "") + more + "\n", "spec.yaml");
    }

    private static Event sign(int index, double factor, boolean flipped) {
        SplittableRandom random = new SplittableRandom(index);
        double x = random.nextDouble(1, 2) * (random.nextBoolean() ? 1 : -1);
        return new MapEvent(Map.of("at", Specs.START + 1_000L * index, "x", factor * x, "above", x > 0 != flipped));
    }

    /// One in ten of the events after the first 500 is poison.
    private static boolean isPoison(int index) {
        return index >= 500 && index % 10 == 3;
    }

    /// What a log was folded into, and by index which events were quarantined.
    private record Folded(OnlineModel model, Set<Integer> quarantined) {
    }

    private static Folded fold(ModelSpec spec, int count, IntFunction<@Nullable Event> events) {
        OnlineModel model = OnlineModel.initial(spec, KERNELS);
        Set<Integer> quarantined = new TreeSet<>();
        fold(model, 0, count, events, quarantined);
        return new Folded(model, quarantined);
    }

    private static void fold(OnlineModel model, int from, int to, IntFunction<@Nullable Event> events,
            Set<Integer> quarantined) {
        Featurizer featurizer = new Featurizer(model.spec());
        for (int i = from; i < to; i++) {
            Event event = events.apply(i);
            Rejection rejection = event == null ? null : model.accept(Specs.row(featurizer, event));
            if (rejection != null) {
                assertThat(rejection.reason()).isEqualTo(Rejection.Reason.QUARANTINED);
                quarantined.add(i);
            }
        }
        assertThat(model.quarantined()).isGreaterThanOrEqualTo(quarantined.size());
    }

    private static void assertSameBits(OnlineModel one, OnlineModel other) {
        assertThat(one.stateHash()).isEqualTo(other.stateHash());
        assertThat(one.eventTime()).isEqualTo(other.eventTime());
        assertThat(one.evaluation().rows()).isEqualTo(other.evaluation().rows());
        assertThat(one.evaluation().logLoss()).isEqualTo(Double.valueOf(other.evaluation().logLoss()));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {"size: 1", "size: 3", "size: 32", "size: 32, window: PT10S"})
    void aLogWithPoisonGivesTheBitsOfTheLogWithoutIt(String miniBatch) {
        ModelSpec spec = spec(SIGNS, "mini-batch: { " + miniBatch + " }");
        IntFunction<Event> flipped = i -> sign(i, 1, isPoison(i));
        IntFunction<Event> huge = i -> sign(i, isPoison(i) ? 1e6 : 1, isPoison(i));
        Set<Integer> poison =
                new TreeSet<>(IntStream.range(0, EVENTS).filter(QuarantineTest::isPoison).boxed().toList());
        OnlineModel clean = fold(spec, EVENTS, i -> isPoison(i) ? null : sign(i, 1, false)).model;
        assertThat(clean.quarantined()).isZero();
        for (IntFunction<Event> events : List.of(flipped, huge)) {
            Folded folded = fold(spec, EVENTS, events);
            assertThat(folded.quarantined).isEqualTo(poison);
            assertSameBits(folded.model, clean);
        }
        ModelSpec open = spec(SIGNS.replaceAll("quarantine.*\n", ""), "mini-batch: { " + miniBatch + " }");
        assertThat(fold(open, EVENTS, huge).model.evaluation().logLoss()).isGreaterThan(100);
    }

    /// Dropout, batch norm, tables of both kinds, recurrent layers: the bound makes no difference between poison and
    /// what is merely rare.
    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            size: 1 | loss: 0.9
            size: 5 | loss: 0.9
            size: 5 | gradient: 1.5
            size: 8 | loss: 1, gradient: 2
            """)
    void whatIsQuarantinedMightAsWellHaveBeenAbsent(String miniBatch, String bounds) {
        String more = "mini-batch: { " + miniBatch + " }\nquarantine: { " + bounds + " }";
        for (ModelSpec spec : List.of(spec(Specs.EVERY_LAYER, more), spec(Specs.FLIGHTS, more))) {
            boolean everyLayer = spec.model().equals("m");
            IntFunction<Event> events = i -> everyLayer ? Specs.everyField(i) : Specs.flight(i);
            int count = everyLayer ? EVENTS / 3 : EVENTS;
            Folded folded = fold(spec, count, events);
            assertThat(folded.quarantined).as(spec.model()).hasSizeBetween(10, count - 50);
            Folded without = fold(spec, count, i -> folded.quarantined.contains(i) ? null : events.apply(i));
            assertThat(without.quarantined).isEmpty();
            assertSameBits(without.model, folded.model);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 4})
    void theLossThatCountsIsThatOfAPredictionAtThatMoment(int miniBatch) {
        ModelSpec spec = spec(Specs.FLIGHTS, "mini-batch: { size: " + miniBatch + " }\nquarantine: { loss: 1.2 }");
        OnlineModel model = OnlineModel.initial(spec, KERNELS);
        Featurizer featurizer = new Featurizer(spec);
        int refused = 0;
        for (int i = 0; i < EVENTS; i++) {
            Row row = Specs.row(featurizer, Specs.flight(i));
            double p = predicted(model, row);
            double loss = -Math.log(row.labels[0] == 1 ? p : 1 - p);
            Rejection rejection = model.accept(row);
            assertThat(rejection != null).as("event %d has loss %s", i, loss).isEqualTo(loss > 1.2);
            if (rejection != null) {
                refused++;
                String[] told = rejection.detail().split(", found ", -1);
                assertThat(told[0])
                        .isEqualTo("quarantine.loss: expected at most 1.2 by version " + model.parameters().updates());
                assertThat(Double.parseDouble(told[1])).isCloseTo(loss, within(1e-5));
            }
        }
        assertThat(refused).isGreaterThan(10);
        assertThat(model.quarantined()).isEqualTo(refused);
    }

    private static double predicted(OnlineModel model, Row row) {
        Batch batch = new Batch(model.parameters().plan().spec().row(), 1);
        batch.resize(1);
        System.arraycopy(row.numbers, 0, batch.numbers, 0, row.numbers.length);
        System.arraycopy(row.ids, 0, batch.ids, 0, row.ids.length);
        float[] p = new float[1];
        new Predictor(model.parameters().plan(), KERNELS, 1).predict(model.parameters(), batch, p);
        return p[0];
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 4})
    void aModelThatIsRestoredJudgesAsTheOneThatNeverStopped(int miniBatch) {
        ModelSpec spec = spec(Specs.FLIGHTS, "mini-batch: { size: " + miniBatch + " }\nquarantine: { loss: 0.8 }");
        OnlineModel steady = OnlineModel.initial(spec, KERNELS);
        OnlineModel restarted = OnlineModel.initial(spec, KERNELS);
        List<Integer> refused = new ArrayList<>();
        for (int i = 0; i < 60; i++) {
            Set<Integer> one = new TreeSet<>();
            Set<Integer> other = new TreeSet<>();
            fold(steady, i, i + 1, Specs::flight, one);
            restarted = Specs.restored(restarted);
            fold(restarted, i, i + 1, Specs::flight, other);
            assertThat(other).isEqualTo(one);
            assertThat(restarted.stateHash()).isEqualTo(steady.stateHash());
            assertThat(restarted.carry()).isEqualTo(steady.carry());
            refused.addAll(one);
        }
        assertThat(restarted.quarantined()).isEqualTo(refused.size()).isPositive();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 4})
    void anEventThatIsNotFiniteCostsNoMoreThanItself(int miniBatch) {
        ModelSpec spec = spec(Specs.FLIGHTS, "mini-batch: { size: " + miniBatch + " }\nquarantine: { loss: 100 }");
        OnlineModel model = OnlineModel.initial(spec, KERNELS);
        fold(model, 0, 9, Specs::flight, new TreeSet<>());
        String hash = model.stateHash();
        Row row = Specs.row(new Featurizer(spec), Specs.flight(9));
        row.numbers[0] = Float.NaN;
        assertThat(model.accept(row))
                .isEqualTo(new Rejection(Rejection.Reason.NOT_FINITE, "the model can't learn from this event: update "
                        + 9 / miniBatch + ", layer 0.0.0 (Numbers) = the features: its output is not finite"));
        assertThat(model.stateHash()).isEqualTo(hash);
        assertThat(model.quarantined()).isZero();
    }

    @Test
    void noEventIsBlamedForWeightsThatAreNotFinite() {
        ModelSpec spec = spec(SIGNS, "mini-batch: { size: 2 }");
        OnlineModel model = OnlineModel.initial(spec, KERNELS);
        model.parameters().setWeights("1.bias", new float[]{Float.NaN});
        Row row = Specs.row(new Featurizer(spec), sign(0, 1, false));
        assertThatThrownBy(() -> model.accept(row)).isInstanceOf(ModelDivergedException.class)
                .hasMessageContaining("of the weights is not finite");
    }

    @Test
    void judgingARowAllocatesNothing() {
        ModelSpec spec = spec(Specs.FLIGHTS, "mini-batch: { size: 4 }\nquarantine: { loss: 100, gradient: 1000 }");
        OnlineModel model = OnlineModel.initial(spec, KERNELS);
        fold(model, 0, 1_000, Specs::flight, new TreeSet<>());
        Row row = Specs.row(new Featurizer(spec), Specs.flight(1_000));
        assertThat(SteadyAllocation.ofThisThread(1_000, () -> accept(model, row, 1_000))).isZero();
    }

    private static void accept(OnlineModel model, Row row, int times) {
        for (int i = 0; i < times; i++) {
            model.accept(row);
        }
    }
}
