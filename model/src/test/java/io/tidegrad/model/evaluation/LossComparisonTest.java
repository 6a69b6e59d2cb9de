package io.tidegrad.model.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.tidegrad.model.evaluation.LossComparison.Result;
import io.tidegrad.model.evaluation.LossComparison.Verdict;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Two forecasters of coins whose probabilities change, and what is told of them.
class LossComparisonTest {
    private static final int RUNS = 1_000;

    /// What a test of the authors' own program (confseq) expects, with η = 2 and s = 1.4.
    @Test
    void theBoundaryIsTheAuthors() {
        assertThat(LossComparison.stitched(100, 0.05, 10, 3)).isCloseTo(64.48755, within(1e-5));
    }

    private static double logLoss(double p, boolean yes) {
        return -Math.log(yes ? p : 1 - p);
    }

    /// A coin that both see, one of them by `noise` wrong, now to this side and now to the other.
    private static final class Coins {
        private final LossComparison comparison = new LossComparison();
        private final SplittableRandom random;
        private final double noise;
        private final double otherNoise;
        private double expected; // Σ of what was to be expected of each difference that counts
        private double bound;
        private int thrown;

        Coins(long seed, double noise, double otherNoise) {
            random = new SplittableRandom(seed);
            this.noise = noise;
            this.otherNoise = otherNoise;
        }

        Result next() {
            flip();
            return comparison.result();
        }

        void flip() {
            double p = 0.5 + 0.3 * Math.sin(thrown / 300.0);
            double one = p + (random.nextBoolean() ? noise : -noise);
            double other = p + (random.nextBoolean() ? otherNoise : -otherNoise);
            double ifYes = logLoss(other, true) - logLoss(one, true);
            double ifNo = logLoss(other, false) - logLoss(one, false);
            boolean yes = random.nextDouble() < p;
            comparison.add(logLoss(one, yes), logLoss(other, yes));
            if (thrown < LossComparison.FIRST) {
                bound = Math.max(bound, Math.abs(yes ? ifYes : ifNo));
            } else {
                expected += p * held(ifYes) + (1 - p) * held(ifNo);
            }
            thrown++;
        }

        private double held(double difference) {
            return Math.max(-bound, Math.min(bound, difference));
        }

        double expectedMean() {
            return expected / (thrown - LossComparison.FIRST);
        }
    }

    @Test
    void ofAThousandRunsWithoutADifferenceHardlyAnyEverTellsOne() {
        long told = LongStream.range(0, RUNS).parallel().filter(seed -> {
            Coins coins = new Coins(seed, 0.1, 0.1);
            boolean tells = false;
            for (int i = 0; i < LossComparison.FIRST + 3_000; i++) {
                coins.flip();
                tells |= coins.comparison.verdict() != Verdict.CANT_TELL_YET;
            }
            return tells;
        }).count();
        System.out.println("of 1,000 runs without a difference, each looked at 3,000 times, " + told + " told one");
        assertThat(told).isLessThanOrEqualTo(50);
    }

    /// The losses differ, and so does the difference from coin to coin.
    @Test
    void hardlyAnyRunEverLeavesWhatWasToBeExpectedOutOfItsInterval() {
        long missed = LongStream.range(0, RUNS).parallel().filter(seed -> {
            Coins coins = new Coins(seed, 0.01, 0.15);
            boolean misses = false;
            for (int i = 0; i < LossComparison.FIRST + 3_000; i++) {
                coins.flip();
                if (i % 10 != 0) {
                    continue;
                }
                Result result = coins.comparison.result();
                misses |= result.examples() > 0
                        && !(result.low() <= coins.expectedMean() && coins.expectedMean() <= result.high());
            }
            return misses;
        }).count();
        System.out.println("of 1,000 runs with a difference, " + missed + " left it out of an interval");
        assertThat(missed).isLessThanOrEqualTo(50);
    }

    @ParameterizedTest
    @CsvSource({"0.02, 0.15", "0.02, 0.1", "0.02, 0.06"})
    void aDifferenceIsToldTheRightWayAfterAboutAsManyExamplesAsForetold(double noise, double otherNoise) {
        double[] took = new double[20];
        double[] foretold = new double[took.length];
        for (int run = 0; run < took.length; run++) {
            Coins coins = new Coins(run, noise, otherNoise);
            Result result = coins.next();
            while (result.verdict() == Verdict.CANT_TELL_YET) {
                result = coins.next();
                if (result.examples() == 1_000) {
                    foretold[run] = result.more() + 1_000;
                }
            }
            assertThat(result.verdict()).isEqualTo(Verdict.BETTER);
            assertThat(result.low()).isPositive();
            assertThat(result.more()).isZero();
            took[run] = result.examples();
        }
        Arrays.sort(took);
        Arrays.sort(foretold);
        System.out.printf("noise %s against %s: told after %,.0f examples (median; %,.0f to %,.0f), foretold %,.0f%n",
                noise, otherNoise, took[10], took[0], took[19], foretold[10]);
        assertThat(took[10]).isBetween(foretold[10] / 4, foretold[10] * 4);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void whoIsBetterIsWorseTheOtherWayRound(boolean exchanged) {
        LossComparison comparison = new LossComparison();
        SplittableRandom random = new SplittableRandom(1);
        for (int i = 0; i < 20_000; i++) {
            double loss = random.nextDouble();
            double other = loss + random.nextDouble(-0.5, 1);
            comparison.add(exchanged ? other : loss, exchanged ? loss : other);
        }
        Result result = comparison.result();
        assertThat(result.verdict()).isEqualTo(exchanged ? Verdict.WORSE : Verdict.BETTER);
        assertThat(result.difference()).isCloseTo(exchanged ? -0.25 : 0.25, within(0.02));
        assertThat(result.examples()).isEqualTo(19_000);
    }

    @Test
    void ofEqualModelsNothingIsToldAndNothingForetold() {
        LossComparison comparison = new LossComparison();
        for (int i = 0; i < 5_000; i++) {
            comparison.add(0.3, 0.3);
        }
        assertThat(comparison.result()).isEqualTo(new Result(0, Double.NaN, Double.NEGATIVE_INFINITY,
                Double.POSITIVE_INFINITY, 0, Verdict.CANT_TELL_YET, Double.POSITIVE_INFINITY));
    }

    @Test
    void oneExampleCountsNoMoreThanTheLargestOfTheFirst() {
        LossComparison comparison = new LossComparison();
        for (int i = 0; i < 1_100; i++) {
            comparison.add(0, i < 1_000 ? 0.5 : 1e9);
        }
        assertThat(comparison.result().bound()).isEqualTo(0.5);
        assertThat(comparison.result().difference()).isEqualTo(0.5);
    }
}
