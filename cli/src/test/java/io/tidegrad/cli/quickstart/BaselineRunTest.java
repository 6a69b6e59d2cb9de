package io.tidegrad.cli.quickstart;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.tidegrad.localstack.streams.ShippedStream;
import io.tidegrad.localstack.streams.StreamEvent;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class BaselineRunTest {
    /// Measured once, in a program of its own that shares no line with this one (another hash, another AUC): 0.7667 and
    /// 0.4331.
    @Test
    void scoresTheFlightsAsMeasuredElsewhere() {
        BaselineRun.Score score = new BaselineRun(ShippedStream.FLIGHTS.read()).after(300_000);
        assertThat(score.auc()).isEqualTo(0.7667, within(0.0005));
        assertThat(score.logLoss()).isEqualTo(0.4331, within(0.0005));
    }

    @Test
    void goesNoFurtherThanItIsAsked() {
        List<StreamEvent> flights = ShippedStream.FLIGHTS.read().subList(0, 2_000);
        BaselineRun inSteps = new BaselineRun(flights);
        assertThat(inSteps.after(0)).isEqualTo(BaselineRun.Score.NONE);
        inSteps.after(700);
        assertThat(inSteps.after(1_300)).isEqualTo(new BaselineRun(flights).after(1_300));
        assertThat(inSteps.after(5_000)).isEqualTo(new BaselineRun(flights).after(2_000));
    }

    /// Against the definition: every pair counted.
    @Test
    void aucIsTheShareOfPairsInOrder() {
        Random random = new Random(7);
        double[] positives = random.doubles(40).map(p -> Math.round(p * 10) / 10.0).toArray();
        double[] negatives = random.doubles(70).map(p -> Math.round(p * p * 10) / 10.0).toArray();
        double ordered = 0;
        for (double positive : positives) {
            for (double negative : negatives) {
                ordered += positive > negative ? 1 : positive == negative ? 0.5 : 0;
            }
        }
        assertThat(BaselineRun.auc(positives, negatives)).isEqualTo(ordered / (positives.length * negatives.length),
                within(1e-12));
    }
}
