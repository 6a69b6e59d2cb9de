package io.tidegrad.scorerapp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.scorer.Predictions;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class ShadowComparisonTest {
    private static final ModelSpec SPEC = ModelSpec.parse("""
            model: letters
            input: { topic: letters }
            label: { field: letter, classes: auto }
            features: [ number: { field: x } ]
            network: [ dense: 3 ]
            loss: categorical-cross-entropy
            optimizer: adam
            """, "letters.yaml");

    private static Predictions predictions(int outputs, float... of) {
        int[] numbers = new int[of.length / outputs];
        Arrays.fill(numbers, outputs);
        return new Predictions("letters", 1, 2, 3, 4, outputs, numbers, of);
    }

    /// The shadow has learned the same classes in another order, one more, and has room for four.
    @Test
    void modelsThatLearnTheirClassesAreComparedByName() {
        ShadowComparison comparison = new ShadowComparison();
        ShadowComparison.Names names = new ShadowComparison.Names(List.of("a", "b"), List.of("c", "b", "a"));
        assertThat(names.common()).containsExactly("a", "b");
        comparison.compare(SPEC, names, predictions(3, 0.75f, 0.125f, 0.125f, 0.25f, 0.5f, 0.25f),
                predictions(4, 0, 0.25f, 0.75f, 0, 0.5f, 0.25f, 0.25f, 0));
        ShadowComparison.Figures figures = comparison.total();
        assertThat(figures.records()).isEqualTo(2);
        assertThat(figures.agreed()).isEqualTo(1); // on a; the second shadow says c
        assertThat(figures.greatestDifference()).isEqualTo(0.25);
        assertThat(figures.meanDifference()).isCloseTo((0.125 / 2 + 0.25 / 2) / 2, within(1e-9));
        assertThat(figures.liveMean()).isEqualTo(0.5);
        assertThat(figures.shadowMean()).isEqualTo(0.5);
        assertThat(comparison.takeWindow().records()).isEqualTo(2);
    }

    /// What is likeliest but has no name is no decision.
    @Test
    void anOutputWithoutANameDecidesNothing() {
        ShadowComparison comparison = new ShadowComparison();
        comparison.compare(SPEC, new ShadowComparison.Names(List.of("a"), List.of("a", "b")),
                predictions(3, 0.1f, 0.2f, 0.7f), predictions(3, 0.6f, 0.3f, 0.1f));
        assertThat(comparison.total().agreed()).isOne();
    }

    @Test
    void outputsOfOtherModelsAreComparedByTheirPlace() {
        ModelSpec known = ModelSpec.parse(SPEC.yaml().replace("auto", "[a, b, c]"), "letters.yaml");
        ShadowComparison comparison = new ShadowComparison();
        comparison.compare(known, null, predictions(3, 0.5f, 0.25f, 0.25f, 0.25f, 0.25f, 0.5f),
                predictions(3, 0.25f, 0.5f, 0.25f, 0, 0.25f, 0.75f));
        assertThat(comparison.total().agreed()).isOne();
        assertThat(comparison.total().meanDifference()).isCloseTo((0.5 / 3 + 0.5 / 3) / 2, within(1e-9));
    }
}
