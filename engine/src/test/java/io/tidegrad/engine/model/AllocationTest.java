package io.tidegrad.engine.model;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.layer.AveragePool2d;
import io.tidegrad.engine.layer.BatchNorm;
import io.tidegrad.engine.layer.Bias;
import io.tidegrad.engine.layer.Concat;
import io.tidegrad.engine.layer.Conv1d;
import io.tidegrad.engine.layer.Conv2d;
import io.tidegrad.engine.layer.Dense;
import io.tidegrad.engine.layer.Dropout;
import io.tidegrad.engine.layer.EagerWorkers;
import io.tidegrad.engine.layer.Elu;
import io.tidegrad.engine.layer.Embedding;
import io.tidegrad.engine.layer.EmbeddingBag;
import io.tidegrad.engine.layer.Extent;
import io.tidegrad.engine.layer.Flatten;
import io.tidegrad.engine.layer.Gelu;
import io.tidegrad.engine.layer.FromRow;
import io.tidegrad.engine.layer.GlobalAveragePool2d;
import io.tidegrad.engine.layer.History;
import io.tidegrad.engine.layer.Identity;
import io.tidegrad.engine.layer.Initialization;
import io.tidegrad.engine.layer.InputBound;
import io.tidegrad.engine.layer.Layer;
import io.tidegrad.engine.layer.LayerNorm;
import io.tidegrad.engine.layer.LeakyRelu;
import io.tidegrad.engine.layer.LearnedCross;
import io.tidegrad.engine.layer.MaxPool2d;
import io.tidegrad.engine.layer.Mixture;
import io.tidegrad.engine.layer.Numbers;
import io.tidegrad.engine.layer.OwnOptimizer;
import io.tidegrad.engine.layer.Rate;
import io.tidegrad.engine.layer.Recurrent;
import io.tidegrad.engine.layer.Quantiles;
import io.tidegrad.engine.layer.Relu;
import io.tidegrad.engine.layer.Reshape;
import io.tidegrad.engine.layer.Residual;
import io.tidegrad.engine.layer.RmsNorm;
import io.tidegrad.engine.layer.RunningScale;
import io.tidegrad.engine.layer.SelfAttention;
import io.tidegrad.engine.layer.Sequence;
import io.tidegrad.engine.layer.Silu;
import io.tidegrad.engine.layer.Softmax;
import io.tidegrad.engine.layer.Softplus;
import io.tidegrad.engine.layer.Standardise;
import io.tidegrad.engine.layer.Sum;
import io.tidegrad.engine.layer.Tanh;
import io.tidegrad.engine.layer.Vocabulary;
import io.tidegrad.engine.layer.Workers;
import io.tidegrad.engine.loss.BinaryCrossEntropy;
import io.tidegrad.engine.loss.CategoricalCrossEntropy;
import io.tidegrad.engine.loss.Ctc;
import io.tidegrad.engine.loss.FakeNegativeWeighted;
import io.tidegrad.engine.loss.Loss;
import io.tidegrad.engine.loss.MeanSquaredError;
import io.tidegrad.engine.loss.Quantile;
import io.tidegrad.engine.loss.Reduction;
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
import io.tidegrad.engine.optim.StreamRms;
import io.tidegrad.engine.testing.RandomNetworks;
import io.tidegrad.proof.SteadyAllocation;
import java.io.BufferedReader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/// A step and a prediction allocate nothing once their kernels are compiled. Also the alarm for vectors that the
/// compiler boxes: they would show here first.
class AllocationTest {
    /// The member of a mixture that starts again.
    private static final int RESTARTED = 2;

    /// Of 450 rows each: twice as many rows as there must be between two restarts.
    private static final int ROUNDS_BETWEEN_TURNS = 2;

    /// In at least 50 rounds.
    private static final int RESTARTS_MIN = 10;

    static Stream<NetworkSpec> specs() {
        return Stream.of(
                new NetworkSpec(new RowShape(784, 0, 1),
                        new Sequence(new Numbers(0, 784), new Dense(10), new Relu(), new Dense(10), new Softmax()),
                        new CategoricalCrossEntropy(false), Adam.of(0.001), 1),
                new NetworkSpec(new RowShape(3, 5, 1),
                        new Sequence(new Concat(new Sequence(new Numbers(0, 3), new Standardise()),
                                new Embedding(0, 2, 7, 4, Embedding.Update.TOUCHED),
                                new Embedding(2, 3, 7, 2, Embedding.Update.DENSE)), new Dense(65), new Relu(),
                                new Dense(1)),
                        new BinaryCrossEntropy(), Adam.of(0.001), 1),
                new NetworkSpec(new RowShape(3, 4, 1),
                        new Sequence(
                                new Concat(
                                        new Sequence(new EmbeddingBag(0, 3, 3, EmbeddingBag.UNWEIGHTED, 7, 1,
                                                EmbeddingBag.Mode.MEAN, Embedding.Update.TOUCHED), new Bias()),
                                        new EmbeddingBag(0, 3, EmbeddingBag.ALL, 0, 7, 17, EmbeddingBag.Mode.SUM,
                                                Embedding.Update.TOUCHED)),
                                new Dense(19), new LeakyRelu(0.1), new Elu(1), new Gelu(Gelu.Form.ERF),
                                new Gelu(Gelu.Form.TANH), new Silu(), new Softplus(), new Dense(1)),
                        new BinaryCrossEntropy(), Adam.of(0.001), 1),
                new NetworkSpec(new RowShape(3, 0, 2),
                        new Sequence(new Numbers(0, 3), new Dense(9), new Tanh(), new Softmax(), new Dense(2)),
                        new MeanSquaredError(), new Sgd(0.001, 0.9, true), 1),
                new NetworkSpec(new RowShape(18, 1, 1),
                        new Sequence(new Numbers(0, 18), new Reshape(6, 3),
                                new Recurrent(Recurrent.Cell.RNN, 5, Recurrent.Output.SEQUENCE),
                                new Recurrent(Recurrent.Cell.GRU, 17, true, Recurrent.Output.SEQUENCE, 0, List.of()),
                                new Recurrent(Recurrent.Cell.LSTM, 16, false, Recurrent.Output.LAST, Recurrent.WHOLE,
                                        List.of(new Sequence(new Numbers(3, 15), new Dense(32)))),
                                new Dense(1)),
                        new BinaryCrossEntropy(), Adam.of(0.001), 1),
                new NetworkSpec(new RowShape(60, 0, 2),
                        new Sequence(new Numbers(0, 60), new Reshape(5, 12), new LayerNorm(),
                                new Residual(new SelfAttention(3, true)), new RmsNorm(), new SelfAttention(1, false),
                                new BatchNorm(), new Dropout(0.1), new Dense(2), new Flatten(), new Dense(2)),
                        new MeanSquaredError(), Adam.of(0.001), 1),
                new NetworkSpec(new RowShape(64, 0, 1),
                        new Sequence(new Numbers(0, 64), new Reshape(1, 8, 8), new Conv2d(8, Extent.of(3)), new Relu(),
                                new MaxPool2d(2),
                                new Conv2d(40, Extent.of(2), Extent.of(2), Extent.of(1), false,
                                        Initialization.HE_NORMAL),
                                new AveragePool2d(Extent.of(2), Extent.of(1), Extent.of(1)), new GlobalAveragePool2d(),
                                new Reshape(4, 10), new Conv1d(3, 3, 1, 1, true, Initialization.HE_NORMAL),
                                new Flatten(), new Dense(3)),
                        new CategoricalCrossEntropy(false), Adam.of(0.001), 1),
                new NetworkSpec(
                        new RowShape(3, 5, 1),
                        new Sequence(
                                new Concat(new Numbers(0, 3), new Embedding(0, 2, 7, 4, Embedding.Update.TOUCHED),
                                        new Embedding(2, 3, 7, 2, Embedding.Update.DENSE)),
                                new Dense(65), new Relu(), new Dense(1)),
                        new BinaryCrossEntropy(), new Adagrad(0.001, 1e-8, 0), new Clipping.GlobalNorm(0.1),
                        new Regularization(1e-5, 1e-4, Regularization.Scope.WEIGHTS), 1),
                ofLoss(new BinaryCrossEntropy(List.of(1.0, 2.0, 3.0))), ofLoss(new Quantile(List.of(0.1, 0.5, 0.9))),
                ofLoss(new CategoricalCrossEntropy(false, true, 0.1, List.of(1.0, 2.0, 3.0), 1)),
                ofLoss(new Ctc(0, 2, true, true)),
                new NetworkSpec(new RowShape(3, 0, 2), new Sequence(new Numbers(0, 3), new Dense(1)),
                        new FakeNegativeWeighted(), new Sgd(0.001), 1),
                rated(new AdamW(new Adam(0.001, 0.9, 0.999, 1e-8, true), 0.01), new Schedule.WarmRestarts(100, 2, 0)),
                rated(new RmsProp(0.001, 0.99, 1e-6, true, 0.9), new Schedule.OneCycle(1_000_000, 0.3, 25, 1e4)),
                new NetworkSpec(new RowShape(3, 5, 1),
                        new Sequence(new Concat(new Numbers(0, 3), new Embedding(0, 2, 7, 4, Embedding.Update.TOUCHED)),
                                new Dense(1)),
                        new BinaryCrossEntropy(), new FtrlProximal(0.01, 1, 0.1, 1), 1),
                new NetworkSpec(new RowShape(3, 4, 1),
                        new Sequence(new History(0, 0, 2, 7, List.of(History.Value.values())),
                                new RunningScale(List.of(4, 4, RunningScale.NEVER_MISSING, 4)), new Dense(1)),
                        new BinaryCrossEntropy(), Adam.of(0.001), 1),
                new NetworkSpec(new RowShape(3, 1, 1),
                        new Sequence(new Quantiles(0, 0, 4, 3, Embedding.Update.TOUCHED), new Dense(1)),
                        new BinaryCrossEntropy(), Adam.of(0.001), 1),
                new NetworkSpec(new RowShape(20, 0, 1),
                        new Sequence(new Numbers(0, 20), new Dense(10), new Relu(), new Dense(8), new Relu(),
                                new Dense(1)),
                        new BinaryCrossEntropy(), Adam.of(0.001), 1),
                new NetworkSpec(new RowShape(100, 0, 1),
                        new Sequence(new Numbers(0, 100), new Dense(70), new Relu(), new Dense(20), new Relu(),
                                new Dense(1)),
                        new BinaryCrossEntropy(), Adam.of(0.001), 1),
                new NetworkSpec(new RowShape(3, 2, 1),
                        new Sequence(new Vocabulary(0, 3, 2, 1, 5, 3, Embedding.Update.TOUCHED),
                                new Dense(1)),
                        new BinaryCrossEntropy(), Adam.of(0.001), 1),
                new NetworkSpec(new RowShape(3, 2, 1),
                        new Sequence(new Concat(
                                new LearnedCross(1,
                                        List.of(new LearnedCross.Part.Bucket(0, 1, 0),
                                                new LearnedCross.Part.Value(0, 0)),
                                        9, 3, Embedding.Update.TOUCHED),
                                new Quantiles(0, 1, 4, 3, Embedding.Update.TOUCHED),
                                new Vocabulary(0, 3, 2, 1, 5, 3, Embedding.Update.TOUCHED)), new Dense(1)),
                        new BinaryCrossEntropy(), Adam.of(0.001), 1),
                new NetworkSpec(new RowShape(3, 5, 1),
                        new Mixture(List.of(member(2), member(65)), Mixture.Target.YES_NO, Mixture.NONE),
                        new BinaryCrossEntropy(), StreamRms.of(0.01, 1e-3, 0.003), 1),
                recipe(Mixture.Target.NUMBER, false), recipe(Mixture.Target.CLASSES, false),
                recipe(Mixture.Target.YES_NO, false), recipe(Mixture.Target.NUMBER, true),
                recipe(Mixture.Target.CLASSES, true), recipe(Mixture.Target.YES_NO, true));
    }

    /// The layers of the recipes `lean` and `auto`; of the latter, one member starts again unless labels are numbers.
    private static NetworkSpec recipe(Mixture.Target target, boolean auto) {
        int outputs = target == Mixture.Target.CLASSES ? 3 : 1;
        boolean restarts = auto && target != Mixture.Target.NUMBER;
        Layer linear = new OwnOptimizer(StreamRms.of(0.01, 3e-4, 0), new Sequence(
                new InputBound(8,
                        new Sum(new Dense(outputs, false, Initialization.ZERO), new FromRow(
                                new Embedding(0, 1, 7, outputs, Embedding.Update.TOUCHED, Embedding.NO_PADDING, 0)))),
                new Bias()));
        List<Layer> members = new ArrayList<>(List.of(hidden(StreamRms.of(0.02, 1e-3, 0.003), outputs)));
        if (auto) {
            members.add(hidden(StreamRms.of(0.02, 0.01, 0.003), outputs));
        }
        if (restarts) {
            members.add(hidden(StreamRms.of(0.02, 1e-3, 0.003), outputs));
        }
        members.add(linear);
        return new NetworkSpec(new RowShape(3, 5, 1),
                new Sequence(new Numbers(0, 3),
                        new RunningScale(List.of(RunningScale.NEVER_MISSING, RunningScale.NEVER_MISSING)),
                        new Mixture(members, target, restarts ? RESTARTED : Mixture.NONE)),
                switch (target) {
                    case NUMBER -> new MeanSquaredError();
                    case CLASSES -> new CategoricalCrossEntropy(false);
                    case YES_NO -> new BinaryCrossEntropy();
                }, StreamRms.of(0.02, 1e-3, 0.003), 1);
    }

    private static Layer hidden(StreamRms optimizer, int outputs) {
        return new OwnOptimizer(optimizer,
                new Sequence(
                        new Concat(new Identity(), new FromRow(new Embedding(0, 2, 7, 8, Embedding.Update.TOUCHED)),
                                new FromRow(new EmbeddingBag(2, 3, EmbeddingBag.ALL, EmbeddingBag.UNWEIGHTED, 7, 16,
                                        EmbeddingBag.Mode.MEAN, Embedding.Update.TOUCHED))),
                        new InputBound(8, new Dense(64, true, Initialization.HE_NORMAL)), new Relu(),
                        new InputBound(16, new Dense(outputs, false, Initialization.SMALL_NORMAL)), new Bias()));
    }

    private static Layer member(int hidden) {
        return new Sequence(
                new Concat(new Numbers(0, 3), new Embedding(0, 2, 7, 4, Embedding.Update.TOUCHED),
                        new EmbeddingBag(2, 3, EmbeddingBag.ALL, EmbeddingBag.UNWEIGHTED, 7, 8, EmbeddingBag.Mode.MEAN,
                                Embedding.Update.TOUCHED)),
                new InputBound(8, new Dense(hidden)), new Relu(), new Dense(1));
    }

    private static NetworkSpec ofLoss(Loss loss) {
        return new NetworkSpec(new RowShape(3, 0, loss.labels(1, 3)), new Sequence(new Numbers(0, 3), new Dense(3)),
                loss, new Sgd(0.001), 1);
    }

    private static NetworkSpec rated(Optimizer optimizer, Schedule schedule) {
        return new NetworkSpec(new RowShape(3, 5, 1),
                new Sequence(
                        new Concat(new Rate(0.5, new Embedding(0, 2, 7, 4, Embedding.Update.TOUCHED)),
                                Rate.frozen(new Embedding(2, 3, 7, 2, Embedding.Update.DENSE))),
                        Rate.frozen(new Dense(65)), new Relu(), new Dense(1)),
                new BinaryCrossEntropy(), Reduction.MEAN, optimizer, schedule, new Clipping.None(),
                new Regularization(1e-5, 1e-4, Regularization.Scope.WEIGHTS), 1);
    }

    /// In a JVM of its own, one for all networks: what the compiler makes of a kernel rests on all that ever ran
    /// through it, and the other tests of this module send shapes through that no model has.
    @Test
    void aStepAndAPredictionAllocateNothing() throws Exception {
        Process process = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--add-modules", "jdk.incubator.vector", "-cp", System.getProperty("java.class.path"),
                AllocationTest.class.getName()).redirectErrorStream(true).start();
        String output;
        try (BufferedReader reader = process.inputReader()) {
            output = reader.lines().collect(Collectors.joining("\n"));
        }
        assertThat(process.waitFor()).as(output).isZero();
        assertThat(output).endsWith("networks: " + specs().count());
    }

    /// The program: ends with 1 and says which network allocates.
    public static void main(String[] arguments) {
        int allocating = 0;
        List<NetworkSpec> specs = specs().toList();
        for (NetworkSpec spec : specs) {
            try (Workers two = EagerWorkers.of(2)) {
                for (Workers workers : List.of(Workers.NONE, two)) {
                    long bytes = bytesOfSteps(spec, workers);
                    if (bytes > 0) {
                        allocating++;
                        System.out.println(bytes + " bytes, " + workers.count() + " workers: " + spec);
                    }
                }
            }
        }
        System.out.println("networks: " + specs.size());
        System.exit(allocating == 0 ? 0 : 1);
    }

    private static long bytesOfSteps(NetworkSpec spec, Workers workers) {
        Parameters parameters = Parameters.initial(Plan.of(spec));
        Kernels kernels = Kernels.active();
        Learner learner = new Learner(parameters, kernels, 8, workers);
        Predictor predictor = new Predictor(parameters.plan(), kernels, 8);
        float[] out = new float[8 * parameters.plan().outputs()];
        RandomNetworks rows = new RandomNetworks(1);
        Batch one = rows.batch(spec, 1);
        Batch eight = rows.batch(spec, 8);

        boolean restarts = !parameters.plan().restarts().isEmpty();
        int[] rounds = {0};
        long bytes = SteadyAllocation.ofAllThreads(250, () -> {
            if (restarts && rounds[0]++ % ROUNDS_BETWEEN_TURNS == 0) {
                turn(spec, one);
                turn(spec, eight);
            }
            for (int i = 0; i < 50; i++) {
                predictor.predict(parameters, one, out);
                predictor.predict(parameters, one.numbers, one.ids, out);
                predictor.predict(parameters, eight, out);
                learner.learn(one);
                learner.learn(eight);
            }
        });
        double count = restarts ? parameters.statistics("2.weights")[1 + 2 * 4 + 1 + 4] : RESTARTS_MIN;
        if (count < RESTARTS_MIN) {
            throw new IllegalStateException("a member started again " + count + " times in " + rounds[0] + " rounds");
        }
        return bytes;
    }

    /// Labels turn round, so that the loss rises.
    private static void turn(NetworkSpec spec, Batch batch) {
        for (int row = 0; row < batch.size(); row++) {
            batch.labels[row] =
                    spec.loss() instanceof BinaryCrossEntropy ? 1 - batch.labels[row] : (batch.labels[row] + 1) % 3;
        }
    }
}
