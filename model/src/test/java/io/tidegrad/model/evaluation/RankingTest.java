package io.tidegrad.model.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class RankingTest {
    private final SplittableRandom random = new SplittableRandom(3);

    /// By all pairs, and by each threshold in turn.
    @Test
    void areasAreThoseOfTheirDefinitionsWithTiesAndWeights() {
        for (int round = 0; round < 200; round++) {
            int rows = 2 + random.nextInt(30);
            float[] scores = new float[rows];
            boolean[] positives = new boolean[rows];
            float[] weights = new float[rows];
            for (int i = 0; i < rows; i++) {
                scores[i] = random.nextInt(-4, 5) / 4f; // many ties
                positives[i] = random.nextBoolean();
                weights[i] = random.nextInt(1, 5) / 2f;
            }
            positives[0] = true;
            positives[1] = false;
            Ranking ranking = Ranking.of(scores, positives, weights);
            assertThat(ranking.rocAuc()).isCloseTo(pairsInOrder(scores, positives, weights), within(1e-12));
            assertThat(ranking.averagePrecision()).isCloseTo(averagePrecision(scores, positives, weights),
                    within(1e-12));
        }
    }

    private static double pairsInOrder(float[] scores, boolean[] positives, float[] weights) {
        double inOrder = 0;
        double pairs = 0;
        for (int i = 0; i < scores.length; i++) {
            for (int j = 0; j < scores.length; j++) {
                if (positives[i] && !positives[j]) {
                    double weight = (double) weights[i] * weights[j];
                    pairs += weight;
                    inOrder += weight * (scores[i] > scores[j] ? 1 : scores[i] == scores[j] ? 0.5 : 0);
                }
            }
        }
        return inOrder / pairs;
    }

    private static double averagePrecision(float[] scores, boolean[] positives, float[] weights) {
        double all = 0;
        double sum = 0;
        double recallBefore = 0;
        for (int i = 0; i < scores.length; i++) {
            all += positives[i] ? weights[i] : 0;
        }
        for (float threshold = 1; threshold >= -1; threshold -= 0.25f) {
            double hits = 0;
            double predicted = 0;
            for (int i = 0; i < scores.length; i++) {
                predicted += scores[i] >= threshold ? weights[i] : 0;
                hits += scores[i] >= threshold && positives[i] ? weights[i] : 0;
            }
            double recall = hits / all;
            sum += hits == 0 ? 0 : (recall - recallBefore) * (hits / predicted);
            recallBefore = recall;
        }
        return sum;
    }

    @Test
    void withoutBothLabelsThereIsNoArea() {
        Ranking none = Ranking.of(new float[0], new boolean[0], new float[0]);
        assertThat(none.rocAuc()).isNaN();
        assertThat(none.averagePrecision()).isNaN();
        Ranking negatives = Ranking.of(new float[]{1, 2}, new boolean[2], new float[]{1, 1});
        assertThat(negatives.rocAuc()).isNaN();
        assertThat(negatives.averagePrecision()).isNaN();
        Ranking positives = Ranking.of(new float[]{1, 2}, new boolean[]{true, true}, new float[]{1, 1});
        assertThat(positives.rocAuc()).isNaN();
        assertThat(positives.averagePrecision()).isEqualTo(1);
    }
}
