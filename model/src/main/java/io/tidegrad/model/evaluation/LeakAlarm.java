package io.tidegrad.model.evaluation;

import io.tidegrad.model.binary.BinaryReader;
import io.tidegrad.model.binary.BinaryWriter;
import org.jspecify.annotations.Nullable;

/// An alarm for a field that alone tells yes from no: its values may be written after the label is known.
///
/// A value falls into a slot. Its score is the probability of yes by the slot's events before, `(yes + share) / (all + 1)` with
/// the share of yes in all slots, as it would be if yes and no came equally often. So each event is predicted before it is
/// counted, whichever way a number points, a missing value is one, too, and a change of the share alone tells nothing. The
/// first 512 events only fill the slots. The area under the ROC curve of the scores, in 64 bins with ties half, is judged when
/// 1,536 events were scored since it was last and there are 50 of each label; then all counts are halved. The alarm begins at
/// an area of [#AUC], and ends below 0.99, or after a million events, until it is below again. There is none of a field whose
/// owner says that it is known in time.
public final class LeakAlarm {
    /// The least area that is not believed.
    public static final double AUC = 0.995;

    /// What is to be asked then.
    public static final String QUESTION = "it seems to know the label; is it known when a prediction is asked for?"
            + " If it is, name it in the spec's watch.known-in-time";

    /// Of values: the first one for those that are missing.
    static final int SLOTS = 257;

    private static final double END = 0.99;
    private static final int LABELS = 1_536;

    /// Before, most slots are met for the first time, which takes from the area of a number that knows the label.
    private static final int FILLING = 512;

    private static final int SIDE_MIN = 50;
    private static final int BINS = 64;
    private static final int MOST = 1 << 24; // events that are counted as they are, however rare one label is
    private static final long FORGET = 1_000_000;
    private static final long NONE = -1;
    private static final long KNOWN = -2; // it was on for so long that it is no news

    private final Signal signal;
    private final int every; // events for one that is counted
    private final boolean knownInTime; // it may tell the label, and raises no alarm
    private final int[] yes = new int[SLOTS];
    private final int[] all = new int[SLOTS];
    private int yesOfAll;
    private int allOfAll;
    private final int[] yesScores = new int[BINS];
    private final int[] noScores = new int[BINS];
    private int yesScored;
    private int scored;
    private int fresh; // since it was judged last
    private long counted;
    private double auc = 0.5;
    private long since = NONE;
    private long raised;

    LeakAlarm(String field, int every, boolean knownInTime) {
        signal = new Signal(Signal.Kind.LEAK, field);
        this.every = every;
        this.knownInTime = knownInTime;
    }

    /// Returns whether the area was judged.
    boolean add(int slot, boolean isYes) {
        if (counted >= FILLING) {
            double share = (yesOfAll + 0.5) / (allOfAll + 1);
            double probability = (yes[slot] + share) / (all[slot] + 1);
            double ofYes = probability * (1 - share);
            double ofNo = (1 - probability) * share;
            (isYes ? yesScores : noScores)[Math.min(BINS - 1, (int) (BINS * ofYes / (ofYes + ofNo)))]++;
            scored++;
            yesScored += isYes ? 1 : 0;
            fresh++;
        }
        all[slot]++;
        allOfAll++;
        counted++;
        if (isYes) {
            yes[slot]++;
            yesOfAll++;
        }
        boolean judges = fresh >= LABELS && Math.min(yesScored, scored - yesScored) >= SIDE_MIN;
        if (judges) {
            judge();
        }
        if (judges || scored >= MOST) {
            halve();
        }
        return judges;
    }

    private void judge() {
        double inOrder = 0;
        double below = 0;
        for (int bin = 0; bin < BINS; bin++) {
            inOrder += yesScores[bin] * (below + 0.5 * noScores[bin]);
            below += noScores[bin];
        }
        auc = inOrder / (below * yesScored);
        if (auc < END || knownInTime) {
            since = NONE;
        } else if (since == NONE && auc >= AUC) {
            since = counted;
            raised++;
        } else if (since >= 0 && (counted - since) * every > FORGET) {
            since = KNOWN;
        }
    }

    private void halve() {
        yesOfAll = halve(yes);
        allOfAll = halve(all);
        yesScored = halve(yesScores);
        scored = yesScored + halve(noScores);
        fresh = 0;
    }

    private static int halve(int[] counts) {
        int sum = 0;
        for (int i = 0; i < counts.length; i++) {
            counts[i] >>= 1;
            sum += counts[i];
        }
        return sum;
    }

    long raised() {
        return raised;
    }

    ChangeAlarm.Reading reading() {
        boolean isOn = since >= 0;
        return new ChangeAlarm.Reading(signal, isOn, isOn ? (counted - since) * every : 0, 0.5, AUC, auc, raised);
    }

    /// Returns the same; null while too few events were scored.
    ChangeAlarm.@Nullable Reading known() {
        return counted < FILLING + LABELS ? null : reading();
    }

    void write(BinaryWriter to) {
        for (int[] counts : new int[][]{yes, all, yesScores, noScores}) {
            for (int count : counts) {
                to.varint(count);
            }
        }
        to.int32(fresh).int64(counted).float64(auc).int64(since).int64(raised);
    }

    void read(BinaryReader from) {
        yesOfAll = read(from, yes);
        allOfAll = read(from, all);
        yesScored = read(from, yesScores);
        scored = yesScored + read(from, noScores);
        fresh = from.int32();
        counted = from.int64();
        auc = from.float64();
        since = from.int64();
        since = knownInTime ? NONE : since; // an alarm ends as soon as its field is named in the spec
        raised = from.int64();
    }

    private static int read(BinaryReader from, int[] counts) {
        int sum = 0;
        for (int i = 0; i < counts.length; i++) {
            counts[i] = (int) from.varint();
            sum += counts[i];
        }
        return sum;
    }
}
