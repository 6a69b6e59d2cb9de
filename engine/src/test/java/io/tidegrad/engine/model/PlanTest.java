package io.tidegrad.engine.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidegrad.engine.layer.Concat;
import io.tidegrad.engine.layer.Dense;
import io.tidegrad.engine.layer.Embedding;
import io.tidegrad.engine.layer.Layer;
import io.tidegrad.engine.layer.Numbers;
import io.tidegrad.engine.layer.Rate;
import io.tidegrad.engine.layer.Relu;
import io.tidegrad.engine.layer.Sequence;
import io.tidegrad.engine.layer.ShapeException;
import io.tidegrad.engine.layer.Sigmoid;
import io.tidegrad.engine.layer.Softmax;
import io.tidegrad.engine.layer.Standardise;
import io.tidegrad.engine.layer.Tensor;
import io.tidegrad.engine.loss.BinaryCrossEntropy;
import io.tidegrad.engine.loss.CategoricalCrossEntropy;
import io.tidegrad.engine.loss.Loss;
import io.tidegrad.engine.loss.MeanSquaredError;
import io.tidegrad.engine.loss.Reduction;
import io.tidegrad.engine.optim.Adam;
import io.tidegrad.engine.optim.Clipping;
import io.tidegrad.engine.optim.FtrlProximal;
import io.tidegrad.engine.optim.Regularization;
import io.tidegrad.engine.optim.Schedule;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class PlanTest {
    private static NetworkSpec spec(Layer network, Loss loss, int labels) {
        return new NetworkSpec(new RowShape(4, 3, labels), network, loss, Adam.of(0.001), 1);
    }

    private static Embedding table(int from, int columns) {
        return new Embedding(from, columns, 10, 2, Embedding.Update.TOUCHED);
    }

    static Stream<Arguments> mistakes() {
        Loss binary = new BinaryCrossEntropy();
        Loss classes = new CategoricalCrossEntropy(false);
        Layer numbers = new Numbers(0, 4);
        return Stream.of(
                mistake(new Sequence(new Dense(1)), binary, 1,
                        "layer 0 (Dense): expected a vector, from numbers or an embedding before it;"
                                + " found the row itself (4 numbers, 3 ids)"),
                mistake(new Sequence(numbers, new Relu(), numbers, new Dense(1)), binary, 1,
                        "layer 2 (Numbers): expected the row itself, without a layer before it;"
                                + " found a vector of 4"),
                mistake(new Sequence(new Concat(new Numbers(2, 2), new Numbers(2, 3)), new Dense(1)), binary, 1,
                        "layer 0.1 (Numbers): expected at least one number, all within the row's 4;"
                                + " found numbers 2 to 4"),
                mistake(new Sequence(table(1, 3), new Dense(1)), binary, 1,
                        "layer 0 (Embedding): expected at least one id, all within the row's 3;" + " found ids 1 to 3"),
                mistake(new Sequence(new Embedding(0, 1, 0, 2, Embedding.Update.DENSE), new Dense(1)), binary, 1,
                        "layer 0 (Embedding): expected a table of at least (1, 1); found (0, 2)"),
                mistake(new Sequence(numbers, new Sequence(new Dense(0))), binary, 1,
                        "layer 1.0 (Dense): expected at least 1 output; found 0"),
                mistake(new Sequence(numbers, new Dense(Integer.MAX_VALUE)), binary, 1,
                        "layer 1 (Dense): expected at most 2^31 weights in one layer;"
                                + " found 4 inputs times 2147483647 outputs"),
                mistake(new Sequence(), binary, 1, "the network (Sequence): expected at least one layer; found none"),
                mistake(new Sequence(numbers, new Concat()), binary, 1,
                        "layer 1 (Concat): expected at least one branch; found none"),
                mistake(new Sequence(numbers, new Dense(2)), binary, 1,
                        "the loss (BinaryCrossEntropy): expected 2 label(s) in a row for 2 output(s)," + " found 1"),
                mistake(new Sequence(numbers, new Dense(1)), classes, 1,
                        "the loss (CategoricalCrossEntropy): expected at least 2 outputs of the" + " network, found 1"),
                mistake(new Sequence(numbers, new Dense(2), new Sequence(new Softmax())), binary, 2,
                        "the loss (BinaryCrossEntropy): expected a network that ends in sigmoid or in"
                                + " plain logits, found one that ends in softmax"),
                mistake(new Sequence(numbers, new Dense(2), new Sigmoid()), classes, 1,
                        "the loss (CategoricalCrossEntropy): expected a network that ends in softmax"
                                + " or in plain logits, found one that ends in sigmoid"),
                mistake(new Sigmoid(), binary, 1,
                        "the network (Sigmoid): expected a vector, from numbers or an embedding before it;"
                                + " found the row itself (4 numbers, 3 ids)"));
    }

    private static Arguments mistake(Layer network, Loss loss, int labels, String message) {
        return Arguments.of(spec(network, loss, labels), message);
    }

    @ParameterizedTest
    @MethodSource("mistakes")
    void aMistakeIsNamedWithItsPlace(NetworkSpec spec, String message) {
        assertThatThrownBy(() -> Plan.of(spec)).isInstanceOf(ShapeException.class).hasMessage(message);
    }

    @Test
    void tensorsAreNamedByPlaceAndCountedWithoutPadding() {
        Plan plan =
                Plan.of(spec(new Sequence(new Concat(new Sequence(new Numbers(0, 4), new Standardise()), table(0, 3)),
                        new Dense(5), new Relu(), new Dense(1)), new BinaryCrossEntropy(), 1));
        assertThat(plan.tensors().stream().map(Tensor::name)).containsExactly("0.0.1.statistics", "0.1.weight",
                "1.weight", "1.bias", "3.weight", "3.bias");
        assertThat(plan.weights()).isEqualTo(10 * 2 + 10 * 5 + 5 + 5 + 1);
        assertThat(plan.outputs()).isEqualTo(1);
        assertThatThrownBy(() -> plan.tensor("2.weight"))
                .hasMessageStartingWith("no tensor is called 2.weight; there are [0.0.1.statistics,");
    }

    @Test
    void aLastActivationThatTheLossAppliesMakesNoDifference() {
        Layer[] plain = {new Numbers(0, 4), new Dense(3)};
        Layer nested = new Sequence(plain[0], new Sequence(plain[1], new Softmax()));
        Loss loss = new CategoricalCrossEntropy(true);
        for (Layer network : List.of(new Sequence(plain), nested, new Sequence(plain[0], plain[1], new Softmax()))) {
            assertThat(Plan.of(spec(network, loss, 3)).outputs()).isEqualTo(3);
        }
        // Squared errors have no such activation: it stays, with its gradient.
        assertThat(Plan.of(spec(nested, new MeanSquaredError(), 3)).outputs()).isEqualTo(3);
    }

    @Test
    void ratesInsideOneAnotherMultiplyAndChangeNoName() {
        Layer network =
                new Sequence(new Numbers(0, 4), new Rate(0.5, new Sequence(new Dense(5), Rate.frozen(new Dense(6)))),
                        new Rate(0.5, new Sequence(new Rate(0.5, new Dense(3)), new Softmax())));
        Plan plan = Plan.of(spec(network, new CategoricalCrossEntropy(true), 3));

        assertThat(plan.tensors().stream().map(Tensor::name)).containsExactly("1.0.weight", "1.0.bias", "1.1.weight",
                "1.1.bias", "2.0.weight", "2.0.bias");
        assertThat(IntStream.range(0, 6).mapToObj(plan::rateFactor)).containsExactly(0.5, 0.5, 0.0, 0.0, 0.25, 0.25);
    }

    @Test
    void whatHasOneRateCanBeFrozenAndNothingElse() {
        FtrlProximal ftrl = new FtrlProximal(0.1, 1, 0, 0);
        Loss loss = new MeanSquaredError();
        RowShape row = new RowShape(4, 3, 1);
        Layer dense = new Dense(1);
        Layer numbers = new Numbers(0, 4);
        Layer half = new Sequence(numbers, new Rate(0.5, dense));
        Layer frozen = new Sequence(numbers, Rate.frozen(dense));

        assertThat(Plan.of(new NetworkSpec(row, frozen, loss, ftrl, 1)).rateFactor(0)).isZero();
        assertThatThrownBy(() -> Plan.of(new NetworkSpec(row, half, loss, ftrl, 1)))
                .hasMessage("1.weight: expected a rate factor of 1, or of 0 (frozen), for FtrlProximal has one rate"
                        + " for all layers; found 0.5");
        assertThatThrownBy(() -> new NetworkSpec(row, frozen, loss, Reduction.MEAN, ftrl, new Schedule.Exponential(0.9),
                new Clipping.None(), Regularization.NONE, 1))
                .hasMessage("schedule: expected none, for FtrlProximal has one rate for all updates; found"
                        + " Exponential[gamma=0.9]");
        assertThatThrownBy(() -> new Rate(-1, dense)).hasMessage("rate: expected a factor of at least 0, found -1.0");
    }
}
