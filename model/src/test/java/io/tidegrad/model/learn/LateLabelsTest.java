package io.tidegrad.model.learn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.tidegrad.engine.kernel.ScalarKernels;
import io.tidegrad.engine.loss.FakeNegativeWeighted;
import io.tidegrad.engine.model.Batch;
import io.tidegrad.engine.model.Learner;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.engine.snapshot.ModelHash;
import io.tidegrad.model.evaluation.ProgressiveEvaluation;
import io.tidegrad.model.feature.MapEvent;
import io.tidegrad.model.learn.EventFold.Outcome;
import io.tidegrad.model.snapshot.PublishedSnapshot;
import io.tidegrad.model.snapshot.SnapshotFile;
import io.tidegrad.model.snapshot.SnapshotManifest;
import io.tidegrad.model.snapshot.SnapshotVerifier;
import io.tidegrad.model.snapshot.Verification;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.model.stream.Example.Kind;
import io.tidegrad.model.stream.Example;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// What a model makes of labels that come after their events were learned.
class LateLabelsTest {
    private static final float FIRST = FakeNegativeWeighted.FIRST;
    private static final String FNW = """
            model: m
            input: { stream: s }
            features: [ number: { field: x } ]
            network: [ dense: 1 ]
            loss: binary-cross-entropy
            optimizer: { sgd: { rate: 0.5 } }
            late-labels: fnw
            """;

    private static EventFold fold(String yaml) {
        ModelSpec spec = ModelSpec.parse(yaml, "spec");
        return new EventFold(spec, OnlineModel.initial(spec, new ScalarKernels()),
                value -> new MapEvent(Map.of("x", number(value))));
    }

    private static double number(byte[] value) {
        return Double.parseDouble(new String(value, StandardCharsets.UTF_8));
    }

    private static byte[] value(double number) {
        return Double.toString(number).getBytes(StandardCharsets.UTF_8);
    }

    private static Headers headers(Kind kind, @Nullable String label, @Nullable String oldLabel) {
        Headers headers = new RecordHeaders();
        new Example(kind, label, oldLabel, 1, new Example.Source("events", 0, 0), 1_000, null).writeTo(headers);
        return headers;
    }

    /// An example, and the two labels that the loss must get.
    private record Learned(Headers headers, float label, float old) {
    }

    private static List<Learned> learned() {
        return List.of(new Learned(headers(Kind.PROVISIONAL, "0", null), 0, FIRST),
                new Learned(headers(Kind.FINAL, "1", null), 1, FIRST),
                new Learned(headers(Kind.CORRECTION, "1", "0"), 1, 0),
                new Learned(headers(Kind.CORRECTION, "false", "true"), 0, 1),
                new Learned(headers(Kind.FINAL, "0", null), 0, FIRST),
                // After a label that was taken back no label stood there; one that can't be read was a dead letter.
                new Learned(headers(Kind.CORRECTION, "1", null), 1, FIRST),
                new Learned(headers(Kind.CORRECTION, "1", "maybe"), 1, FIRST));
    }

    @Test
    void theLossGetsTheLabelOfEachExampleAndTheOneThatItReplaces() {
        EventFold fold = fold(FNW);
        Parameters parameters = Parameters.initial(Plan.of(fold.model().spec().network()));
        Learner learner = new Learner(parameters, new ScalarKernels(), 1);
        Batch batch = new Batch(parameters.plan().spec().row(), 1);
        batch.resize(1);
        double x = -1;
        for (Learned each : learned()) {
            assertThat(fold.fold(value(x), each.headers)).isEqualTo(new Outcome.Accepted());
            batch.numbers[0] = (float) x;
            batch.labels[0] = each.label;
            batch.labels[1] = each.old;
            learner.learn(batch);
            assertThat(fold.model().weightsHash()).as("%s", each)
                    .isEqualTo(ModelHash.weights(fold.model().spec().fingerprint(), parameters));
            x += 0.375;
        }
    }

    @Test
    void anOpenMiniBatchOfCorrectionsGoesOnAfterARestart() {
        String spec = FNW + "mini-batch: { size: 5 }\n";
        EventFold whole = fold(spec);
        EventFold before = fold(spec);
        EventFold after = fold(spec);
        for (int i = 0; i < learned().size(); i++) {
            if (i == 4) {
                assertThat(before.model().pending()).isEqualTo(4);
                after.model().restoreCarry(before.model().carry());
            }
            whole.fold(value(i), learned().get(i).headers);
            (i < 4 ? before : after).fold(value(i), learned().get(i).headers);
        }
        assertThat(after.model().parameters().updates()).isEqualTo(1);
        assertThat(after.model().stateHash()).isEqualTo(whole.model().stateHash());
    }

    @Test
    void aCorrectionToWhatTheModelReadsAsTheSameLabelIsPassedOver() {
        EventFold fold = fold(FNW + "label: { threshold: 15 }\nmini-batch: { size: 5 }\n");
        fold.fold(value(1), headers(Kind.FINAL, "20", null));
        String before = fold.model().stateHash();
        assertThat(fold.fold(value(1), headers(Kind.CORRECTION, "30", "20"))).isEqualTo(new Outcome.Ticked());
        assertThat(fold.fold(value(1), headers(Kind.CORRECTION, null, "30"))).isEqualTo(new Outcome.Ticked());
        assertThat(fold.model().stateHash()).isEqualTo(before);
        assertThat(fold.fold(value(1), headers(Kind.CORRECTION, "10", "30"))).isEqualTo(new Outcome.Accepted());
    }

    /// Each counts with the label that it came with, and once.
    @Test
    void progressiveMetricsKnowNothingOfTheWeights() {
        EventFold fold = fold(FNW);
        double surprise = 0;
        for (Learned each : learned()) {
            fold.fold(value(1), each.headers);
            double p = fold.model().learner().predictions()[0];
            surprise -= Math.log(each.label == 1 ? p : 1 - p);
        }
        ProgressiveEvaluation evaluation = fold.model().evaluation();
        assertThat(evaluation.rows()).isEqualTo(learned().size());
        assertThat(evaluation.logLoss()).isCloseTo(surprise / learned().size(), within(1e-6));
    }

    /// A verifier predicts the golden rows of a snapshot.
    @Test
    void aSnapshotIsThatOfTheLossInTheSpec() throws IOException {
        EventFold fold = fold(FNW);
        learned().forEach(each -> fold.fold(value(1), each.headers));
        OnlineModel model = fold.model();
        SnapshotManifest manifest =
                PublishedSnapshot.full(model, new PublishedSnapshot.Moment(model.weightsHash(), 1, 100, 99, true, 5),
                        PublishedSnapshot.Form.PLAIN).manifest();
        ByteArrayOutputStream file = new ByteArrayOutputStream();
        SnapshotFile.write(new SnapshotFile.Head("m", manifest, model.spec().yaml(), 77, true), model.parameters(),
                file);
        assertThat(new SnapshotVerifier("m", new ScalarKernels(), 64 << 20)
                .verify(SnapshotFile.read(new ByteArrayInputStream(file.toByteArray()))))
                .isInstanceOf(Verification.Admitted.class);
    }

    /// Events of one kind.
    ///
    /// @param share of positives
    /// @param late share of positives whose label comes after the event was learned as a negative
    /// @param takenBack share of positives whose label is taken back later
    private record Segment(double share, double late, double takenBack) {
        /// What a model predicts of this segment once it no longer changes.
        double predicted(ModelSpec.LateLabels way) {
            return switch (way) {
                case FNW -> truth();
                case IGNORE -> share * (1 - late);
                case RELEARN -> share / (1 + share * late + share * takenBack);
            };
        }

        double truth() {
            return share * (1 - takenBack);
        }
    }

    private static final List<Segment> SEGMENTS = List.of(new Segment(0.05, 0.9, 0), new Segment(0.1, 0.5, 0),
            new Segment(0.3, 0.8, 0), new Segment(0.6, 0.3, 0), new Segment(0.4, 0.6, 0.5));
    private static final int EVENTS = 20_000; // of each segment
    private static final int WATCHED = 12_000; // the last ones, whose predictions count
    private static final int DELAY_MAX = 5_000;

    /// Labels come up to a thousand events of their segment late. How many do differs from segment to segment, and the
    /// spec says nothing of it.
    @ParameterizedTest
    @EnumSource(ModelSpec.LateLabels.class)
    void fnwAlonePredictsTheShareOfPositives(ModelSpec.LateLabels way) {
        EventFold fold = fold("""
                model: m
                input: { stream: s }
                features: [ category: { field: x, buckets: 4096, dimension: 1, update: touched } ]
                network: [ bias ]
                loss: binary-cross-entropy
                optimizer: { sgd: { rate: 0.02 } }
                late-labels: %s
                """.formatted(way.name().toLowerCase(Locale.ROOT)));
        SplittableRandom random = new SplittableRandom(2019);
        double[] sums = new double[SEGMENTS.size()];
        int[] counts = new int[SEGMENTS.size()];
        TreeMap<Integer, List<Integer>> toPositive = new TreeMap<>(); // segments, by when
        TreeMap<Integer, List<Integer>> toNegative = new TreeMap<>();
        for (int i = 0; i < EVENTS * SEGMENTS.size(); i++) {
            int number = i % SEGMENTS.size();
            Segment segment = SEGMENTS.get(number);
            boolean positive = random.nextDouble() < segment.share;
            boolean late = positive && random.nextDouble() < segment.late;
            fold.fold(value(number),
                    positive && !late ? headers(Kind.FINAL, "1", null) : headers(Kind.PROVISIONAL, "0", null));
            if (i >= (EVENTS - WATCHED) * SEGMENTS.size()) {
                sums[number] += fold.model().learner().predictions()[0];
                counts[number]++;
            }
            int told = i + (late ? 1 + random.nextInt(DELAY_MAX) : 0);
            if (late) {
                toPositive.computeIfAbsent(told, at -> new ArrayList<>()).add(number);
            }
            if (positive && random.nextDouble() < segment.takenBack) {
                toNegative.computeIfAbsent(told + 1 + random.nextInt(DELAY_MAX), at -> new ArrayList<>()).add(number);
            }
            for (int corrected : toPositive.getOrDefault(i, List.of())) {
                fold.fold(value(corrected), headers(Kind.CORRECTION, "1", "0"));
            }
            for (int corrected : toNegative.getOrDefault(i, List.of())) {
                fold.fold(value(corrected), headers(Kind.CORRECTION, "0", "1"));
            }
        }
        for (int number = 0; number < SEGMENTS.size(); number++) {
            Segment segment = SEGMENTS.get(number);
            assertThat(counts[number]).isEqualTo(WATCHED);
            double expected = segment.predicted(way);
            // Four standard errors of the share of positives among as many events.
            double bound = 4 * Math.sqrt(expected * (1 - expected) / WATCHED);
            double predicted = sums[number] / WATCHED;
            assertThat(predicted).as("%s", segment).isCloseTo(expected, within(bound));
            if (way == ModelSpec.LateLabels.IGNORE && segment.takenBack == 0) {
                assertThat(predicted).isLessThan(segment.truth() - 2 * bound);
            }
        }
    }
}
