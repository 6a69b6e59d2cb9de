package io.tidegrad.loadtests.rivals;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.model.Batch;
import io.tidegrad.engine.model.Learner;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.engine.model.Predictor;
import io.tidegrad.loadtests.bench.MadeUpRows;
import io.tidegrad.loadtests.bench.Measurement;
import io.tidegrad.loadtests.bench.Workload;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/// What makes the comparison honest: the rivals do the same work on the same rows with the same weights.
class RivalsTest {
    private static final int STEPS = 20;

    static Stream<Arguments> learning() {
        return Workload.LEARNING.stream()
                .flatMap(workload -> workload.batches().stream().map(batch -> Arguments.of(workload, batch)));
    }

    @ParameterizedTest
    @MethodSource("learning")
    void libTorchLearnsTheSame(Workload.Learning workload, int batchSize) {
        Plan plan = Plan.of(workload.spec());
        Batch batch = new Batch(plan.spec().row(), batchSize);
        MadeUpRows rows = new MadeUpRows(plan);
        LibTorch libTorch = new LibTorch(Parameters.initial(plan), batch);
        Learner learner = new Learner(Parameters.initial(plan), Kernels.active(), batchSize);

        for (int step = 1; step <= STEPS; step++) {
            // Each batch twice: the rows of a table that were updated are read again.
            if (step % 2 == 1) {
                rows.fill(batch);
            }
            double expected = learner.learn(batch);
            assertThat(libTorch.learn()).as("loss of step %d", step).isCloseTo(expected,
                    within(2e-4 * Math.max(1, expected)));
        }
    }

    static Stream<Arguments> predicting() {
        return Workload.PREDICTING.stream().map(Workload.Predicting::learning)
                .flatMap(learning -> Stream.of(1, 64).map(batch -> Arguments.of(learning, batch)));
    }

    @ParameterizedTest
    @MethodSource("predicting")
    void onnxRuntimePredictsTheSame(Workload.Learning workload, int batchSize) {
        Plan plan = Plan.of(workload.spec());
        Parameters parameters = Parameters.initial(plan);
        Batch batch = new Batch(plan.spec().row(), batchSize);
        new MadeUpRows(plan).fill(batch);
        float[] expected = new float[batchSize * plan.outputs()];
        new Predictor(plan, Kernels.active(), batchSize).predict(parameters, batch, expected);

        float[] found = new float[expected.length];
        RivalProcess.onnx(parameters, batchSize).predict(batch.numbers, batch.ids, found, 0);
        assertThat(found).containsExactly(expected, within(1e-5f));
    }

    @ParameterizedTest
    @MethodSource("products")
    void openBlasMultipliesTheSame(Workload.Loop loop) {
        int rows = 8;
        Workload.Loop.Shape shape = loop.shapes().getFirst();
        float[] found = new OpenBlas(loop, rows).result();

        int inputs = shape.inputs();
        int outputs = shape.outputs();
        for (int at = 0; at < found.length; at += 97) {
            double sum = switch (loop.kernel()) {
                case FORWARD -> dot(inputs, at / outputs * inputs, 1, at % outputs, outputs);
                case WEIGHT_GRADIENT -> dot(rows, at / outputs, inputs, at % outputs, outputs);
                case INPUT_GRADIENT -> dot(outputs, at / inputs * outputs, 1, at % inputs * outputs, 1);
                case ADAM -> throw new AssertionError("no product");
            };
            assertThat(found[at]).as("element %d", at).isCloseTo((float) sum, within(1e-3f));
        }
    }

    static List<Workload.Loop> products() {
        return Workload.LOOPS.stream().filter(loop -> loop.kernel() != Workload.Loop.Kernel.ADAM).toList();
    }

    /// Of two matrices filled as `OpenBlas` fills them.
    private static double dot(int length, int a, int aStride, int b, int bStride) {
        double sum = 0;
        for (int k = 0; k < length; k++) {
            sum += OpenBlas.value(a + k * aStride) * OpenBlas.value(b + k * bStride);
        }
        return sum;
    }

    /// What its command prints of the same flights, in their order.
    @Test
    void vowpalWabbitLearnsFlightsAsItsCommandDoes() {
        try (VowpalWabbit vowpalWabbit = new VowpalWabbit(VowpalWabbit.COIN)) {
            vowpalWabbit.learn(new Measurement.Lines("recipe", 1, 1, "vw", ""));
            assertThat(vowpalWabbit.loss()).isCloseTo(0.4279, within(5e-4));
        }
    }

    /// Its driver, on its own cache file, learns what it learns example by example.
    @ParameterizedTest
    @CsvSource({"false, '', 0.4552", "true, --quadratic ::, 0.4318"})
    void vowpalWabbitLearnsItsCacheAsItLearnsExamples(boolean pairs, String options, double loss) {
        try (FlightsCache cache = new FlightsCache(pairs); VowpalWabbit examples = new VowpalWabbit(options)) {
            examples.learn(new Measurement.Lines("linear", 1, 1, "vw", ""));
            assertThat(cache.learn()).isEqualTo(examples.loss()).isCloseTo(loss, within(5e-4));
        }
    }
}
