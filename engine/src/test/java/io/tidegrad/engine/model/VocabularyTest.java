package io.tidegrad.engine.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.kernel.ScalarKernels;
import io.tidegrad.engine.layer.Concat;
import io.tidegrad.engine.layer.Dense;
import io.tidegrad.engine.layer.EagerWorkers;
import io.tidegrad.engine.layer.Embedding.Update;
import io.tidegrad.engine.layer.Layer;
import io.tidegrad.engine.layer.Numbers;
import io.tidegrad.engine.layer.Rate;
import io.tidegrad.engine.layer.Sequence;
import io.tidegrad.engine.layer.ShapeException;
import io.tidegrad.engine.layer.Vocabulary;
import io.tidegrad.engine.layer.Workers;
import io.tidegrad.engine.loss.MeanSquaredError;
import io.tidegrad.engine.optim.Adagrad;
import io.tidegrad.engine.optim.Adam;
import io.tidegrad.engine.optim.Clipping;
import io.tidegrad.engine.optim.FtrlProximal;
import io.tidegrad.engine.optim.Optimizer;
import io.tidegrad.engine.optim.Regularization;
import io.tidegrad.engine.optim.Sgd;
import io.tidegrad.engine.random.CounterRandom;
import io.tidegrad.engine.testing.DoubleNetwork;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Which value has which row of a `Vocabulary`. A row of a batch is a number, and the two ids of a value.
class VocabularyTest {
    private static final Kernels KERNELS = Kernels.active();
    private static final int IDS = 2;
    private static final int COLUMNS = 10; // of an entry
    private static final int SEED = 11;
    private static final int DIMENSION = 3;

    private static Vocabulary layer(int capacity, int waiting, int minCount, long expireAfter) {
        return new Vocabulary(0, capacity, waiting, minCount, expireAfter, DIMENSION, Update.TOUCHED);
    }

    private static NetworkSpec spec(Layer network, int outputs, Optimizer optimizer, Clipping clipping) {
        return new NetworkSpec(new RowShape(1, IDS, outputs), network, new MeanSquaredError(), optimizer, clipping,
                Regularization.NONE, SEED);
    }

    private static NetworkSpec spec(Vocabulary layer) {
        return spec(layer, DIMENSION, Adam.of(0.01), new Clipping.None());
    }

    private static NetworkSpec learning(Update update, Clipping clipping) {
        return spec(new Sequence(new Concat(new Vocabulary(0, 6, 9, 3, 50, 3, update), new Numbers(0, 1)), new Dense(3),
                new Dense(1)), 1, Adam.of(0.01), clipping);
    }

    private static Batch batch(NetworkSpec spec, List<Long> values) {
        Batch batch = new Batch(spec.row(), values.size());
        batch.resize(values.size());
        for (int row = 0; row < values.size(); row++) {
            batch.numbers[row] = row;
            batch.ids[row * IDS] = (int) (values.get(row) >> 32);
            batch.ids[row * IDS + 1] = (int) (long) values.get(row);
        }
        return batch;
    }

    /// Learns the values one by one.
    private static void learn(Parameters parameters, long... values) {
        Learner learner = new Learner(parameters, KERNELS, 1);
        for (long value : values) {
            assertThat(learner.learn(batch(parameters.plan().spec(), List.of(value)))).isFinite();
        }
    }

    private static Parameters initial(NetworkSpec spec) {
        return Parameters.initial(Plan.of(spec));
    }

    /// Value → row, as the state of the only layer says.
    private static Map<Long, Integer> rows(Parameters parameters, Vocabulary layer) {
        Map<Long, Integer> rows = new LinkedHashMap<>();
        layer.forEachRow(parameters.weights("vocabulary"),
                (first, second, row) -> rows.put((long) first << 32 | Integer.toUnsignedLong(second), row));
        return rows;
    }

    @Test
    void aValueGetsARowWhenItWasSeenOftenEnough() {
        Vocabulary layer = layer(4, 4, 3, 1_000);
        Parameters parameters = initial(spec(layer));
        learn(parameters, 7, 9, 7, 8);
        assertThat(rows(parameters, layer)).isEmpty();
        learn(parameters, 7);
        assertThat(rows(parameters, layer)).isEqualTo(Map.of(7L, 1));
        learn(parameters, 9, -9, 9, -9, -9);
        assertThat(rows(parameters, layer)).isEqualTo(Map.of(7L, 1, 9L, 2, -9L, 3));
    }

    /// The value at row 2 was last seen at number 1, so that it goes with number 1 + 5.
    @Test
    void aRowIsGivenAgainWhenItsValueWasNotSeenForLong() {
        Vocabulary layer = layer(2, 4, 1, 5);
        Parameters parameters = initial(spec(layer));
        learn(parameters, 7, 8, 7, 7, 7, 7);
        assertThat(rows(parameters, layer)).isEqualTo(Map.of(7L, 1, 8L, 2));
        learn(parameters, 7);
        assertThat(rows(parameters, layer)).isEqualTo(Map.of(7L, 1));
        learn(parameters, 9);
        assertThat(rows(parameters, layer)).isEqualTo(Map.of(7L, 1, 9L, 2));
    }

    @Test
    void withoutAFreeRowAValueWaitsUntilItIsSeenAgain() {
        Vocabulary layer = layer(1, 4, 2, 4);
        Parameters parameters = initial(spec(layer));
        learn(parameters, 7, 7, 8, 8, 8);
        assertThat(rows(parameters, layer)).isEqualTo(Map.of(7L, 1));
        learn(parameters, 8);
        assertThat(rows(parameters, layer)).as("7 expired with number 5, before 8 asks").isEqualTo(Map.of(8L, 1));
    }

    @Test
    void thatWhichWaitsAndWasNotSeenForTheLongestIsForgotten() {
        Vocabulary layer = layer(4, 2, 2, 1_000);
        Parameters parameters = initial(spec(layer));
        learn(parameters, 1, 2, 3, 1, 3);
        assertThat(rows(parameters, layer)).as("1 was forgotten for 3, 2 for 1").isEqualTo(Map.of(3L, 1));
    }

    @Test
    void aCountEndsWhereAFloatCanNotCountOn() {
        Vocabulary layer = layer(1, 1, 1, 1_000);
        Parameters parameters = initial(spec(layer));
        learn(parameters, 5);
        float[] entries = parameters.weights("vocabulary");
        entries[COLUMNS + 3] = 0x1p24f - 1;
        parameters.setWeights("vocabulary", entries);
        learn(parameters, 5, 5, 5);
        assertThat(parameters.weights("vocabulary")[COLUMNS + 3]).isEqualTo(0x1p24f);
    }

    /// Written from the formulas of docs/numerics.md, without chains: maps from the value not seen for the longest to the newest.
    private static final class Reference {
        private final Vocabulary layer;
        private final LinkedHashMap<Long, Seen> taken = new LinkedHashMap<>();
        private final LinkedHashMap<Long, Seen> waiting = new LinkedHashMap<>();
        private final Deque<Integer> freed = new ArrayDeque<>();
        private int given;
        private long learned;
        private int forgotten;
        private int pushedOut;

        private record Seen(int count, long last, int row) {
        }

        Reference(Vocabulary layer) {
            this.layer = layer;
        }

        int row(long value) {
            return taken.containsKey(value) ? taken.get(value).row : 0;
        }

        /// Returns the row that the value is given; 0 if none.
        int learn(long value) {
            long n = learned++;
            Seen had = taken.remove(value);
            if (had != null) {
                taken.put(value, new Seen(had.count + 1, n, had.row));
            } else {
                Seen waited = waiting.remove(value);
                if (waited == null && waiting.size() == layer.waiting()) {
                    waiting.remove(waiting.keySet().iterator().next());
                    pushedOut++;
                }
                waiting.put(value, new Seen(waited == null ? 1 : waited.count + 1, n, 0));
            }
            forget(taken, n);
            forget(waiting, n);
            Seen waits = waiting.get(value);
            if (waits == null || waits.count < layer.minCount() || freed.isEmpty() && given == layer.capacity()) {
                return 0;
            }
            int row = freed.isEmpty() ? ++given : freed.pop();
            waiting.remove(value);
            taken.put(value, new Seen(waits.count, n, row));
            return row;
        }

        private void forget(LinkedHashMap<Long, Seen> values, long n) {
            while (!values.isEmpty() && n - values.firstEntry().getValue().last >= layer.expireAfter()) {
                Seen gone = values.pollFirstEntry().getValue();
                forgotten++;
                if (gone.row > 0) {
                    freed.push(gone.row);
                }
            }
        }

        Map<Long, Seen> all() {
            Map<Long, Seen> all = new LinkedHashMap<>(taken);
            all.putAll(waiting);
            return all;
        }
    }

    private static Map<Long, Reference.Seen> known(float[] entries, int capacity) {
        Map<Long, Reference.Seen> known = new LinkedHashMap<>();
        for (int at = COLUMNS; at < entries.length; at += COLUMNS) {
            if (entries[at + 3] > 0) {
                long key = (long) entries[at] << 48 | (long) entries[at + 1] << 24 | (long) entries[at + 2];
                long last = (long) entries[at + 4] << 24 | (long) entries[at + 5];
                int entry = at / COLUMNS;
                known.put(key, new Reference.Seen((int) entries[at + 3], last, entry <= capacity ? entry : 0));
            }
        }
        return known;
    }

    /// Few values come often, and others in their stead after a while; many come rarely.
    private static long value(Random random, int at, int count) {
        long rank = (long) Math.abs(8 * random.nextGaussian());
        long value = random.nextInt(4) == 0 ? random.nextInt(500) : 1_000 + rank + 6 * (at * 5L / count);
        return value * 0x9E3779B97F4A7C15L;
    }

    @ParameterizedTest
    @CsvSource({"1, 5, 4, 2, 30, true", "1, 12, 3, 3, 200, true", "7, 5, 40, 2, 40, false", "4, 1, 1, 1, 3, true",
        "5, 30, 20, 1, 60, false", "3, 9, 200, 5, 2000, true", "1, 8, 1, 1, 1, false", "6, 4, 3, 1, 2, false"})
    void rowsCountsAndTimesAreThoseOfAMap(int batchRows, int capacity, int waiting, int minCount, long expireAfter,
            boolean hasTooManyWaiting) {
        Vocabulary layer = layer(capacity, waiting, minCount, expireAfter);
        NetworkSpec spec = spec(layer);
        Parameters parameters = initial(spec);
        parameters.setCounts(0, (1L << 24) - 900); // numbers need both their parts
        Reference reference = new Reference(layer);
        reference.learned = parameters.examples();
        Learner learner = new Learner(parameters, KERNELS, batchRows);
        Predictor predictor = new Predictor(parameters.plan(), KERNELS, batchRows);
        Random random = new Random(capacity + waiting);
        int given = 0;
        int read = 0;
        int count = 4_200 / batchRows * batchRows;
        for (int from = 0; from < count; from += batchRows) {
            List<Long> values = new ArrayList<>();
            for (int row = 0; row < batchRows; row++) {
                values.add(value(random, from, count));
            }
            Batch batch = batch(spec, values);
            batch.sampleWeights[0] = from % 3 == 0 ? 0 : 1;
            float[] table = parameters.weights("weight");
            float[] predicted = new float[batchRows * DIMENSION];
            predictor.predict(parameters.servedCopy(), batch, predicted);
            learner.learn(batch);
            assertThat(predicted).isEqualTo(Arrays.copyOf(learner.predictions(), predicted.length));
            for (int row = 0; row < batchRows; row++) {
                int at = reference.row(values.get(row)) * DIMENSION;
                read += at > 0 ? 1 : 0;
                assertThat(Arrays.copyOfRange(predicted, row * DIMENSION, (row + 1) * DIMENSION)).as("row %d", from)
                        .isEqualTo(Arrays.copyOfRange(table, at, at + DIMENSION));
            }
            Map<Integer, Long> ofThisBatch = new LinkedHashMap<>();
            for (long value : values) {
                int row = reference.learn(value);
                if (row > 0) {
                    ofThisBatch.put(row, value);
                    given++;
                }
            }
            assertThat(known(parameters.weights("vocabulary"), capacity)).as("after %d", from)
                    .isEqualTo(reference.all());
            ofThisBatch.forEach(
                    (row, value) -> assertThat(row(parameters.weights("weight"), row)).isEqualTo(drawn(value)));
        }
        assertThat(given).isGreaterThan(capacity);
        assertThat(reference.forgotten).isPositive();
        assertThat(reference.pushedOut > 0).isEqualTo(hasTooManyWaiting);
        assertThat(read).isPositive();
    }

    private static float[] row(float[] table, int row) {
        return Arrays.copyOfRange(table, row * DIMENSION, (row + 1) * DIMENSION);
    }

    /// The row that a value starts with: word k of Philox for the tensor, which is number 1, at the value as a step.
    private static float[] drawn(long value) {
        float[] row = new float[DIMENSION];
        long step = value >>> 32 | value << 32;
        for (int k = 0; k < DIMENSION; k++) {
            row[k] = 0.05f * (2 * CounterRandom.uniform(SEED, 1, step, k) - 1);
        }
        return row;
    }

    static List<Optimizer> optimizers() {
        return List.of(Adam.of(0.01), new Adagrad(0.01, 1e-8, 0.3), new FtrlProximal(0.1, 1, 0.01, 0.1));
    }

    /// The second value's row has been another's, with weights and state that moved.
    @ParameterizedTest
    @MethodSource("optimizers")
    void aRowThatIsGivenAgainStartsAsIfItHadBeenNobodys(Optimizer optimizer) {
        Vocabulary layer = layer(1, 2, 1, 3);
        NetworkSpec spec = spec(layer, DIMENSION, optimizer, new Clipping.None());
        Parameters parameters = initial(spec);
        learn(parameters, 5, 5, 5);
        assertThat(row(parameters.weights("weight"), 1)).isNotEqualTo(drawn(5));
        learn(parameters, 6, 6, 6);
        assertThat(rows(parameters, layer)).isEqualTo(Map.of(6L, 1));
        assertThat(row(parameters.weights("weight"), 1)).isEqualTo(drawn(6));

        Parameters fresh = initial(spec);
        learn(fresh, 6);
        for (int part = 1; part <= optimizer.stateParts(); part++) {
            assertThat(row(parameters.state("weight", part), 1)).isEqualTo(row(fresh.state("weight", part), 1));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"TOUCHED", "DENSE"})
    void theBitsAreTheSameWithAGradientSlabWithWorkersAndOnAnyKernels(Update update) {
        byte[][] fused = pages(learned(learning(update, new Clipping.None()), KERNELS, 1));
        assertThat(pages(learned(learning(update, new Clipping.GlobalNorm(1e30)), KERNELS, 1))).isDeepEqualTo(fused);
        assertThat(pages(learned(learning(update, new Clipping.None()), KERNELS, 2))).isDeepEqualTo(fused);
        assertThat(pages(learned(learning(update, new Clipping.None()), new ScalarKernels(), 1))).isDeepEqualTo(fused);
    }

    private static List<Long> values(int count, Random random) {
        List<Long> values = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            values.add(value(random, i, count));
        }
        return values;
    }

    private static Parameters learned(NetworkSpec spec, Kernels kernels, int count) {
        Parameters parameters = initial(spec);
        List<Long> values = values(300, new Random(5));
        try (Workers workers = EagerWorkers.of(count)) {
            Learner learner = new Learner(parameters, kernels, 6, workers);
            for (int from = 0; from < values.size(); from += 6) {
                assertThat(learner.learn(batch(spec, values.subList(from, from + 6)))).isFinite();
            }
        }
        return parameters;
    }

    @Test
    void gradientsAgreeWithCentralDifferencesInDoubles() {
        Parameters parameters = learned(learning(Update.TOUCHED, new Clipping.None()), KERNELS, 1);
        List<Long> values = new ArrayList<>(known(parameters.weights("0.0.vocabulary"), 6).keySet());
        Batch batch = batch(parameters.plan().spec(), values.subList(0, 6));
        Gradients gradients = new Gradients(parameters, KERNELS, 6);
        DoubleNetwork oracle = new DoubleNetwork(parameters, batch);

        assertThat(gradients.ofLoss(batch)).isCloseTo(oracle.batchLoss(), within(1e-4));
        double[] table = Objects.requireNonNull(oracle.weights.get("0.0.weight"));
        float[] found = gradients.of("0.0.weight");
        int moved = 0;
        for (int i = 0; i < table.length; i++) {
            double want = oracle.gradient(table, i);
            assertThat((double) found[i]).as("number %d", i).isCloseTo(want, within(2e-4 * (1 + Math.abs(want))));
            moved += want != 0 ? 1 : 0;
        }
        assertThat(moved).as("of the row of all others, and of one of its own").isGreaterThan(DIMENSION);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void whatIsRefusedJudgedOrPredictedIsNotCounted(boolean clipped) {
        NetworkSpec spec = learning(Update.TOUCHED, clipped ? new Clipping.GlobalNorm(1) : new Clipping.None());
        Parameters parameters = learned(spec, KERNELS, 1);
        byte[][] before = pages(parameters);
        Learner learner = new Learner(parameters, KERNELS, 1);
        Batch batch = batch(spec, List.of(77L));

        learner.judge(batch);
        learner.judgeGradient(batch);
        new Predictor(parameters.plan(), KERNELS, 1).predict(parameters, batch, new float[1]);
        batch.labels[0] = Float.NaN;
        assertThat(learner.learn(batch)).isNaN();
        if (!clipped) {
            // Found in the backward pass: its loss is finite, but no optimizer could square its gradients, were its slope 1.
            batch.numbers[0] = 1e22f;
            float[] predicted = new float[1];
            new Predictor(parameters.plan(), KERNELS, 1).predict(parameters, batch, predicted);
            batch.labels[0] = Math.nextUp(predicted[0]);
            assertThat(learner.learn(batch)).isNaN();
        }

        assertThat(pages(parameters)).isDeepEqualTo(before);
    }

    @Test
    void aFrozenTableKeepsItsFirstValues() {
        NetworkSpec spec = spec(Rate.frozen(layer(3, 4, 1, 10)), DIMENSION, new Sgd(0.1), new Clipping.None());
        Parameters parameters = initial(spec);
        float[] first = parameters.weights("weight");
        learn(parameters, 1, 2, 3, 1, 4, 1, 5, 1, 6, 1, 7, 1, 8, 1, 9);
        assertThat(parameters.weights("weight")).isEqualTo(first);
    }

    /// Watchers get a page before it changes, also the optimizer's of a row that is given again; and only what changed is marked.
    @Test
    void thePagesThatChangeAreMarkedAndNoOthers() {
        Vocabulary layer = new Vocabulary(0, 2_000, 3_000, 2, 400, DIMENSION, Update.TOUCHED);
        NetworkSpec spec = spec(layer);
        Parameters parameters = initial(spec);
        Learner learner = new Learner(parameters, KERNELS, 3);
        Random random = new Random(9);
        for (int step = 0; step < 1_500; step++) {
            List<Long> values = new ArrayList<>();
            for (int row = 0; row < 3; row++) {
                values.add(random.nextInt(step < 700 ? 150 : 4_000) * 0x9E3779B97F4A7C15L);
            }
            boolean looks = step % 50 == 49;
            byte[][] old = looks ? pages(parameters) : new byte[0][];
            PageSet watched = new PageSet(parameters.pages());
            if (looks) {
                parameters.dirty().clear();
                watched.markRange(0, parameters.pages() - 1);
                parameters.watch(watched,
                        page -> assertThat(page(parameters, page)).as("page %d", page).isEqualTo(old[page]));
            }
            learner.learn(batch(spec, values));
            if (looks) {
                parameters.unwatch();
                byte[][] now = pages(parameters);
                for (int page = 0; page < now.length; page++) {
                    boolean changed = !Arrays.equals(old[page], now[page]);
                    assertThat(parameters.dirty().contains(page) || !changed).as("page %d", page).isTrue();
                    assertThat(watched.contains(page) && changed).as("page %d", page).isFalse();
                }
                assertThat(parameters.dirty().count()).isLessThan(parameters.pages() / 2);
            }
        }
        assertThat(rows(parameters, layer)).hasSizeBetween(2, 400);
    }

    /// A version that is made of the one before and the changed rows is the whole one.
    @Test
    void aDeltaHasAllChangedRows() {
        Vocabulary layer = new Vocabulary(0, 200, 300, 2, 400, DIMENSION, Update.TOUCHED);
        NetworkSpec spec = spec(layer);
        Parameters parameters = initial(spec);
        Learner learner = new Learner(parameters, KERNELS, 1);
        Random random = new Random(4);
        for (int version = 0; version < 60; version++) {
            byte[] before = served(parameters);
            parameters.changes().clear();
            for (int i = 0; i < 20; i++) {
                learner.learn(batch(spec, List.of(random.nextInt(300) * 0x9E3779B97F4A7C15L)));
            }
            byte[] now = served(parameters);
            parameters.changes()
                    .forEachRun((at, bytes) -> System.arraycopy(now, (int) at, before, (int) at, (int) bytes));
            assertThat(before).isEqualTo(now);
        }
    }

    @Test
    void whatDoesNotFitARowOrIsTooMuchIsRefused() {
        assertRefused(new Vocabulary(1, 4, 4, 1, 1, 3, Update.TOUCHED), "ids 1 to 2");
        assertRefused(layer(0, 4, 1, 1), "found 0 and 4");
        assertRefused(layer(4, (1 << 23) + 1, 1, 1), "found 4 and 8388609");
        assertRefused(layer(4, 4, 0, 1), "found 0 and 1");
        assertRefused(layer(4, 4, 1, 0), "found 1 and 0");
        assertRefused(new Vocabulary(0, 4, 4, 1, 1, 0, Update.TOUCHED), "(5, 0)");
    }

    private static void assertRefused(Vocabulary layer, String message) {
        assertThatThrownBy(() -> Plan.of(spec(layer))).isInstanceOf(ShapeException.class).hasMessageContaining(message);
    }

    private static byte[] served(Parameters parameters) {
        byte[] bytes = new byte[Math.toIntExact(parameters.servedBytes())];
        parameters.readServed(0, bytes, 0, bytes.length);
        return bytes;
    }

    private static byte[][] pages(Parameters parameters) {
        byte[][] pages = new byte[parameters.pages()][];
        Arrays.setAll(pages, page -> page(parameters, page));
        return pages;
    }

    private static byte[] page(Parameters parameters, int page) {
        byte[] bytes = new byte[parameters.pageLength(page)];
        parameters.readPage(page, bytes, 0);
        return bytes;
    }
}
