package io.tidegrad.model.learn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.kernel.ScalarKernels;
import io.tidegrad.engine.loss.Ctc;
import io.tidegrad.model.Specs;
import io.tidegrad.model.feature.Event;
import io.tidegrad.model.feature.Featurizer;
import io.tidegrad.model.feature.JsonEvents;
import io.tidegrad.model.feature.MapEvent;
import io.tidegrad.model.feature.Rejection;
import io.tidegrad.model.spec.ModelSpec;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// A label that is a sequence of classes, which nobody has aligned with the steps.
class SequenceLabelTest {
    private static final Kernels SCALAR = new ScalarKernels();

    private static final String SPEECH = """
            model: speech
            input: { topic: sounds, format: json }
            label: { field: said, kind: sequence, count: 3, lengths: frames }
            features:
              - sequence: { field: frames, steps: 8, width: 2, shorter: pad }
            network: [ reshape: [8, 2], gru: { hidden: 10, bidirectional: true, output: sequence, lengths: frames }, dense: 4 ]
            loss: ctc
            optimizer: { adam: { rate: 0.01 } }
            """;

    private static ModelSpec speech(int miniBatch) {
        return ModelSpec.parse(SPEECH + "mini-batch: { size: " + miniBatch + " }\n", "speech.yaml");
    }

    private static Event event(int frames, String said) {
        String numbers = String.join(", ", java.util.Collections.nCopies(2 * frames, "0.5"));
        return new JsonEvents(speech(1))
                .read(("{\"frames\": [" + numbers + "], \"said\": " + said + "}").getBytes(StandardCharsets.UTF_8));
    }

    @Test
    void aRowHasItsClassesHowManyTheyAreAndItsSteps() {
        Featurizer featurizer = new Featurizer(speech(1));
        assertThat(Specs.row(featurizer, event(8, "[3, 1]")).labels).containsExactly(3, 1, 0, 2, 8);
        assertThat(Specs.row(featurizer, event(5, "[2, 2, 2]")).labels).containsExactly(2, 2, 2, 3, 5);
        assertThat(Specs.row(featurizer, event(2, "[]")).labels).containsExactly(0, 0, 0, 0, 2);
        // Reused, it forgets what it held.
        assertThat(Specs.row(featurizer, event(1, "[1]")).labels).containsExactly(1, 0, 0, 1, 1);
    }

    @Test
    void theCanonicalFormIsTheSameSpec() {
        ModelSpec spec = ModelSpec.parse(SPEECH.replace("loss: ctc", "loss: { ctc: { blank: 3 } }"), "speech.yaml");
        assertThat(spec.canonical()).contains(
                "label: {field: \"said\", kind: sequence, count: 3, lengths: \"frames\"}\n",
                "loss: {ctc: {blank: 3}}\n");
        ModelSpec again = ModelSpec.parse(spec.canonical(), "canonical");
        assertThat(again.canonical()).isEqualTo(spec.canonical());
        assertThat(again.network()).isEqualTo(spec.network());
        assertThat(again.network().loss()).isEqualTo(new Ctc(3, 3, true, false));
        assertThat(speech(1).canonical()).contains("loss: ctc\n");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            8 | [1, 2, 3, 1] | a list of at most 3 classes, found a list of 4
            8 | [1, 0]       | at [1] a whole number from 0 to 3, but not the blank 0, found number 0
            8 | [4]          | at [0] a whole number from 0 to 3, but not the blank 0, found number 4
            8 | [null]       | at [0] a whole number from 0 to 3, but not the blank 0, found null
            2 | [1, 2, 3]    | a list that the 2 steps of this row can spell (it takes 3), found a list of 3
            4 | [2, 2, 2]    | a list that the 4 steps of this row can spell (it takes 5), found a list of 3
            8 | 1            | a list of classes, found number 1
            """)
    void aListThatTheRowCantSpellIsRejected(int frames, String said, String message) {
        Featurizer featurizer = new Featurizer(speech(1));
        assertThat(featurizer.featurize(event(frames, said), featurizer.newRow())).isEqualTo(
                new Rejection(Rejection.Reason.INVALID_LABEL, "field 'said': expected the label, " + message));
    }

    @Test
    void aRowWithoutAStepIsNeitherLearnedNorAnswered() {
        Featurizer featurizer = new Featurizer(speech(1));
        assertThat(featurizer.featurize(event(0, "[]"), featurizer.newRow())).isEqualTo(new Rejection(
                Rejection.Reason.MISSING_FIELD, "field 'frames': expected at least one step to learn, found none"));
        assertThat(featurizer.featurizeForScoring(event(1, "null"), featurizer.newRow())).isNull();
        assertThat(featurizer.featurizeForScoring(event(0, "null"), featurizer.newRow()))
                .isEqualTo(new Rejection(Rejection.Reason.MISSING_FIELD,
                        "field 'frames': expected at least one step to answer for, found none"));
    }

    /// Repetitions are merged, then blanks (here 1) dropped.
    @Test
    void theBestPathIsTheLikeliestClassOfEachStepMerged() {
        Ctc ctc = new Ctc(1, 4, true, false);
        int[] to = new int[6];
        float[][] lines = {{0, 1, 0}, {.5f, .2f, .3f}, {.5f, .2f, .3f}, {.1f, .8f, .1f}, {.6f, 0, .4f}, {.1f, 0, .9f}};
        float[] predictions = new float[18];
        for (int line = 0; line < 6; line++) {
            System.arraycopy(lines[line], 0, predictions, 3 * line, 3);
        }
        assertThat(ctc.bestPath(predictions, 0, 6, 3, to)).isEqualTo(3);
        assertThat(to).startsWith(0, 0, 2);
        assertThat(ctc.bestPath(predictions, 3, 2, 3, to)).isEqualTo(1);
        assertThat(ctc.bestPath(predictions, 0, 0, 3, to)).isZero();
    }

    /// Class k is said by two frames with a number at its place, silence lies between.
    private static Event sound(int index) {
        SplittableRandom random = new SplittableRandom(index);
        List<Double> frames = new ArrayList<>();
        List<Integer> said = new ArrayList<>();
        for (int i = 0; i < 1 + index % 2; i++) {
            int word = 1 + random.nextInt(3);
            said.add(word);
            for (int frame = 0; frame < 3; frame++) {
                frames.add(frame < 2 && word != 2 ? 1.0 : 0.0);
                frames.add(frame < 2 && word != 1 ? 1.0 : 0.0);
            }
        }
        return new MapEvent(Map.of("frames", frames, "said", said));
    }

    private static OnlineModel learned(OnlineModel model, int from, int to) {
        Featurizer featurizer = new Featurizer(model.spec());
        for (int i = from; i < to; i++) {
            assertThat(model.accept(Specs.row(featurizer, sound(i)))).isNull();
        }
        return model;
    }

    @Test
    void aModelLearnsToSpellWhatItHears() {
        OnlineModel one = learned(OnlineModel.initial(speech(2), SCALAR), 0, 1_200);
        OnlineModel other = learned(OnlineModel.initial(speech(2), Kernels.active()), 0, 1_200);
        assertThat(other.stateHash()).isEqualTo(one.stateHash());
        assertThat(other.carry()).isEqualTo(one.carry());
        one.restartEvaluation();
        learned(one, 1_200, 1_300);
        assertThat(one.evaluation().accuracy()).isGreaterThan(0.95);
        assertThat(one.evaluation().logLoss()).isBetween(0.0, 0.1);
        assertThat(one.evaluation().priorLogLoss()).isNaN();
        OnlineModel copy = OnlineModel.blank(one.spec(), SCALAR);
        copy.restoreCarry(one.carry());
        assertThat(copy.evaluation().accuracy()).isEqualTo(one.evaluation().accuracy());
        assertThat(copy.evaluation().logLoss()).isCloseTo(one.evaluation().logLoss(), within(0.0));
    }
}
