package io.tidegrad.trainer.publish;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.tidegrad.engine.kernel.ScalarKernels;
import io.tidegrad.engine.model.Inspection;
import io.tidegrad.model.feature.Featurizer;
import io.tidegrad.model.feature.MapEvent;
import io.tidegrad.model.feature.Row;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.DeadUnits;
import io.tidegrad.schemas.InMemorySchemaRegistry;
import io.tidegrad.schemas.LearnerHealth;
import io.tidegrad.schemas.MemberWeight;
import io.tidegrad.schemas.Progress;
import io.tidegrad.schemas.TensorHealth;
import java.time.Instant;
import java.util.Arrays;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;

/// The learner's health of whole models, from events to the record of progress.
class AvroInspectionTest {
    private static final String HEAD = """
            model: late
            input: { topic: flights }
            label: { field: late }
            features: [ number: { field: miles }, category: { field: "<b>carrier</b>", buckets: 50, dimension: 4 } ]
            """;

    static {
        AvroCodec.trustOwnClasses();
    }

    private static OnlineModel model(String rest) {
        return OnlineModel.initial(ModelSpec.parse(HEAD + rest, "late.yaml"), new ScalarKernels());
    }

    private static void learn(OnlineModel model, int events) {
        Featurizer featurizer = new Featurizer(model.spec());
        Row row = featurizer.newRow();
        for (int i = 0; i < events; i++) {
            assertThat(featurizer.featurize(
                    new MapEvent(Map.of("miles", i % 7, "<b>carrier</b>", "c" + i % 5, "late", i % 3 == 0)), row))
                    .isNull();
            assertThat(model.accept(row)).isNull();
        }
    }

    /// What a reader of progress gets.
    private static LearnerHealth told(OnlineModel model) {
        Progress progress = Progress.newBuilder().setModel("late").setEpoch(1).setVersion(1)
                .setTime(Instant.ofEpochMilli(5)).setLearned(1).setPending(0).setDeadLetters(0).setNextOffset(1)
                .setWeightsHash("ab").setLearner(AvroInspection.of(model.inspect(), model.spec())).build();
        InMemorySchemaRegistry registry = new InMemorySchemaRegistry();
        AvroCodec codec = new AvroCodec(registry);
        byte[] bytes = codec.encode(registry.register("progress-value", progress.getSchema()), progress);
        return Objects.requireNonNull(codec.decode(bytes, Progress.class).getLearner());
    }

    @Test
    void aRecipesMembersAreToldByTheirNamesWithSharesRatesAndDeadUnits() {
        OnlineModel model = model("recipe: lean\nloss: binary-cross-entropy\n");
        LearnerHealth first = told(model);
        assertThat(first.getUpdates()).isZero();
        assertThat(first.getTensors()).allSatisfy(tensor -> {
            assertThat(tensor.getStep()).isNull();
            assertThat(tensor.getChange()).isNull();
            assertThat(tensor.getRate()).isNull();
        });
        assertThat(first.getLayers()).extracting(DeadUnits::getRows).containsExactly(0L);
        DeadUnits hidden = first.getLayers().getFirst();
        String bias = hidden.getLayer().replaceAll("layer (.*)\\.(\\d+) .*", "$1.")
                + (Integer.parseInt(hidden.getLayer().replaceAll(".*\\.(\\d+) .*", "$1")) - 1) + ".bias";
        float[] biases = model.parameters().weights(bias);
        Arrays.fill(biases, 10, 30, -1_000);
        model.parameters().setWeights(bias, biases);
        learn(model, 300);

        LearnerHealth told = told(model);
        assertThat(told.getUpdates()).isEqualTo(300);
        assertThat(told.getLayers()).containsExactly(new DeadUnits(hidden.getLayer(), "steady", 64, 20, 256L));
        assertThat(told.getPortfolio()).extracting(MemberWeight::getMember).containsExactly("steady", "linear",
                "stacked");
        assertThat(told.getPortfolio().stream().mapToDouble(MemberWeight::getWeight).sum()).isCloseTo(1, within(1e-9));
        assertThat(told.getTensors()).extracting(TensorHealth::getPlace).containsOnly("steady", "linear");
        assertThat(told.getTensors()).allSatisfy(tensor -> {
            assertThat(tensor.getRate()).isPositive();
            assertThat(tensor.getChange()).isPositive();
            assertThat(tensor.getHistogram()).hasSize(Inspection.BINS);
            assertThat(tensor.getHistogram().stream().mapToInt(count -> count).sum()).isEqualTo(tensor.getRead());
        });
        assertThat(told.getTensorsLeftOut()).isZero();
    }

    @Test
    void layersOfANetworkAreToldByTheirEntriesOfTheSpec() {
        OnlineModel model = model("""
                network: [ dense: 8, relu, dense: 1 ]
                loss: binary-cross-entropy
                optimizer: { sgd: { rate: 0.125 } }
                """);
        LearnerHealth told = told(model);
        assertThat(told.getPortfolio()).isEmpty();
        assertThat(told.getTensors()).extracting(TensorHealth::getPlace).containsExactly("the features", "network[0]",
                "network[0]", "network[2]", "network[2]");
        assertThat(told.getLayers()).extracting(DeadUnits::getPlace).containsExactly("network[1]");
        learn(model, 1);
        assertThat(told(model).getTensors()).extracting(TensorHealth::getRate).containsOnly(0.125);
    }

    /// The same events with and without a record of progress after each.
    @Test
    void noRecordOfProgressChangesABit() {
        OnlineModel told = model("recipe: auto\nloss: binary-cross-entropy\n");
        OnlineModel plain = model("recipe: auto\nloss: binary-cross-entropy\n");
        for (int i = 0; i < 100; i++) {
            learn(told, 10);
            learn(plain, 10);
            var unused = told(told);
        }
        assertThat(told.stateHash()).isEqualTo(plain.stateHash());
        assertThat(told.carry()).isEqualTo(plain.carry());
    }
}
