package io.tidegrad.engine.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidegrad.engine.layer.Concat;
import io.tidegrad.engine.layer.Dense;
import io.tidegrad.engine.layer.Embedding;
import io.tidegrad.engine.layer.Layer;
import io.tidegrad.engine.layer.Numbers;
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
import io.tidegrad.engine.optim.Adam;
import java.util.List;
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
                mistake(
                        new Sequence(new Dense(1)),
                        binary,
                        1,
                        "layer 0 (Dense): expected a vector, so that numbers or an embedding come first;"
                                + " found the row itself (4 numbers, 3 ids)"),
                mistake(
                        new Sequence(numbers, new Relu(), numbers, new Dense(1)),
                        binary,
                        1,
                        "layer 2 (Numbers): expected the row itself, so that nothing comes before it;"
                                + " found a vector of 4"),
                mistake(
                        new Sequence(
                                new Concat(new Numbers(2, 2), new Numbers(2, 3)), new Dense(1)),
                        binary,
                        1,
                        "layer 0.1 (Numbers): expected at least one number, all within the row's 4;"
                                + " found numbers 2 to 4"),
                mistake(
                        new Sequence(table(1, 3), new Dense(1)),
                        binary,
                        1,
                        "layer 0 (Embedding): expected at least one id, all within the row's 3;"
                                + " found ids 1 to 3"),
                mistake(
                        new Sequence(
                                new Embedding(0, 1, 0, 2, Embedding.Update.DENSE), new Dense(1)),
                        binary,
                        1,
                        "layer 0 (Embedding): expected a table of at least (1, 1); found (0, 2)"),
                mistake(
                        new Sequence(numbers, new Sequence(new Dense(0))),
                        binary,
                        1,
                        "layer 1.0 (Dense): expected at least 1 output; found 0"),
                mistake(
                        new Sequence(numbers, new Dense(Integer.MAX_VALUE)),
                        binary,
                        1,
                        "layer 1 (Dense): expected at most 2^31 weights in one layer;"
                                + " found 4 inputs times 2147483647 outputs"),
                mistake(
                        new Sequence(),
                        binary,
                        1,
                        "the network (Sequence): expected at least one layer; found none"),
                mistake(
                        new Sequence(numbers, new Concat()),
                        binary,
                        1,
                        "layer 1 (Concat): expected at least one branch; found none"),
                mistake(
                        new Sequence(numbers, new Dense(2)),
                        binary,
                        1,
                        "the loss (BinaryCrossEntropy): expected 2 label(s) in a row for 2 output(s),"
                                + " found 1"),
                mistake(
                        new Sequence(numbers, new Dense(1)),
                        classes,
                        1,
                        "the loss (CategoricalCrossEntropy): expected at least 2 outputs of the"
                                + " network, found 1"),
                mistake(
                        new Sequence(numbers, new Dense(2), new Sequence(new Softmax())),
                        binary,
                        2,
                        "the loss (BinaryCrossEntropy): expected a network that ends in sigmoid or in"
                                + " plain logits, found one that ends in softmax"),
                mistake(
                        new Sequence(numbers, new Dense(2), new Sigmoid()),
                        classes,
                        1,
                        "the loss (CategoricalCrossEntropy): expected a network that ends in softmax"
                                + " or in plain logits, found one that ends in sigmoid"),
                mistake(
                        new Sigmoid(),
                        binary,
                        1,
                        "the network (Sigmoid): expected a vector, so that numbers or an embedding come"
                                + " first; found the row itself (4 numbers, 3 ids)"));
    }

    private static Arguments mistake(Layer network, Loss loss, int labels, String message) {
        return Arguments.of(spec(network, loss, labels), message);
    }

    @ParameterizedTest
    @MethodSource("mistakes")
    void aMistakeIsNamedWithItsPlace(NetworkSpec spec, String message) {
        assertThatThrownBy(() -> Plan.of(spec))
                .isInstanceOf(ShapeException.class)
                .hasMessage(message);
    }

    @Test
    void tensorsAreNamedByPlaceAndCountedWithoutPadding() {
        Plan plan =
                Plan.of(
                        spec(
                                new Sequence(
                                        new Concat(
                                                new Sequence(new Numbers(0, 4), new Standardise()),
                                                table(0, 3)),
                                        new Dense(5),
                                        new Relu(),
                                        new Dense(1)),
                                new BinaryCrossEntropy(),
                                1));
        assertThat(plan.tensors().stream().map(Tensor::name))
                .containsExactly(
                        "0.0.1.statistics",
                        "0.1.weight",
                        "1.weight",
                        "1.bias",
                        "3.weight",
                        "3.bias");
        assertThat(plan.weights()).isEqualTo(10 * 2 + 10 * 5 + 5 + 5 + 1);
        assertThat(plan.outputs()).isEqualTo(1);
        assertThatThrownBy(() -> plan.tensor("2.weight"))
                .hasMessageStartingWith(
                        "no tensor is called 2.weight; there are [0.0.1.statistics,");
    }

    @Test
    void aLastActivationThatTheLossAppliesMakesNoDifference() {
        Layer[] plain = {new Numbers(0, 4), new Dense(3)};
        Layer nested = new Sequence(plain[0], new Sequence(plain[1], new Softmax()));
        Loss loss = new CategoricalCrossEntropy(true);
        for (Layer network :
                List.of(
                        new Sequence(plain),
                        nested,
                        new Sequence(plain[0], plain[1], new Softmax()))) {
            assertThat(Plan.of(spec(network, loss, 3)).outputs()).isEqualTo(3);
        }
        // Squared errors have no such activation: it stays, with its gradient.
        assertThat(Plan.of(spec(nested, new MeanSquaredError(), 3)).outputs()).isEqualTo(3);
    }
}
