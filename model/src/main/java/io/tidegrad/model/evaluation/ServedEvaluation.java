package io.tidegrad.model.evaluation;

import io.tidegrad.model.binary.BinaryReader;
import io.tidegrad.model.binary.BinaryWriter;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.model.stream.Served;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/// As served: how good what a model has answered turned out to be, once labels came. Each logged prediction counts once,
/// with its newest label: a correction takes it out with its old label, and counts it with the new one. So the numbers
/// are those of all logged predictions whose event has an example, in whatever order and however late labels came.
///
/// It is kept by epoch, stage, and range of versions. A range is 2^n versions, and n is the least with which a stage has at
/// most eight ranges, so that ranges grow with the model, nothing is forgotten within an epoch, and which ranges there are
/// depends on the versions alone. Of the newest three epochs it is kept; what comes for an earlier one is counted
/// (`forgotten`).
///
/// It is part of the state, so that a restart continues it, but not of a hash.
public final class ServedEvaluation {
    public static final int EPOCHS_MAX = 3;
    public static final int RANGES_MAX = 8;
    private static final int SHIFT_MAX = 62;

    private final ModelSpec spec;
    private final MetricTask task;
    private final TreeMap<Integer, TreeMap<Served.Stage, Ranges>> epochs = new TreeMap<>();
    private long unreadable;
    private long forgotten;

    /// Figures of some of the predictions that have a label. A measure that the model does not have is NaN.
    ///
    /// @param from first version
    /// @param to last version
    /// @param predictions how many have a label now
    /// @param meanPrediction of yes, of the likeliest class, or of the number
    /// @param meanLabel what the mean prediction would be if it were calibrated: the share of yes, of hits, or the mean
    ///     number
    /// @param calibrationError mean distance of both within a tenth of the probabilities
    public record Figures(int epoch, Served.Stage stage, long from, long to, long predictions, double logLoss,
            double brier, double accuracy, double auc, double meanSquaredError, double meanAbsoluteError,
            double meanPrediction, double meanLabel, double calibrationError) {
        private static Figures of(int epoch, Served.Stage stage, long from, long to, MetricSums sums) {
            return new Figures(epoch, stage, from, to, sums.predictions(), sums.logLoss(), sums.brier(),
                    sums.accuracy(), sums.auc(), sums.meanSquaredError(), sums.meanAbsoluteError(),
                    sums.meanPrediction(), sums.meanLabel(), sums.calibrationError());
        }
    }

    /// The versions of a stage.
    private static final class Ranges {
        private int shift; // a range has 2^shift versions
        private TreeMap<Long, MetricSums> sums = new TreeMap<>(); // by version >> shift

        /// Makes ranges longer until the version has room beside the others.
        void makeRoom(long version) {
            while (!sums.isEmpty() && Math.max(version >> shift, sums.lastKey())
                    - Math.min(version >> shift, sums.firstKey()) >= RANGES_MAX) {
                shift++;
                TreeMap<Long, MetricSums> wider = new TreeMap<>();
                sums.forEach((range, of) -> wider.merge(range >> 1, of, (one, other) -> {
                    one.add(other);
                    return one;
                }));
                sums = wider;
            }
        }
    }

    public ServedEvaluation(ModelSpec spec) {
        this.spec = spec;
        task = MetricTask.of(spec);
    }

    private MetricSums newSums() {
        return new MetricSums(task, true, false);
    }

    /// A served header that can't be read, or predictions that can't be compared with a label.
    public void unreadable() {
        unreadable++;
    }

    /// Counts a prediction with its label, or takes it out with its old label and counts it with the new one.
    public void take(ServedLabel event) {
        Served served = event.served();
        boolean first = Float.isNaN(event.oldLabel());
        if (first && Float.isNaN(event.label())) {
            return;
        }
        if (served.predictions().length != spec.outputs() || !MetricSums.isMeasurable(served.predictions())) {
            unreadable++;
            return;
        }
        if (!epochs.containsKey(served.epoch()) && epochs.size() == EPOCHS_MAX) {
            if (served.epoch() < epochs.firstKey()) {
                forgotten++;
                return;
            }
            epochs.pollFirstEntry();
        }
        Ranges ranges = epochs.computeIfAbsent(served.epoch(), _ -> new TreeMap<>()).computeIfAbsent(served.stage(),
                _ -> new Ranges());
        ranges.makeRoom(served.version());
        MetricSums sums = ranges.sums.computeIfAbsent(served.version() >> ranges.shift, _ -> newSums());
        if (!first) {
            sums.add(served.predictions(), 0, event.oldLabel(), -event.weight(), -1);
        }
        if (!Float.isNaN(event.label())) {
            sums.add(served.predictions(), 0, event.label(), event.weight(), 1);
        }
    }

    /// Returns how many headers or predictions could not be read.
    public long unreadableCount() {
        return unreadable;
    }

    /// Returns how many labels came for epochs that are no longer kept.
    public long forgottenCount() {
        return forgotten;
    }

    /// Returns the figures of each epoch and stage, newest epoch first.
    public List<Figures> stages() {
        List<Figures> all = new ArrayList<>();
        epochs.descendingMap().forEach((epoch, stages) -> stages.forEach((stage, ranges) -> {
            MetricSums whole = newSums();
            ranges.sums.values().forEach(whole::add);
            all.add(Figures.of(epoch, stage, first(ranges.sums.firstKey(), ranges.shift),
                    last(ranges.sums.lastKey(), ranges.shift), whole));
        }));
        return all;
    }

    /// Returns the figures of each range of versions, newest epoch first, and within a stage from early to late.
    public List<Figures> ranges() {
        List<Figures> all = new ArrayList<>();
        epochs.descendingMap()
                .forEach((epoch, stages) -> stages.forEach((stage, ranges) -> ranges.sums.forEach((range, sums) -> all
                        .add(Figures.of(epoch, stage, first(range, ranges.shift), last(range, ranges.shift), sums)))));
        return all;
    }

    private static long first(long range, int shift) {
        return range << shift;
    }

    private static long last(long range, int shift) {
        return (range + 1 << shift) - 1;
    }

    public void write(BinaryWriter to) {
        to.int64(unreadable).int64(forgotten).int32(epochs.size());
        epochs.forEach((epoch, stages) -> {
            to.int32(epoch).int8(stages.size());
            stages.forEach((stage, ranges) -> {
                to.int8(stage.ordinal()).int8(ranges.shift).int8(ranges.sums.size());
                for (Map.Entry<Long, MetricSums> range : ranges.sums.entrySet()) {
                    to.int64(range.getKey());
                    range.getValue().write(to);
                }
            });
        });
    }

    public void read(BinaryReader from) {
        epochs.clear();
        unreadable = from.int64();
        forgotten = from.int64();
        int count = from.count("epochs as served", EPOCHS_MAX);
        for (int i = 0; i < count; i++) {
            TreeMap<Served.Stage, Ranges> stages = new TreeMap<>();
            epochs.put(from.int32(), stages);
            int stageCount = bounded(from, "stages", Served.Stage.values().length);
            for (int j = 0; j < stageCount; j++) {
                Ranges ranges = new Ranges();
                stages.put(Served.Stage.values()[bounded(from, "the stage", Served.Stage.values().length - 1)], ranges);
                ranges.shift = bounded(from, "a shift", SHIFT_MAX);
                int rangeCount = bounded(from, "ranges", RANGES_MAX);
                for (int k = 0; k < rangeCount; k++) {
                    MetricSums sums = newSums();
                    ranges.sums.put(from.int64(), sums);
                    sums.read(from);
                }
            }
        }
    }

    private static int bounded(BinaryReader from, String name, int max) {
        int found = from.int8();
        if (found > max) {
            throw from.fail("expected " + name + " from 0 to " + max + ", found " + found);
        }
        return found;
    }
}
