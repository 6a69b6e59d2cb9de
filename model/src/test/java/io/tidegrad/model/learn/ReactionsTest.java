package io.tidegrad.model.learn;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.kernel.ScalarKernels;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.model.Specs;
import io.tidegrad.model.evaluation.ChangeAlarm;
import io.tidegrad.model.evaluation.Signal;
import io.tidegrad.model.feature.Featurizer;
import io.tidegrad.model.feature.MapEvent;
import io.tidegrad.model.feature.Row;
import io.tidegrad.model.spec.ModelSpec;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// A model of which kind of event is above, with labels that of half of the kinds are flipped from one event on.
class ReactionsTest {
    private static final Kernels KERNELS = new ScalarKernels();
    private static final int FLIP = 20_000;
    private static final int NEVER = Integer.MAX_VALUE;
    private static final String RAISE = "raise-rate: { by: 8, for: 3000 }";
    private static final String SGD = "sgd: { rate: 0.002, momentum: 0.5 }";
    private static final String ADAM = "adam: { rate: 0.005 }";

    private static ModelSpec spec(String optimizer, String onChange, int miniBatch, String more) {
        return ModelSpec.parse("""
                model: sides
                input: { topic: sides }
                label: { field: above }
                features:
                  - number:   { field: x }
                  - category: { field: kind, buckets: 600, dimension: 2 }
                network: [ dense: 8, relu, dense: 1 ]
                loss: binary-cross-entropy
                optimizer: { %s }
                mini-batch: { size: %d }
                %s
                %s
                """.formatted(optimizer, miniBatch, onChange.isEmpty() ? "" : "on-change: { " + onChange + " }", more),
                "sides.yaml");
    }

    private static final class Stream {
        private final SplittableRandom random;
        private final int flip;
        private int index;

        Stream(long seed, int flip) {
            random = new SplittableRandom(seed);
            this.flip = flip;
        }

        Row next(Featurizer featurizer) {
            double x = random.nextDouble(-1, 1);
            int kind = random.nextInt(8);
            boolean noise = random.nextInt(20) == 0;
            boolean flipped = index++ >= flip && kind < 4;
            return Specs.row(featurizer,
                    new MapEvent(Map.of("x", x, "kind", "k" + kind, "above", x > 0 != noise != flipped)));
        }
    }

    private static OnlineModel learned(ModelSpec spec, Stream stream, int events, Consumer<OnlineModel> afterEach) {
        OnlineModel model = OnlineModel.initial(spec, KERNELS);
        learn(model, stream, events, afterEach);
        return model;
    }

    private static void learn(OnlineModel model, Stream stream, int events, Consumer<OnlineModel> afterEach) {
        Featurizer featurizer = new Featurizer(model.spec());
        for (int i = 0; i < events; i++) {
            assertThat(model.accept(stream.next(featurizer))).isNull();
            afterEach.accept(model);
        }
    }

    private static void nothing(OnlineModel model) {}

    /// Mean loss of the 5,000 events after the flip.
    private static double lossAfterTheFlip(ModelSpec spec, long seed) {
        Stream stream = new Stream(seed, FLIP);
        OnlineModel model = learned(spec, stream, FLIP, ReactionsTest::nothing);
        model.restartEvaluation();
        learn(model, stream, 5_000, ReactionsTest::nothing);
        assertThat(model.reactions()).isEqualTo(spec.onChange() == null ? 0 : 1);
        return model.evaluation().logLoss();
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5})
    void whatHasChangedIsLearnedAgainSoonerWithARaisedRate(long seed) {
        double without = lossAfterTheFlip(spec(SGD, "", 1, ""), seed);
        double with = lossAfterTheFlip(spec(SGD, RAISE, 1, ""), seed);
        System.out.printf("seed %d: mean loss of 5,000 events after the flip %.4f, with a raised rate %.4f%n", seed,
                without, with);
        assertThat(with).isLessThan(0.9 * without);
    }

    @ParameterizedTest
    @CsvSource({"1, 3", "32, 3", "1, 4", "32, 4"})
    void aStreamThatDoesNotChangeGivesTheBitsOfASpecWithoutReactions(int miniBatch, long seed) {
        ModelSpec plain = spec(ADAM, "", miniBatch, "");
        ModelSpec reacting = spec(ADAM, RAISE + ", reset-optimizer: true", miniBatch, "");
        assertThat(reacting.fingerprint()).isNotEqualTo(plain.fingerprint());
        OnlineModel one = learned(plain, new Stream(seed, NEVER), 40_000, ReactionsTest::nothing);
        OnlineModel other = learned(reacting, new Stream(seed, NEVER), 40_000, ReactionsTest::nothing);
        assertThat(other.reactions()).isZero();
        assertSamePages(other, one);
    }

    private static void assertSamePages(OnlineModel one, OnlineModel other) {
        Parameters parameters = one.parameters();
        assertThat(parameters.updates()).isEqualTo(other.parameters().updates());
        byte[] page = new byte[Parameters.PAGE_BYTES];
        byte[] of = new byte[Parameters.PAGE_BYTES];
        for (int i = 0; i < parameters.pages(); i++) {
            parameters.readPage(i, page, 0);
            other.parameters().readPage(i, of, 0);
            assertThat(page).as("page %d", i).isEqualTo(of);
        }
    }

    /// By hand: the weights are set to what they are, which resets the state, after the batch in which the watched alarm,
    /// with as many false ones, begins.
    @ParameterizedTest
    @CsvSource(delimiter = '|',
            value = {"1 | " + ADAM, "32 | " + ADAM, "4 | adagrad: { rate: 0.05, initial-accumulator: 0.1 }",
                "4 | ftrl: { alpha: 0.1, l1: 0.01 }", "4 | sgd: { rate: 0.01, momentum: 0.9 }"})
    void aResetGivesTheStateOfATensorWhoseWeightsAreSetAnew(int miniBatch, String optimizer) {
        ModelSpec byHand = spec(optimizer, "", miniBatch, "watch: { false-alarms-every: 10000 }");
        // Among all alarms that are watched: three of labels, and three of each of two fields.
        ModelSpec reacting = spec(optimizer, "false-alarms-every: 90000, reset-optimizer: true", miniBatch,
                "watch: { false-alarms-every: 0 }");
        boolean[] on = {false};
        int[] resets = {0};
        OnlineModel one = learned(byHand, new Stream(7, FLIP), 26_000, model -> {
            if (model.pending() == 0) {
                boolean now = model.evaluation().recent().alarms().stream().map(ChangeAlarm.Reading::signal)
                        .anyMatch(signal -> signal.kind() == Signal.Kind.ERROR);
                if (now && !on[0]) {
                    resets[0]++;
                    model.parameters().plan().tensors().forEach(tensor -> model.parameters().setWeights(tensor.name(),
                            model.parameters().weights(tensor.name())));
                }
                on[0] = now;
            }
        });
        OnlineModel other = learned(reacting, new Stream(7, FLIP), 26_000, ReactionsTest::nothing);
        assertThat(resets[0]).isPositive();
        assertThat(other.reactions()).isEqualTo(resets[0]);
        assertSamePages(other, one);
        OnlineModel untouched =
                learned(spec(optimizer, "", miniBatch, ""), new Stream(7, FLIP), 26_000, ReactionsTest::nothing);
        assertThat(untouched.weightsHash()).isNotEqualTo(one.weightsHash());
    }

    /// Whatever is watched, and however often the evaluation starts anew.
    @ParameterizedTest
    @ValueSource(ints = {1, 32})
    void whatIsWatchedAndEvaluatedChangesNoBit(int miniBatch) {
        String onChange = RAISE + ", reset-optimizer: true";
        OnlineModel one =
                learned(spec(ADAM, onChange, miniBatch, ""), new Stream(5, FLIP), 26_000, ReactionsTest::nothing);
        assertThat(one.reactions()).isEqualTo(1);
        int[] seen = {0};
        OnlineModel other = learned(spec(ADAM, onChange, miniBatch, "watch: { false-alarms-every: 0 }"),
                new Stream(5, FLIP), 26_000, model -> {
                    if (++seen[0] % 3_000 == 0) {
                        model.restartEvaluation();
                    }
                });
        assertThat(other.stateHash()).isEqualTo(one.stateHash());
    }

    /// At any event: also within a batch, before the first 2,000 labels are over, and while the rate is raised.
    @ParameterizedTest
    @ValueSource(ints = {1, 32})
    void aModelThatIsRestoredReactsAsTheOneThatNeverStopped(int miniBatch) {
        ModelSpec spec = spec(ADAM, RAISE + ", reset-optimizer: true", miniBatch, "");
        SplittableRandom restarts = new SplittableRandom(miniBatch);
        OnlineModel steady = OnlineModel.initial(spec, KERNELS);
        OnlineModel restarted = OnlineModel.initial(spec, KERNELS);
        Stream one = new Stream(5, FLIP);
        Stream other = new Stream(5, FLIP);
        int whileRaised = 0;
        for (int i = 0; i < 26_000;) {
            int events = restarts.nextInt(1, i < FLIP ? 1_500 : 200);
            learn(steady, one, events, ReactionsTest::nothing);
            learn(restarted, other, events, ReactionsTest::nothing);
            restarted = Specs.restored(restarted);
            assertThat(restarted.stateHash()).isEqualTo(steady.stateHash());
            assertThat(restarted.carry()).isEqualTo(steady.carry());
            assertThat(restarted.raisedFor()).isEqualTo(steady.raisedFor());
            whileRaised += steady.raisedFor() > 0 ? 1 : 0;
            i += events;
        }
        assertThat(steady.reactions()).isEqualTo(1);
        assertThat(whileRaised).isGreaterThan(10);
        assertThat(steady.raisedFor()).isZero();
    }

    /// With sgd, whose steps are proportional to the rate, so that nothing else is raised or raised for longer.
    @Test
    void theRateIsRaisedForSoManyExamplesAndAsScheduledAfterwards() {
        String plainly = "sgd: { rate: 0.25, momentum: 0.5 }";
        ModelSpec spec = spec(plainly, "raise-rate: { by: 4, for: 100 }", 32, "");
        Stream stream = new Stream(5, FLIP);
        OnlineModel model = learned(spec, stream, FLIP, ReactionsTest::nothing);
        assertThat(model.raisedFor()).isZero();
        while (model.reactions() == 0) {
            learn(model, stream, 1, ReactionsTest::nothing);
            assertThat(stream.index).isLessThan(26_000);
        }
        assertThat(model.pending()).isZero();
        for (long left : new long[]{100, 68, 36, 4, 0, 0}) { // before a batch of 32 is learned
            assertThat(model.raisedFor()).isEqualTo(left);
            OnlineModel twin = Specs.restored(model);
            ModelSpec scaled = spec(left > 0 ? "sgd: { rate: 1, momentum: 0.5 }" : plainly, "", 32, "");
            OnlineModel plain = OnlineModel.blank(scaled, KERNELS);
            byte[] page = new byte[Parameters.PAGE_BYTES];
            for (int i = 0; i < twin.parameters().pages(); i++) {
                twin.parameters().readPage(i, page, 0);
                plain.parameters().writePage(i, page, 0);
            }
            plain.parameters().setCounts(twin.parameters().updates(), twin.parameters().examples());
            Featurizer featurizer = new Featurizer(spec);
            for (int i = 0; i < 32; i++) {
                Row row = stream.next(featurizer);
                assertThat(model.accept(row)).isNull();
                assertThat(plain.accept(row)).isNull();
            }
            assertSamePages(model, plain);
        }
    }
}
