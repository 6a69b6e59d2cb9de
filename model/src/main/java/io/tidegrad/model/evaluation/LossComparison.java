package io.tidegrad.model.evaluation;

/// Whether one model loses less than another on the same examples, told after each example with an error that holds for all
/// of them together: a confidence sequence of the mean difference of losses.
///
/// Nothing is assumed of the examples, which may depend on each other and change, nor of the models, which learn
/// meanwhile: what is estimated is the mean of the differences that were to be expected, each at its time (Choe and Ramdas
/// 2023, "Comparing sequential forecasters"). With probability [#CONFIDENCE] it lies within all intervals at once, however
/// often and for whatever reason somebody looks. The interval is the empirical-Bernstein bound of Howard et al. 2021,
/// "Time-uniform, nonparametric, nonasymptotic confidence sequences", theorem 4, with the stitched boundary of theorem 1.
///
/// The theorem needs bounded differences. The largest among the first 1,000 is the bound, and these then don't count. A later
/// one that is larger counts as the bound: what is compared are losses of which no single example makes more.
public final class LossComparison {
    /// That all intervals hold.
    public static final double CONFIDENCE = 0.95;

    /// How many examples tell the bound.
    public static final int FIRST = 1_000;

    /// No more examples are foretold: twice as many as anybody has.
    private static final double FORETOLD_MAX = 1e12;

    // The stitched boundary with η = 2 and h(k) = (k + 1)^s ζ(s), as the authors choose them.
    private static final double S = 1.4;
    private static final double ZETA_OF_S = 3.105547277977581;
    private static final double K1_SQUARED = (Math.sqrt(2) + 2 + Math.sqrt(0.5)) / 2;
    private static final double K2 = (Math.sqrt(2) + 1) / 2;

    private long first;
    private double bound;
    private long examples;
    private double sum;
    private double squares; // Σ (d - mean of those before)²

    /// How a model compares with another.
    public enum Verdict {
        BETTER, WORSE,
        /// 0 lies within the interval.
        CANT_TELL_YET
    }

    /// @param examples that the interval rests on
    /// @param difference the mean of the other model's loss less this one's: above 0 if this one is better
    /// @param low the interval of what was to be expected of it; infinite before the first example that counts
    /// @param bound the most that one example counts
    /// @param more about how many more examples it takes to tell, if the difference stays what it is; 0 once it is told, and
    ///     infinite where that can't be foretold
    public record Result(long examples, double difference, double low, double high, double bound, Verdict verdict,
            double more) {
    }

    /// @param loss of this model, with the example's weight
    /// @param other of the other model
    public void add(double loss, double other) {
        double difference = other - loss;
        if (first < FIRST || bound == 0) {
            first++;
            bound = Math.max(bound, Math.abs(difference));
            return;
        }
        double counted = Math.max(-bound, Math.min(bound, difference));
        double expected = examples == 0 ? 0 : sum / examples;
        squares += (counted - expected) * (counted - expected);
        sum += counted;
        examples++;
    }

    public Result result() {
        if (examples == 0) {
            return new Result(0, Double.NaN, Double.NEGATIVE_INFINITY, Double.POSITIVE_INFINITY, bound,
                    Verdict.CANT_TELL_YET, Double.POSITIVE_INFINITY);
        }
        double mean = sum / examples;
        double radius = radius(examples);
        Verdict verdict = verdict();
        return new Result(examples, mean, mean - radius, mean + radius, bound, verdict,
                verdict == Verdict.CANT_TELL_YET ? more(Math.abs(mean)) : 0);
    }

    Verdict verdict() {
        double radius = examples == 0 ? Double.POSITIVE_INFINITY : radius(examples);
        double mean = sum / Math.max(1, examples);
        return mean > radius ? Verdict.BETTER : mean < -radius ? Verdict.WORSE : Verdict.CANT_TELL_YET;
    }

    /// Half of the interval after so many examples, if their spread is that of those seen.
    private double radius(double count) {
        return stitched(squares / examples * count, (1 - CONFIDENCE) / 2, bound * bound, 2 * bound) / count;
    }

    private double more(double mean) {
        double few = examples;
        double enough = 2 * few;
        while (radius(enough) >= mean) {
            few = enough;
            enough *= 2;
            if (enough > FORETOLD_MAX) {
                return Double.POSITIVE_INFINITY;
            }
        }
        while (enough - few > 1) {
            double middle = Math.floor((few + enough) / 2);
            if (radius(middle) >= mean) {
                few = middle;
            } else {
                enough = middle;
            }
        }
        return enough - examples;
    }

    /// The boundary that a sum of variance process `v` crosses with probability `alpha` at most, ever.
    ///
    /// @param least the variance from which on it is tight
    /// @param scale of the sub-gamma process: the range of what is summed
    static double stitched(double v, double alpha, double least, double scale) {
        double at = Math.max(v, least);
        double l = S * StrictMath.log(1 + StrictMath.log(at / least) / StrictMath.log(2))
                + StrictMath.log(ZETA_OF_S / alpha);
        double slope = scale * K2 * l;
        return Math.sqrt(K1_SQUARED * at * l + slope * slope) + slope;
    }
}
