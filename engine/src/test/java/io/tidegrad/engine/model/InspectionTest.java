package io.tidegrad.engine.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.layer.Concat;
import io.tidegrad.engine.layer.Conv1d;
import io.tidegrad.engine.layer.Dense;
import io.tidegrad.engine.layer.Embedding;
import io.tidegrad.engine.layer.Flatten;
import io.tidegrad.engine.layer.FromRow;
import io.tidegrad.engine.layer.Gelu;
import io.tidegrad.engine.layer.Identity;
import io.tidegrad.engine.layer.Initialization;
import io.tidegrad.engine.layer.Layer;
import io.tidegrad.engine.layer.LeakyRelu;
import io.tidegrad.engine.layer.Mixture;
import io.tidegrad.engine.layer.Numbers;
import io.tidegrad.engine.layer.OwnOptimizer;
import io.tidegrad.engine.layer.Rate;
import io.tidegrad.engine.layer.Relu;
import io.tidegrad.engine.layer.Reshape;
import io.tidegrad.engine.layer.Sequence;
import io.tidegrad.engine.loss.BinaryCrossEntropy;
import io.tidegrad.engine.optim.Optimizer;
import io.tidegrad.engine.optim.Sgd;
import io.tidegrad.engine.snapshot.ModelHash;
import io.tidegrad.engine.testing.RandomNetworks;
import io.tidegrad.proof.SteadyAllocation;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// What a learner tells of itself, against what is computed from its weights and rows by hand.
class InspectionTest {
    private static final Kernels KERNELS = Kernels.active();
    private static final int NUMBERS = 3;

    static IntStream seeds() {
        return RandomNetworks.seeds(150);
    }

    private static String state(Parameters parameters) {
        return ModelHash.state(ModelHash.weights(new byte[32], parameters), parameters, new byte[0]);
    }

    private static Map<String, float[]> weights(Parameters parameters, Inspection of) {
        Map<String, float[]> weights = new HashMap<>();
        of.tensors().forEach(tensor -> weights.put(tensor.name(), parameters.weights(tensor.name())));
        return weights;
    }

    private static float[] read(float[] all, Inspection.Weights told) {
        int stride = Math.ceilDiv(all.length, told.read());
        float[] read = new float[told.read()];
        for (int i = 0; i < read.length; i++) {
            read[i] = all[i * stride];
        }
        return read;
    }

    private static double rootMeanSquare(float[] values, float[] less) {
        double squares = 0;
        for (int i = 0; i < values.length; i++) {
            squares += ((double) values[i] - less[i]) * ((double) values[i] - less[i]);
        }
        return Math.sqrt(squares / values.length);
    }

    /// Counts by the bounds of the bins, which a weight at a bound may miss by a rounding.
    private static void assertBinned(float[] values, Inspection.Weights told) {
        double width = ((double) told.most() - told.least()) / Inspection.BINS;
        int below = 0;
        assertThat(told.histogram()).hasSize(Inspection.BINS);
        for (int bin = 0; bin < Inspection.BINS; bin++) {
            double from = told.least() + bin * width;
            int certain = 0;
            int possible = 0;
            for (float value : values) {
                certain += value > from + 1e-6 * width && value < from + width * (1 - 1e-6) ? 1 : 0;
                possible += value >= from - 1e-6 * width && value <= from + width * (1 + 1e-6) ? 1 : 0;
            }
            assertThat(told.histogram().get(bin)).isBetween(certain, possible);
            below += told.histogram().get(bin);
        }
        assertThat(below).isEqualTo(values.length);
    }

    /// Of networks of every kind.
    @ParameterizedTest
    @MethodSource("seeds")
    void itsNumbersAreThoseOfTheWeightsAndAnInspectedLearnerLearnsTheSameBits(int seed) {
        RandomNetworks random = new RandomNetworks(seed);
        NetworkSpec spec = random.spec();
        Parameters parameters = Parameters.initial(Plan.of(spec));
        Parameters plain = Parameters.initial(Plan.of(spec));
        Learner learner = new Learner(parameters, KERNELS, 3);
        Learner uninspected = new Learner(plain, KERNELS, 3);
        Inspection first = learner.inspect();
        assertThat(first.updates()).isEqualTo(-1);
        assertThat(first.tensors()).allMatch(tensor -> Double.isNaN(tensor.step()) && Double.isNaN(tensor.change()));
        Map<String, float[]> before = weights(parameters, first);
        Map<String, float[]> afterOne = before;
        for (int step = 1; step <= 4; step++) {
            Batch batch = random.batch(spec, 3);
            assertThat(learner.learn(batch)).isEqualTo(uninspected.learn(batch));
            assertThat(state(parameters)).isEqualTo(state(plain));
            afterOne = step == 1 ? weights(parameters, first) : afterOne;
        }
        parameters.dirty().clear();
        Inspection inspection = learner.inspect();
        assertThat(parameters.dirty().isEmpty()).isTrue();
        assertThat(state(parameters)).isEqualTo(state(plain));
        assertThat(inspection.updates()).isEqualTo(parameters.updates());
        for (Inspection.Weights told : inspection.tensors()) {
            float[] all = parameters.weights(told.name());
            assertThat(told.weights()).isEqualTo(all.length);
            assertThat(told.read()).isBetween(Math.min(all.length, Inspection.READ_MAX / 3), Inspection.READ_MAX);
            float[] now = read(all, told);
            float[] were = read(Objects.requireNonNull(before.get(told.name())), told);
            assertThat(told.notFinite()).isZero();
            assertThat(told.norm()).isCloseTo(rootMeanSquare(now, new float[now.length]), within(1e-9));
            assertThat(told.change()).isCloseTo(rootMeanSquare(now, were), within(1e-9));
            assertThat(told.step()).isCloseTo(
                    rootMeanSquare(read(Objects.requireNonNull(afterOne.get(told.name())), told), were), within(1e-9));
            float[] sorted = now.clone();
            Arrays.sort(sorted);
            assertThat(told.least()).isEqualTo(sorted[0]);
            assertThat(told.most()).isEqualTo(sorted[sorted.length - 1]);
            assertBinned(now, told);
        }
    }

    private static NetworkSpec spec(Layer... layers) {
        return spec(new Sgd(0.05), layers);
    }

    private static NetworkSpec spec(Optimizer optimizer, Layer... layers) {
        List<Layer> all = new ArrayList<>(List.of(layers));
        all.addFirst(new Numbers(0, NUMBERS));
        return new NetworkSpec(new RowShape(NUMBERS, 1, 1), new Sequence(all), new BinaryCrossEntropy(), optimizer, 7);
    }

    private static Batch batch(NetworkSpec spec, Random random, int rows) {
        Batch batch = new Batch(spec.row(), rows);
        batch.resize(rows);
        for (int i = 0; i < rows * NUMBERS; i++) {
            batch.numbers[i] = (float) random.nextGaussian();
        }
        for (int row = 0; row < rows; row++) {
            batch.labels[row] = batch.numbers[row * NUMBERS] > 0 ? 1 : 0;
        }
        return batch;
    }

    private static void set(Parameters parameters, String tensor, int from, int to, float value) {
        float[] values = parameters.weights(tensor);
        Arrays.fill(values, from, to, value);
        parameters.setWeights(tensor, values);
    }

    @Test
    void unitsWithABiasFarBelowZeroAreDeadOnceEnoughRowsWereSeenAndNotBefore() {
        NetworkSpec spec = spec(new Dense(8), new Relu(), new Dense(6), new Gelu(Gelu.Form.ERF), new Dense(4),
                new LeakyRelu(0.01), new Dense(1));
        Parameters parameters = Parameters.initial(Plan.of(spec));
        set(parameters, "1.bias", 0, 3, -1_000);
        set(parameters, "3.bias", 5, 6, -1_000);
        set(parameters, "5.bias", 0, 4, -1_000);
        Learner learner = new Learner(parameters, KERNELS, 10);
        Random random = new Random(1);
        assertThat(learner.inspect().deadShare()).isNaN();
        for (int step = 0; step < 25; step++) {
            learner.learn(batch(spec, random, 10));
        }
        assertThat(learner.inspect().layers()).extracting(Inspection.Units::rows).containsExactly(0L, 0L);
        learner.learn(batch(spec, random, 10));
        Inspection inspection = learner.inspect();
        assertThat(inspection.layers()).containsExactly(
                new Inspection.Units("layer 2 (Relu)", Inspection.NO_MEMBER, 8, 3, 260),
                new Inspection.Units("layer 4 (Gelu)", Inspection.NO_MEMBER, 6, 1, 260));
        assertThat(inspection.deadShare()).isEqualTo(4.0 / 14);

        set(parameters, "1.bias", 0, 3, 1_000); // a window begins with each inspection
        for (int row = 0; row < Inspection.ROWS; row++) {
            learner.learn(batch(spec, random, 1));
        }
        set(parameters, "1.bias", 0, 8, -1_000); // it is full, and this one not looked at
        learner.learn(batch(spec, random, 1));
        assertThat(learner.inspect().layers().getFirst())
                .isEqualTo(new Inspection.Units("layer 2 (Relu)", Inspection.NO_MEMBER, 8, 0, 256));
        for (int row = 0; row < Inspection.ROWS; row++) {
            learner.learn(batch(spec, random, 1));
        }
        assertThat(learner.inspect().layers().getFirst().dead()).isEqualTo(8);
    }

    /// Outputs of the first layer, by hand.
    @Test
    void aUnitIsDeadOnlyIfNoRowOfTheWindowReachesIt() {
        int units = 64;
        NetworkSpec spec = spec(new Dense(units), new Relu(), new Dense(1));
        Parameters parameters = Parameters.initial(Plan.of(spec));
        float[] bias = parameters.weights("1.bias");
        Random random = new Random(2);
        for (int unit = 0; unit < units; unit++) {
            bias[unit] = -4 * random.nextFloat();
        }
        parameters.setWeights("1.bias", bias);
        Learner learner = new Learner(parameters, KERNELS, 8);
        var unused = learner.inspect();
        boolean[] reached = new boolean[units];
        for (int step = 0; step < Inspection.ROWS / 8; step++) {
            Batch batch = batch(spec, random, 8);
            float[] weights = parameters.weights("1.weight");
            float[] biases = parameters.weights("1.bias");
            for (int row = 0; row < 8; row++) {
                for (int unit = 0; unit < units; unit++) {
                    double sum = biases[unit];
                    for (int i = 0; i < NUMBERS; i++) {
                        sum += (double) batch.numbers[row * NUMBERS + i] * weights[i * units + unit];
                    }
                    reached[unit] |= sum > 0;
                }
            }
            learner.learn(batch);
        }
        int dead = 0;
        for (boolean each : reached) {
            dead += each ? 0 : 1;
        }
        assertThat(dead).isBetween(5, units - 5);
        assertThat(learner.inspect().layers().getFirst().dead()).isEqualTo(dead);
    }

    @Test
    void unitsOfASequenceAreItsChannels() {
        NetworkSpec spec = spec(new Reshape(List.of(1, NUMBERS)),
                new Conv1d(5, 2, 1, 0, true, Initialization.HE_NORMAL), new Relu(), new Flatten(), new Dense(1));
        Parameters parameters = Parameters.initial(Plan.of(spec));
        set(parameters, "2.weight", 0, 10, 1);
        set(parameters, "2.bias", 0, 5, -1);
        set(parameters, "2.bias", 1, 3, -1_000);
        Batch batch = batch(spec, new Random(3), 256);
        Arrays.fill(batch.numbers, 0);
        batch.numbers[256 * NUMBERS - 1] = 10; // the last row's last step alone
        Learner learner = new Learner(parameters, KERNELS, 256);
        var unused = learner.inspect();
        learner.learn(batch);
        assertThat(learner.inspect().layers())
                .containsExactly(new Inspection.Units("layer 3 (Relu)", Inspection.NO_MEMBER, 5, 2, 256));
    }

    @Test
    void membersOfAMixtureAreToldWithTheirSharesAndTheRatesOfTheirUpdates() {
        Layer hidden = new Sequence(
                new Concat(new Identity(), new FromRow(new Embedding(0, 1, 9, 3, Embedding.Update.TOUCHED))),
                new Dense(4), new Relu(), new Dense(1));
        Layer frozen = new Rate(0, new Dense(1));
        NetworkSpec spec = spec(new Sgd(0.25), new Mixture(List.of(new OwnOptimizer(new Sgd(0.01), hidden), frozen),
                Mixture.Target.YES_NO, Mixture.NONE));
        Parameters parameters = Parameters.initial(Plan.of(spec));
        Learner learner = new Learner(parameters, KERNELS, 2);
        assertThat(learner.inspect().mixtures())
                .containsExactly(new Inspection.Mix(List.of(1 / 3.0, 1 / 3.0, 1 / 3.0), true));
        Random random = new Random(4);
        for (int step = 0; step < 300; step++) {
            learner.learn(batch(spec, random, 2));
        }
        Inspection inspection = learner.inspect();
        double[] state = parameters.statistics("1.weights"); // t, v of both, then w of both and of the stacked one
        double sum = state[3] + state[4] + state[5];
        List<Double> shares = inspection.mixtures().getFirst().shares();
        for (int i = 0; i < 3; i++) {
            assertThat(shares.get(i)).isCloseTo(state[3 + i] / sum, within(1e-12));
        }
        assertThat(shares.get(0)).isNotCloseTo(shares.get(1), within(0.01));
        assertThat(inspection.tensors()).allSatisfy(tensor -> {
            assertThat(tensor.member()).isEqualTo(tensor.name().startsWith("1.0.") ? 0 : 1);
            assertThat(tensor.rate()).isEqualTo(tensor.member() == 0 ? 0.01 : 0);
        });
        assertThat(inspection.layers()).extracting(Inspection.Units::member).containsExactly(0);
        assertThat(inspection.stepRatio()).isPositive();
    }

    @Test
    void ofALargeTensorEveryKthWeightIsReadWithAllItsColumnsAndOfManyTensorsTheLargest() {
        NetworkSpec spec =
                spec(new Concat(new Identity(), new FromRow(new Embedding(0, 1, 50_000, 4, Embedding.Update.TOUCHED))),
                        new Dense(1));
        Parameters parameters = Parameters.initial(Plan.of(spec));
        String table = parameters.plan().tensors().getFirst().name();
        float[] values = new float[200_000];
        for (int i = 0; i < values.length; i++) {
            values[i] = i % 4 == 3 ? Float.NaN : i % 4;
        }
        parameters.setWeights(table, values);
        Inspection.Weights told = new Learner(parameters, KERNELS, 1).inspect().tensors().getFirst();
        assertThat(told.name()).isEqualTo(table);
        assertThat(told.weights()).isEqualTo(200_000);
        assertThat(told.read()).isEqualTo(40_000); // every fifth: four would read one column alone
        assertThat(told.notFinite()).isEqualTo(10_000);
        assertThat(told.norm()).isCloseTo(Math.sqrt(5.0 / 3), within(1e-9));
        assertThat(told.histogram().getFirst()).isEqualTo(10_000);
        assertThat(told.histogram().get(8)).isEqualTo(10_000);
        assertThat(told.histogram().getLast()).isEqualTo(10_000);

        List<Layer> layers = new ArrayList<>();
        for (int i = 0; i < 80; i++) {
            layers.add(new Dense(i < 10 ? 2 : 3, false, Initialization.HE_NORMAL));
            layers.add(new Relu());
        }
        layers.add(new Dense(1));
        Parameters deep = Parameters.initial(Plan.of(spec(layers.toArray(Layer[]::new))));
        Inspection many = new Learner(deep, KERNELS, 1).inspect();
        assertThat(many.tensors()).hasSize(Inspection.TENSORS_MAX);
        assertThat(many.tensorsLeftOut()).isEqualTo(82 - Inspection.TENSORS_MAX);
        assertThat(many.tensors()).allMatch(tensor -> tensor.weights() >= 9);
        assertThat(many.layers()).hasSize(Inspection.LAYERS_MAX);
        assertThat(many.layersLeftOut()).isEqualTo(80 - Inspection.LAYERS_MAX);
    }

    @Test
    void stepsBetweenTwoInspectionsAllocateNothing() {
        NetworkSpec spec = spec(new Dense(8), new Relu(), new Dense(1));
        Learner learner = new Learner(Parameters.initial(Plan.of(spec)), KERNELS, 2);
        Batch batch = batch(spec, new Random(5), 2);
        var unused = learner.inspect();
        assertThat(SteadyAllocation.ofThisThread(500, () -> {
            for (int i = 0; i < 500; i++) {
                learner.learn(batch);
            }
        })).isZero();
    }
}
