package io.tidegrad.model.learn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.tidegrad.engine.kernel.ScalarKernels;
import io.tidegrad.model.Specs;
import io.tidegrad.model.binary.BinaryWriter;
import io.tidegrad.model.evaluation.ProgressiveEvaluation;
import io.tidegrad.model.feature.Featurizer;
import io.tidegrad.model.feature.MapEvent;
import io.tidegrad.model.feature.Row;
import io.tidegrad.model.spec.ModelSpec;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Queue;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// An evaluation that another thread plays is that of the model itself: in every byte of its state, and in what is shown.
class EvaluationTapeTest {
    private static final int EVENTS = 30_000;

    private static ModelSpec spec(String loss, double rate, int miniBatch) {
        return ModelSpec.parse("""
                model: taped
                input: { topic: events, event-time: at, max-ahead: PT1H }
                label: { field: y }
                weight: { field: w }
                features:
                  - number:   { field: a, missing: indicator }
                  - category: { field: kind, buckets: 64, dimension: 2 }
                network: [ dense: 1 ]
                loss: %s
                optimizer: { sgd: { rate: %s } }
                mini-batch: { size: %d, window: PT1M }
                watch: { slices: [kind], period: PT10M, false-alarms-every: 1000 }
                """.formatted(loss, rate, miniBatch), "taped.yaml");
    }

    /// Events some seconds apart, after half of which everything is another way; some are too far ahead, and are refused.
    private static List<Row> rows(ModelSpec spec) {
        SplittableRandom random = new SplittableRandom(11);
        Featurizer featurizer = new Featurizer(spec);
        List<Row> rows = new ArrayList<>();
        long time = 1_795_000_000_000L;
        for (int i = 0; i < EVENTS; i++) {
            time += random.nextInt(6_000);
            boolean changed = i > EVENTS / 2;
            double a = random.nextGaussian();
            Map<String, Object> fields = new HashMap<>();
            fields.put("at", i % 1_000 == 999 ? time + 86_400_000 : time - random.nextInt(5) * 20_000);
            fields.put("kind", "kind " + random.nextInt(changed ? 40 : 9));
            fields.put("w", 1 + random.nextInt(3));
            fields.put("y", random.nextDouble() < (changed ? 0.9 : 0.1) ? 1 : 0);
            if (random.nextInt(changed ? 2 : 20) > 0) {
                fields.put("a", changed ? 100 * a : a);
            }
            rows.add(Specs.row(featurizer, new MapEvent(fields)));
        }
        return rows;
    }

    /// What is seen of one model while it learns.
    private static final class Seen {
        final List<String> shown = new ArrayList<>();
        final List<String> taken = new ArrayList<>();

        void shown(float[] predictions, int at, float[] labels, int labelAt, float loss, float weight) {
            shown.add(predictions[at] + " " + labels[labelAt] + " " + loss + " " + weight);
        }

        void taken(long examples, ProgressiveEvaluation evaluation) {
            taken.add(examples + " " + evaluation.rows() + " " + evaluation.recent().raised());
        }
    }

    private static byte[] bytes(ProgressiveEvaluation evaluation) {
        BinaryWriter to = new BinaryWriter();
        evaluation.write(to);
        evaluation.recent().write(to);
        evaluation.recent().writeLeaks(to);
        evaluation.recent().writeLinearScores(to);
        evaluation.recent().writePeriod(to);
        evaluation.recent().writeSlices(to);
        return to.toBytes();
    }

    /// Lets a model learn; a tick with a time comes between rows now and then. Returns why it diverged, or an empty text.
    private static String learn(OnlineModel model, List<Row> rows, Runnable afterEach) {
        for (int i = 0; i < rows.size(); i++) {
            int now = i;
            var diverged = catchThrowableOfType(ModelDivergedException.class, () -> {
                model.accept(rows.get(now));
                if (now % 500 == 499) {
                    model.tick(model.eventTime() + 30_000);
                }
            });
            afterEach.run();
            if (diverged != null) {
                return String.valueOf(diverged.getMessage());
            }
        }
        return "";
    }

    @ParameterizedTest
    @CsvSource({"binary-cross-entropy, 0.01, 1, 1", "binary-cross-entropy, 0.01, 1, 50",
        "binary-cross-entropy, 0.01, 7, 3", "binary-cross-entropy, 0.01, 32, 100", "mean-squared-error, 1e-5, 7, 5",
        "mean-squared-error, 0.02, 1, 16", "mean-squared-error, 0.02, 7, 16"})
    void whatIsPlayedIsWhatTheModelItselfWouldHaveEvaluated(String loss, double rate, int miniBatch, int rowsOfTape) {
        ModelSpec spec = spec(loss, rate, miniBatch);
        List<Row> rows = rows(spec);
        Seen expected = new Seen();
        OnlineModel alone = OnlineModel.initial(spec, new ScalarKernels());
        alone.watch(expected::shown);
        final String end = learn(alone, rows, () -> expected.taken(alone.parameters().examples(), alone.evaluation()));

        Seen found = new Seen();
        OnlineModel taped = OnlineModel.initial(spec, new ScalarKernels());
        ProgressiveEvaluation[] played = {taped.evaluation()};
        EvaluationTape.Player player =
                new EvaluationTape.Player(taped, found::shown, examples -> found.taken(examples, played[0]));
        Queue<EvaluationTape> free = new ArrayDeque<>();
        for (int i = 0; i < 3; i++) {
            free.add(new EvaluationTape(rowsOfTape, List.of(taped)));
        }
        Queue<EvaluationTape> full = new ArrayDeque<>();
        EvaluationTape.Recorder recorder = new EvaluationTape.Recorder(4, taped, () -> {
            if (free.isEmpty()) { // as late as can be
                EvaluationTape oldest = full.remove();
                assertThat(oldest.of()).isEqualTo(4);
                player.play(oldest);
                free.add(oldest);
            }
            return free.remove();
        }, full::add);
        taped.record(recorder);
        assertThat(learn(taped, rows, () -> recorder.taken(taped.parameters().examples()))).isEqualTo(end);
        assertThat(full).isNotEmpty();
        recorder.endPass();
        boolean ends = false;
        for (EvaluationTape tape : full) {
            assertThat(ends).isFalse();
            player.play(tape);
            ends = tape.endsPass();
        }
        assertThat(ends).isTrue();

        assertThat(end.isEmpty()).isEqualTo(rate < 0.02);
        assertThat(taped.weightsHash()).isEqualTo(alone.weightsHash());
        assertThat(found.shown).isEqualTo(expected.shown).hasSizeGreaterThan(90);
        assertThat(expected.taken).containsSubsequence(found.taken);
        assertThat(found.taken.getLast()).isEqualTo(expected.taken.getLast());
        assertThat(bytes(player.evaluation())).isEqualTo(bytes(alone.evaluation()));
        if (end.isEmpty()) {
            assertThat(alone.evaluation().recent().raised()).isPositive();
            assertThat(alone.evaluation().recent().period().get("late")).isNotNull();
        }
        player.restartEvaluation();
        alone.restartEvaluation();
        assertThat(bytes(player.evaluation())).isEqualTo(bytes(alone.evaluation()));
    }

    /// As the model itself counts it, and shows it to nobody.
    @Test
    void theRowWithWhichAModelEndsIsCountedAndNotShown() {
        ModelSpec spec = spec("mean-squared-error", 0.01, 7);
        OnlineModel model = OnlineModel.initial(spec, new ScalarKernels());
        List<String> shown = new ArrayList<>();
        EvaluationTape.Player player = new EvaluationTape.Player(model,
                (predictions, at, labels, labelAt, loss, weight) -> shown.add(String.valueOf(predictions[at])),
                examples -> {
                });
        List<EvaluationTape> tapes = new ArrayList<>();
        EvaluationTape.Recorder recorder =
                new EvaluationTape.Recorder(0, model, () -> new EvaluationTape(2, List.of(model)), tapes::add);
        rows(spec).stream().limit(3).forEach(recorder::accepted);
        recorder.learned(new float[]{1, 2, 3}, 1, 0.5f, 0);
        recorder.shown();
        recorder.learned(new float[]{1, 2, 3}, 2, 0.5f, 0);
        recorder.handOver();
        tapes.forEach(player::play);
        assertThat(player.evaluation().rows()).isEqualTo(2);
        assertThat(shown).containsExactly("2.0");
    }

    @Test
    void aModelThatHasBegunIsNotRecorded() {
        ModelSpec spec = spec("binary-cross-entropy", 0.01, 7);
        OnlineModel model = OnlineModel.initial(spec, new ScalarKernels());
        model.accept(rows(spec).getFirst());
        assertThatThrownBy(() -> model.record(new EvaluationTape.Recorder(0, model, () -> {
            throw new AssertionError("expected no row");
        }, tape -> {
        }))).isInstanceOf(IllegalStateException.class).hasMessageContaining("found 0 examples and 1 pending ones");
    }

    private static List<byte[]> carries(ModelSpec spec, List<Row> rows, Consumer<BooleanSupplier> help) {
        OnlineModel model = OnlineModel.initial(spec, new ScalarKernels());
        SplittableRandom random = new SplittableRandom(3);
        List<byte[]> carries = new ArrayList<>();
        int[] learned = new int[1];
        assertThat(learn(model, rows, () -> {
            if (learned[0]++ % 4_001 == 100) { // anew, now and then
                help.accept(Objects.requireNonNull(model.evaluateBehind(IllegalStateException::new)));
            }
            if (random.nextInt(500) == 0) {
                carries.add(model.carry());
            }
        })).isEmpty();
        carries.add(model.carry());
        model.restartEvaluation();
        learn(model, rows.subList(0, 1_000), () -> {
        });
        carries.add(model.carry());
        return carries;
    }

    /// Whether another thread helps, and when.
    @ParameterizedTest
    @ValueSource(ints = {1, 7, 32})
    void aModelThatEvaluatesBehindLearningHasTheCarryOfOneThatDoesNot(int miniBatch) throws InterruptedException {
        ModelSpec spec = spec("binary-cross-entropy", 0.01, miniBatch);
        List<Row> rows = rows(spec);
        OnlineModel alone = OnlineModel.initial(spec, new ScalarKernels());
        SplittableRandom random = new SplittableRandom(3);
        List<byte[]> expected = new ArrayList<>();
        learn(alone, rows, () -> {
            if (random.nextInt(500) == 0) {
                expected.add(alone.carry());
            }
        });
        expected.add(alone.carry());
        alone.restartEvaluation();
        learn(alone, rows.subList(0, 1_000), () -> {
        });
        expected.add(alone.carry());

        assertThat(carries(spec, rows, nobody -> {
        })).usingElementComparator(Arrays::compare).isEqualTo(expected).hasSizeGreaterThan(30);

        AtomicReference<@Nullable BooleanSupplier> help = new AtomicReference<>();
        AtomicBoolean ends = new AtomicBoolean();
        Thread helper = Thread.ofPlatform().start(() -> {
            while (!ends.get()) {
                BooleanSupplier work = help.get();
                if (work == null || !work.getAsBoolean()) {
                    Thread.onSpinWait();
                }
            }
        });
        try {
            assertThat(carries(spec, rows, help::set)).usingElementComparator(Arrays::compare).isEqualTo(expected);
        } finally {
            ends.set(true);
            helper.join();
        }
    }

    @Test
    void mebibytesOfRowsAreNotCopied() {
        OnlineModel model = OnlineModel.initial(spec("binary-cross-entropy", 0.01, 7_000), new ScalarKernels());
        assertThat(model.evaluateBehind(IllegalStateException::new)).isNotNull();
        model = OnlineModel.initial(spec("binary-cross-entropy", 0.01, 8_000), new ScalarKernels());
        assertThat(model.evaluateBehind(IllegalStateException::new)).isNull();
    }

    @Test
    void whatAnEvaluationThrowsIsToldToWhoAsksForIt() {
        ModelSpec spec = spec("binary-cross-entropy", 0.01, 1);
        OnlineModel model = OnlineModel.initial(spec, new ScalarKernels());
        EvaluationBehind behind =
                new EvaluationBehind(model, model.evaluation(), why -> new IllegalArgumentException("made of it", why));
        for (Row row : rows(spec).subList(0, 900)) { // more than there are tapes for
            behind.recorder().accepted(row);
            behind.recorder().learned(new float[]{Float.NaN}, 0, 0.5f, Row.NO_TIME);
        }
        behind.evaluateNext();
        for (int i = 0; i < 2; i++) {
            assertThatThrownBy(behind::finish).isInstanceOf(IllegalArgumentException.class).hasMessage("made of it")
                    .hasCauseInstanceOf(ArrayIndexOutOfBoundsException.class);
        }
    }
}
