package io.tidegrad.model.learn;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.kernel.ScalarKernels;
import io.tidegrad.engine.model.Batch;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.model.Predictor;
import io.tidegrad.model.Specs;
import io.tidegrad.model.feature.Event;
import io.tidegrad.model.feature.Featurizer;
import io.tidegrad.model.feature.MapEvent;
import io.tidegrad.model.feature.Rejection;
import io.tidegrad.model.feature.Row;
import io.tidegrad.model.spec.ModelSpec;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// An input that is made of the label.
class ShiftedLabelTest {
    private static final Kernels SCALAR = new ScalarKernels();
    private static final int STEPS = 6;
    private static final int CLASSES = 5;

    private static final String DECODER = """
            model: decoder
            input: { topic: texts }
            label: { field: letters, kind: steps, lengths: letters }
            features:
              - categories: { field: about, count: 3, buckets: 16, dimension: 4 }
              - shifted-label: { field: letters, count: 6, classes: 5, dimension: 4 }
            network: NETWORK
            loss: categorical-cross-entropy
            optimizer: { adam: { rate: 0.01 } }
            """;
    private static final String GRU =
            "[ features: [letters], reshape: [6, 4], gru: { hidden: 12, output: sequence, lengths: letters,"
                    + " initial: [ features: [about], dense: 12, tanh ] }, dense: 5 ]";

    private static ModelSpec decoder(String network) {
        return ModelSpec.parse(DECODER.replace("NETWORK", network), "decoder.yaml");
    }

    private static Event event(List<Integer> about, @Nullable Object letters) {
        Map<String, @Nullable Object> fields = new HashMap<>();
        fields.put("about", about);
        fields.put("letters", letters);
        return fields::get;
    }

    private static Row scored(Featurizer featurizer, Event event) {
        Row row = featurizer.newRow();
        assertThat(featurizer.featurizeForScoring(event, row)).isNull();
        return row;
    }

    /// Behind the ids of `about` and how many there are.
    private static int[] letters(Row row) {
        return Arrays.copyOfRange(row.ids, 4, row.ids.length);
    }

    @Test
    void eachStepReadsTheClassBeforeItAndTheFirstTheStart() {
        Featurizer featurizer = new Featurizer(decoder(GRU));
        List<Integer> about = List.of(1);
        // The table's row 5 is the start, 6 stands where no class is known; the last number is the length.
        assertThat(letters(scored(featurizer, event(about, null)))).containsExactly(5, 6, 6, 6, 6, 6, 1);
        assertThat(letters(scored(featurizer, event(about, List.of())))).containsExactly(5, 6, 6, 6, 6, 6, 1);
        assertThat(letters(scored(featurizer, event(about, List.of(3, 0))))).containsExactly(5, 3, 0, 6, 6, 6, 3);
        assertThat(letters(scored(featurizer, event(about, Arrays.asList(3, null, 1))))).containsExactly(5, 3, 6, 1, 6,
                6, 4);
        assertThat(letters(scored(featurizer, event(about, new float[]{1, 2, 3, 4, 0, 1})))).containsExactly(5, 1, 2, 3,
                4, 0, 6);
    }

    @Test
    void aStartMayBeOneOfTheClasses() {
        ModelSpec spec = ModelSpec
                .parse(DECODER.replace("classes: 5,", "classes: 5, start: 2,").replace("NETWORK", GRU), "decoder.yaml");
        assertThat(letters(scored(new Featurizer(spec), event(List.of(1), List.of(4))))).containsExactly(2, 4, 5, 5, 5,
                5, 2);
        assertThat(spec.canonical()).contains("start: 2");
        assertThat(ModelSpec.parse(spec.canonical(), "canonical").network()).isEqualTo(spec.network());
        assertThat(decoder(GRU).canonical()).doesNotContain("start");
    }

    @Test
    void whatIsNoListOfClassesIsRejectedInARequestToo() {
        Featurizer featurizer = new Featurizer(decoder(GRU));
        assertThat(Objects
                .requireNonNull(featurizer.featurizeForScoring(event(List.of(), List.of(1, 5)), featurizer.newRow())))
                .isEqualTo(new Rejection(Rejection.Reason.WRONG_TYPE,
                        "field 'letters[1]': expected null or a whole number from 0 to 4, found number 5"));
        assertThat(Objects.requireNonNull(
                featurizer.featurizeForScoring(event(List.of(), List.of(0, 0, 0, 0, 0, 0, 0)), featurizer.newRow()))
                .detail()).isEqualTo("field 'letters': expected a list of at most 6 classes, found 7");
        assertThat(Objects.requireNonNull(featurizer.featurize(event(List.of(), null), featurizer.newRow())).reason())
                .isEqualTo(Rejection.Reason.MISSING_LABEL);
    }

    @Test
    void aWholeLabelGivesTheSameRowToLearnAndToAsk() {
        Featurizer featurizer = new Featurizer(decoder(GRU));
        for (int known = 1; known <= STEPS; known++) {
            Event event = event(List.of(1), java.util.Collections.nCopies(known, 2));
            assertThat(scored(featurizer, event).ids).isEqualTo(Specs.row(featurizer, event).ids);
        }
    }

    /// So what is learned by the whole label is what is asked by its beginning: a step that would see its own class could
    /// just copy it.
    @ParameterizedTest
    @ValueSource(strings = {GRU,
        "[ branches: [ [ features: [about], dense: 30, reshape: [6, 5] ], [ features: [letters], reshape: [6, 4],"
                + " residual: [ layer-norm, self-attention: { heads: 2, causal: true } ], rms-norm,"
                + " residual: [ dense: 8, gelu, dense: 4 ], dropout: 0.1, branches: [ [], [ dense: 3, tanh ] ], bias ] ],"
                + " lstm: { hidden: 6, output: sequence }, rnn: { hidden: 5, output: sequence }, dense: 5, softmax ]"})
    void noStepSeesItsOwnClassOrALaterOne(String network) {
        OnlineModel model = OnlineModel.initial(decoder(network), SCALAR);
        Featurizer featurizer = new Featurizer(model.spec());
        SplittableRandom random = new SplittableRandom(1);
        for (int text = 0; text < 20; text++) {
            List<Integer> about = List.of(text, text + 1);
            List<Integer> letters = random.ints(STEPS, 0, CLASSES).boxed().toList();
            float[] whole = predictions(model.parameters(), Specs.row(featurizer, event(about, letters)));
            for (int known = 0; known < STEPS; known++) {
                float[] begun =
                        predictions(model.parameters(), scored(featurizer, event(about, letters.subList(0, known))));
                int answered = (known + 1) * CLASSES;
                assertThat(Arrays.copyOf(begun, answered)).as("%d letters known", known)
                        .isEqualTo(Arrays.copyOf(whole, answered));
            }
        }
    }

    private static float[] predictions(Parameters parameters, Row row) {
        Batch batch = new Batch(parameters.plan().spec().row(), 1);
        System.arraycopy(row.numbers, 0, batch.numbers, 0, row.numbers.length);
        System.arraycopy(row.ids, 0, batch.ids, 0, row.ids.length);
        batch.resize(1);
        float[] predictions = new float[STEPS * CLASSES];
        new Predictor(parameters.plan(), SCALAR, 1).predict(parameters, batch, predictions);
        return predictions;
    }

    /// The next letter is the one before plus what the text is about: neither alone tells it.
    @Test
    void aDecoderLearnsWhatDependsOnTheLettersBefore() {
        OnlineModel model = OnlineModel.initial(decoder(GRU), SCALAR);
        Featurizer featurizer = new Featurizer(model.spec());
        for (int text = 0; text < 3_000; text++) {
            if (text == 2_500) {
                model.restartEvaluation();
            }
            int step = 1 + text % 3;
            List<Integer> letters = new ArrayList<>(List.of(new SplittableRandom(text).nextInt(CLASSES)));
            while (letters.size() < 2 + text % 5) {
                letters.add((letters.getLast() + step) % CLASSES);
            }
            assertThat(model
                    .accept(Specs.row(featurizer, new MapEvent(Map.of("about", List.of(step), "letters", letters)))))
                    .isNull();
        }
        // The first letter can't be known: ln 5 of a text's 2 to 6 letters.
        assertThat(model.evaluation().logLoss()).isLessThan(0.6);
        assertThat(model.evaluation().priorLogLoss()).isGreaterThan(1.5);
    }
}
