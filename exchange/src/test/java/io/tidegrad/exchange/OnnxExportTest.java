package io.tidegrad.exchange;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import com.google.protobuf.InvalidProtocolBufferException;
import io.tidegrad.engine.kernel.ScalarKernels;
import io.tidegrad.engine.layer.Dense;
import io.tidegrad.engine.layer.History;
import io.tidegrad.engine.layer.Layer;
import io.tidegrad.engine.layer.Mixture;
import io.tidegrad.engine.layer.Numbers;
import io.tidegrad.engine.layer.Sequence;
import io.tidegrad.engine.loss.BinaryCrossEntropy;
import io.tidegrad.engine.loss.CategoricalCrossEntropy;
import io.tidegrad.engine.loss.Loss;
import io.tidegrad.engine.model.Batch;
import io.tidegrad.engine.model.Learner;
import io.tidegrad.engine.model.NetworkSpec;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.engine.model.Predictor;
import io.tidegrad.engine.model.RowShape;
import io.tidegrad.engine.optim.Sgd;
import io.tidegrad.engine.testing.DoubleNetwork;
import io.tidegrad.engine.testing.RandomNetworks;
import io.tidegrad.model.feature.Featurizer;
import io.tidegrad.model.feature.MapEvent;
import io.tidegrad.model.feature.Row;
import io.tidegrad.model.spec.ModelSpec;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/// ONNX Runtime is the judge.
class OnnxExportTest {
    private static final OrtEnvironment RUNTIME = OrtEnvironment.getEnvironment();
    private static final int NETWORKS = 300;

    /// Of the largest prediction of the batch: ONNX Runtime sums in other orders, with its own exponentials.
    private static final double TOLERANCE = 1e-5;

    /// Where a network magnifies rounding (a standardise of near equal values), the engine's own distance from the
    /// truth says how much.
    private static final double ENGINE_ERRORS = 4;

    private static final String YES_NO = "label: { field: y, positive: yes }\n";
    private static final String CLASSES = "label: { field: y, classes: [no, perhaps, yes] }\n";
    private static final String NUMBER = "label: { field: n }\nloss: mean-squared-error\n";

    private static final String RECIPE = """
            model: m
            input: { topic: t }
            recipe: auto
            features:
              - number: { field: amount, missing: indicator }
              - number: { field: age, scale: standard, missing: indicator }
              - number: { field: speed }
              - number: { field: constant, missing: indicator }
              - cyclic: { field: angle, period: 360 }
              - category: { field: colour, buckets: 16, dimension: 4 }
              - bag: { field: tags, count: 4, buckets: 32, dimension: 4 }
              - bag: { field: words, count: 4, buckets: 32, dimension: 4, weights: shares }
              - categories: { field: marks, count: 4, buckets: 32, dimension: 4 }
              - quantiles: { field: amount, buckets: 16, dimension: 4 }
              - quantiles: { field: speed, buckets: 3 }
              - quantiles: { field: constant, buckets: 2 }
              - vocabulary: { field: colour, capacity: 3, waiting: 2, min-count: 2, dimension: 4 }
              - cross: { fields: [angle, { quantiles: amount }, { vocabulary: colour }], buckets: 1000, dimension: 4 }
              - cross: { fields: [{ quantiles: speed }, { quantiles: amount }], buckets: 999 }
            """;

    private static final String HISTORY = """
            model: m
            input: { topic: t }
            label: { field: y }
            features:
              - number: { field: amount }
              - history: { key: colour, field: amount, values: [lag], buckets: 16 }
            network: [ dense: 1 ]
            loss: binary-cross-entropy
            optimizer: adam
            """;

    private static final String WITHOUT_NUMBERS = """
            model: m
            input: { topic: t }
            recipe: lean
            features:
              - category: { field: colour, buckets: 16, dimension: 4 }
            """;

    @Test
    void aModelThatRemembersIsNotExported() {
        Parameters parameters = Parameters.initial(Plan.of(ModelSpec.parse(HISTORY, "history.yaml").network()));
        assertThatThrownBy(() -> OnnxExport.of("model", parameters, Map.of()))
                .isInstanceOf(NotExpressibleException.class).hasMessage(
                        "layer 0.1.0 remembers what came before, per key (a history in the spec): an ONNX model has no"
                                + " state that its inputs change; serve this model with a scorer");
    }

    static List<Integer> seeds() {
        return RandomNetworks.seeds(NETWORKS).boxed().toList();
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void onnxRuntimeAnswersAsThePredictorDoes(int seed) throws OrtException {
        RandomNetworks random = new RandomNetworks(seed);
        NetworkSpec spec = random.spec();
        Parameters parameters = learned(random, spec);
        Batch batch = random.batch(spec, random.between(1, 9));
        float[] found = answers(OnnxExport.of("model", parameters, Map.of()), batch);
        assertThat(differences(found, parameters, batch)).as("seed %s: %s", seed, spec.network()).isEmpty();
    }

    static List<Arguments> recipes() {
        List<Arguments> recipes = new ArrayList<>();
        for (String label : List.of(YES_NO, CLASSES, NUMBER)) {
            recipes.add(arguments(RECIPE + label, 0));
            recipes.add(arguments(RECIPE + label, 1));
            recipes.add(arguments(RECIPE + label, 800));
            recipes.add(arguments(RECIPE.replace("recipe: auto", "recipe: rich") + label, 300));
            recipes.add(arguments(WITHOUT_NUMBERS + label, 300));
        }
        return recipes;
    }

    @ParameterizedTest
    @MethodSource("recipes")
    void onnxRuntimeAnswersAsTheMixtureOfARecipeDoes(String yaml, int learned) throws OrtException {
        ModelSpec spec = ModelSpec.parse(yaml, "m.yaml");
        Parameters parameters = Parameters.initial(Plan.of(spec.network()));
        Random random = new Random(6);
        Learner learner = new Learner(parameters, new ScalarKernels(), 1);
        for (int row = 0; row < learned; row++) {
            learner.learn(events(spec, random, 1));
        }
        Batch batch = events(spec, random, 500);
        float[] found = answers(OnnxExport.of("m", parameters, Map.of()), batch);
        assertThat(differences(found, parameters, batch)).isEmpty();
    }

    /// Whoever reads them: the values of a vocabulary each of four members, and in each member a cross, too.
    @Test
    void constantsThatAreNoWeightsAreInTheFileOnce() throws InvalidProtocolBufferException {
        ModelSpec spec = ModelSpec.parse(RECIPE + YES_NO, "m.yaml");
        Parameters parameters = Parameters.initial(Plan.of(spec.network()));
        Random random = new Random(6);
        Learner learner = new Learner(parameters, new ScalarKernels(), 1);
        for (int row = 0; row < 100; row++) {
            learner.learn(events(spec, random, 1));
        }
        byte[] file = OnnxExport.of("m", parameters, Map.of());
        List<TensorProto> constants = ModelProto.parseFrom(file).getGraph().getInitializerList().stream()
                .filter(each -> each.getDataType() != TensorProto.DataType.FLOAT.getNumber()).toList();
        assertThat(constants).extracting(each -> each.toBuilder().clearName().build()).doesNotHaveDuplicates();
        assertThat(constants).extracting(TensorProto::getName).filteredOn(name -> name.endsWith("/second")).hasSize(1);
    }

    /// What stacking makes of members that contradict one another depends on where their probabilities are held.
    @ParameterizedTest
    @EnumSource(value = Mixture.Target.class, names = {"CLASSES", "YES_NO"})
    void membersThatAreSureAreMixedAsByThePredictor(Mixture.Target target) throws OrtException {
        boolean isLogit = target == Mixture.Target.YES_NO;
        Layer member = new Dense(isLogit ? 1 : 3);
        Loss loss = isLogit ? new BinaryCrossEntropy() : new CategoricalCrossEntropy(false, true, 0, List.of(), null);
        NetworkSpec spec = new NetworkSpec(new RowShape(4, 0, 1),
                new Sequence(new Numbers(0, 4), new Mixture(List.of(member, member), target, Mixture.NONE)), loss,
                new Sgd(0.1), 1);
        Parameters parameters = Parameters.initial(Plan.of(spec));
        Random random = new Random(6);
        Batch batch = new Batch(spec.row(), 500);
        batch.resize(500);
        for (int i = 0; i < batch.numbers.length; i++) {
            batch.numbers[i] = (float) (20 * random.nextGaussian());
        }
        float[] found = answers(OnnxExport.of("m", parameters, Map.of()), batch);
        assertThat(differences(found, parameters, batch)).isEmpty();
    }

    /// Amounts have heavy tails; some speeds are so far out that they are clipped; amounts, ages and constants may be missing.
    private static Batch events(ModelSpec spec, Random random, int size) {
        Featurizer featurizer = new Featurizer(spec);
        Row row = featurizer.newRow();
        Batch batch = new Batch(spec.network().row(), size);
        batch.resize(size);
        for (int i = 0; i < size; i++) {
            assertThat(featurizer.featurize(event(random), row)).isNull();
            System.arraycopy(row.numbers, 0, batch.numbers, i * row.numbers.length, row.numbers.length);
            System.arraycopy(row.ids, 0, batch.ids, i * row.ids.length, row.ids.length);
            System.arraycopy(row.labels, 0, batch.labels, i * row.labels.length, row.labels.length);
        }
        return batch;
    }

    private static MapEvent event(Random random) {
        Map<String, Object> fields = new HashMap<>();
        double logarithm = 4 * random.nextGaussian();
        double speed = (random.nextInt(40) == 0 ? 80 : 10) * random.nextGaussian();
        int colour = random.nextInt(5);
        List<String> tags = random.ints(random.nextInt(5), 0, 20).mapToObj(tag -> "tag" + tag).toList();
        if (random.nextInt(4) > 0) {
            fields.put("amount", Math.copySign(Math.exp(logarithm), random.nextGaussian()));
        }
        if (random.nextInt(3) > 0) {
            fields.put("age", 40 + 15 * random.nextGaussian());
        }
        if (random.nextBoolean()) {
            fields.put("constant", 3);
        }
        fields.put("speed", 1e6 + speed);
        fields.put("angle", random.nextInt(360));
        fields.put("colour", "colour" + colour);
        for (String list : List.of("tags", "words", "marks")) {
            fields.put(list, tags);
        }
        fields.put("shares", tags.stream().map(tag -> random.nextDouble()).toList());
        double n = logarithm + speed / 10 + (colour < 2 ? 3 : -3) + (tags.contains("tag1") ? 2 : 0);
        fields.put("n", n);
        fields.put("y", n < -2 ? "no" : n < 1 ? "perhaps" : "yes");
        return new MapEvent(fields);
    }

    /// A layer that no seed draws would be exported unseen.
    @Test
    void everyLayerIsSeen() {
        Set<Class<?>> seen = new HashSet<>();
        for (int seed : seeds()) {
            RandomNetworks.layers(new RandomNetworks(seed).spec().network())
                    .forEach(layer -> seen.add(layer.getClass()));
        }
        RandomNetworks.layers(ModelSpec.parse(RECIPE + YES_NO, "m.yaml").network().network())
                .forEach(layer -> seen.add(layer.getClass()));
        seen.add(History.class); // it is not exported
        assertThat(seen).containsExactlyInAnyOrder(Layer.class.getPermittedSubclasses());
    }

    @Test
    void theFileSaysWhoseWeightsItHolds() throws OrtException {
        NetworkSpec spec = new RandomNetworks(1).spec();
        byte[] file = OnnxExport.of("flights", Parameters.initial(Plan.of(spec)), Map.of("version", "1.7"));
        try (OrtSession session = RUNTIME.createSession(file)) {
            assertThat(session.getMetadata().getGraphName()).isEqualTo("flights");
            assertThat(session.getMetadata().getProducerName()).isEqualTo("tidegrad");
            assertThat(session.getMetadata().getCustomMetadata()).containsEntry("version", "1.7");
        }
    }

    /// With statistics of a few batches, and weights that are no longer those of the seed.
    private static Parameters learned(RandomNetworks random, NetworkSpec spec) {
        Parameters parameters = Parameters.initial(Plan.of(spec));
        Learner learner = new Learner(parameters, new ScalarKernels(), 8);
        for (int step = random.between(0, 4); step > 0; step--) {
            learner.learn(random.batch(spec, 8));
        }
        return parameters;
    }

    private static float[] predictions(Parameters parameters, Batch batch) {
        float[] out = new float[batch.size() * parameters.plan().outputs()];
        new Predictor(parameters.plan(), new ScalarKernels(), batch.size()).predict(parameters, batch, out);
        return out;
    }

    private static float[] answers(byte[] file, Batch batch) throws OrtException {
        RowShape row = batch.row();
        int rows = batch.size();
        Map<String, OnnxTensor> inputs = new HashMap<>();
        try (OrtSession session = RUNTIME.createSession(file)) {
            if (row.numbers() > 0) {
                inputs.put("numbers", OnnxTensor.createTensor(RUNTIME, FloatBuffer.wrap(batch.numbers),
                        new long[]{rows, row.numbers()}));
            }
            if (row.ids() > 0) {
                long[] ids = Arrays.stream(batch.ids).asLongStream().toArray();
                inputs.put("ids", OnnxTensor.createTensor(RUNTIME, LongBuffer.wrap(ids), new long[]{rows, row.ids()}));
            }
            assertThat(session.getInputNames()).isEqualTo(inputs.keySet());
            try (OrtSession.Result result = session.run(inputs)) {
                OnnxTensor answer = (OnnxTensor) result.get(0);
                assertThat(answer.getInfo().getShape()).hasSize(2).startsWith(rows);
                return floats(answer.getFloatBuffer());
            }
        } finally {
            inputs.values().forEach(OnnxTensor::close);
        }
    }

    private static float[] floats(FloatBuffer buffer) {
        float[] values = new float[buffer.remaining()];
        buffer.get(values);
        return values;
    }

    /// Numbers that are further from the engine's than rounding explains.
    private static List<String> differences(float[] found, Parameters parameters, Batch batch) {
        float[] expected = predictions(parameters, batch);
        double[] exact =
                Arrays.stream(new DoubleNetwork(parameters, batch).predict()).flatMapToDouble(Arrays::stream).toArray();
        assertThat(found).hasSameSizeAs(expected);
        double largest = 0;
        double error = 0;
        for (int i = 0; i < expected.length; i++) {
            largest = Math.max(largest, Math.abs(expected[i]));
            error = Math.max(error, Math.abs(expected[i] - exact[i]));
        }
        double allowed = Math.max(TOLERANCE * Math.max(largest, 1e-3), ENGINE_ERRORS * error);
        List<String> wrong = new ArrayList<>();
        for (int i = 0; i < found.length; i++) {
            if (!(Math.abs(found[i] - expected[i]) <= allowed)) {
                wrong.add(i + ": expected " + expected[i] + " ± " + allowed + ", found " + found[i]);
            }
        }
        return wrong;
    }
}
