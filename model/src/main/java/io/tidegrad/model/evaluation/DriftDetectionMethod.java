package io.tidegrad.model.evaluation;

import io.tidegrad.model.binary.BinaryReader;
import io.tidegrad.model.binary.BinaryWriter;

/// The drift detection method (DDM) of Gama et al. (2004), for errors that are 0 or 1. With n counted from the last restart,
/// the mean error p and s = √(p (1 - p) / n), it remembers the least p + s since n ≥ min; where p + s reaches that p plus a
/// level's number of that s, there is a warning or a drift. After a drift everything restarts with the next value.
public final class DriftDetectionMethod implements DriftDetector {
    private final int least;
    private final double warning;
    private final double drift;
    private long count;
    private double mean;
    private double bestMean;
    private double bestDeviation;

    /// @param least values before there can be a warning
    /// @param warning, drift levels in standard deviations
    public DriftDetectionMethod(int least, double warning, double drift) {
        this.least = least;
        this.warning = warning;
        this.drift = drift;
    }

    @Override
    public Level add(double value) {
        if (count == 0) {
            mean = 0;
            bestMean = Double.POSITIVE_INFINITY;
            bestDeviation = Double.POSITIVE_INFINITY;
        }
        count++;
        mean += (value - mean) / count;
        if (count < least) {
            return Level.NONE;
        }
        double deviation = Math.sqrt(Math.max(mean * (1 - mean), 0) / count);
        double now = mean + deviation;
        if (now < bestMean + bestDeviation) {
            bestMean = mean;
            bestDeviation = deviation;
        }
        if (now >= bestMean + drift * bestDeviation) {
            count = 0;
            return Level.DRIFT;
        }
        return now >= bestMean + warning * bestDeviation ? Level.WARNING : Level.NONE;
    }

    @Override
    public void write(BinaryWriter to) {
        to.int64(count).float64(mean).float64(bestMean).float64(bestDeviation);
    }

    @Override
    public void read(BinaryReader from) {
        count = from.int64();
        mean = from.float64();
        bestMean = from.float64();
        bestDeviation = from.float64();
    }
}
