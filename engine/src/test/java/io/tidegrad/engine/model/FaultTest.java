package io.tidegrad.engine.model;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.kernel.ScalarKernels;
import io.tidegrad.engine.layer.Concat;
import io.tidegrad.engine.layer.Dense;
import io.tidegrad.engine.layer.Identity;
import io.tidegrad.engine.layer.Layer;
import io.tidegrad.engine.layer.Numbers;
import io.tidegrad.engine.layer.Relu;
import io.tidegrad.engine.layer.Residual;
import io.tidegrad.engine.layer.Sequence;
import io.tidegrad.engine.layer.Standardise;
import io.tidegrad.engine.optim.RmsProp;
import io.tidegrad.engine.optim.Adagrad;
import io.tidegrad.engine.layer.Tanh;
import io.tidegrad.engine.layer.Dropout;
import io.tidegrad.engine.loss.MeanSquaredError;
import io.tidegrad.engine.optim.Adam;
import io.tidegrad.engine.optim.Clipping;
import io.tidegrad.engine.optim.Optimizer;
import io.tidegrad.engine.optim.Regularization;
import io.tidegrad.engine.optim.Sgd;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// A step that can't be taken says where it went wrong, and changes nothing.
class FaultTest {
    private static final Kernels KERNELS = new ScalarKernels();
    private static final int INPUTS = 3;

    private static Parameters parameters(Layer network, Optimizer optimizer, Clipping clipping) {
        return Parameters.initial(Plan.of(new NetworkSpec(new RowShape(INPUTS, 0, 1), network, new MeanSquaredError(),
                optimizer, clipping, Regularization.NONE, 1)));
    }

    private static Batch batch(float... firstNumbers) {
        Batch batch = new Batch(new RowShape(INPUTS, 0, 1), firstNumbers.length);
        batch.resize(firstNumbers.length);
        Arrays.fill(batch.numbers, 1);
        for (int row = 0; row < firstNumbers.length; row++) {
            batch.numbers[row * INPUTS] = firstNumbers[row];
        }
        return batch;
    }

    private static byte[] pages(Parameters parameters) {
        byte[] bytes = new byte[parameters.pages() * Parameters.PAGE_BYTES];
        for (int page = 0; page < parameters.pages(); page++) {
            parameters.readPage(page, bytes, page * Parameters.PAGE_BYTES);
        }
        return bytes;
    }

    private static Fault fault(Parameters parameters, Batch batch) {
        Learner learner = new Learner(parameters, KERNELS, batch.size());
        long updates = parameters.updates();
        byte[] before = pages(parameters);
        assertThat(learner.learn(batch)).isNaN();
        assertThat(pages(parameters)).isEqualTo(before);
        assertThat(parameters.updates()).isEqualTo(updates);
        Fault fault = learner.fault();
        assertThat(fault).isNotNull();
        // What went wrong once says nothing of the next step.
        assertThat(learner.learn(batch(1))).isFinite();
        assertThat(learner.fault()).isNull();
        return fault;
    }

    @Test
    void theFirstLayerThatPutsOutAnInfinityIsNamed() {
        Layer network = new Sequence(new Numbers(0, INPUTS), new Dense(4), new Relu(),
                new Residual(new Sequence(new Dense(4), new Relu())),
                new Concat(new Identity(), new Sequence(new Dense(2))), new Dense(1));
        Parameters parameters = parameters(network, new Sgd(1e-6), new Clipping.None());
        assertThat(fault(parameters, batch(1, Float.NaN)))
                .isEqualTo(new Fault(0, 1, "layer 0 (Numbers)", "its output is not finite"));
        assertThat(fault(parameters, batch(1, 1, Float.MAX_VALUE)).where()).isEqualTo("layer 1 (Dense)");
        float[] inner = new float[16];
        Arrays.fill(inner, 1e30f);
        parameters.setWeights("3.0.0.weight", inner);
        parameters.setWeights("1.weight", new float[]{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1});
        Learner learner = new Learner(parameters, KERNELS, 2);
        assertThat(learner.learn(batch(-3, 1e10f))).isNaN();
        assertThat(learner.fault()).hasToString("step 2, row 1, layer 3.0.0 (Dense): its output is not finite");
    }

    @Test
    void aLossThatOverflowsByItselfIsNamed() {
        Parameters parameters =
                parameters(new Sequence(new Numbers(0, INPUTS), new Dense(1)), Adam.of(0.1), new Clipping.None());
        Batch batch = batch(1, 1);
        batch.labels[1] = 1e30f;
        assertThat(fault(parameters, batch)).isEqualTo(new Fault(0, 1, "the loss", "it is not finite"));
    }

    private static Layer deep() {
        return new Sequence(
                new Concat(new Numbers(0, INPUTS),
                        new Sequence(new Numbers(0, INPUTS), new Standardise(), new Dense(4), new Relu(),
                                new Dropout(0.25), new Residual(new Sequence(new Dense(4), new Tanh())))),
                new Dense(1));
    }

    private static Batch tooLarge(int rows) {
        float[] numbers = new float[rows];
        Arrays.fill(numbers, 1e15f);
        Batch batch = batch(numbers);
        batch.labels[0] = 1e12f;
        return batch;
    }

    /// A loss of 1e24 and slopes of 2e12, below 2^41, are finite; their products with numbers of 1e15 have no finite square.
    @ParameterizedTest
    @ValueSource(ints = {1, 3})
    void slopesOfAGradientThatAnOptimizerCannotSquareAreHeldBelowOne(int rows) {
        for (Optimizer optimizer : List.of(Adam.of(0.1), new Adagrad(0.1, 1e-10, 0),
                new RmsProp(0.1, 0.99, 1e-8, false, 0))) {
            Parameters held = parameters(deep(), optimizer, new Clipping.None());
            Parameters light = parameters(deep(), optimizer, new Clipping.None());
            for (Parameters parameters : List.of(held, light)) {
                assertThat(new Learner(parameters, KERNELS, 2).learn(batch(1, 2))).isFinite();
                parameters.setWeights("1.weight", new float[]{1e-15f, 0, 0, 0.5f, 0.5f, 0.5f, 0.5f});
            }
            Batch batch = tooLarge(rows);
            byte[] before = pages(held);
            assertThat(new Learner(held, KERNELS, rows).learn(batch)).isGreaterThan(1e23);
            Arrays.fill(batch.sampleWeights, 0x1p-41f);
            assertThat(new Learner(light, KERNELS, rows).learn(batch)).isFinite();
            assertThat(pages(held)).isEqualTo(pages(light)).isNotEqualTo(before);
            assertThat(new Learner(held, KERNELS, 2).learn(batch(1, 2))).isFinite();
        }
    }

    /// A step by it would be as long as it is.
    @Test
    void aGradientThatSgdCannotApplyChangesNothing() {
        Parameters parameters = parameters(deep(), new Sgd(1e13), new Clipping.None());
        parameters.setWeights("1.weight", new float[7]);
        assertThat(fault(parameters, tooLarge(1)).toString())
                .startsWith("step 0, the gradients: expected a norm that the optimizer can apply, found ");
    }

    /// Weights multiply even a slope of 1 beyond the largest float.
    @Test
    void gradientsThatAreTooLargeForAnotherReasonThanSlopesChangeNothing() {
        Layer network = new Sequence(new Numbers(0, INPUTS), new Dense(4), new Dense(4), new Dense(1));
        Parameters parameters = parameters(network, Adam.of(1e-3), new Clipping.GlobalNorm(1));
        float[] large = new float[16];
        Arrays.fill(large, 3e19f);
        parameters.setWeights("1.weight", new float[12]);
        parameters.setWeights("2.weight", large);
        parameters.setWeights("3.weight", new float[]{3e19f, 3e19f, 3e19f, 3e19f});
        Batch batch = batch(1);
        batch.labels[0] = 1e3f;
        assertThat(fault(parameters, batch))
                .isEqualTo(new Fault(0, 0, "layer 1 (Dense)", "the gradient of its output is not finite"));
    }

    @Test
    void clippingSeesAGradientThatIsNotFiniteBeforeItReachesAWeight() {
        Layer network =
                new Sequence(new Numbers(0, INPUTS), new Standardise(), new Dense(4), new Dense(4), new Dense(1));
        Parameters parameters = parameters(network, new Sgd(1e-3), new Clipping.GlobalNorm(1));
        Learner learner = new Learner(parameters, KERNELS, 2);
        assertThat(learner.learn(batch(1, 2))).isFinite();
        assertThat(learner.learn(batch(3, -4))).isFinite();
        // Forward all is 0; backward a slope of 2 is multiplied beyond the largest float.
        float[] large = new float[16];
        Arrays.fill(large, 3e19f);
        parameters.setWeights("2.weight", new float[12]);
        parameters.setWeights("2.bias", new float[4]);
        parameters.setWeights("3.bias", new float[4]);
        parameters.setWeights("4.bias", new float[1]);
        parameters.setWeights("3.weight", large);
        parameters.setWeights("4.weight", new float[]{3e19f, 3e19f, 3e19f, 3e19f});
        byte[] before = pages(parameters);
        Batch batch = batch(1, 2);
        Arrays.fill(batch.labels, 1);
        assertThat(learner.learn(batch)).isNaN();
        assertThat(learner.fault())
                .isEqualTo(new Fault(2, 0, "layer 2 (Dense)", "the gradient of its output is not finite"));
        assertThat(pages(parameters)).isEqualTo(before);
        assertThat(parameters.updates()).isEqualTo(2);
    }

    @Test
    void aStepThatAsksForCareIsTheStepThatClippingByNothingTakes() {
        Layer network = new Sequence(new Numbers(0, INPUTS), new Dense(4), new Relu(), new Dense(1));
        Parameters careful = parameters(network, new Sgd(1e-25), new Clipping.None());
        Parameters clipped = parameters(network, new Sgd(1e-25), new Clipping.GlobalNorm(1e38));
        for (int i = 0; i < 5; i++) {
            Batch batch = batch(1e12f * (i + 1), -1e11f, 3e11f);
            assertThat(new Learner(careful, KERNELS, 3).learn(batch))
                    .isEqualTo(new Learner(clipped, KERNELS, 3).learn(batch)).isFinite();
        }
        assertThat(careful.weights("1.weight")).isEqualTo(clipped.weights("1.weight"));
        assertThat(careful.weights("3.weight")).isEqualTo(clipped.weights("3.weight"));
        assertThat(careful.updates()).isEqualTo(5);
    }
}
