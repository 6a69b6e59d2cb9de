package io.tidegrad.model.learn;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.model.Batch;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.model.Predictor;
import io.tidegrad.model.Specs;
import io.tidegrad.model.feature.Event;
import io.tidegrad.model.feature.Featurizer;
import io.tidegrad.model.feature.MapEvent;
import io.tidegrad.model.feature.Row;
import io.tidegrad.model.spec.ModelSpec;
import java.util.HashMap;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// What the members of a recipe are judged by: what they give a row when it comes, or gave it when it was served.
class MembersAsServedTest {
    private static final int ROWS = 500;

    private static ModelSpec spec(int miniBatch, boolean numbers) {
        String yaml =
                Specs.FLIGHTS.replaceAll("(network|optimizer|loss): .*\n", "").replace("size: 1", "size: " + miniBatch)
                        + "recipe: auto\nloss: ";
        return ModelSpec.parse(numbers ? yaml.replace("field: late", "field: minutes") + "mean-squared-error\n"
                : yaml + "binary-cross-entropy\n", "recipe.yaml");
    }

    private static Event flight(int index) {
        Map<String, Object> fields = new HashMap<>(((MapEvent) Specs.flight(index)).fields());
        fields.put("minutes", Boolean.TRUE.equals(fields.get("late")) ? 15 + index % 7 : -5);
        return new MapEvent(fields);
    }

    /// What a scorer would log that has learned all that the model has.
    private static float[] membersNow(OnlineModel model, Row row) {
        Parameters parameters = model.parameters();
        Batch one = new Batch(parameters.plan().spec().row(), 1);
        one.resize(1);
        System.arraycopy(row.numbers, 0, one.numbers, 0, row.numbers.length);
        System.arraycopy(row.ids, 0, one.ids, 0, row.ids.length);
        Predictor predictor = new Predictor(parameters.plan(), model.kernels(), 1);
        predictor.predict(parameters, one, new float[parameters.plan().outputs()]);
        float[] outputs = new float[parameters.plan().memberOutputs()];
        predictor.memberOutputs(0, outputs, 0);
        return outputs;
    }

    /// A mini-batch is learned after its rows came, by what members gave each row when it came: bit for bit, as if it had been
    /// logged then.
    @ParameterizedTest
    @CsvSource({"1, false", "7, false", "7, true", "32, false", "32, true"})
    void withoutALogItIsWhatTheyGiveWhenTheRowComes(int miniBatch, boolean numbers) {
        ModelSpec spec = spec(miniBatch, numbers);
        OnlineModel unlogged = OnlineModel.initial(spec, Kernels.active());
        OnlineModel logged = OnlineModel.initial(spec, Kernels.active());
        Featurizer featurizer = new Featurizer(spec);
        for (int i = 0; i < ROWS; i++) {
            Row row = Specs.row(featurizer, flight(i));
            assertThat(unlogged.accept(row)).isNull();
            row.memberOutputs = membersNow(logged, row);
            assertThat(logged.accept(row)).isNull();
        }
        assertThat(logged.weightsHash()).isEqualTo(unlogged.weightsHash());
        assertThat(logged.parameters().updates()).isEqualTo(ROWS / miniBatch);
    }

    /// Some rows come with what was served, so that what waits has both kinds.
    private static void learn(OnlineModel model, Featurizer featurizer, int i, float sign) {
        Row row = Specs.row(featurizer, Specs.flight(i));
        SplittableRandom random = new SplittableRandom(i);
        if (random.nextInt(3) > 0) {
            row.memberOutputs = new float[model.parameters().plan().memberOutputs()];
            for (int o = 0; o < row.memberOutputs.length; o++) {
                row.memberOutputs[o] = sign * (float) random.nextDouble(-2, 2);
            }
        }
        assertThat(model.accept(row)).isNull();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 7})
    void aRestartAtAnyPointForgetsNothingThatWaits(int miniBatch) {
        ModelSpec spec = spec(miniBatch, false);
        Featurizer featurizer = new Featurizer(spec);
        OnlineModel model = OnlineModel.initial(spec, Kernels.active());
        OnlineModel restarting = OnlineModel.initial(spec, Kernels.active());
        for (int i = 0; i < 100; i++) {
            learn(model, featurizer, i, 1);
            learn(restarting, featurizer, i, 1);
            restarting = Specs.restored(restarting);
            assertThat(restarting.stateHash()).isEqualTo(model.stateHash());
            assertThat(restarting.carry()).isEqualTo(model.carry());
        }
        OnlineModel otherwise = OnlineModel.initial(spec, Kernels.active());
        for (int i = 0; i < 100; i++) {
            learn(otherwise, featurizer, i, -1);
        }
        assertThat(otherwise.weightsHash()).isNotEqualTo(model.weightsHash());
    }

    /// Two models that differ in nothing else will learn other weights from here on.
    @Test
    void whatWasServedOfAPendingRowIsInTheStateHash() {
        ModelSpec spec = spec(7, false);
        Featurizer featurizer = new Featurizer(spec);
        OnlineModel model = OnlineModel.initial(spec, Kernels.active());
        OnlineModel otherwise = OnlineModel.initial(spec, Kernels.active());
        for (int i = 0; i < 3; i++) {
            learn(model, featurizer, i, 1);
            learn(otherwise, featurizer, i, -1);
        }
        assertThat(otherwise.weightsHash()).isEqualTo(model.weightsHash());
        assertThat(otherwise.stateHash()).isNotEqualTo(model.stateHash());
    }
}
