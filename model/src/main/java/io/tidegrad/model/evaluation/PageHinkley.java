package io.tidegrad.model.evaluation;

import io.tidegrad.model.binary.BinaryReader;
import io.tidegrad.model.binary.BinaryWriter;

/// The test of Page (1954) and Hinkley for an increase of the mean. With n counted from the last restart and the running mean
/// x̄ₙ, the new value included: mₙ = mₙ₋₁ + xₙ - x̄ₙ - delta, and a drift if n ≥ min and mₙ - min(0, m₁…mₙ) > threshold. After
/// that everything restarts with the next value. For a decrease, give it -x.
public final class PageHinkley implements DriftDetector {
    private final double delta;
    private final double threshold;
    private final int least;
    private long count;
    private double mean;
    private double sum;
    private double low;

    /// @param delta a change of the mean that is let pass
    /// @param threshold the least sum of what is above mean and delta that is a drift
    /// @param least values before there can be one
    public PageHinkley(double delta, double threshold, int least) {
        this.delta = delta;
        this.threshold = threshold;
        this.least = least;
    }

    @Override
    public Level add(double value) {
        if (count == 0) {
            mean = 0;
            sum = 0;
            low = 0;
        }
        count++;
        mean += (value - mean) / count;
        sum += value - mean - delta;
        low = Math.min(low, sum);
        if (count >= least && statistic() > threshold) {
            count = 0;
            return Level.DRIFT;
        }
        return Level.NONE;
    }

    /// Returns what was compared with the threshold last.
    public double statistic() {
        return sum - low;
    }

    @Override
    public void write(BinaryWriter to) {
        to.int64(count).float64(mean).float64(sum).float64(low);
    }

    @Override
    public void read(BinaryReader from) {
        count = from.int64();
        mean = from.float64();
        sum = from.float64();
        low = from.float64();
    }
}
