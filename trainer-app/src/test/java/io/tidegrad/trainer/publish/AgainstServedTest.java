package io.tidegrad.trainer.publish;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.withinPercentage;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.model.evaluation.LossComparison;
import io.tidegrad.model.feature.Featurizer;
import io.tidegrad.model.feature.MapEvent;
import io.tidegrad.model.feature.Row;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.spec.ModelSpec;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class AgainstServedTest {
    private static final ModelSpec SPEC = ModelSpec.parse("""
                    model: signs
                    input: { topic: signs }
                    label: { field: above }
                    features: [ number: { field: x } ]
                    network: [ dense: 4, tanh, dense: 1 ]
                    loss: binary-cross-entropy
                    optimizer: { adam: { rate: 0.01 } }
                    mini-batch: { size: 7 }
                    publish: { gate: { against-served: true } }
                    seed: 7
                    """, "test");

    private final Featurizer featurizer = new Featurizer(SPEC);
    private final Row row = featurizer.newRow();
    private final OnlineModel model = OnlineModel.initial(SPEC, Kernels.active());
    private final OnlineModel alone = OnlineModel.initial(SPEC, Kernels.active());
    private final SplittableRandom random = new SplittableRandom(11);
    private final AgainstServed against = new AgainstServed(model);

    /// The label is whether x is above 0, or the opposite, with one in ten wrong.
    private void learn(int events, boolean flipped) {
        for (int i = 0; i < events; i++) {
            double x = random.nextDouble(-1, 1);
            boolean above = x > 0 != flipped != (random.nextInt(10) == 0);
            assertThat(featurizer.featurize(new MapEvent(Map.of("x", x, "above", above)), row)).isNull();
            assertThat(model.accept(row)).isNull();
            assertThat(alone.accept(row)).isNull();
        }
    }

    @Test
    void aVersionThatHasLearnedFlippedLabelsIsWorseThanTheServedOneByWhatBothLoseAtTheSameExamples() {
        learn(3_500, false);
        against.cut(model.parameters());
        against.published();
        List<float[]> served = copy();
        learn(700, true);
        against.cut(model.parameters());
        List<float[]> waiting = copy();
        LossComparison oracle = new LossComparison();
        assertThat(against.worse()).isNull(); // nothing has come
        SplittableRandom next = random.split();
        for (int i = 0; i < 2_100; i++) {
            double x = next.nextDouble(-1, 1);
            Map<String, Object> event = Map.of("x", x, "above", x > 0);
            assertThat(featurizer.featurize(new MapEvent(event), row)).isNull();
            assertThat(model.accept(row)).isNull();
            assertThat(alone.accept(row)).isNull();
            oracle.add(loss(waiting, x), loss(served, x));
        }
        LossComparison.Result told = oracle.result();
        assertThat(told.verdict()).isEqualTo(LossComparison.Verdict.WORSE);
        Matcher numbers = Pattern.compile("lose (\\S+) more .* certainty (\\S+) to (\\S+) more, by (\\d+) labels")
                .matcher(Objects.requireNonNull(against.worse()));
        assertThat(numbers.find()).isTrue();
        assertThat(Double.parseDouble(numbers.group(1))).isCloseTo(-told.difference(), withinPercentage(1));
        assertThat(Double.parseDouble(numbers.group(2))).isCloseTo(-told.high(), withinPercentage(1));
        assertThat(Double.parseDouble(numbers.group(3))).isCloseTo(-told.low(), withinPercentage(1));
        assertThat(numbers.group(4)).isEqualTo("" + told.examples());
        against.givenUp();
        assertThat(against.worse()).isNull();
        assertThat(model.stateHash()).isEqualTo(alone.stateHash()); // comparing changes nothing
        assertThat(model.carry()).isEqualTo(alone.carry());
    }

    @Test
    void aVersionLikeTheServedOneIsNotWorseAndWithoutAServedOneThereIsNothingToSay() {
        learn(3_500, false);
        against.cut(model.parameters());
        learn(2_100, true);
        assertThat(against.worse()).isNull(); // no version is published
        against.published();
        against.cut(model.parameters());
        learn(2_100, true);
        assertThat(against.worse()).isNull(); // it knows the flipped labels, the other one does not
    }

    @Test
    void afterAStartTheWaitingVersionIsComparedWithWhatWasPublishedBeforeOnceThatIsRead() {
        learn(3_500, false);
        Parameters before = model.parameters().servedCopy();
        learn(700, true);
        AgainstServed started = new AgainstServed(model);
        CompletableFuture<@Nullable Parameters> read = new CompletableFuture<>();
        started.begin(read);
        started.cut(model.parameters());
        learn(2_100, false);
        assertThat(started.isReading()).isTrue();
        assertThat(started.takeRead()).isFalse();
        assertThat(started.worse()).isNull();
        read.complete(before);
        assertThat(started.isReading()).isFalse();
        assertThat(started.takeRead()).isTrue();
        assertThat(started.takeRead()).isFalse();
        learn(2_100, false);
        assertThat(started.worse()).contains("a version that waited would lose", "by 1100 labels");
    }

    @Test
    void whatWasPublishedBeforeAStartAndCannotBeReadHoldsNothing() {
        AgainstServed started = new AgainstServed(model);
        started.begin(CompletableFuture.completedFuture(null));
        assertThat(started.isReading()).isFalse();
        assertThat(started.takeRead()).isFalse();
        learn(3_500, false);
        started.cut(model.parameters());
        learn(2_100, true);
        assertThat(started.worse()).isNull();
    }

    /// Weights and biases of the model as they are now, by tensor.
    private List<float[]> copy() {
        return model.parameters().plan().tensors().stream()
                .map(tensor -> model.parameters().weights(tensor.name()).clone()).toList();
    }

    /// -ln of the probability of the label x > 0, by the textbook's formulas in double.
    private static double loss(List<float[]> of, double x) {
        double sum = of.get(3)[0];
        for (int unit = 0; unit < 4; unit++) {
            sum += of.get(2)[unit] * Math.tanh(of.get(0)[unit] * x + of.get(1)[unit]);
        }
        double p = 1 / (1 + Math.exp(-sum));
        return -Math.log(x > 0 ? p : 1 - p);
    }
}
