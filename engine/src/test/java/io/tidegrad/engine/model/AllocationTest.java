package io.tidegrad.engine.model;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.layer.AveragePool2d;
import io.tidegrad.engine.layer.Concat;
import io.tidegrad.engine.layer.Conv1d;
import io.tidegrad.engine.layer.Conv2d;
import io.tidegrad.engine.layer.Dense;
import io.tidegrad.engine.layer.EagerWorkers;
import io.tidegrad.engine.layer.Embedding;
import io.tidegrad.engine.layer.Extent;
import io.tidegrad.engine.layer.Flatten;
import io.tidegrad.engine.layer.GlobalAveragePool2d;
import io.tidegrad.engine.layer.Initialization;
import io.tidegrad.engine.layer.MaxPool2d;
import io.tidegrad.engine.layer.Numbers;
import io.tidegrad.engine.layer.Rate;
import io.tidegrad.engine.layer.Relu;
import io.tidegrad.engine.layer.Reshape;
import io.tidegrad.engine.layer.Sequence;
import io.tidegrad.engine.layer.Softmax;
import io.tidegrad.engine.layer.Standardise;
import io.tidegrad.engine.layer.Tanh;
import io.tidegrad.engine.layer.Workers;
import io.tidegrad.engine.loss.BinaryCrossEntropy;
import io.tidegrad.engine.loss.CategoricalCrossEntropy;
import io.tidegrad.engine.loss.MeanSquaredError;
import io.tidegrad.engine.optim.Adagrad;
import io.tidegrad.engine.optim.Adam;
import io.tidegrad.engine.optim.AdamW;
import io.tidegrad.engine.optim.Clipping;
import io.tidegrad.engine.optim.FtrlProximal;
import io.tidegrad.engine.optim.Optimizer;
import io.tidegrad.engine.optim.Regularization;
import io.tidegrad.engine.optim.RmsProp;
import io.tidegrad.engine.optim.Schedule;
import io.tidegrad.engine.optim.Sgd;
import io.tidegrad.engine.testing.RandomNetworks;
import java.lang.management.ManagementFactory;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// A step and a prediction allocate nothing once their kernels are compiled. Also the alarm for vectors that the compiler
/// boxes: they would show here first.
class AllocationTest {
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private static final int STEPS = 2_000;

    /// Compilation goes on in the background: as many tries as it may take until a whole round allocates nothing.
    private static final int ROUNDS_MAX = 200;

    static Stream<NetworkSpec> specs() {
        return Stream.of(
                new NetworkSpec(
                        new RowShape(784, 0, 1),
                        new Sequence(
                                new Numbers(0, 784),
                                new Dense(10),
                                new Relu(),
                                new Dense(10),
                                new Softmax()),
                        new CategoricalCrossEntropy(false),
                        Adam.of(0.001),
                        1),
                new NetworkSpec(
                        new RowShape(3, 5, 1),
                        new Sequence(
                                new Concat(
                                        new Sequence(new Numbers(0, 3), new Standardise()),
                                        new Embedding(0, 2, 7, 4, Embedding.Update.TOUCHED),
                                        new Embedding(2, 3, 7, 2, Embedding.Update.DENSE)),
                                new Dense(65),
                                new Relu(),
                                new Dense(1)),
                        new BinaryCrossEntropy(),
                        Adam.of(0.001),
                        1),
                new NetworkSpec(
                        new RowShape(3, 0, 2),
                        new Sequence(
                                new Numbers(0, 3),
                                new Dense(9),
                                new Tanh(),
                                new Softmax(),
                                new Dense(2)),
                        new MeanSquaredError(),
                        new Sgd(0.001, 0.9, true),
                        1),
                new NetworkSpec(
                        new RowShape(64, 0, 1),
                        new Sequence(
                                new Numbers(0, 64),
                                new Reshape(1, 8, 8),
                                new Conv2d(8, Extent.of(3)),
                                new Relu(),
                                new MaxPool2d(2),
                                new Conv2d(
                                        40,
                                        Extent.of(2),
                                        Extent.of(2),
                                        Extent.of(1),
                                        false,
                                        Initialization.HE_NORMAL),
                                new AveragePool2d(Extent.of(2), Extent.of(1), Extent.of(1)),
                                new GlobalAveragePool2d(),
                                new Reshape(4, 10),
                                new Conv1d(3, 3, 1, 1, true, Initialization.HE_NORMAL),
                                new Flatten(),
                                new Dense(3)),
                        new CategoricalCrossEntropy(false),
                        Adam.of(0.001),
                        1),
                new NetworkSpec(
                        new RowShape(3, 5, 1),
                        new Sequence(
                                new Concat(
                                        new Numbers(0, 3),
                                        new Embedding(0, 2, 7, 4, Embedding.Update.TOUCHED),
                                        new Embedding(2, 3, 7, 2, Embedding.Update.DENSE)),
                                new Dense(65),
                                new Relu(),
                                new Dense(1)),
                        new BinaryCrossEntropy(),
                        new Adagrad(0.001, 1e-8, 0),
                        new Clipping.GlobalNorm(0.1),
                        new Regularization(1e-5, 1e-4, Regularization.Scope.WEIGHTS),
                        1),
                rated(
                        new AdamW(new Adam(0.001, 0.9, 0.999, 1e-8, true), 0.01),
                        new Schedule.WarmRestarts(100, 2, 0)),
                rated(
                        new RmsProp(0.001, 0.99, 1e-6, true, 0.9),
                        new Schedule.OneCycle(1_000_000, 0.3, 25, 1e4)),
                new NetworkSpec(
                        new RowShape(3, 5, 1),
                        new Sequence(
                                new Concat(
                                        new Numbers(0, 3),
                                        new Embedding(0, 2, 7, 4, Embedding.Update.TOUCHED)),
                                new Dense(1)),
                        new BinaryCrossEntropy(),
                        new FtrlProximal(0.01, 1, 0.1, 1),
                        1));
    }

    private static NetworkSpec rated(Optimizer optimizer, Schedule schedule) {
        return new NetworkSpec(
                new RowShape(3, 5, 1),
                new Sequence(
                        new Concat(
                                new Rate(0.5, new Embedding(0, 2, 7, 4, Embedding.Update.TOUCHED)),
                                Rate.frozen(new Embedding(2, 3, 7, 2, Embedding.Update.DENSE))),
                        Rate.frozen(new Dense(65)),
                        new Relu(),
                        new Dense(1)),
                new BinaryCrossEntropy(),
                optimizer,
                schedule,
                new Clipping.None(),
                new Regularization(1e-5, 1e-4, Regularization.Scope.WEIGHTS),
                1);
    }

    @ParameterizedTest
    @MethodSource("specs")
    void aStepAndAPredictionAllocateNothing(NetworkSpec spec) {
        aStepAndAPredictionAllocateNothing(spec, Workers.NONE);
        try (Workers two = EagerWorkers.of(2)) {
            aStepAndAPredictionAllocateNothing(spec, two);
        }
    }

    private static void aStepAndAPredictionAllocateNothing(NetworkSpec spec, Workers workers) {
        Parameters parameters = Parameters.initial(Plan.of(spec));
        Kernels kernels = Kernels.active();
        Learner learner = new Learner(parameters, kernels, 8, workers);
        Predictor predictor = new Predictor(parameters.plan(), kernels, 8);
        float[] out = new float[8 * parameters.plan().outputs()];
        RandomNetworks rows = new RandomNetworks(1);
        Batch one = rows.batch(spec, 1);
        Batch eight = rows.batch(spec, 8);

        assertThat(
                        bytesOnceCompiled(
                                () -> {
                                    predictor.predict(parameters, one, out);
                                    predictor.predict(parameters, eight, out);
                                    learner.learn(one);
                                    learner.learn(eight);
                                }))
                .isZero();
    }

    /// The measure itself: one boxed double a step doesn't pass.
    @Test
    void aStepThatAllocatesIsSeen() {
        Object[] kept = new Object[1];
        assertThat(bytesOnceCompiled(() -> kept[0] = Double.valueOf(System.identityHashCode(kept))))
                .isGreaterThanOrEqualTo(16L * STEPS);
    }

    /// Bytes that all threads allocate in a round of `STEPS`: the least of many rounds.
    private static long bytesOnceCompiled(Runnable step) {
        long least = Long.MAX_VALUE;
        for (int round = 0; round < ROUNDS_MAX && least > 0; round++) {
            long before = THREADS.getTotalThreadAllocatedBytes();
            for (int i = 0; i < STEPS; i++) {
                step.run();
            }
            least = Math.min(least, THREADS.getTotalThreadAllocatedBytes() - before);
        }
        return least;
    }
}
