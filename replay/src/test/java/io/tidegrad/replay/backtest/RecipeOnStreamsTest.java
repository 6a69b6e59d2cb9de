package io.tidegrad.replay.backtest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.withinPercentage;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.localstack.streams.Digit;
import io.tidegrad.localstack.streams.ShippedStream;
import io.tidegrad.localstack.streams.StreamEvent;
import io.tidegrad.model.evaluation.ProgressiveEvaluation;
import io.tidegrad.model.feature.Featurizer;
import io.tidegrad.model.feature.MapEvent;
import io.tidegrad.model.feature.Row;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.proof.LongProof;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/// What `recipe: auto` promises of streams that nobody tuned it on, on the shipped digits, shrunk to 7 by 7.
@LongProof("60 tasks of 1,000 digits")
class RecipeOnStreamsTest {
    private static final int SIDE = 7;
    private static final int PIXELS = SIDE * SIDE;
    private static final int TASKS = 60;
    private static final int TASK = 1_000;
    private static final int ENDS = 5; // so many tasks at both ends are compared, which have the same digits
    private static final int CLASSES = 10;

    private record Example(double[] pixels, int digit) {
    }

    private static final List<Example> DIGITS =
            ShippedStream.DIGITS.read().stream().map(RecipeOnStreamsTest::shrunk).toList();

    private static Example shrunk(StreamEvent event) {
        Digit digit = (Digit) event;
        double[] pixels = new double[PIXELS];
        for (int i = 0; i < Digit.PIXELS; i++) {
            pixels[i / 28 / 4 * SIDE + i % 28 / 4] += Byte.toUnsignedInt(digit.pixels()[i]) / 16.0;
        }
        return new Example(pixels, digit.digit());
    }

    private static final ModelSpec SPEC = ModelSpec.parse("""
            model: digits
            input: { topic: digits }
            label: { field: digit, classes: 10 }
            recipe: auto
            features:
            """ + IntStream.range(0, PIXELS).mapToObj(i -> "  - number: { field: p" + i + ", scale: standard }\n")
            .collect(Collectors.joining()), "test");

    private static final class Run {
        final OnlineModel model = OnlineModel.initial(SPEC, Kernels.active());
        final Featurizer featurizer = new Featurizer(SPEC);
        final Row row = featurizer.newRow();

        void learn(Example example) {
            Map<String, Object> fields = new HashMap<>();
            for (int i = 0; i < PIXELS; i++) {
                fields.put("p" + i, example.pixels[i]);
            }
            fields.put("digit", example.digit);
            assertThat(featurizer.featurize(new MapEvent(fields), row)).isNull();
            assertThat(model.accept(row)).isNull();
        }

        double right() {
            long rows = model.evaluation().rows();
            return rows == 0 ? 0 : model.evaluation().accuracy() * rows;
        }
    }

    private static List<Example> task(int task) {
        List<Integer> places = new ArrayList<>(IntStream.range(0, PIXELS).boxed().toList());
        Collections.shuffle(places, new Random(task));
        List<Example> examples = new ArrayList<>();
        for (int i = 0; i < TASK; i++) {
            Example example = DIGITS.get(task % ENDS * TASK + i);
            double[] pixels = new double[PIXELS];
            for (int pixel = 0; pixel < PIXELS; pixel++) {
                pixels[pixel] = example.pixels[places.get(pixel)];
            }
            examples.add(new Example(pixels, example.digit));
        }
        return examples;
    }

    @Test
    void itLearnsTheSixtiethTaskAsWellAsTheFirst() {
        Run run = new Run();
        double[] share = new double[TASKS];
        for (int task = 0; task < TASKS; task++) {
            double before = run.right();
            task(task).forEach(run::learn);
            share[task] = (run.right() - before) / TASK;
        }
        double[] fresh = IntStream.range(TASKS - ENDS, TASKS).mapToDouble(task -> {
            Run other = new Run();
            task(task).forEach(other::learn);
            return other.right() / TASK;
        }).toArray();
        double first = mean(share, 0, ENDS);
        double last = mean(share, TASKS - ENDS, TASKS);
        System.out.printf(Locale.ROOT,
                "%naccuracy of the first five of %d tasks %.3f, of the last five %.3f, of fresh models there %.3f%n",
                TASKS, first, last, mean(fresh, 0, ENDS));
        assertThat(last - first).isGreaterThanOrEqualTo(-0.02);
        assertThat(last).isGreaterThanOrEqualTo(0.9 * mean(fresh, 0, ENDS));
    }

    private static double mean(double[] values, int from, int to) {
        return IntStream.range(from, to).mapToDouble(i -> values[i]).average().orElseThrow();
    }

    /// Learns all digits, each as `change` gives it.
    private static ProgressiveEvaluation learned(String what, UnaryOperator<Example> change) {
        Run run = new Run();
        DIGITS.forEach(example -> run.learn(change.apply(example)));
        ProgressiveEvaluation found = run.model.evaluation();
        System.out.printf(Locale.ROOT, "%n%s: log loss %.4f, accuracy %.4f, calibration error %.4f%n", what,
                found.logLoss(), found.accuracy(), calibrationError(found));
        return found;
    }

    private static double calibrationError(ProgressiveEvaluation evaluation) {
        return Objects.requireNonNull(evaluation.recent().measures().get("calibration_error"));
    }

    private static Example scaled(Example example, double by) {
        double[] pixels = example.pixels.clone();
        for (int i = 0; i < PIXELS; i++) {
            pixels[i] *= by;
        }
        return new Example(pixels, example.digit);
    }

    @Test
    void unitsOrderAndOutliersOfWhatItLearnsChangeItsLossByAPercentAtMost() {
        ProgressiveEvaluation plain = learned("as they are", example -> example);
        assertThat(calibrationError(plain)).isLessThan(0.02);
        int[] rows = new int[1];
        for (ProgressiveEvaluation other : List.of(learned("pixels × 10^6", example -> scaled(example, 1e6)),
                learned("pixels × 10^-6", example -> scaled(example, 1e-6)),
                learned("one digit × 10^27", example -> ++rows[0] == TASK ? scaled(example, 1e27) : example))) {
            assertThat(other.logLoss()).isCloseTo(plain.logLoss(), withinPercentage(1));
        }
        // Other weights are drawn for a class, which is a chance of its own.
        assertThat(learned("classes in the reverse order", example -> new Example(example.pixels, 9 - example.digit))
                .logLoss()).isCloseTo(plain.logLoss(), withinPercentage(3));
        Random random = new Random(1);
        assertThat(learned("one label in a hundred drawn anew",
                example -> random.nextInt(100) > 0 ? example : new Example(example.pixels, random.nextInt(CLASSES)))
                .accuracy()).isGreaterThan(plain.accuracy() - 0.02);
    }
}
