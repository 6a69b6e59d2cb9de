package io.tidegrad.engine.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.loss.MeanSquaredError;
import io.tidegrad.engine.model.Batch;
import io.tidegrad.engine.model.Gradients;
import io.tidegrad.engine.model.Learner;
import io.tidegrad.engine.model.NetworkSpec;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.engine.model.Predictor;
import io.tidegrad.engine.model.RowShape;
import io.tidegrad.engine.optim.Sgd;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/// What is a recurrent layer's own; formulas and gradients are in the contract suite.
class RecurrentTest {
    private static final Kernels KERNELS = Kernels.active();
    private static final int STEPS = 4;
    private static final int WIDTH = 3;
    private static final int HIDDEN = 5;
    private static final int STATE = 4 * HIDDEN; // an LSTM's, both ways: as long as any

    /// A row is its steps, then what an initial state may be read from.
    private static final int NUMBERS = STEPS * WIDTH + STATE;

    private static NetworkSpec spec(Recurrent recurrent) {
        Layer network = new Sequence(new Numbers(0, STEPS * WIDTH), new Reshape(STEPS, WIDTH), recurrent, new Flatten(),
                new Dense(2));
        return new NetworkSpec(new RowShape(NUMBERS, 1, 2), network, new MeanSquaredError(), new Sgd(0.1), 7);
    }

    private static Recurrent bothWays(Recurrent.Cell cell, Recurrent.Output output, int lengthAt) {
        return new Recurrent(cell, HIDDEN, true, output, lengthAt, List.of());
    }

    private static Recurrent from(Recurrent.Cell cell, Layer initial) {
        return new Recurrent(cell, HIDDEN, false, Recurrent.Output.LAST, Recurrent.WHOLE, List.of(initial));
    }

    private static int stateSize(Recurrent.Cell cell) {
        return cell == Recurrent.Cell.LSTM ? 2 * HIDDEN : HIDDEN;
    }

    /// Rows of random numbers, of all steps.
    private static Batch batch(int rows) {
        Random random = new Random(11);
        Batch batch = new Batch(new RowShape(NUMBERS, 1, 2), rows);
        batch.resize(rows);
        for (int i = 0; i < batch.numbers.length; i++) {
            batch.numbers[i] = (float) random.nextGaussian();
        }
        Arrays.fill(batch.ids, STEPS);
        return batch;
    }

    private static Parameters parameters(Recurrent recurrent) {
        return Parameters.initial(Plan.of(spec(recurrent)));
    }

    private static double learn(Parameters parameters, Batch batch) {
        return new Learner(parameters, KERNELS, batch.size()).learn(batch);
    }

    static Stream<Arguments> cellsAndOutputs() {
        return Stream.of(Recurrent.Cell.values())
                .flatMap(cell -> Stream.of(Recurrent.Output.values()).map(output -> Arguments.of(cell, output)));
    }

    @ParameterizedTest
    @MethodSource("cellsAndOutputs")
    void whatComesAfterARowsLengthIsNeverRead(Recurrent.Cell cell, Recurrent.Output output) {
        Recurrent recurrent = bothWays(cell, output, 0);
        Parameters clean = parameters(recurrent);
        Parameters other = parameters(recurrent);
        Batch batch = batch(3);
        batch.ids[1] = 2;
        double loss = learn(clean, batch);
        Arrays.fill(batch.numbers, NUMBERS + 2 * WIDTH, NUMBERS + STEPS * WIDTH, Float.NaN);

        assertThat(learn(other, batch)).isEqualTo(loss);
        for (Tensor tensor : clean.plan().tensors()) {
            assertThat(other.weights(tensor.name())).as(tensor.name()).isEqualTo(clean.weights(tensor.name()));
        }
    }

    /// A row alone, in a network of as many steps as it has, gives the same floats.
    @ParameterizedTest
    @EnumSource
    void aShortRowIsARowOfFewerSteps(Recurrent.Cell cell) {
        Parameters parameters = parameters(bothWays(cell, Recurrent.Output.STATE, 0));
        Batch batch = batch(3);
        batch.ids[1] = 2;
        float[] all = new float[3 * 2];
        new Predictor(parameters.plan(), KERNELS, 3).predict(parameters, batch, all);

        NetworkSpec shorter = new NetworkSpec(new RowShape(NUMBERS, 1, 2),
                new Sequence(new Numbers(0, 2 * WIDTH), new Reshape(2, WIDTH),
                        bothWays(cell, Recurrent.Output.STATE, Recurrent.WHOLE), new Flatten(), new Dense(2)),
                new MeanSquaredError(), new Sgd(0.1), 7);
        Parameters same = Parameters.initial(Plan.of(shorter));
        float[] alone = new float[3 * 2];
        new Predictor(same.plan(), KERNELS, 3).predict(same, batch, alone);

        assertThat(Arrays.copyOfRange(all, 2, 4)).isEqualTo(Arrays.copyOfRange(alone, 2, 4));
    }

    @Test
    void aLengthThatNoRowCanHaveIsRefused() {
        Parameters parameters = parameters(bothWays(Recurrent.Cell.GRU, Recurrent.Output.LAST, 0));
        for (int length : new int[]{-1, STEPS + 1}) {
            Batch batch = batch(2);
            batch.ids[1] = length;
            assertThatThrownBy(() -> learn(parameters, batch)).isInstanceOf(IndexOutOfBoundsException.class)
                    .hasMessage("row 1, id 0: found " + length + ", expected a length of 0 to " + STEPS);
        }
        assertThat(parameters.updates()).isZero();
    }

    /// Gates close on an infinity and hide it from everything above.
    @ParameterizedTest
    @EnumSource
    void anInfinityThatTheGatesHideIsSeen(Recurrent.Cell cell) {
        Recurrent recurrent = from(cell, new Numbers(STEPS * WIDTH, stateSize(cell)));
        int lastOfState = STEPS * WIDTH + stateSize(cell) - 1;
        for (int at : new int[]{0, STEPS * WIDTH - 1, STEPS * WIDTH, lastOfState}) {
            for (float poison : new float[]{Float.POSITIVE_INFINITY, Float.NaN}) {
                Parameters parameters = parameters(recurrent);
                Batch batch = batch(3);
                batch.numbers[NUMBERS + at] = poison;
                Learner learner = new Learner(parameters, KERNELS, 3);
                assertThat(learner.learn(batch)).as("number %d is %s", at, poison).isNaN();
                assertThat(learner.rowLosses()[1]).isNaN();
                assertThat(learner.rowLosses()[0]).isFinite();
                assertThat(learner.rowLosses()[2]).isFinite();
            }
        }
    }

    /// Finite, but its products are not: nothing may come of it that no later row can undo.
    @ParameterizedTest
    @EnumSource
    void aHugeInitialStateLeavesTheWeightsFinite(Recurrent.Cell cell) {
        Parameters parameters = parameters(from(cell, new Numbers(STEPS * WIDTH, stateSize(cell))));
        Batch batch = batch(1);
        for (int i = 0; i < stateSize(cell); i++) {
            batch.numbers[STEPS * WIDTH + i] = i % 2 == 0 ? 3.4e38f : -3.4e38f;
        }
        learn(parameters, batch);
        for (Tensor tensor : parameters.plan().tensors()) {
            for (float weight : parameters.weights(tensor.name())) {
                assertThat(weight).as(tensor.name()).isFinite();
            }
        }
    }

    /// Encoder and decoder: what the decoder gets wrong is felt in the encoder's weights, through the state alone.
    @ParameterizedTest
    @EnumSource
    void aDecoderTeachesTheEncoderThatStartsIt(Recurrent.Cell cell) {
        Layer encoder = new Sequence(new Numbers(STEPS * WIDTH, STATE), new Reshape(STATE / 2, 2),
                new Recurrent(cell, HIDDEN, Recurrent.Output.STATE));
        Parameters parameters = parameters(from(cell, encoder));
        Batch batch = batch(8);
        // The label is a number that only the encoder reads.
        for (int row = 0; row < 8; row++) {
            Arrays.fill(batch.labels, 2 * row, 2 * row + 2, batch.numbers[row * NUMBERS + NUMBERS - 1]);
        }
        Gradients gradients = new Gradients(parameters, KERNELS, 8);
        gradients.ofLoss(batch);
        assertThat(gradients.of("2.initial.2.weight_ih")).doesNotContain(0f);

        Learner learner = new Learner(parameters, KERNELS, 8);
        double first = learner.learn(batch);
        double last = first;
        for (int step = 0; step < 400; step++) {
            last = learner.learn(batch);
        }
        assertThat(last).isLessThan(first / 10);
    }

    @Test
    void mistakesAreToldWithTheLayerAndWhatItExpects() {
        assertThatThrownBy(() -> new Recurrent(Recurrent.Cell.RNN, 0, Recurrent.Output.LAST))
                .hasMessage("expected at least 1 hidden unit, found 0");
        assertThatThrownBy(() -> bothWays(Recurrent.Cell.RNN, Recurrent.Output.LAST, -2))
                .hasMessage("expected the number of the id that holds a row's length, or -1 for none," + " found -2");
        assertThatThrownBy(() -> parameters(bothWays(Recurrent.Cell.RNN, Recurrent.Output.LAST, 1)))
                .isInstanceOf(ShapeException.class)
                .hasMessage("layer 2 (Recurrent): expected a length within the row's 1 ids; found id 1");
        assertThatThrownBy(() -> parameters(from(Recurrent.Cell.LSTM, new Numbers(0, 9))))
                .isInstanceOf(ShapeException.class)
                .hasMessage("layer 2 (Recurrent): expected an initial state of 10 numbers; found a" + " vector of 9");
        NetworkSpec flat = new NetworkSpec(new RowShape(2, 0, 5),
                new Sequence(new Numbers(0, 2), new Recurrent(Recurrent.Cell.GRU, 5, Recurrent.Output.LAST)),
                new MeanSquaredError(), new Sgd(0.1), 7);
        assertThatThrownBy(() -> Plan.of(flat)).isInstanceOf(ShapeException.class)
                .hasMessage("layer 1 (Recurrent): expected two axes, (steps, width); found a vector of" + " 2");
    }
}
