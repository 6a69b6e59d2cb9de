package io.tidegrad.engine.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.kernel.ScalarMath;
import io.tidegrad.engine.layer.Concat;
import io.tidegrad.engine.layer.Dense;
import io.tidegrad.engine.layer.EagerWorkers;
import io.tidegrad.engine.layer.History;
import io.tidegrad.engine.layer.History.Value;
import io.tidegrad.engine.layer.Layer;
import io.tidegrad.engine.layer.Numbers;
import io.tidegrad.engine.layer.Sequence;
import io.tidegrad.engine.layer.ShapeException;
import io.tidegrad.engine.layer.Workers;
import io.tidegrad.engine.loss.MeanSquaredError;
import io.tidegrad.engine.optim.Adam;
import io.tidegrad.engine.optim.Clipping;
import io.tidegrad.engine.optim.Regularization;
import io.tidegrad.engine.testing.DoubleNetwork;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// What a `History` remembers. A row is a number, and as ids a key's table row and tag, and a time of two parts.
class HistoryTest {
    private static final Kernels KERNELS = Kernels.active();
    private static final int KEY_AT = 0;
    private static final int TIME_AT = 2;
    private static final int IDS = 4;
    private static final int OUTPUTS = Value.values().length + 1;

    private static NetworkSpec spec(int buckets, Clipping clipping) {
        return spec(new History(KEY_AT, 0, TIME_AT, buckets, List.of(Value.values())), OUTPUTS, clipping);
    }

    private static NetworkSpec spec(Layer network, int outputs, Clipping clipping) {
        return new NetworkSpec(new RowShape(1, IDS, outputs), network, new MeanSquaredError(), Adam.of(0.01), clipping,
                Regularization.NONE, 1);
    }

    private static NetworkSpec learning() {
        return learning(new Clipping.None());
    }

    private static NetworkSpec learning(Clipping clipping) {
        return spec(new Sequence(new Concat(new History(KEY_AT, 0, TIME_AT, 40, List.of(Value.values())),
                new History(KEY_AT, 0, History.NONE, 40, List.of(Value.DIFFERENCE, Value.LAG), 3), new Numbers(0, 1)),
                new Dense(3), new Dense(1)), 1, clipping);
    }

    private record Event(int bucket, int tag, float number, long millis) {
        void into(Batch batch, int row) {
            batch.numbers[row] = number;
            batch.ids[row * IDS] = bucket;
            batch.ids[row * IDS + 1] = tag;
            batch.ids[row * IDS + 2] = (int) Math.floorDiv(millis, 1L << 24);
            batch.ids[row * IDS + 3] = (int) Math.floorMod(millis, 1L << 24);
        }
    }

    private static Batch batch(NetworkSpec spec, List<Event> events) {
        Batch batch = new Batch(spec.row(), events.size());
        batch.resize(events.size());
        for (int row = 0; row < events.size(); row++) {
            events.get(row).into(batch, row);
        }
        return batch;
    }

    /// Learns the events one by one. Returns what was put out for each.
    private static List<float[]> outputs(Parameters parameters, Event... events) {
        Learner learner = new Learner(parameters, KERNELS, 1);
        List<float[]> outputs = new ArrayList<>();
        for (Event event : events) {
            learner.learn(batch(parameters.plan().spec(), List.of(event)));
            outputs.add(learner.predictions().clone());
        }
        return outputs;
    }

    private static Parameters initial(NetworkSpec spec) {
        return Parameters.initial(Plan.of(spec));
    }

    @Test
    void aKeysRowsAreComparedWithTheOneBefore() {
        List<float[]> y = outputs(initial(spec(8, new Clipping.None())), new Event(5, 77, 10, 1_700_000_000_123L),
                new Event(5, 77, 12.5f, 1_700_000_009_123L), new Event(2, 77, 1, 0), new Event(5, 77, -4, 3));

        assertThat(y.get(0)).containsExactly(0, 0, 0, 0, 1);
        // ln 2 and ln 10
        assertThat(y.get(1)).containsExactly(new float[]{10, 2.5f, 0.6931472f, 2.3025851f, 0}, within(2e-7f));
        assertThat(y.get(2)).containsExactly(0, 0, 0, 0, 1);
        // A time before the last one is no time ago; ln 3.
        assertThat(y.get(3)).containsExactly(new float[]{12.5f, -16.5f, 1.0986123f, 0, 0}, within(2e-7f));
    }

    @Test
    void theLastKeyOfATableRowIsTheOneThatIsRemembered() {
        List<float[]> y = outputs(initial(spec(8, new Clipping.None())), new Event(5, 0, 1, 0), new Event(5, 1, 2, 0),
                new Event(5, 0, 3, 0), new Event(5, 0, 5, 0));

        assertThat(y.get(1)).containsExactly(0, 0, 0, 0, 1);
        assertThat(y.get(2)).containsExactly(0, 0, 0, 0, 1);
        assertThat(y.get(3)).containsExactly(new float[]{3, 2, 0.6931472f, 0, 0}, within(2e-7f));
    }

    @Test
    void ofMoreLagsTheLastNumbersAndWhatIsBetweenThemComeInTurn() {
        List<Value> values = List.of(Value.LAG, Value.COUNT, Value.DIFFERENCE);
        List<float[]> y =
                outputs(initial(spec(new History(KEY_AT, 0, History.NONE, 8, values, 3), 10, new Clipping.None())),
                        new Event(5, 77, 10, 0), new Event(5, 77, 12.5f, 0), new Event(5, 77, -4, 0),
                        new Event(5, 77, 1, 0), new Event(5, 77, 2, 0), new Event(5, 78, 7, 0), new Event(5, 78, 8, 0));

        assertThat(y.get(0)).containsExactly(0, 0, 0, 0, 0, 0, 0, 1, 1, 1);
        assertThat(y.get(1)).containsExactly(new float[]{10, 0, 0, 0.6931472f, 2.5f, 0, 0, 0, 1, 1}, within(2e-7f));
        assertThat(y.get(2)).containsExactly(new float[]{12.5f, 10, 0, 1.0986123f, -16.5f, 2.5f, 0, 0, 0, 1},
                within(2e-7f));
        assertThat(y.get(3)).containsExactly(new float[]{-4, 12.5f, 10, 1.3862944f, 5, -16.5f, 2.5f, 0, 0, 0},
                within(2e-7f));
        assertThat(y.get(4)).containsExactly(new float[]{1, -4, 12.5f, 1.609438f, 1, 5, -16.5f, 0, 0, 0},
                within(2e-7f));
        // Another key knows nothing of the one before.
        assertThat(y.get(5)).containsExactly(0, 0, 0, 0, 0, 0, 0, 1, 1, 1);
        assertThat(y.get(6)).containsExactly(new float[]{7, 0, 0, 0.6931472f, 1, 0, 0, 0, 1, 1}, within(2e-7f));
    }

    @Test
    void aCountEndsWhereAFloatCanNotCountOn() {
        Parameters parameters =
                initial(spec(new History(KEY_AT, -1, -1, 2, List.of(Value.COUNT)), 2, new Clipping.None()));
        parameters.setWeights("history", new float[]{0x1p24f - 1, 9, 0, 0});

        outputs(parameters, new Event(0, 9, 0, 0), new Event(0, 9, 0, 0), new Event(0, 9, 0, 0));

        assertThat(parameters.weights("history")).containsExactly(0x1p24f, 9, 0, 0);
    }

    /// What is known of a key in the reference: all its rows, in a map whose entries another key's row removes.
    private record Known(int tag, List<Event> events) {
    }

    private static float[] expected(Map<Integer, Known> map, Event event, int lags) {
        Known known = map.get(event.bucket);
        List<Event> before = known == null || known.tag != event.tag ? List.of() : known.events.reversed();
        float[] y = new float[3 * lags + 2];
        for (int lag = 0; lag < lags; lag++) {
            if (lag < before.size()) {
                y[lag] = before.get(lag).number;
                y[lags + lag] = (lag == 0 ? event : before.get(lag - 1)).number - before.get(lag).number;
            } else {
                y[2 * lags + 2 + lag] = 1;
            }
        }
        if (!before.isEmpty()) {
            double seconds = Math.max(0, event.millis - before.getFirst().millis) / 1000.0;
            y[2 * lags] = ScalarMath.log1p((float) before.size());
            y[2 * lags + 1] = ScalarMath.log1p((float) seconds);
        }
        return y;
    }

    private static List<Event> events(int count, Random random) {
        List<Event> events = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            int key = (int) Math.abs(30 * random.nextGaussian());
            events.add(new Event(key % 16, key / 16 * 3_000_000 % History.PART, (float) random.nextGaussian(),
                    1_000_000L * i - 200_000_000L + random.nextInt(9_000_000)));
        }
        return events;
    }

    /// Every row of a batch is answered from before the batch; then all are remembered, row by row.
    @ParameterizedTest
    @CsvSource({"1, false, 1", "1, true, 1", "5, false, 1", "5, true, 1", "1, false, 3", "5, true, 3", "5, false, 64"})
    void whatIsPutOutIsThatOfAMapByKey(int rows, boolean clipped, int lags) {
        int outputs = 3 * lags + 2;
        NetworkSpec spec = spec(new History(KEY_AT, 0, TIME_AT, 16, List.of(Value.values()), lags), outputs,
                clipped ? new Clipping.GlobalNorm(1) : new Clipping.None());
        Parameters parameters = initial(spec);
        Learner learner = new Learner(parameters, KERNELS, rows);
        Predictor predictor = new Predictor(parameters.plan(), KERNELS, rows);
        Map<Integer, Known> map = new HashMap<>();
        List<Event> events = events(600, new Random(3));
        int known = 0;
        for (int from = 0; from < events.size(); from += rows) {
            List<Event> some = events.subList(from, from + rows);
            Batch batch = batch(spec, some);
            batch.sampleWeights[0] = from % 3 == 0 ? 0 : 1;
            float[] predicted = new float[rows * outputs];
            predictor.predict(parameters.servedCopy(), batch, predicted);
            learner.learn(batch);
            for (int row = 0; row < rows; row++) {
                float[] want = expected(map, some.get(row), lags);
                float[] got = Arrays.copyOfRange(learner.predictions(), row * outputs, (row + 1) * outputs);
                assertThat(got).as("row %d", from + row).isEqualTo(want);
                known += want[2 * lags + 2] == 0 ? 1 : 0;
            }
            assertThat(predicted).isEqualTo(Arrays.copyOf(learner.predictions(), predicted.length));
            for (Event event : some) {
                Known before = map.get(event.bucket);
                if (before == null || before.tag != event.tag) {
                    before = new Known(event.tag, new ArrayList<>());
                    map.put(event.bucket, before);
                }
                before.events.add(event);
            }
        }
        assertThat(known).isBetween(100, 500);
    }

    @Test
    void aStepWithAGradientSlabAndOneWithWorkersRememberTheSame() {
        byte[][] fused = pages(learned(learning(), 1));
        assertThat(pages(learned(learning(new Clipping.GlobalNorm(1e30)), 1))).isDeepEqualTo(fused);
        assertThat(pages(learned(learning(), 2))).isDeepEqualTo(fused);
    }

    private static Parameters learned(NetworkSpec spec, int count) {
        Parameters parameters = initial(spec);
        List<Event> events = events(60, new Random(5));
        try (Workers workers = EagerWorkers.of(count)) {
            Learner learner = new Learner(parameters, KERNELS, 6, workers);
            for (int from = 0; from < events.size(); from += 6) {
                assertThat(learner.learn(batch(spec, events.subList(from, from + 6)))).isFinite();
            }
        }
        return parameters;
    }

    /// Of the row's number, by its difference; the gradient of `Dense` sees the rest.
    @Test
    void gradientsAgreeWithCentralDifferencesInDoubles() {
        Parameters parameters = learned(learning(), 1);
        Batch batch = batch(parameters.plan().spec(), events(66, new Random(5)).subList(60, 66));
        Gradients gradients = new Gradients(parameters, KERNELS, 6);
        DoubleNetwork oracle = new DoubleNetwork(parameters, batch);

        assertThat(gradients.ofLoss(batch)).isCloseTo(oracle.batchLoss(), within(1e-4));
        for (int i = 0; i < 6; i++) {
            double want = oracle.gradient(oracle.numbers, i);
            assertThat((double) gradients.ofNumbers()[i]).isCloseTo(want, within(2e-4 * (1 + Math.abs(want))));
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void whatIsRefusedJudgedOrPredictedIsNotRemembered(boolean clipped) {
        NetworkSpec spec = learning(clipped ? new Clipping.GlobalNorm(1) : new Clipping.None());
        Parameters parameters = learned(spec, 1);
        byte[][] before = pages(parameters);
        Learner learner = new Learner(parameters, KERNELS, 1);
        Batch batch = batch(spec, events(1, new Random(8)));

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
        batch.labels[0] = 0;
        batch.numbers[0] = Float.NaN;
        assertThat(learner.learn(batch)).isNaN();

        assertThat(pages(parameters)).isDeepEqualTo(before);
    }

    /// Even where no value shows it yet: the next row's would.
    @Test
    void aNumberThatIsNotFiniteIsRefusedBeforeItIsRemembered() {
        NetworkSpec spec = spec(new History(KEY_AT, 0, -1, 4, List.of(Value.LAG)), 2, new Clipping.None());
        Learner learner = new Learner(initial(spec), KERNELS, 1);

        assertThat(learner.learn(batch(spec, List.of(new Event(0, 0, Float.POSITIVE_INFINITY, 0))))).isNaN();
    }

    /// Watchers get a page before it changes; what the state of the optimizer is, does not change.
    @Test
    void thePagesOfRememberedRowsAreMarkedAndNoOthers() {
        NetworkSpec spec = spec(10_000, new Clipping.None());
        Parameters parameters = initial(spec);
        Learner learner = new Learner(parameters, KERNELS, 3);
        Random random = new Random(9);
        for (int step = 0; step < 20; step++) {
            List<Event> events = new ArrayList<>();
            for (int row = 0; row < 3; row++) {
                events.add(new Event(random.nextInt(10_000), 1 + random.nextInt(1_000), 1 + row, 1L << 40));
            }
            byte[][] old = pages(parameters);
            parameters.dirty().clear();
            PageSet watched = new PageSet(parameters.pages());
            watched.markRange(0, parameters.pages() - 1);
            parameters.watch(watched,
                    page -> assertThat(page(parameters, page)).as("page %d", page).isEqualTo(old[page]));

            learner.learn(batch(spec, events));

            parameters.unwatch();
            byte[][] now = pages(parameters);
            for (int page = 0; page < now.length; page++) {
                boolean changed = !Arrays.equals(old[page], now[page]);
                assertThat(parameters.dirty().contains(page)).as("page %d", page).isEqualTo(changed);
                assertThat(watched.contains(page)).isEqualTo(!changed);
            }
        }
    }

    /// A version that is made of the one before and the changed rows is the whole one.
    @Test
    void aDeltaHasTheChangedRowsAndNoOthers() {
        NetworkSpec spec = spec(10_000, new Clipping.None());
        Parameters parameters = initial(spec);
        Learner learner = new Learner(parameters, KERNELS, 3);
        parameters.changes().clear();

        learner.learn(batch(spec, List.of(new Event(17, 1, 2, 3), new Event(9_000, 1, 2, 3), new Event(17, 1, 5, 4))));

        List<Long> runs = new ArrayList<>();
        parameters.changes().forEachRun((at, bytes) -> runs.addAll(List.of(at, bytes)));
        assertThat(runs).containsExactly(17 * 20L, 20L, 9_000 * 20L, 20L);
    }

    @Test
    void whatDoesNotFitARowIsRefused() {
        List<Value> lag = List.of(Value.LAG);
        assertRefused(new History(3, 0, -1, 4, lag), "ids 3 to 4");
        assertRefused(new History(0, 1, -1, 4, lag), "expected a number within the row's 1; found number 1");
        assertRefused(new History(0, -1, -1, 4, lag), "expected a number within the row's 1; found number -1");
        assertRefused(new History(0, 0, -1, 4, List.of(Value.COUNT)), "expected no number; found number 0");
        assertRefused(new History(0, -1, 2, 4, List.of(Value.COUNT)), "expected no time; found id 2");
        assertRefused(new History(0, -1, 3, 4, List.of(Value.SINCE_LAST)), "ids 3 to 4");
        assertRefused(new History(0, -1, -1, 4, List.of(Value.COUNT, Value.COUNT)), "each once");
        assertRefused(new History(0, -1, -1, 4, List.of()), "at least one value");
        assertRefused(new History(0, 0, -1, 0, lag), "(0, 3)");
        assertRefused(new History(0, 0, -1, 4, lag, 0), "expected 1 to 64 lags; found 0");
        assertRefused(new History(0, 0, -1, 4, lag, 65), "expected 1 to 64 lags; found 65");
        assertRefused(new History(0, -1, -1, 4, List.of(Value.COUNT), 2),
                "expected 1 lag, for no value is made of a number; found 2");
    }

    private static void assertRefused(History layer, String message) {
        assertThatThrownBy(() -> Plan.of(spec(layer, layer.values().size() + 1, new Clipping.None())))
                .isInstanceOf(ShapeException.class).hasMessageContaining(message);
    }

    @Test
    void aRowOutsideTheTableIsAnError() {
        Parameters parameters = initial(spec(4, new Clipping.None()));
        assertThatThrownBy(() -> outputs(parameters, new Event(4, 0, 0, 0)))
                .isInstanceOf(IndexOutOfBoundsException.class).hasMessage("row 0, id 0: found 4, expected 0 to 3");
    }

    private static byte[] page(Parameters parameters, int page) {
        byte[] bytes = new byte[Parameters.PAGE_BYTES];
        parameters.readPage(page, bytes, 0);
        return bytes;
    }

    private static byte[][] pages(Parameters parameters) {
        byte[][] pages = new byte[parameters.pages()][];
        Arrays.setAll(pages, page -> page(parameters, page));
        return pages;
    }
}
