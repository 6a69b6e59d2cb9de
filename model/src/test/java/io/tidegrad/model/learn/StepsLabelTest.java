package io.tidegrad.model.learn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.kernel.ScalarKernels;
import io.tidegrad.engine.model.Batch;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.model.Predictor;
import io.tidegrad.model.Specs;
import io.tidegrad.model.evaluation.ProgressiveEvaluation;
import io.tidegrad.model.feature.AvroEvent;
import io.tidegrad.model.feature.Event;
import io.tidegrad.model.feature.Featurizer;
import io.tidegrad.model.feature.JsonEvents;
import io.tidegrad.model.feature.MapEvent;
import io.tidegrad.model.feature.Rejection;
import io.tidegrad.model.feature.Row;
import io.tidegrad.model.spec.ModelSpec;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.apache.avro.SchemaBuilder;
import org.apache.avro.generic.GenericRecordBuilder;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// A label that is a list with a class for each step.
class StepsLabelTest {
    private static final Kernels SCALAR = new ScalarKernels();
    private static final int STEPS = 5;
    private static final int CLASSES = 4;

    /// Without `lengths`: a step past the words is one of padding.
    private static final String TAGGER = """
            model: tagger
            input: { topic: sentences, format: json }
            label: { field: tags, kind: steps }
            weight: { field: times }
            features:
              - categories: { field: words, count: 5, buckets: 64, dimension: 6 }
            network: [ reshape: [5, 6], gru: { hidden: 8, output: sequence, lengths: words }, dense: 4 ]
            loss: categorical-cross-entropy
            optimizer: { adam: { rate: 0.01 } }
            """;

    private static ModelSpec tagger(int miniBatch) {
        return ModelSpec.parse(TAGGER + "mini-batch: { size: " + miniBatch + " }\n", "tagger.yaml");
    }

    private static Event event(List<?> words, @Nullable Object tags) {
        Map<String, @Nullable Object> fields = new HashMap<>();
        fields.put("words", words);
        fields.put("tags", tags);
        fields.put("times", 1);
        return fields::get;
    }

    /// A word's tag depends on the word and the one before it; each fourth step has none.
    private static Event sentence(int index) {
        SplittableRandom random = new SplittableRandom(index);
        List<Integer> words = new ArrayList<>();
        List<@Nullable Integer> tags = new ArrayList<>();
        for (int step = 0; step < 1 + index % STEPS; step++) {
            words.add(random.nextInt(10));
            int before = step == 0 ? 0 : words.get(step - 1);
            tags.add(step > 0 && random.nextInt(4) == 0 ? null : (Integer) ((words.get(step) + before) % CLASSES));
        }
        return new MapEvent(Map.of("words", words, "tags", tags, "times", 1 + index % 3));
    }

    private static void fold(OnlineModel model, int from, int to) {
        Featurizer featurizer = new Featurizer(model.spec());
        for (int i = from; i < to; i++) {
            assertThat(model.accept(Specs.row(featurizer, sentence(i)))).isNull();
        }
    }

    @Test
    void theCanonicalFormIsTheSameSpec() {
        ModelSpec spec = ModelSpec.parse(TAGGER.replace("kind: steps", "kind: steps, classes: 4, lengths: words"),
                "tagger.yaml");
        assertThat(spec.canonical()).contains("label: {field: \"tags\", kind: steps, lengths: \"words\"}\n");
        ModelSpec again = ModelSpec.parse(spec.canonical(), "canonical");
        assertThat(again.canonical()).isEqualTo(spec.canonical());
        assertThat(again.network()).isEqualTo(spec.network());
        assertThat(spec.outputs()).isEqualTo(4);
        assertThat(spec.steps()).isEqualTo(5);
    }

    @Test
    void aStepThatTheListLeavesOutOrSaysNullOfHasNoClass() {
        Featurizer featurizer = new Featurizer(tagger(1));
        List<Integer> words = List.of(1, 2, 3, 4, 5);
        assertThat(Specs.row(featurizer, event(words, List.of(0, 3, 1, 2, 0))).labels).containsExactly(0, 3, 1, 2, 0);
        assertThat(Specs.row(featurizer, event(words, Arrays.asList(null, 3))).labels).containsExactly(-1, 3, -1, -1,
                -1);
        assertThat(Specs.row(featurizer, event(words, new float[]{2, 1})).labels).containsExactly(2, 1, -1, -1, -1);
    }

    @Test
    void avroAndJsonGiveTheSameClasses() {
        ModelSpec spec = tagger(1);
        Featurizer featurizer = new Featurizer(spec);
        Event json = new JsonEvents(spec).read(
                "{\"words\": [\"a\", \"b\"], \"tags\": [3, null, 1], \"times\": 1}".getBytes(StandardCharsets.UTF_8));
        var record = new GenericRecordBuilder(SchemaBuilder.record("Sentence").fields().name("words").type().array()
                .items().stringType().noDefault().name("tags").type().array().items().nullable().intType().noDefault()
                .requiredInt("times").endRecord()).set("words", List.of("a", "b"))
                .set("tags", Arrays.asList(3, null, 1)).set("times", 1).build();
        Row fromJson = Specs.row(featurizer, json);
        Row fromAvro = Specs.row(featurizer, new AvroEvent().of(record));
        assertThat(fromJson.labels).containsExactly(3, -1, 1, -1, -1).isEqualTo(fromAvro.labels);
        assertThat(fromJson.ids).isEqualTo(fromAvro.ids);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '"', textBlock = """
            []                 | a list with a class for one step at least, found a list of 0
            [null]             | a list with a class for one step at least, found a list of 1
            [0, 1, 2, 3, 0, 1] | a list of at most 5, a class for each step of this row, found a list of 6
            [0, 4]             | at [1] null or a whole number from 0 to 3, found number 4
            [-1]               | at [0] null or a whole number from 0 to 3, found number -1
            [0.5]              | at [0] null or a whole number from 0 to 3, found number 0.5
            [true]             | at [0] null or a whole number from 0 to 3, found true
            2                  | a list of classes, found number 2
            """)
    void aListThatIsNoneOfClassesIsRejected(String tags, String message) {
        ModelSpec spec = tagger(1);
        Event event = new JsonEvents(spec).read(("{\"words\": [1, 2, 3, 4, 5], \"times\": 1, \"tags\": " + tags + "}")
                .getBytes(StandardCharsets.UTF_8));
        Featurizer featurizer = new Featurizer(spec);
        assertThat(featurizer.featurize(event, featurizer.newRow())).isEqualTo(
                new Rejection(Rejection.Reason.INVALID_LABEL, "field 'tags': expected the label, " + message));
    }

    @Test
    void aClassForAStepThatARowDoesNotHaveIsRejectedWhereItsLengthIsNamed() {
        ModelSpec spec = ModelSpec.parse(TAGGER.replace("kind: steps", "kind: steps, lengths: words"), "tagger.yaml");
        Featurizer featurizer = new Featurizer(spec);
        assertThat(Specs.row(featurizer, event(List.of(7, 8), List.of(1, 2))).labels).containsExactly(1, 2, -1, -1, -1);
        Rejection rejection = featurizer.featurize(event(List.of(7, 8), List.of(1, 2, 3)), featurizer.newRow());
        assertThat(rejection).isEqualTo(new Rejection(Rejection.Reason.INVALID_LABEL,
                "field 'tags': expected the label, a list of at most 2, a class for each step of this row, found a list"
                        + " of 3"));
    }

    /// No step reads another here: what a step without a class reads must not learn from the others'.
    @Test
    void aStepWithoutAClassLeavesNoTrace() {
        ModelSpec spec = ModelSpec.parse(
                TAGGER.replace("gru: { hidden: 8, output: sequence, lengths: words }, ", "").replace("adam", "sgd"),
                "tagger.yaml");
        OnlineModel model = OnlineModel.initial(spec, SCALAR);
        float[] before = model.parameters().weights("0.weight").clone();
        Row row = Specs.row(new Featurizer(spec), event(List.of(1, 2, 3), Arrays.asList(0, null, 1)));
        assertThat(model.accept(row)).isNull();
        float[] after = model.parameters().weights("0.weight");
        for (int step = 0; step < 3; step++) {
            int from = row.ids[step] * 6;
            boolean learned = !Arrays.equals(before, from, from + 6, after, from, from + 6);
            assertThat(learned).as("word of step %d", step).isEqualTo(step != 1);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3})
    void measuresAgreeWithTheirDefinitionsOverTheStepsThatHaveAClass(int miniBatch) {
        ModelSpec spec = tagger(miniBatch);
        OnlineModel model = OnlineModel.initial(spec, SCALAR);
        Featurizer featurizer = new Featurizer(spec);
        double loss = 0;
        double prior = 0;
        double correct = 0;
        double total = 0;
        double[] counts = new double[CLASSES];
        List<Row> open = new ArrayList<>();
        for (int i = 0; i < 300; i++) {
            open.add(Specs.row(featurizer, sentence(i)));
            if (open.size() < miniBatch) {
                continue;
            }
            for (Row row : open) {
                float[] p = predictions(model.parameters(), row);
                for (int step = 0; step < STEPS; step++) {
                    int label = (int) row.labels[step];
                    if (label >= 0) {
                        int likeliest = 0;
                        for (int k = 1; k < CLASSES; k++) {
                            likeliest = p[step * CLASSES + k] > p[step * CLASSES + likeliest] ? k : likeliest;
                        }
                        loss -= row.weight * Math.log(p[step * CLASSES + label]);
                        correct += likeliest == label ? row.weight : 0;
                        prior -= row.weight * Math.log((counts[label] + 1) / (total + CLASSES));
                        counts[label] += row.weight;
                        total += row.weight;
                    }
                }
            }
            open.forEach(row -> assertThat(model.accept(row)).isNull());
            open.clear();
        }
        ProgressiveEvaluation evaluation = model.evaluation();
        assertThat(evaluation.rows()).isEqualTo(300);
        assertThat(evaluation.logLoss()).isCloseTo(loss / total, within(1e-5));
        assertThat(evaluation.priorLogLoss()).isCloseTo(prior / total, within(1e-9));
        assertThat(evaluation.accuracy()).isEqualTo(correct / total);
        assertThat(evaluation.auc()).isNaN();
    }

    private static float[] predictions(Parameters parameters, Row row) {
        Batch batch = new Batch(parameters.plan().spec().row(), 1);
        System.arraycopy(row.ids, 0, batch.ids, 0, row.ids.length);
        batch.resize(1);
        float[] predictions = new float[STEPS * CLASSES];
        new Predictor(parameters.plan(), SCALAR, 1).predict(parameters, batch, predictions);
        return predictions;
    }

    /// Class weights and smoothing change what is learned, and not what is measured.
    @Test
    void theMeasuredLossHasNeitherClassWeightsNorSmoothing() {
        ModelSpec plain = tagger(1);
        ModelSpec weighted = ModelSpec.parse(
                TAGGER.replace("loss: categorical-cross-entropy",
                        "loss: { categorical-cross-entropy: { label-smoothing: 0.1, class-weights: [1, 2, 3, 4] } }"),
                "tagger");
        Row row = Specs.row(new Featurizer(plain), sentence(4));
        OnlineModel one = OnlineModel.initial(plain, SCALAR);
        OnlineModel other = OnlineModel.initial(weighted, SCALAR);
        assertThat(one.accept(row)).isNull();
        assertThat(other.accept(row)).isNull();
        assertThat(other.evaluation().logLoss()).isCloseTo(one.evaluation().logLoss(), within(1e-6));
        assertThat(other.weightsHash()).isNotEqualTo(one.weightsHash());
    }

    @Test
    void aRestartAfterEveryEventChangesNothingAndTheModelLearns() {
        OnlineModel steady = OnlineModel.initial(tagger(3), Kernels.active());
        OnlineModel restarted = OnlineModel.initial(tagger(3), SCALAR);
        for (int i = 0; i < 40; i++) {
            fold(steady, i, i + 1);
            restarted = Specs.restored(restarted);
            fold(restarted, i, i + 1);
        }
        assertThat(restarted.stateHash()).isEqualTo(steady.stateHash());
        assertThat(restarted.carry()).isEqualTo(steady.carry());
        fold(steady, 40, 2_000);
        steady.restartEvaluation();
        fold(steady, 2_000, 2_200);
        assertThat(steady.evaluation().logLoss()).isLessThan(0.5 * steady.evaluation().priorLogLoss());
        assertThat(steady.evaluation().accuracy()).isGreaterThan(0.8);
        assertThat(steady.evaluation().accuracyLast2000()).isBetween(0.8, 1.0);
    }
}
