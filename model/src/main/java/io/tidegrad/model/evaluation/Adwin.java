package io.tidegrad.model.evaluation;

import io.tidegrad.model.binary.BinaryReader;
import io.tidegrad.model.binary.BinaryWriter;
import java.util.Arrays;

/// ADWIN, the adaptive window of Bifet and Gavaldà (2007, ADWIN2), for values from 0 to 1: a window as long as its mean has
/// not changed. It is an exponential histogram: up to five buckets of each of 32, 64, 128, … values, of which a bucket has
/// the sum and the spread, so a window of n values takes O(log n) numbers, and all of them are in it exactly. What came
/// since the last 32nd value is not compared yet.
///
/// At every 32nd value each border between buckets cuts the window, with variance v, into an older part with n₀ values and a
/// newer one with n₁. With 1/m = 1/n₀ + 1/n₁ and L = ln(2 · buckets / δ), the means differ if they are more than
/// √(2/m · v · L) + 2/(3m) · L apart; then the oldest bucket is dropped, until no cut differs.
///
/// **False alarms.** While the mean does not change, a cut differs with a probability of about δ / buckets at most (theorem
/// 3.1; the variance is taken for known), so a check drops something with one of δ. δ is 32 over the expected events between
/// false alarms, so that there is no more than one in that many.
public final class Adwin implements DriftDetector {
    /// Values of the smallest bucket. There is a check after each so many values.
    static final int GRAIN = 32;

    private static final int BUCKETS = 5; // of a row, before two are merged
    private static final int ROWS = 35; // buckets of up to 2^39 values

    private final double delta;
    // Of row r, which has buckets of GRAIN · 2^r values: from r · (BUCKETS + 1) on the oldest first.
    private final double[] sums = new double[ROWS * (BUCKETS + 1)];
    private final double[] spreads = new double[ROWS * (BUCKETS + 1)]; // squared distances from the bucket's mean
    private final int[] counts = new int[ROWS];
    private int rows; // with buckets in the last one
    private long width; // values in buckets, with their sum and spread
    private double total;
    private double spread;
    private int open; // values in no bucket yet, with their sum and the sum of their squares
    private double openSum;
    private double openSquares;
    private double before = Double.NaN; // mean of what was dropped last

    /// @param falseAlarms expected events between two false alarms, at least 64
    public Adwin(double falseAlarms) {
        if (!(falseAlarms >= 2 * GRAIN)) {
            throw new IllegalArgumentException(
                    "expected at least " + 2 * GRAIN + " expected events between false alarms, found " + falseAlarms);
        }
        delta = GRAIN / falseAlarms;
    }

    @Override
    public Level add(double value) {
        open++;
        openSum += value;
        openSquares += value * value;
        if (open < GRAIN) {
            return Level.NONE;
        }
        double sum = openSum;
        double squares = openSquares;
        open = 0;
        openSum = 0;
        openSquares = 0;
        return addGrain(sum, squares);
    }

    /// Takes 32 values at once, where none came one by one since the last 32nd.
    ///
    /// @param squares sum of the squares of the values
    Level addGrain(double sum, double squares) {
        double bucketSpread = Math.max(0, squares - sum * sum / GRAIN);
        if (width > 0) {
            double distance = sum / GRAIN - total / width;
            spread += distance * distance * GRAIN * width / (width + GRAIN);
        }
        spread += bucketSpread;
        width += GRAIN;
        total += sum;
        push(0, sum, bucketSpread);
        return shrink() ? Level.DRIFT : Level.NONE;
    }

    /// Returns how many of the newest values are in the window.
    public long width() {
        return width + open;
    }

    /// Returns the mean of the window; NaN before the first value.
    public double mean() {
        return (total + openSum) / (width + open);
    }

    /// Returns the mean of what the last drift dropped; NaN before the first one.
    public double meanBefore() {
        return before;
    }

    private void push(int row, double sum, double bucketSpread) {
        if (row == rows) {
            rows++;
        }
        int from = row * (BUCKETS + 1);
        int at = from + counts[row]++;
        sums[at] = sum;
        spreads[at] = bucketSpread;
        if (counts[row] > BUCKETS && row + 1 < ROWS) {
            double distance = sums[from] - sums[from + 1];
            double both = sums[from] + sums[from + 1];
            double merged = spreads[from] + spreads[from + 1] + distance * distance / (2.0 * size(row));
            removeOldest(row, 2);
            push(row + 1, both, merged);
        }
    }

    private void removeOldest(int row, int buckets) {
        int from = row * (BUCKETS + 1);
        counts[row] -= buckets;
        System.arraycopy(sums, from + buckets, sums, from, counts[row]);
        System.arraycopy(spreads, from + buckets, spreads, from, counts[row]);
    }

    /// Drops the oldest buckets as long as a cut differs; returns whether it did.
    private boolean shrink() {
        long widthBefore = width;
        double totalBefore = total;
        while (differs()) {
            int row = rows - 1;
            int from = row * (BUCKETS + 1);
            long size = size(row);
            double mean = sums[from] / size;
            long rest = width - size;
            double restTotal = total - sums[from];
            double distance = mean - restTotal / rest;
            spread = Math.max(0, spread - spreads[from] - distance * distance * size * rest / width);
            width = rest;
            total = restTotal;
            removeOldest(row, 1);
            while (rows > 0 && counts[rows - 1] == 0) {
                rows--;
            }
        }
        if (width == widthBefore) {
            return false;
        }
        before = (totalBefore - total) / (widthBefore - width);
        return true;
    }

    private static long size(int row) {
        return (long) GRAIN << row;
    }

    /// The inequality times n₀ · n₁, so that nothing is divided.
    private boolean differs() {
        if (total == 0) {
            return false; // all values are 0
        }
        int buckets = 0;
        for (int row = 0; row < rows; row++) {
            buckets += counts[row];
        }
        double log = Fdlibm.log(2.0 * buckets / delta);
        double ofVariance = 2 * spread * log;
        double ofRange = 2.0 / 3 * width * log;
        long older = 0;
        double olderSum = 0;
        for (int row = rows - 1; row >= 0; row--) {
            int from = row * (BUCKETS + 1);
            for (int bucket = 0; bucket < counts[row]; bucket++) {
                older += size(row);
                olderSum += sums[from + bucket];
                double distance = Math.abs(olderSum * width - total * older) - ofRange;
                if (distance > 0 && distance * distance > ofVariance * older * (width - older)) {
                    return true;
                }
            }
        }
        return false;
    }

    @Override
    public void write(BinaryWriter to) {
        to.int64(width).float64(total).float64(spread).float64(before).int8(open).float64(openSum).float64(openSquares)
                .int8(rows);
        for (int row = 0; row < rows; row++) {
            to.int8(counts[row]);
            for (int bucket = 0; bucket < counts[row]; bucket++) {
                int at = row * (BUCKETS + 1) + bucket;
                to.float64(sums[at]).float64(spreads[at]);
            }
        }
    }

    @Override
    public void read(BinaryReader from) {
        width = from.int64();
        total = from.float64();
        spread = from.float64();
        before = from.float64();
        open = count(from, "values in no bucket", GRAIN - 1);
        openSum = from.float64();
        openSquares = from.float64();
        rows = count(from, "rows of an adaptive window", ROWS);
        Arrays.fill(counts, 0);
        long held = 0;
        for (int row = 0; row < rows; row++) {
            counts[row] = count(from, "buckets of a row", BUCKETS);
            for (int bucket = 0; bucket < counts[row]; bucket++) {
                int at = row * (BUCKETS + 1) + bucket;
                sums[at] = from.float64();
                spreads[at] = from.float64();
            }
            held += counts[row] * size(row);
        }
        if (held != width) {
            throw from.fail("expected an adaptive window of " + width + " values, found buckets of " + held);
        }
    }

    private static int count(BinaryReader from, String name, int max) {
        int found = from.int8();
        if (found > max) {
            throw from.fail("expected " + name + " from 0 to " + max + ", found " + found);
        }
        return found;
    }
}
