package io.tidegrad.model.learn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.kernel.ScalarKernels;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.model.Specs;
import io.tidegrad.model.feature.Featurizer;
import io.tidegrad.model.feature.Rejection;
import io.tidegrad.model.feature.Row;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.proof.SteadyAllocation;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class OnlineModelTest {
    private static final Kernels KERNELS = new ScalarKernels();

    private static OnlineModel learned(ModelSpec spec, int rows) {
        OnlineModel model = OnlineModel.initial(spec, KERNELS);
        fold(model, 0, rows);
        return model;
    }

    private static void fold(OnlineModel model, int from, int to) {
        Featurizer featurizer = new Featurizer(model.spec());
        for (int i = from; i < to; i++) {
            assertThat(model.accept(Specs.row(featurizer, Specs.flight(i)))).isNull();
        }
    }

    private static void assertSame(OnlineModel one, OnlineModel other) {
        assertThat(one.weightsHash()).isEqualTo(other.weightsHash());
        assertThat(one.stateHash()).isEqualTo(other.stateHash());
        assertThat(one.carry()).isEqualTo(other.carry());
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3, 8})
    void aModelRestoredAfterEveryRowIsTheModelThatNeverStopped(int miniBatch) {
        ModelSpec spec = Specs.flights(miniBatch);
        OnlineModel steady = OnlineModel.initial(spec, KERNELS);
        OnlineModel restarted = OnlineModel.initial(spec, KERNELS);
        for (int i = 0; i < 40; i++) {
            fold(steady, i, i + 1);
            restarted = Specs.restored(restarted);
            fold(restarted, i, i + 1);
            assertSame(restarted, steady);
        }
        assertThat(steady.pending()).isEqualTo(40 % miniBatch);
        assertThat(steady.parameters().updates()).isEqualTo(40 / miniBatch);
        assertThat(steady.evaluation().rows()).isEqualTo(40 / miniBatch * miniBatch);
    }

    @Test
    void learningChangesTheWeightsHash() {
        assertThat(learned(Specs.flights(), 1).weightsHash()).isNotEqualTo(learned(Specs.flights(), 2).weightsHash());
    }

    @Test
    void aPendingRowIsInTheStateHashOnly() {
        OnlineModel none = learned(Specs.flights(8), 8);
        OnlineModel one = learned(Specs.flights(8), 9);
        assertThat(one.weightsHash()).isEqualTo(none.weightsHash());
        assertThat(one.stateHash()).isNotEqualTo(none.stateHash());
    }

    @Test
    void aTickLearnsWhatIsPendingAndNothingElse() {
        OnlineModel model = learned(Specs.flights(8), 11);
        model.tick();
        assertThat(model.pending()).isZero();
        assertThat(model.parameters().updates()).isEqualTo(2);
        assertThat(model.parameters().examples()).isEqualTo(11);
        String hash = model.stateHash();
        model.tick();
        assertThat(model.stateHash()).isEqualTo(hash);
    }

    @Test
    void theRowThatCrossesAWindowEdgeOpensTheNextBatch() {
        // A flight a minute: with windows of ten, a batch of at most 100 rows ends after every
        // tenth.
        ModelSpec spec =
                ModelSpec.parse(Specs.FLIGHTS.replace("{ size: 1 }", "{ size: 100, window: PT10M }"), "w.yaml");
        OnlineModel model = learned(spec, 10);
        assertThat(model.pending()).isEqualTo(10);
        fold(model, 10, 11);
        assertThat(model.pending()).isEqualTo(1);
        assertThat(model.parameters().examples()).isEqualTo(10);
        fold(model, 11, 35);
        assertThat(model.parameters().updates()).isEqualTo(3);
        // A late row belongs to the batch that is open: stream time does not go back for it.
        fold(model, 2, 3);
        assertThat(model.pending()).isEqualTo(6);
        assertSame(Specs.restored(model), model);
    }

    @Test
    void aRowInTheFarFutureIsRejectedAndChangesNoWeight() {
        OnlineModel model = learned(Specs.flights(), 20);
        String hash = model.stateHash();
        Row row = Specs.row(new Featurizer(Specs.flights()), Specs.flight(21));
        row.eventTime = 4_070_908_800_000L;
        Rejection rejection = model.accept(row);
        assertThat(rejection).isEqualTo(new Rejection(Rejection.Reason.FUTURE_TIME,
                "expected an event time up to 2002-01-01T00:19:00Z (max-ahead of stream time"
                        + " 2001-01-01T00:19:00Z), found 2099-01-01T00:00:00Z; after a real gap in the stream,"
                        + " send a tick with an event time"));
        assertThat(model.stateHash()).isEqualTo(hash);
        assertThat(model.evaluation().rows()).isEqualTo(20);
        assertSame(Specs.restored(model), model);
        model.tick(4_070_908_800_000L);
        assertThat(model.accept(row)).isNull();
    }

    @Test
    void aLossThatIsNotFiniteCostsOneRowAtMiniBatchOne() {
        OnlineModel model = learned(Specs.flights(), 20);
        String hash = model.stateHash();
        Row row = Specs.row(new Featurizer(Specs.flights()), Specs.flight(20));
        row.numbers[0] = Float.NaN;
        Rejection rejection = model.accept(row);
        assertThat(rejection).isNotNull();
        assertThat(rejection).isEqualTo(new Rejection(Rejection.Reason.NOT_FINITE,
                "the model can't learn from this event: update 20, layer 0.0.0 (Numbers) = the features: its"
                        + " output is not finite"));
        assertThat(model.stateHash()).isEqualTo(hash);
        fold(model, 20, 30);
        assertSame(model, learned(Specs.flights(), 30));
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void noEventIsBlamedForWeightsThatAreNotFinite(boolean committed) {
        OnlineModel model = learned(Specs.flights(), 2);
        Parameters parameters = model.parameters();
        int page = parameters.servedPages() - 1;
        byte[] bytes = new byte[parameters.pageLength(page)];
        parameters.readPage(page, bytes, 0);
        // The last weight, the last layer's bias, is NaN.
        bytes[bytes.length - 1] = 0x7f;
        bytes[bytes.length - 2] = (byte) 0xc0;
        parameters.writePage(page, bytes, 0);
        if (committed) {
            parameters.dirty().clear();
        }
        Row row = Specs.row(new Featurizer(Specs.flights()), Specs.flight(2));
        assertThatThrownBy(() -> model.accept(row)).isInstanceOf(ModelDivergedException.class)
                .hasMessageContaining("of the weights is not finite");
    }

    @Test
    void aLossThatIsNotFiniteInALargerBatchIsTheModelsFault() {
        OnlineModel model = learned(Specs.flights(2), 2);
        Row row = Specs.row(new Featurizer(Specs.flights()), Specs.flight(2));
        row.numbers[0] = Float.POSITIVE_INFINITY;
        assertThat(model.accept(row)).isNull();
        assertThatThrownBy(() -> model.accept(row)).isInstanceOf(ModelDivergedException.class)
                .hasMessageContaining("diverged at update 1")
                .hasMessageContaining(
                        "update 1, the event accepted as its number 1, layer 0.0.0 (Numbers) = the features")
                .hasMessageContaining("lower the optimizer's rate");
    }

    @Test
    void everyFlippedBitOfACarryIsNoticed() {
        OnlineModel model = learned(Specs.flights(8), 13);
        byte[] carry = model.carry();
        for (int bit = 0; bit < 8 * carry.length; bit++) {
            byte[] flipped = carry.clone();
            flipped[bit >> 3] ^= (byte) (1 << (bit & 7));
            OnlineModel into = bit % 4_096 == 0 ? OnlineModel.blank(model.spec(), KERNELS) : model;
            assertThatThrownBy(() -> into.restoreCarry(flipped)).isInstanceOf(CarryFormatException.class);
        }
    }

    @Test
    void aCarryOfAnotherSpecIsRefusedWithExpectedAndFound() {
        byte[] carry = learned(Specs.flights(8), 13).carry();
        OnlineModel other = OnlineModel.blank(Specs.flights(4), KERNELS);
        assertThatThrownBy(() -> other.restoreCarry(carry)).isInstanceOf(CarryFormatException.class)
                .hasMessage("carry of model 'flight-delay': expected mini-batch size 4, found 8");
    }

    @Test
    void theModelLearnsSomethingThatThePriorDoesNotKnow() {
        OnlineModel model = learned(Specs.flights(), 4_000);
        assertThat(model.evaluation().logLoss()).isLessThan(model.evaluation().priorLogLoss());
        assertThat(model.evaluation().auc()).isGreaterThan(0.7);
    }

    @Test
    void acceptingARowAllocatesNothing() {
        OnlineModel model = learned(Specs.flights(), 4_000);
        Row row = Specs.row(new Featurizer(Specs.flights()), Specs.flight(4_000));
        assertThat(SteadyAllocation.ofThisThread(1_000, () -> accept(model, row, 1_000))).isZero();
    }

    private static void accept(OnlineModel model, Row row, int times) {
        for (int i = 0; i < times; i++) {
            model.accept(row);
        }
    }
}
