package io.tidegrad.engine.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.layer.Bias;
import io.tidegrad.engine.layer.Concat;
import io.tidegrad.engine.layer.Dense;
import io.tidegrad.engine.layer.Embedding;
import io.tidegrad.engine.layer.FromRow;
import io.tidegrad.engine.layer.Identity;
import io.tidegrad.engine.layer.Initialization;
import io.tidegrad.engine.layer.InputBound;
import io.tidegrad.engine.layer.Layer;
import io.tidegrad.engine.layer.Mixture;
import io.tidegrad.engine.layer.Numbers;
import io.tidegrad.engine.layer.OwnOptimizer;
import io.tidegrad.engine.layer.Relu;
import io.tidegrad.engine.layer.RunningScale;
import io.tidegrad.engine.layer.Sequence;
import io.tidegrad.engine.layer.Sum;
import io.tidegrad.engine.layer.Tensor;
import io.tidegrad.engine.loss.BinaryCrossEntropy;
import io.tidegrad.engine.loss.CategoricalCrossEntropy;
import io.tidegrad.engine.loss.Loss;
import io.tidegrad.engine.loss.MeanSquaredError;
import io.tidegrad.engine.optim.Adam;
import io.tidegrad.engine.optim.Sgd;
import io.tidegrad.engine.optim.StreamRms;
import io.tidegrad.engine.testing.DoubleMixture;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/// A mixture and what stands around its members, against their formulas in doubles and against members that learn alone.
class MixtureTest {
    private static final Kernels KERNELS = Kernels.active();
    private static final int NUMBERS = 4;
    private static final int TABLE_ROWS = 9;
    private static final StreamRms STEADY = StreamRms.of(0.02, 1e-3, 0.003);
    private static final StreamRms QUICK = StreamRms.of(0.02, 1e-2, 0.003);

    private static Layer hidden(int outputs) {
        return new Sequence(
                new Concat(new Identity(), new FromRow(new Embedding(0, 1, TABLE_ROWS, 3, Embedding.Update.TOUCHED))),
                new InputBound(2, new Dense(8, true, Initialization.HE_NORMAL)), new Relu(),
                new Dense(outputs, false, Initialization.SMALL_NORMAL), new Bias());
    }

    private static Layer linear(int outputs) {
        return new Sequence(
                new InputBound(2, new Sum(new Dense(outputs, false, Initialization.ZERO), new FromRow(
                        new Embedding(0, 1, TABLE_ROWS, outputs, Embedding.Update.TOUCHED, Embedding.NO_PADDING, 0)))),
                new Bias());
    }

    private static int outputs(Mixture.Target target) {
        return target == Mixture.Target.CLASSES ? 3 : 1;
    }

    private static Loss loss(Mixture.Target target) {
        return switch (target) {
            case CLASSES -> new CategoricalCrossEntropy(false);
            case YES_NO -> new BinaryCrossEntropy();
            case NUMBER -> new MeanSquaredError();
        };
    }

    private static NetworkSpec spec(Mixture.Target target, int restarted) {
        int outputs = outputs(target);
        return spec(target,
                new Mixture(List.of(linear(outputs), new OwnOptimizer(QUICK, hidden(outputs)), hidden(outputs)), target,
                        restarted));
    }

    private static NetworkSpec spec(Mixture.Target target, Layer last) {
        return new NetworkSpec(new RowShape(NUMBERS, 1, 1), new Sequence(new Numbers(0, NUMBERS), last), loss(target),
                STEADY, 5);
    }

    private static Batch batch(Random random, int rows, Mixture.Target target, boolean flipped) {
        Batch batch = new Batch(new RowShape(NUMBERS, 1, 1), rows);
        batch.resize(rows);
        for (int row = 0; row < rows; row++) {
            for (int i = 0; i < NUMBERS; i++) {
                batch.numbers[row * NUMBERS + i] = (float) random.nextGaussian();
            }
            batch.ids[row] = random.nextInt(TABLE_ROWS);
            float signal = batch.numbers[row * NUMBERS] + (batch.ids[row] > 5 ? 1 : 0);
            boolean yes = signal > 0.3 ^ flipped;
            batch.labels[row] = switch (target) {
                case CLASSES -> yes ? 2 : signal < -1 ? 0 : 1;
                case YES_NO -> yes ? 1 : 0;
                case NUMBER -> 100 + 7 * signal;
            };
            batch.sampleWeights[row] = row % 3 == 2 ? 0.5f : 1;
        }
        return batch;
    }

    private static List<double[]> members(Parameters parameters, Batch batch, int row, int outputs) {
        Predictor predictor = new Predictor(parameters.plan(), KERNELS, batch.size());
        predictor.predict(parameters, batch, new float[batch.size() * outputs]);
        float[] given = new float[parameters.plan().memberOutputs()];
        predictor.memberOutputs(row, given, 0);
        return split(given, outputs);
    }

    private static List<double[]> split(float[] given, int outputs) {
        return IntStream.range(0, given.length / outputs)
                .mapToObj(m -> IntStream.range(m * outputs, (m + 1) * outputs).mapToDouble(i -> given[i]).toArray())
                .toList();
    }

    /// Of each step, the state and the prediction, from the state before and what the members gave each row.
    @ParameterizedTest
    @EnumSource(Mixture.Target.class)
    void itsWeightsFollowTheFormulas(Mixture.Target target) {
        int outputs = outputs(target);
        Parameters parameters = Parameters.initial(Plan.of(spec(target, Mixture.NONE)));
        Learner learner = new Learner(parameters, KERNELS, 3);
        Random random = new Random(3);
        for (int step = 0; step < 400; step++) {
            Batch batch = batch(random, 1 + step % 3, target, false);
            double[] want = parameters.statistics("1.weights");
            List<List<double[]>> given = new ArrayList<>();
            for (int row = 0; row < batch.size(); row++) {
                given.add(members(parameters, batch, row, outputs));
            }
            double[] before = want.clone();

            learner.learn(batch);

            for (int row = 0; row < batch.size(); row++) {
                checkPrediction(target, learner, before, given.get(row), row);
                if (target == Mixture.Target.NUMBER) {
                    learnNumber(want, given.get(row), batch.labels[row], batch.sampleWeights[row]);
                } else {
                    learnClass(want, before, given.get(row), (int) batch.labels[row], batch.sampleWeights[row]);
                }
            }
            double[] got = parameters.statistics("1.weights");
            for (int i = 0; i < got.length; i++) {
                assertThat(got[i]).as("step %d, state %d", step, i).isCloseTo(want[i],
                        within(2e-5 * (1 + Math.abs(want[i]))));
            }
        }
        assertThat(parameters.statistics("1.weights")[0]).isEqualTo(799); // rows
    }

    private static void checkPrediction(Mixture.Target target, Learner learner, double[] state, List<double[]> z,
            int row) {
        int outputs = outputs(target);
        if (target == Mixture.Target.NUMBER) {
            double sum = 0;
            for (int m = 0; m < 3; m++) {
                sum += (state[0] == 0 ? 1 / 3.0 : state[1 + m]) * z.get(m)[0];
            }
            double want = state[4] + Math.sqrt(state[5]) * sum;
            assertThat((double) learner.predictions()[row]).isCloseTo(want, within(1e-5 * (1 + Math.abs(want))));
            return;
        }
        double[] p = DoubleMixture.probabilities(state, z);
        for (int o = 0; o < outputs; o++) {
            double want = outputs == 1 ? p[1] : p[o];
            assertThat((double) learner.predictions()[row * outputs + o]).isCloseTo(want, within(1e-5));
        }
    }

    /// @param shown the state by which the batch was predicted
    private static void learnClass(double[] state, double[] shown, List<double[]> z, int label, double weight) {
        double[] q = DoubleMixture.stacked(shown, z);
        int count = z.size();
        if (state[0] == 0) {
            Arrays.fill(state, 1, 1 + count, 1.0 / count);
            Arrays.fill(state, 1 + count, 2 + 2 * count, 1.0 / (count + 1));
        }
        double rate = Math.max(5e-4, 5e-3 / Math.sqrt(1 + state[0] / 100));
        state[0]++;
        double sum = 0;
        for (int m = 0; m <= count; m++) {
            double[] p = m == count ? q : DoubleMixture.ofMember(z.get(m));
            if (m < count) {
                double[] l = DoubleMixture.centred(p);
                for (int k = 0; k < p.length; k++) {
                    state[1 + m] -= weight * rate * (q[k] - (k == label ? 1 : 0)) * l[k];
                }
            }
            state[1 + count + m] *= Math.pow(Math.max(1e-6, p[label]), 0.3 * weight);
            sum += state[1 + count + m];
        }
        for (int m = 0; m <= count; m++) {
            state[1 + count + m] = 0.999 * state[1 + count + m] / sum + 0.001 / (count + 1);
        }
    }

    private static void learnNumber(double[] state, List<double[]> z, double label, double weight) {
        int count = z.size();
        int at = 1 + count;
        if (state[0] == 0) {
            Arrays.fill(state, 1, at, 1.0 / count);
        }
        double t = ++state[0];
        double deviation = Math.sqrt(state[at + 1]);
        if (deviation > 0) {
            double y = (label - state[at]) / deviation;
            double[] errors = z.stream().mapToDouble(each -> Math.abs(each[0] - y)).toArray();
            double usual = state[at + 2];
            if (usual > 0) {
                double sum = 0;
                for (int m = 0; m < count; m++) {
                    state[1 + m] *= Math.exp(-0.3 * weight * Math.min(errors[m] / usual, 20));
                    sum += state[1 + m];
                }
                for (int m = 0; m < count; m++) {
                    state[1 + m] = 0.999 * state[1 + m] / sum + 0.001 / count;
                }
            }
            state[at + 2] += Math.max(1 / t, 1e-3) * (Arrays.stream(errors).min().orElseThrow() - usual);
        }
        double e = deviation > 0 ? Math.clamp(label - state[at], -20 * deviation, 20 * deviation) : label - state[at];
        double a = Math.max(1 / t, 1e-5);
        state[at] += a * e;
        state[at + 1] = (1 - a) * (state[at + 1] + a * e * e);
    }

    /// Bit for bit: what the others do does not reach it. A linear member starts at 0, so its place in the tree means nothing.
    @ParameterizedTest
    @EnumSource(value = Mixture.Target.class, names = {"CLASSES", "YES_NO"})
    void aMemberLearnsAsItWouldAlone(Mixture.Target target) {
        int outputs = outputs(target);
        Parameters mixed = Parameters.initial(Plan.of(spec(target, Mixture.NONE)));
        Parameters alone = Parameters.initial(Plan.of(spec(target, linear(outputs))));
        Learner learner = new Learner(mixed, KERNELS, 2);
        Learner single = new Learner(alone, KERNELS, 2);
        Random random = new Random(8);
        for (int step = 0; step < 200; step++) {
            Batch batch = batch(random, 2, target, false);
            learner.learn(batch);
            single.learn(batch);
        }
        for (String tensor : List.of("0.0.weight", "0.1.weight", "1.bias")) {
            float[] want = alone.weights("1." + tensor);
            float[] got = mixed.weights("1.0." + tensor);
            for (int i = 0; i < want.length; i++) {
                // Its own softmax is computed in other steps than the loss's, so the last bits differ.
                assertThat(got[i]).as(tensor + i).isCloseTo(want[i], within(1e-4f));
            }
            assertThat(want).isNotEqualTo(new float[want.length]);
        }
    }

    /// When labels turn round, the loss rises, and one member is drawn again: as its draws say, without state, at the first
    /// rate. The others are what they would be without it.
    @Test
    void aMemberStartsAgainWhenTheLossOfTheOthersHasRisen() {
        Parameters parameters = Parameters.initial(Plan.of(spec(Mixture.Target.YES_NO, 2)));
        Parameters without = Parameters.initial(Plan.of(spec(Mixture.Target.YES_NO, Mixture.NONE)));
        Learner learner = new Learner(parameters, KERNELS, 1);
        Learner other = new Learner(without, KERNELS, 1);
        Random random = new Random(4);
        int restartsAt = 1 + 2 * 3 + 1 + 4;
        for (int step = 0; step < 3_000; step++) {
            Batch batch = batch(random, 1, Mixture.Target.YES_NO, false);
            learner.learn(batch);
            other.learn(batch);
        }
        assertThat(parameters.statistics("1.weights")[restartsAt]).isZero();
        assertThat(parameters.weights("1.2.1.weight")).isEqualTo(without.weights("1.2.1.weight"));
        parameters.dirty().clear();
        int steps = 0;
        while (parameters.statistics("1.weights")[restartsAt] == 0 && steps++ < 500) {
            Batch batch = batch(random, 1, Mixture.Target.YES_NO, true);
            learner.learn(batch);
            other.learn(batch);
        }
        assertThat(steps).isLessThan(200);
        assertThat(parameters.statistics("1.weights")[restartsAt + 1]).isEqualTo(parameters.updates());
        int tensor = parameters.plan().tensor("1.2.1.weight");
        float[] drawn = parameters.weights("1.2.1.weight");
        Tensor.Matrix matrix = (Tensor.Matrix) parameters.plan().tensors().get(tensor);
        float scale = Initialization.HE_NORMAL.scale(matrix.fanIn(), matrix.fanOut());
        for (int i = 0; i < drawn.length; i++) {
            assertThat(drawn[i]).isEqualTo(Initialization.HE_NORMAL.draw(5, tensor, 1, i, scale));
        }
        for (String name : List.of("1.2.1.weight", "1.2.1.bias", "1.2.0.1.weight", "1.2.4.bias")) {
            assertThat(parameters.state(name, 1)).as(name).containsOnly(0);
            assertThat(parameters.state(name, 2)).as(name).containsOnly(0);
        }
        assertThat(parameters.weights("1.2.4.bias")).containsOnly(0);
        for (String name : List.of("1.0.0.0.weight", "1.1.1.weight", "1.1.0.1.weight")) {
            assertThat(parameters.weights(name)).as(name).isEqualTo(without.weights(name));
        }
        float[] before = parameters.weights("1.2.4.bias");
        learner.learn(batch(random, 1, Mixture.Target.YES_NO, true));
        // The first step of a weight is its rate, whatever the gradient: v / (1 - alpha) is g².
        assertThat(Math.abs(parameters.weights("1.2.4.bias")[0] - before[0])).isCloseTo(0.02f, within(1e-5f));
    }

    /// A model that starts again is a model of its pages: one that was restored from them after a restart goes on alike.
    @Test
    void aRestoredMixtureGoesOnAlikeAfterARestart() {
        Parameters parameters = Parameters.initial(Plan.of(spec(Mixture.Target.YES_NO, 1)));
        Learner learner = new Learner(parameters, KERNELS, 1);
        Random random = new Random(4);
        for (int step = 0; step < 2_000; step++) {
            learner.learn(batch(random, 1, Mixture.Target.YES_NO, step > 1_500));
        }
        assertThat(parameters.statistics("1.weights")[1 + 2 * 3 + 1 + 4]).isPositive();
        Parameters restored = Parameters.blank(parameters.plan());
        byte[] page = new byte[Parameters.PAGE_BYTES];
        for (int number = 0; number < parameters.pages(); number++) {
            parameters.readPage(number, page, 0);
            restored.writePage(number, page, 0);
        }
        restored.setCounts(parameters.updates(), parameters.examples());
        Learner other = new Learner(restored, KERNELS, 1);
        for (int step = 0; step < 100; step++) {
            Batch batch = batch(random, 1, Mixture.Target.YES_NO, true);
            assertThat(other.learn(batch)).isEqualTo(learner.learn(batch));
        }
    }

    /// What members gave a row when it was predicted decides their weights, not what they give it now.
    @ParameterizedTest
    @EnumSource(Mixture.Target.class)
    void weightsFollowWhatMembersGaveWhenTheRowWasPredicted(Mixture.Target target) {
        int outputs = outputs(target);
        Parameters parameters = Parameters.initial(Plan.of(spec(target, Mixture.NONE)));
        Learner learner = new Learner(parameters, KERNELS, 3);
        Random random = new Random(3);
        for (int step = 0; step < 300; step++) {
            Batch batch = batch(random, 1 + step % 3, target, false);
            double[] before = parameters.statistics("1.weights");
            double[] want = before.clone();
            for (int row = 0; row < batch.size(); row++) {
                List<double[]> z = members(parameters, batch, row, outputs);
                if ((step + row) % 4 != 3) { // else it is not known
                    float[] given = new float[parameters.plan().memberOutputs()];
                    for (int i = 0; i < given.length; i++) {
                        given[i] = (float) random.nextGaussian();
                    }
                    batch.setMemberOutputs(row, given);
                    assertThat(batch.memberOutputs(row)).isEqualTo(given);
                    z = split(given, outputs);
                }
                if (target == Mixture.Target.NUMBER) {
                    learnNumber(want, z, batch.labels[row], batch.sampleWeights[row]);
                } else {
                    learnClass(want, before, z, (int) batch.labels[row], batch.sampleWeights[row]);
                }
            }
            learner.learn(batch);
            double[] got = parameters.statistics("1.weights");
            for (int i = 0; i < got.length; i++) {
                assertThat(got[i]).as("step %d, state %d", step, i).isCloseTo(want[i],
                        within(2e-5 * (1 + Math.abs(want[i]))));
            }
        }
    }

    static Stream<RunningScale> runningScales() {
        List<Integer> flags = List.of(3, RunningScale.NEVER_MISSING, 3);
        return Stream.of(new RunningScale(flags), new RunningScale(flags, 0, 1.25, true),
                new RunningScale(flags, 0.02, 30, false), new RunningScale(flags, 0.02, 0.3, true));
    }

    @ParameterizedTest
    @MethodSource("runningScales")
    void aRunningScaleFollowsItsFormulas(RunningScale scale) {
        NetworkSpec spec = new NetworkSpec(new RowShape(4, 0, 4), new Sequence(new Numbers(0, 4), scale),
                new MeanSquaredError(), new Sgd(0.1), 1);
        double forget = scale.forget();
        Parameters parameters = Parameters.initial(Plan.of(spec));
        Learner learner = new Learner(parameters, KERNELS, 2);
        Random random = new Random(6);
        Batch batch = new Batch(spec.row(), 2);
        int heavy = 0;
        for (int step = 0; step < 1_000; step++) {
            batch.resize(1 + step % 2);
            double[] before = parameters.statistics("1.statistics");
            double[] want = before.clone();
            for (int row = 0; row < batch.size(); row++) {
                boolean missing = random.nextInt(5) == 0;
                float[] numbers = {missing ? 0 : (float) Math.exp(5 * random.nextGaussian()),
                    step == 500 ? 1e12f : (float) random.nextGaussian() - 3,
                    missing ? 0 : random.nextInt(3) == 0 ? 0 : (float) random.nextGaussian(), missing ? 1 : 0};
                System.arraycopy(numbers, 0, batch.numbers, row * 4, 4);
                DoubleMixture.learn(want, 8, numbers[1], forget);
                if (!missing) {
                    DoubleMixture.learn(want, 0, numbers[0], forget);
                    DoubleMixture.learn(want, 16, numbers[2], forget);
                }
            }
            learner.learn(batch);
            for (int row = 0; row < batch.size(); row++) {
                double[] x = IntStream.range(4 * row, 4 * row + 4).mapToDouble(i -> batch.numbers[i]).toArray();
                double[] y = DoubleMixture.scaled(before, scale, x);
                for (int i = 0; i < 4; i++) {
                    assertThat((double) learner.predictions()[4 * row + i]).as("step %d", step).isCloseTo(y[i],
                            within(1e-5 * (1 + Math.abs(y[i]))));
                }
            }
            heavy += before[3] < Math.sqrt(before[2]) / 2 ? 1 : 0;
            double[] got = parameters.statistics("1.statistics");
            for (int i = 0; i < got.length; i++) {
                assertThat(got[i]).as("step %d, state %d", step, i).isCloseTo(want[i],
                        within(1e-5 * (1 + Math.abs(want[i]))));
            }
        }
        assertThat(heavy).as("steps in which the first number has heavy tails").isGreaterThan(500);
    }

    @Test
    void statisticsOfARunningScaleStayFiniteWhateverComes() {
        NetworkSpec spec = new NetworkSpec(new RowShape(1, 0, 1),
                new Sequence(new Numbers(0, 1), new RunningScale(List.of(RunningScale.NEVER_MISSING))),
                new MeanSquaredError(), new Sgd(0.1), 1);
        float[][] runs = {{1e-30f, 1e10f}, {1e-40f, -1e15f}, {Float.MIN_VALUE, 1}, {0, 1e15f}};
        for (float[] run : runs) {
            Parameters parameters = Parameters.initial(Plan.of(spec));
            Learner learner = new Learner(parameters, KERNELS, 1);
            Batch batch = new Batch(spec.row(), 1);
            batch.resize(1);
            for (int step = 0; step < 300; step++) {
                batch.numbers[0] = step % 150 == 100 ? run[1] : run[0];
                assertThat(learner.learn(batch)).isFinite();
            }
            for (double each : parameters.statistics("1.statistics")) {
                assertThat(each).isFinite();
            }
        }
    }

    /// With plain SGD a step is rate times gradient, so the factor can be read from it.
    @Test
    void aBoundOnInputsMultipliesTheRateByTheRootOfItsShare() {
        RowShape row = new RowShape(3, 0, 1);
        Layer dense = new Dense(1, true, Initialization.ZERO);
        Parameters plain = Parameters.initial(Plan.of(
                new NetworkSpec(row, new Sequence(new Numbers(0, 3), dense), new MeanSquaredError(), new Sgd(0.1), 1)));
        Parameters bounded = Parameters.initial(Plan.of(new NetworkSpec(row,
                new Sequence(new Numbers(0, 3), new InputBound(2, dense)), new MeanSquaredError(), new Sgd(0.1), 1)));
        Batch batch = new Batch(row, 2);
        batch.resize(2);
        // Magnitudes 1.5 and 14.5: their mean is 8, so the rate is halved.
        System.arraycopy(new float[]{1, -0.5f, 0, 10, 4, -0.5f}, 0, batch.numbers, 0, 6);
        System.arraycopy(new float[]{1, -2}, 0, batch.labels, 0, 2);
        new Learner(plain, KERNELS, 2).learn(batch);
        new Learner(bounded, KERNELS, 2).learn(batch);
        for (String tensor : List.of("1.weight", "1.bias")) {
            float[] full = plain.weights(tensor);
            float[] half = bounded.weights(tensor);
            for (int i = 0; i < full.length; i++) {
                assertThat(half[i]).isCloseTo(full[i] / 2, within(1e-6f * Math.abs(full[i])));
                assertThat(full[i]).isNotZero();
            }
        }
        batch.resize(1); // of magnitude 1.5, within the bound
        Parameters again = Parameters.initial(bounded.plan());
        new Learner(again, KERNELS, 2).learn(batch);
        Parameters alike = Parameters.initial(plain.plan());
        new Learner(alike, KERNELS, 2).learn(batch);
        assertThat(again.weights("1.weight")).isEqualTo(alike.weights("1.weight"));
    }

    @Test
    void anOptimizerWithOtherStateIsRefused() {
        NetworkSpec spec = new NetworkSpec(new RowShape(3, 0, 1),
                new Sequence(new Numbers(0, 3), new OwnOptimizer(new Sgd(0.1), new Dense(1))), new MeanSquaredError(),
                Adam.of(0.1), 1);
        assertThatThrownBy(() -> Plan.of(spec)).isInstanceOf(IllegalArgumentException.class).hasMessage(
                "1.weight: expected an optimizer with 2 part(s) of state, as the network's has, found Sgd with 0");
    }
}
