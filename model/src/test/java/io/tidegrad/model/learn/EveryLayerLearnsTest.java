package io.tidegrad.model.learn;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.kernel.ScalarKernels;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.model.Specs;
import io.tidegrad.model.feature.Featurizer;
import io.tidegrad.model.feature.Row;
import io.tidegrad.model.spec.ModelSpec;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// A spec with every layer and every kind of list learns from events, and weights of events do what they say.
class EveryLayerLearnsTest {
    private static final Kernels SCALAR = new ScalarKernels();

    private static ModelSpec everyLayer(int miniBatch) {
        return ModelSpec.parse(Specs.EVERY_LAYER + "mini-batch: { size: " + miniBatch + " }\n", "every-layer.yaml");
    }

    private static OnlineModel learned(ModelSpec spec, Kernels kernels, int events) {
        OnlineModel model = OnlineModel.initial(spec, kernels);
        fold(model, 0, events);
        return model;
    }

    private static void fold(OnlineModel model, int from, int to) {
        Featurizer featurizer = new Featurizer(model.spec());
        for (int i = from; i < to; i++) {
            assertThat(model.accept(Specs.row(featurizer, Specs.everyField(i)))).isNull();
        }
    }

    /// As hexadecimal digits: short where they differ in a message.
    private static String pages(OnlineModel model) throws NoSuchAlgorithmException {
        Parameters parameters = model.parameters();
        byte[] bytes = new byte[parameters.pages() * Parameters.PAGE_BYTES];
        for (int page = 0; page < parameters.pages(); page++) {
            parameters.readPage(page, bytes, page * Parameters.PAGE_BYTES);
        }
        return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3})
    void itReplaysToTheSameHashesWithOtherKernels(int miniBatch) {
        OnlineModel one = learned(everyLayer(miniBatch), SCALAR, 50);
        OnlineModel other = learned(everyLayer(miniBatch), Kernels.active(), 50);
        assertThat(other.stateHash()).isEqualTo(one.stateHash());
        assertThat(other.carry()).isEqualTo(one.carry());
    }

    @Test
    void aRestartAfterEveryEventChangesNothing() {
        OnlineModel steady = OnlineModel.initial(everyLayer(3), SCALAR);
        OnlineModel restarted = OnlineModel.initial(everyLayer(3), SCALAR);
        for (int i = 0; i < 20; i++) {
            fold(steady, i, i + 1);
            restarted = Specs.restored(restarted);
            fold(restarted, i, i + 1);
        }
        assertThat(restarted.stateHash()).isEqualTo(steady.stateHash());
        assertThat(restarted.carry()).isEqualTo(steady.carry());
    }

    @Test
    void itLearnsWhatThePriorDoesNotKnow() {
        ModelSpec spec =
                ModelSpec.parse(Specs.EVERY_LAYER.replace("optimizer: adam", "optimizer: { adam: { rate: 0.01 } }")
                        + "mini-batch: { size: 8 }\n", "every-layer.yaml");
        OnlineModel model = learned(spec, Kernels.active(), 4_000);
        assertThat(model.evaluation().logLoss()).isLessThan(0.8 * model.evaluation().priorLogLoss());
    }

    private static ModelSpec flights(String optimizer, String weight, int miniBatch) {
        return ModelSpec.parse(
                Specs.FLIGHTS.replace("adam: { rate: 0.001 }", optimizer).replace("size: 1", "size: " + miniBatch)
                        + weight,
                "flights.yaml");
    }

    private static OnlineModel withWeights(ModelSpec spec, float weight) {
        OnlineModel model = OnlineModel.initial(spec, SCALAR);
        Featurizer featurizer = new Featurizer(Specs.flights());
        for (int i = 0; i < 40; i++) {
            Row row = Specs.row(featurizer, Specs.flight(i));
            row.weight = weight;
            model.accept(row);
        }
        return model;
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 8})
    void weightsOfOneChangeNoBit(int miniBatch) throws NoSuchAlgorithmException {
        String field = "weight: { field: passengers }\n";
        assertThat(pages(withWeights(flights("adam: { rate: 0.001 }", field, miniBatch), 1)))
                .isEqualTo(pages(withWeights(flights("adam: { rate: 0.001 }", "", miniBatch), 1)));
    }

    @Test
    void anEventThatCountsFourTimesMovesTheWeightsFourTimesAsFar() throws NoSuchAlgorithmException {
        String field = "weight: { field: passengers }\n";
        // Powers of 2 are exact, so that the bits are those of a rate four times as large.
        assertThat(pages(withWeights(flights("sgd: { rate: 0.0078125 }", field, 1), 4)))
                .isEqualTo(pages(withWeights(flights("sgd: { rate: 0.03125 }", field, 1), 1)));
    }

    @Test
    void anEventThatCountsNothingHasNoGradientButIsAnEvent() {
        ModelSpec spec = flights("sgd: { rate: 0.01 }", "weight: { field: passengers }\n", 1);
        OnlineModel model = withWeights(spec, 2);
        float[] before = model.parameters().weights("1.weight");
        double logLoss = model.evaluation().logLoss();
        Row row = Specs.row(new Featurizer(Specs.flights()), Specs.flight(41));
        row.weight = 0;
        assertThat(model.accept(row)).isNull();
        assertThat(model.parameters().weights("1.weight")).isEqualTo(before);
        assertThat(model.evaluation().logLoss()).isEqualTo(logLoss);
        // It is a step, as a mini-batch would be: momentum goes on, scales are learned.
        assertThat(model.parameters().updates()).isEqualTo(41);
        assertThat(model.parameters().statistics("0.0.1.statistics")[0]).isEqualTo(41);
        assertThat(model.evaluation().rows()).isEqualTo(41);
    }
}
