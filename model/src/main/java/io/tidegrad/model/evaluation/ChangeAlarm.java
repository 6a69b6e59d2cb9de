package io.tidegrad.model.evaluation;

import io.tidegrad.model.binary.BinaryReader;
import io.tidegrad.model.binary.BinaryWriter;
import java.util.Locale;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// An alarm for a stream of numbers from 0 to 1 whose mean leaves what it has been, as when a source of labels dies.
///
/// An adaptive window ([Adwin]) holds what came since the mean changed last. The blocks of 2,048 values before it are what has
/// been, except for the newest quarter of all values, 24 blocks at most, because a change may be slow; six are the least that
/// say what has been. The alarm begins when the odds of the window's mean are above those of the highest block, or below
/// those of the lowest, by a factor. So what comes and goes, like evenings, is an alarm the first time at most. It ends when
/// the mean is back within the factor's root, or after a million values, which are then what has been. Meanwhile no block
/// is added.
public final class ChangeAlarm {
    /// Values of a block.
    static final int BLOCK = 64 * Adwin.GRAIN;

    private static final int LEAST = 100; // values of the window that are judged
    private static final int BLOCKS = 32; // kept one by one, because they may belong to the change
    private static final int FEW = 6; // the least blocks that say what has been
    private static final int SLOW = 24; // blocks that a slow change may take
    private static final long FORGET = 1_000_000;
    private static final double NEVER = 1e-6; // so near to 0 and 1 odds are not told apart

    /// What is said of a signal.
    ///
    /// @param isOn whether it is not what it has been
    /// @param lasted values since the alarm began; 0 if there is none
    /// @param least lowest mean of a block before
    /// @param most highest one
    /// @param now the mean since it changed last
    /// @param raised how many alarms there were
    public record Reading(Signal signal, boolean isOn, long lasted, double least, double most, double now,
            long raised) {
        /// For people, without how long it has lasted.
        public String message() {
            if (signal.kind() == Signal.Kind.LEAK) {
                return String.format(Locale.ROOT, "%s is %.4f: %s; if not, leave it out of the spec", signal.title(),
                        now, LeakAlarm.QUESTION);
            }
            return String.format(Locale.ROOT, "%s is %.4f, and was %.4f to %.4f over each %,d %s before",
                    signal.title(), now, least, most, BLOCK, signal.field().isEmpty() ? "labels" : "events");
        }
    }

    private final Signal signal;
    private final @Nullable Adwin window; // null: blocks are judged one by one
    private double now;
    private long values;
    private double blockSum;
    private final double[] blocks = new double[BLOCKS]; // means, a ring from `oldest` on
    private final long[] ends = new long[BLOCKS]; // of these, in values
    private int oldest;
    private int size;
    private double low = 1; // of the blocks that the ring has dropped
    private double high;
    private long dropped; // end of the last one
    private long since = -1; // values before the alarm; -1 if there is none
    private double least; // of what has been when it was judged last
    private double most;
    private long raised;

    /// @param falseAlarms values between two changes that are none, as expected
    ChangeAlarm(Signal signal, double falseAlarms) {
        this.signal = signal;
        window = signal.kind() == Signal.Kind.SHAPE ? null : new Adwin(falseAlarms);
    }

    /// Returns whether the alarm was judged, which it is at each 32nd value.
    boolean add(double value) {
        Adwin adaptive = Objects.requireNonNull(window);
        values++;
        adaptive.add(value);
        blockSum += value;
        boolean judged = values % Adwin.GRAIN == 0;
        if (judged) {
            checked(adaptive);
        }
        return judged;
    }

    /// The next 32 values, of which so many are 1 and the others 0.
    void addGrain(int ones) {
        Adwin adaptive = Objects.requireNonNull(window);
        values += Adwin.GRAIN;
        adaptive.addGrain(ones, ones);
        blockSum += ones;
        checked(adaptive);
    }

    private void checked(Adwin adaptive) {
        if (values % BLOCK == 0) {
            if (since < 0) {
                push(blockSum / BLOCK);
            }
            blockSum = 0;
        }
        now = adaptive.mean();
        if (adaptive.width() >= LEAST) {
            judge(values - adaptive.width());
        }
    }

    /// The next block, whose mean is judged alone.
    void addBlock(double mean) {
        values += BLOCK;
        now = mean;
        judge(values - BLOCK);
        if (since < 0) {
            push(mean);
        }
    }

    private int at(int block) {
        return (oldest + block) % BLOCKS;
    }

    private void push(double mean) {
        if (size == BLOCKS) {
            low = Math.min(low, blocks[oldest]);
            high = Math.max(high, blocks[oldest]);
            dropped = ends[oldest];
            oldest = at(1);
            size--;
        }
        blocks[at(size)] = mean;
        ends[at(size)] = values;
        size++;
    }

    /// @param changed values before the mean changed last
    private void judge(long changed) {
        if (since >= 0) {
            if (!isBeyond(Math.sqrt(signal.kind().factor()))) {
                since = -1;
            } else if (values - since > FORGET) {
                since = -1;
                size = 0;
                low = 1;
                high = 0;
                dropped = 0;
            }
            return;
        }
        long until = Math.min(changed, values - Math.min(values / 4, SLOW * BLOCK));
        if (until < dropped) {
            return;
        }
        least = low;
        most = high;
        int block = 0;
        for (; block < size && ends[at(block)] <= until; block++) {
            least = Math.min(least, blocks[at(block)]);
            most = Math.max(most, blocks[at(block)]);
        }
        if ((dropped > 0 || block >= FEW) && isBeyond(signal.kind().factor())) {
            since = values;
            raised++;
            while (size > 0 && ends[at(size - 1)] > changed) {
                size--; // what is alarming has not been
            }
        }
    }

    private boolean isBeyond(double by) {
        Signal.Kind kind = signal.kind();
        double floor = kind.floor();
        double odds = odds(Math.max(floor, now));
        return odds > by * odds(Math.max(floor, most)) || !kind.onlyRise() && odds * by < odds(Math.max(floor, least));
    }

    private static double odds(double share) {
        double held = Math.clamp(share, NEVER, 1 - NEVER);
        return held / (1 - held);
    }

    /// Whether the mean is not what it has been.
    public boolean isOn() {
        return since >= 0;
    }

    /// Returns what is said of it.
    Reading reading() {
        Signal.Kind kind = signal.kind();
        return new Reading(signal, since >= 0, since < 0 ? 0 : values - since, kind.shown(least), kind.shown(most),
                kind.shown(now), raised);
    }

    /// Returns the same where it is known: null before the first value. What has been is of all blocks while there is no alarm,
    /// because the window of a signal that stays as it is holds them all; NaN before the first one ends.
    @Nullable
    Reading known() {
        Reading said = reading();
        if (values == 0 || said.isOn) {
            return values == 0 ? null : said;
        }
        double lowest = low;
        double highest = high;
        for (int block = 0; block < size; block++) {
            lowest = Math.min(lowest, blocks[at(block)]);
            highest = Math.max(highest, blocks[at(block)]);
        }
        boolean none = lowest > highest;
        Signal.Kind kind = signal.kind();
        return new Reading(signal, false, 0, none ? Double.NaN : kind.shown(lowest),
                none ? Double.NaN : kind.shown(highest), said.now, raised);
    }

    long raised() {
        return raised;
    }

    void write(BinaryWriter to) {
        if (window != null) {
            window.write(to);
        }
        to.int64(values).float64(now).float64(blockSum).float64(low).float64(high).int64(dropped).int64(since)
                .float64(least).float64(most).int64(raised).int8(size);
        for (int block = 0; block < size; block++) {
            to.float64(blocks[at(block)]).int64(ends[at(block)]);
        }
    }

    void read(BinaryReader from) {
        if (window != null) {
            window.read(from);
        }
        values = from.int64();
        now = from.float64();
        blockSum = from.float64();
        low = from.float64();
        high = from.float64();
        dropped = from.int64();
        since = from.int64();
        least = from.float64();
        most = from.float64();
        raised = from.int64();
        size = from.int8();
        if (window != null && window.width() > values || since > values || size > BLOCKS) {
            throw from.fail("expected an alarm of " + values + " values with at most " + BLOCKS + " blocks, found "
                    + size + ", an alarm since " + since);
        }
        oldest = 0;
        for (int block = 0; block < size; block++) {
            blocks[block] = from.float64();
            ends[block] = from.int64();
        }
    }
}
