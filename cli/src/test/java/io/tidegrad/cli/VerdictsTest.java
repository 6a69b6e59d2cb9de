package io.tidegrad.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.model.evaluation.LossComparison;
import org.junit.jupiter.api.Test;

/// What `models compare --tell` says of the losses of two models.
class VerdictsTest {
    @Test
    void theDifferenceIsToldWithWhatIsCertainAndOnHowManyExamplesItRests() {
        LossComparison losses = new LossComparison();
        for (int i = 0; i < 6_000; i++) {
            losses.add(0.25, i % 2 == 0 ? 0.5 : 0.75);
        }
        LossComparison.Result told = losses.result();
        assertThat(told.verdict()).isEqualTo(LossComparison.Verdict.BETTER);

        assertThat(Verdicts.certainty(told, "wide"))
                .startsWith("difference of losses +0.37500, with 95 % certainty +0.3")
                .endsWith(", over 5,000 examples; above 0 wide is better");
    }

    @Test
    void whyNothingCanBeToldIsSaidWhereNoExampleCounts() {
        assertThat(Verdicts.certainty(null, "wide")).isEqualTo("their predictions are of different kinds");
        LossComparison few = new LossComparison();
        few.add(0.5, 0.25);
        assertThat(Verdicts.certainty(few.result(), "wide")).isEqualTo("too few examples that both learned");
    }
}
