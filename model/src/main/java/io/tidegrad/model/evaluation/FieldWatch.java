package io.tidegrad.model.evaluation;

import io.tidegrad.model.binary.BinaryReader;
import io.tidegrad.model.binary.BinaryWriter;
import io.tidegrad.model.evaluation.Signal.Kind;
import io.tidegrad.model.feature.Featurizer;
import io.tidegrad.model.feature.Row;
import io.tidegrad.model.spec.Feature;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.model.spec.RowLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// Compares the fields of events with what they have been, without labels: the shares of values that are missing, of
/// categories that were not seen before, of numbers out of the range before, and how values are distributed. It sees what
/// features make of fields: the bucket of a category, a number after its transform, and as missing also what equals the
/// substitute. The first feature that reads a field alone is watched, of at most 32 fields; of times and lists only whether
/// they are missing.
///
/// What was seen before, and the range, are of all events until the end of the first four blocks of 2,048, the eighth, and
/// then of each 16th; during the field's alarm they stay. Events are compared with them after eight blocks. A distribution
/// has 16 bins: of numbers the sixteenths of the first 256 values, of categories their buckets hashed. It is compared with
/// those before, of which each block fades by a 32nd with the next.
final class FieldWatch {
    private static final int FIELDS_MAX = 32;
    private static final int YOUNG = 8 * ChangeAlarm.BLOCK; // before, too little was seen to call anything strange
    private static final int BINS = 16;
    private static final int SAMPLE = 256;
    private static final int HASH = 0x9E3779B9; // Knuth's multiplicative hash: the golden ratio of 2^32
    private static final double FADING = 1 - 1.0 / 32;

    private static final int LEAK_BITS = 2; // of the hash of an event's number: 0 for a LeakAlarm's events

    private final Column[] columns;
    private final LeakAlarm[] leaks; // of columns, in their order; none unless labels are yes or no
    private final List<LeakAlarm> leakList;
    private long rows;

    /// @param falseAlarms events between two alarms of a signal about nothing
    FieldWatch(ModelSpec spec, double falseAlarms) {
        Featurizer featurizer = new Featurizer(spec);
        Row neutral = featurizer.newRow();
        featurizer.writeNeutral(neutral);
        List<Column> watched = new ArrayList<>();
        Set<String> fields = new HashSet<>();
        for (int i = 0; i < spec.features().size() && watched.size() < FIELDS_MAX; i++) {
            Feature feature = spec.features().get(i);
            Column column = column(feature, i, spec.layout(), neutral,
                    kind -> new ChangeAlarm(new Signal(kind, feature.fields().getFirst()), falseAlarms));
            if (column != null && fields.add(feature.fields().getFirst())) {
                watched.add(column);
            }
        }
        columns = watched.toArray(Column[]::new);
        leaks = new LeakAlarm[MetricTask.of(spec).isOfYesOrNo() ? columns.length : 0];
        Arrays.setAll(leaks, i -> new LeakAlarm(columns[i].field, 1 << LEAK_BITS,
                spec.watch().knownInTime().contains(columns[i].field)));
        leakList = List.of(leaks);
    }

    /// The alarms of fields that tell the label, in their order.
    List<LeakAlarm> leaks() {
        return leakList;
    }

    /// At least as many fields as are watched.
    static int count(ModelSpec spec) {
        return Math.min(FIELDS_MAX, spec.features().size());
    }

    private static @Nullable Column column(Feature feature, int index, RowLayout layout, Row neutral,
            Function<Kind, ChangeAlarm> alarm) {
        String field = feature.fields().isEmpty() ? "" : feature.fields().getFirst();
        int idAt = layout.idAt(index);
        int numberAt = layout.numberAt(index);
        return switch (feature) {
            case Feature.Category _,Feature.Vocabulary _ ->
                new Column(field, Missing.id(idAt, neutral.ids[idAt]), new Categories(idAt, alarm), alarm);
            case Feature.TimePart _ -> new Column(field, Missing.id(idAt, neutral.ids[idAt]), null, alarm);
            case Feature.Categories _,Feature.Bag _ ->
                new Column(field, Missing.id(layout.lengthAt(index), 0), null, alarm);
            case Feature.Number number -> new Column(field, switch (number.missing().kind()) {
                case REJECT -> null;
                case INDICATOR -> Missing.number(layout.indicatorAt(index), 1);
                case VALUE -> Missing.number(numberAt, (float) number.transformed(number.missing().value()));
            }, new Numbers(numberAt, alarm), alarm);
            case Feature.Quantiles _ -> new Column(field, Missing.id(idAt, 1), new Numbers(numberAt, alarm), alarm);
            case Feature.Cross _,Feature.Cyclic _,Feature.Pixels _,Feature.Sequence _,Feature.ShiftedLabel _,Feature.History _ ->
                null;
        };
    }

    /// The alarms of all fields, in their order.
    List<ChangeAlarm> alarms() {
        List<ChangeAlarm> alarms = new ArrayList<>();
        for (Column column : columns) {
            alarms.addAll(column.alarms());
        }
        return alarms;
    }

    /// What each field is like, in their order.
    List<WatchedField> fields() {
        List<WatchedField> told = new ArrayList<>();
        for (int i = 0; i < columns.length; i++) {
            Column column = columns[i];
            Values values = column.values;
            told.add(new WatchedField(column.field, column.alarm == null ? null : column.alarm.known(),
                    values == null ? null : values.strange.known(), values == null ? null : values.shape.known(),
                    leaks.length == 0 ? null : leaks[i].known(), values == null ? Double.NaN : values.median(),
                    values == null ? Double.NaN : values.medianBefore()));
        }
        return told;
    }

    /// Sees an event's row, whether or not its label is known. Returns whether alarms were judged.
    boolean add(Row row) {
        for (Column column : columns) {
            column.add(row);
        }
        rows++;
        boolean judged = rows % Adwin.GRAIN == 0;
        if ((int) rows * HASH >>> Integer.SIZE - LEAK_BITS == 0) { // one of four, whatever the rhythm of labels
            for (int i = 0; i < leaks.length; i++) {
                judged |= leaks[i].add(columns[i].slot(row), row.labels[0] > 0);
            }
        }
        if (rows % Adwin.GRAIN == 0) {
            endGrain();
        }
        return judged;
    }

    private void endGrain() {
        for (Column column : columns) {
            column.endGrain(rows > YOUNG);
        }
        if (rows % ChangeAlarm.BLOCK == 0) {
            long block = rows / ChangeAlarm.BLOCK;
            boolean looksAgain = block <= 4 || block == 8 || block % 16 == 0;
            for (Column column : columns) {
                if (column.values != null) {
                    column.values.endBlock(looksAgain);
                }
            }
        }
    }

    void write(BinaryWriter to) {
        to.int64(rows);
        for (Column column : columns) {
            column.write(to);
        }
    }

    void read(BinaryReader from) {
        rows = from.int64();
        for (Column column : columns) {
            column.read(from);
        }
    }

    /// How a row says that a field is missing.
    private record Missing(int idAt, int id, int numberAt, float number) {
        static Missing id(int at, int id) {
            return new Missing(at, id, -1, 0);
        }

        static Missing number(int at, float number) {
            return new Missing(-1, 0, at, number);
        }

        boolean isIn(Row row) {
            return idAt >= 0 ? row.ids[idAt] == id : row.numbers[numberAt] == number;
        }
    }

    /// One field.
    private static final class Column {
        private final @Nullable Missing missing; // null: an event without it is rejected
        private final @Nullable Values values; // null: its values are not watched
        private final @Nullable ChangeAlarm alarm;
        final String field;
        private int missed; // since the last multiple of 32 events

        Column(String field, @Nullable Missing missing, @Nullable Values values, Function<Kind, ChangeAlarm> alarms) {
            this.field = field;
            this.missing = missing;
            this.values = values;
            alarm = missing == null ? null : alarms.apply(Kind.MISSING);
        }

        List<ChangeAlarm> alarms() {
            return Stream.of(alarm, values == null ? null : values.strange, values == null ? null : values.shape)
                    .filter(Objects::nonNull).toList();
        }

        /// Where a [LeakAlarm] counts the row's value.
        int slot(Row row) {
            return missing != null && missing.isIn(row) ? 0 : values == null ? 1 : values.slot(row);
        }

        void add(Row row) {
            if (missing != null && missing.isIn(row)) {
                missed++;
            } else if (values != null) {
                values.add(row);
            }
        }

        void endGrain(boolean judges) {
            if (alarm != null) {
                alarm.addGrain(missed);
            }
            missed = 0;
            if (values != null) {
                values.endGrain(judges);
            }
        }

        void write(BinaryWriter to) {
            to.int8(missed);
            if (alarm != null) {
                alarm.write(to);
            }
            if (values != null) {
                values.write(to);
            }
        }

        void read(BinaryReader from) {
            missed = from.int8();
            if (alarm != null) {
                alarm.read(from);
            }
            if (values != null) {
                values.read(from);
            }
        }
    }

    /// What the values of a field have been.
    private abstract static class Values {
        final ChangeAlarm strange;
        final ChangeAlarm shape;
        int strangers; // since the last multiple of 32 events
        final int[] bins = new int[BINS]; // of this block
        private final double[] before = new double[BINS]; // of those before

        Values(ChangeAlarm strange, ChangeAlarm shape) {
            this.strange = strange;
            this.shape = shape;
        }

        abstract void add(Row row);

        /// See [Column#slot].
        abstract int slot(Row row);

        /// What came until now is what has been.
        abstract void look();

        /// What half of this block's values are not above; NaN of categories, and of too few values.
        double median() {
            return median(IntStream.of(bins).asDoubleStream().toArray());
        }

        /// The same of those before.
        double medianBefore() {
            return median(before);
        }

        /// @param counts how many values are in each bin
        double median(double[] counts) {
            return Double.NaN;
        }

        void endGrain(boolean judges) {
            if (judges) {
                strange.addGrain(strangers);
            }
            strangers = 0;
        }

        void endBlock(boolean looksAgain) {
            if (looksAgain && !strange.isOn()) {
                look();
            }
            int values = 0;
            double valuesBefore = 0;
            for (int bin = 0; bin < BINS; bin++) {
                values += bins[bin];
                valuesBefore += before[bin];
            }
            if (values < ChangeAlarm.BLOCK / 2) {
                return; // too few to tell; they stay for the next block
            }
            if (valuesBefore > 0) {
                double index = 0;
                for (int bin = 0; bin < BINS; bin++) {
                    double now = (bins[bin] + 0.5) / (values + 0.5 * BINS);
                    double was = (before[bin] + 0.5) / (valuesBefore + 0.5 * BINS);
                    index += (now - was) * StrictMath.log(now / was);
                }
                shape.addBlock(index / (1 + index));
            }
            for (int bin = 0; bin < BINS; bin++) {
                before[bin] = shape.isOn() ? before[bin] : FADING * before[bin] + bins[bin];
                bins[bin] = 0;
            }
        }

        void write(BinaryWriter to) {
            to.int8(strangers).ints(bins, 0, BINS);
            for (double bin : before) {
                to.float64(bin);
            }
            strange.write(to);
            shape.write(to);
        }

        void read(BinaryReader from) {
            strangers = from.int8();
            from.ints(bins, 0, BINS);
            for (int bin = 0; bin < BINS; bin++) {
                before[bin] = from.float64();
            }
            strange.read(from);
            shape.read(from);
        }
    }

    private static final class Categories extends Values {
        private static final int WORDS = 128; // of 32 bits, one for each value of a hash of 12 bits

        private final int at;
        private final int[] seen = new int[WORDS];
        private final int[] came = new int[WORDS];

        Categories(int at, Function<Kind, ChangeAlarm> alarms) {
            super(alarms.apply(Kind.UNSEEN), alarms.apply(Kind.SHAPE));
            this.at = at;
        }

        @Override
        void add(Row row) {
            int hash = row.ids[at] * HASH;
            int word = hash >>> 25;
            int bit = 1 << (hash >>> 20); // the lowest 5 bits count
            if ((seen[word] & bit) == 0) {
                strangers++;
                came[word] |= bit;
            }
            bins[hash >>> 28]++;
        }

        @Override
        int slot(Row row) {
            return 1 + (row.ids[at] * HASH >>> 24);
        }

        @Override
        void look() {
            for (int word = 0; word < WORDS; word++) {
                seen[word] |= came[word];
            }
        }

        @Override
        void write(BinaryWriter to) {
            super.write(to);
            to.ints(seen, 0, WORDS).ints(came, 0, WORDS);
        }

        @Override
        void read(BinaryReader from) {
            super.read(from);
            from.ints(seen, 0, WORDS);
            from.ints(came, 0, WORDS);
        }
    }

    private static final class Numbers extends Values {
        private final int at;
        private float low = Float.POSITIVE_INFINITY;
        private float high = Float.NEGATIVE_INFINITY;
        private float lowCame = Float.POSITIVE_INFINITY;
        private float highCame = Float.NEGATIVE_INFINITY;
        private final float[] sample = new float[SAMPLE]; // the first values, sorted once it is full
        private final int[] keys = new int[SAMPLE]; // of these then
        private int sampled;

        Numbers(int at, Function<Kind, ChangeAlarm> alarms) {
            super(alarms.apply(Kind.OUT_OF_RANGE), alarms.apply(Kind.SHAPE));
            this.at = at;
        }

        @Override
        void add(Row row) {
            float number = row.numbers[at];
            if (number < low || number > high) {
                strangers++;
                lowCame = Math.min(lowCame, number);
                highCame = Math.max(highCame, number);
            }
            if (sampled < SAMPLE) {
                sample[sampled++] = number;
                if (sampled == SAMPLE) {
                    Arrays.sort(sample);
                    key();
                }
            } else {
                bins[bin(number)]++;
            }
        }

        /// By how many fours of the sample are below, and whether all or none are; one slot for all until there is a sample.
        @Override
        int slot(Row row) {
            float number = row.numbers[at];
            if (sampled < SAMPLE) {
                return 1;
            } else if (number < sample[0]) {
                return 2;
            } else if (number > sample[SAMPLE - 1]) {
                return 3;
            }
            long key = key(number);
            int fours = 0;
            for (int half = SAMPLE / 8; half > 0; half /= 2) {
                fours += half & (int) (keys[4 * (fours + half)] - key >> Integer.SIZE);
            }
            return 4 + fours;
        }

        private void key() {
            for (int i = 0; i < SAMPLE; i++) {
                keys[i] = key(sample[i]);
            }
        }

        /// Orders as numbers are ordered. By keys a number is compared without a branch, which for a number's place in a sample
        /// would be mispredicted half of the time.
        private static int key(float number) {
            int bits = Float.floatToRawIntBits(number + 0f); // no -0
            return bits ^ bits >> 31 & Integer.MAX_VALUE;
        }

        /// Within its bin, values are taken to be spread evenly, and none beyond what the sample has.
        @Override
        double median(double[] counts) {
            double all = DoubleStream.of(counts).sum();
            if (all < SAMPLE) {
                return Double.NaN;
            }
            int bin = 0;
            double below = 0;
            while (below + counts[bin] < all / 2) {
                below += counts[bin];
                bin++;
            }
            double from = sample[bin * (SAMPLE / BINS)];
            double to = sample[Math.min(SAMPLE - 1, (bin + 1) * (SAMPLE / BINS))];
            return from + (to - from) * (all / 2 - below) / counts[bin];
        }

        /// How many of the sample's sixteenths are below.
        private int bin(float number) {
            long key = key(number);
            int bin = 0;
            for (int half = BINS / 2; half > 0; half /= 2) {
                bin += half & (int) (keys[(bin + half) * (SAMPLE / BINS)] - key >> Integer.SIZE);
            }
            return bin;
        }

        @Override
        void look() {
            low = Math.min(low, lowCame);
            high = Math.max(high, highCame);
        }

        @Override
        void write(BinaryWriter to) {
            super.write(to);
            to.floats(new float[]{low, high, lowCame, highCame}, 0, 4).int32(sampled).floats(sample, 0, sampled);
        }

        @Override
        void read(BinaryReader from) {
            super.read(from);
            float[] range = from.newFloats(4);
            low = range[0];
            high = range[1];
            lowCame = range[2];
            highCame = range[3];
            sampled = from.count("sampled numbers", SAMPLE);
            from.floats(sample, 0, sampled);
            key();
        }
    }
}
