package io.tidegrad.model.evaluation;

import io.tidegrad.model.binary.BinaryReader;
import io.tidegrad.model.binary.BinaryWriter;
import java.util.Arrays;
import java.util.function.ObjDoubleConsumer;
import java.util.function.ToDoubleFunction;

/// The area under the ROC curve, from counts by prediction in fixed bins, so that it can run for ever and be stored.
/// 128 bins an octave of the odds' smaller side, from 2^-24 to one half and mirrored above: a bin is at most 0.8 % wide
/// in p (or 1 - p), whatever the base rate. Rows in the same bin count as ties (half), which is off by at most
/// `errorBound`. A coarser histogram has as many times fewer bins as it has wider ones.
final class AucHistogram {
    private static final int MANTISSA_BITS = 7;
    private static final int SHIFT = 23 - MANTISSA_BITS;
    private static final float LEAST = 0x1p-24f;
    private static final int LEAST_INDEX = Float.floatToRawIntBits(LEAST) >>> SHIFT;
    private static final int SIDE = (Float.floatToRawIntBits(0.5f) >>> SHIFT) - LEAST_INDEX + 1;

    /// Of as many bins an octave as `1 << MANTISSA_BITS - COARSE`.
    static final int COARSE = 3;

    // Sums of the rows' weights; when every row counts 1 they are whole numbers and stored as integers.
    private final double[] negatives;
    private final double[] positives;
    private final boolean weighted;
    private final int coarser;

    /// @param weighted whether rows have weights other than 1
    AucHistogram(boolean weighted) {
        this(weighted, 0);
    }

    /// @param coarser the binary logarithm of how many bins are one
    AucHistogram(boolean weighted, int coarser) {
        this.weighted = weighted;
        this.coarser = coarser;
        negatives = new double[bins(coarser)];
        positives = new double[negatives.length];
    }

    static int bins(int coarser) {
        return 2 * ((SIDE - 1 >> coarser) + 1);
    }

    void add(float probability, boolean positive, double weight) {
        (positive ? positives : negatives)[bin(probability, coarser)] += weight;
    }

    /// The area only depends on the order, so a margin is squashed to a probability, which the bins are made for.
    void addMargin(float margin, boolean positive, double weight) {
        add((float) (1 / (1 + Fdlibm.exp(-margin))), positive, weight);
    }

    void add(AucHistogram other) {
        for (int bin = 0; bin < negatives.length; bin++) {
            negatives[bin] += other.negatives[bin];
            positives[bin] += other.positives[bin];
        }
    }

    void clear() {
        Arrays.fill(negatives, 0);
        Arrays.fill(positives, 0);
    }

    /// The bin of a probability, ascending. A float's exponent and upper mantissa bits approximate its logarithm, so no
    /// logarithm is computed.
    static int bin(float probability, int coarser) {
        boolean upper = probability > 0.5f;
        float smaller = upper ? 1 - probability : probability; // exact: Sterbenz
        int index = (Float.floatToRawIntBits(Math.max(smaller, LEAST)) >>> SHIFT) - LEAST_INDEX >> coarser;
        return upper ? bins(coarser) - 1 - index : index;
    }

    /// The area; NaN until both classes have occurred.
    double auc() {
        double inOrder = 0;
        double negativesBelow = 0;
        double allPositives = 0;
        for (int bin = 0; bin < negatives.length; bin++) {
            inOrder += positives[bin] * (negativesBelow + 0.5 * negatives[bin]);
            negativesBelow += negatives[bin];
            allPositives += positives[bin];
        }
        return inOrder / (allPositives * negativesBelow);
    }

    /// The area under the precision-recall curve, with a point for each bin, as [Ranking] has it; NaN without positives.
    double averagePrecision() {
        double above = 0;
        double wrong = 0;
        double precisions = 0;
        for (int bin = positives.length - 1; bin >= 0; bin--) {
            above += positives[bin];
            wrong += negatives[bin];
            precisions += positives[bin] == 0 ? 0 : positives[bin] * (above / (above + wrong));
        }
        return precisions / above;
    }

    /// Half the share of (negative, positive) pairs that share a bin: the exact area lies within `auc()` ± this.
    double errorBound() {
        double together = 0;
        double allNegatives = 0;
        double allPositives = 0;
        for (int bin = 0; bin < negatives.length; bin++) {
            together += positives[bin] * negatives[bin];
            allNegatives += negatives[bin];
            allPositives += positives[bin];
        }
        return 0.5 * together / (allPositives * allNegatives);
    }

    /// Writes only the bins that are not empty: a model's predictions fill a few hundred.
    void write(BinaryWriter to) {
        write(to, weighted ? BinaryWriter::float64 : (_, count) -> to.varint((long) count));
    }

    void write(BinaryWriter to, ObjDoubleConsumer<BinaryWriter> count) {
        write(to, negatives, count);
        write(to, positives, count);
    }

    private static void write(BinaryWriter to, double[] counts, ObjDoubleConsumer<BinaryWriter> write) {
        int filled = 0;
        for (double count : counts) {
            filled += count == 0 ? 0 : 1;
        }
        to.varint(filled);
        int last = 0;
        for (int bin = 0; bin < counts.length; bin++) {
            if (counts[bin] != 0) {
                to.varint(bin - last);
                write.accept(to, counts[bin]);
                last = bin;
            }
        }
    }

    void read(BinaryReader from) {
        read(from, weighted ? BinaryReader::float64 : each -> each.varint());
    }

    void read(BinaryReader from, ToDoubleFunction<BinaryReader> count) {
        read(from, negatives, count);
        read(from, positives, count);
    }

    private static void read(BinaryReader from, double[] counts, ToDoubleFunction<BinaryReader> count) {
        Arrays.fill(counts, 0);
        long filled = from.varint();
        if (filled < 0 || filled > counts.length) {
            throw from.fail("expected at most " + counts.length + " bins, found " + filled);
        }
        long bin = 0;
        for (long i = 0; i < filled; i++) {
            long step = from.varint();
            bin += step;
            if (step < 0 || bin >= counts.length) {
                throw from.fail("expected a bin below " + counts.length + ", found " + bin);
            }
            counts[(int) bin] = count.applyAsDouble(from);
        }
    }
}
