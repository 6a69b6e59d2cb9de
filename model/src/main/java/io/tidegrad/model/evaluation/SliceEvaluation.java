package io.tidegrad.model.evaluation;

import io.tidegrad.model.binary.BinaryReader;
import io.tidegrad.model.binary.BinaryWriter;
import io.tidegrad.model.feature.SliceValues;
import io.tidegrad.model.spec.ModelSpec;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Measures by the values of some fields.
///
/// Of each field it counts 512 values by the space-saving algorithm (Metwally, Agrawal and El Abbadi 2005), in 64 groups by
/// their hash: a new value takes the place of the one with the lowest count among the eight of its group, and inherits that
/// count. So of a group's N labels, each value that more than N / 8 have is counted, and N / 8 bounds what it inherited.
///
/// Measured are twice as many values as are told, first those that came first. Another one takes the place of the one with
/// the fewest labels once it has an eighth more; what it had by then, with what it inherited, bounds what is not measured.
/// Sums are kept since then, and of the newest 10,000 to 20,000 labels of all values.
public final class SliceEvaluation {
    private static final int GROUPS = 64;
    private static final int GROUP = 8;
    static final int CLASSES_MAX = 16; // with more, precision and recall are left out
    static final int GENERATION = 10_000;

    /// Measures of one value.
    ///
    /// @param value null where the field is missing
    /// @param labels that were measured
    /// @param missed at most so many came before these
    /// @param all measures of all of these, by name
    /// @param recent of those among the newest 10,000 to 20,000 labels; empty if there are none
    public record Slice(String field, @Nullable String value, long labels, long missed, Map<String, Double> all,
            Map<String, Double> recent) {
        /// The value for people.
        public String shown() {
            return value == null ? "(missing)" : value;
        }
    }

    private final MetricTask task;
    private final int top; // values of each field that are told
    private final List<String> names;
    private final Field[] fields;
    private SliceValues values = SliceValues.NONE; // of the row whose labels come next
    private int at;
    private long labels;

    SliceEvaluation(ModelSpec spec, MetricTask task) {
        this.task = task;
        top = spec.watch().top();
        names = spec.watch().slices();
        fields = new Field[names.size()];
        Arrays.setAll(fields, _ -> new Field());
    }

    /// Says what the row has whose labels are added next.
    ///
    /// @param row values of rows, row after row
    void next(SliceValues row, int index) {
        values = row;
        at = index * fields.length;
    }

    void add(float[] prediction, int from, float label, float weight) {
        for (int i = 0; i < fields.length; i++) {
            if (values.isKnown(at + i)) {
                fields[i].add(at + i, prediction, from, label, weight);
            }
        }
        labels++;
        if (labels % GENERATION == 0) {
            for (Field field : fields) {
                field.turn();
            }
        }
    }

    /// The most frequent values of each field, field after field.
    List<Slice> slices() {
        List<Slice> slices = new ArrayList<>();
        for (int i = 0; i < fields.length; i++) {
            slices.addAll(fields[i].slices(names.get(i)));
        }
        return slices;
    }

    void write(BinaryWriter to) {
        to.int32(top).int32(names.size());
        names.forEach(to::text);
        to.int64(labels);
        for (Field field : fields) {
            field.write(to);
        }
    }

    /// Reads what was written by the same spec; of other slices it reads nothing more, and returns false.
    boolean read(BinaryReader from) {
        int itsTop = from.int32();
        int count = from.count("sliced fields", Integer.MAX_VALUE);
        List<String> its = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            its.add(from.text("a field", Integer.MAX_VALUE));
        }
        if (itsTop != top || !its.equals(names)) {
            return false;
        }
        labels = from.int64();
        for (Field field : fields) {
            field.read(from);
        }
        return true;
    }

    private MetricSums newSums() {
        return new MetricSums(task, AucHistogram.COARSE, task.classes() <= CLASSES_MAX);
    }

    /// Sums of one value.
    private final class Sums {
        private int place; // of the value
        private long missed;
        private final MetricSums past = newSums(); // before the generations
        private MetricSums before = newSums(); // of the last generation
        private MetricSums now = newSums(); // of this one

        void begin(int ofPlace, long earlier) {
            place = ofPlace;
            missed = earlier;
            past.clear();
            before.clear();
            now.clear();
        }

        void turn() {
            past.add(before);
            MetricSums cleared = before;
            before = now;
            now = cleared;
            now.clear();
        }

        long labels() {
            return past.predictions() + before.predictions() + now.predictions();
        }

        Slice slice(String field, @Nullable String value) {
            MetricSums recent = newSums();
            recent.add(before);
            recent.add(now);
            MetricSums all = newSums();
            all.add(past);
            all.add(recent);
            return new Slice(field, value, labels(), missed, RecentEvaluation.measures(all),
                    recent.predictions() == 0 ? Map.of() : RecentEvaluation.measures(recent));
        }
    }

    /// The values of one field.
    private final class Field {
        private final SliceValues known = new SliceValues(GROUPS * GROUP);
        private final long[] counts = new long[GROUPS * GROUP]; // 0: the place is free
        private final long[] inherited = new long[GROUPS * GROUP];
        private final @Nullable Sums[] sums = new Sums[GROUPS * GROUP]; // null: not measured
        private final List<Sums> measured = new ArrayList<>();

        void add(int value, float[] prediction, int from, float label, float weight) {
            int place = place(value);
            counts[place]++;
            Sums of = sums[place];
            if (of == null) {
                of = sumsFor(place);
            }
            if (of != null) {
                of.now.add(prediction, from, label, weight, 1);
            }
        }

        private int place(int value) {
            int first = values.group(value) * GROUP;
            int least = first;
            for (int place = first; place < first + GROUP; place++) {
                if (counts[place] > 0 && known.same(place, values, value)) {
                    return place;
                }
                least = counts[place] < counts[least] ? place : least;
            }
            known.copy(least, values, value, 1);
            inherited[least] = counts[least];
            Sums ofOther = sums[least];
            if (ofOther != null) {
                ofOther.begin(least, counts[least]);
            }
            return least;
        }

        /// How many labels the value has at least.
        private long certain(int place) {
            return counts[place] - inherited[place];
        }

        /// Sums for a value that has none, if it is frequent enough.
        private @Nullable Sums sumsFor(int place) {
            Sums of;
            if (measured.size() < 2 * top) {
                of = new Sums();
                measured.add(of);
            } else {
                of = measured.getFirst();
                for (int i = 1; i < measured.size(); i++) {
                    of = certain(measured.get(i).place) < certain(of.place) ? measured.get(i) : of;
                }
                long least = certain(of.place);
                if (certain(place) <= least + least / 8) {
                    return null;
                }
                sums[of.place] = null;
            }
            of.begin(place, counts[place] - 1);
            sums[place] = of;
            return of;
        }

        void turn() {
            for (Sums of : measured) {
                of.turn();
            }
        }

        List<Slice> slices(String name) {
            return measured.stream()
                    .sorted(Comparator.<Sums>comparingLong(of -> certain(of.place)).reversed()
                            .thenComparing(of -> String.valueOf(known.text(of.place))))
                    .limit(top).map(of -> of.slice(name, known.text(of.place))).toList();
        }

        void write(BinaryWriter to) {
            to.int32((int) Arrays.stream(counts).filter(count -> count > 0).count());
            for (int place = 0; place < counts.length; place++) {
                if (counts[place] > 0) {
                    to.int32(place).varint(counts[place]).varint(inherited[place]);
                    known.write(to, place);
                }
            }
            to.int32(measured.size());
            for (Sums of : measured) {
                to.int32(of.place).varint(of.missed);
                of.past.write(to);
                of.before.write(to);
                of.now.write(to);
            }
        }

        void read(BinaryReader from) {
            int count = from.count("values of a field", counts.length);
            for (int i = 0; i < count; i++) {
                int place = from.count("place of a value", counts.length - 1L);
                counts[place] = from.varint();
                inherited[place] = from.varint();
                known.read(from, place);
            }
            int sumsOf = from.count("values that are measured", 2L * top);
            for (int i = 0; i < sumsOf; i++) {
                Sums of = new Sums();
                of.place = from.count("place of a value", counts.length - 1L);
                of.missed = from.varint();
                of.past.read(from);
                of.before.read(from);
                of.now.read(from);
                sums[of.place] = of;
                measured.add(of);
            }
        }
    }
}
