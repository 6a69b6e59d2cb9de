package io.tidegrad.model.feature;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.layer.History;
import io.tidegrad.model.spec.Feature;
import io.tidegrad.model.spec.RowLayout;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.apache.avro.generic.GenericFixed;
import org.jspecify.annotations.Nullable;

/// Computes one feature and writes it to its columns.
abstract sealed class FeatureWriter permits FeatureWriter.NumberWriter, FeatureWriter.HashWriter,
        FeatureWriter.TimePartWriter, FeatureWriter.CyclicWriter, FeatureWriter.PixelsWriter,
        FeatureWriter.ShiftedLabelWriter, FeatureWriter.HistoryWriter, FeatureWriter.QuantilesWriter,
        FeatureWriter.LearnedCrossWriter, SequenceWriter, CategoriesWriter {
    /// (10^15)² · 10^8 columns fits a float32, so no product or sum of a first layer overflows.
    static final double NUMBER_MAX = 1e15;

    /// Of a number that a running scale reads, in doubles, before any layer multiplies it: its square still fits a double by far.
    private static final double SCALED_MAX = 1e30;

    /// @param values the values of all fields that features read, in the order of `fields`
    abstract void write(@Nullable Object[] values, Row row) throws RejectedException;

    /// @param scaled whether a recipe scales all numbers
    static FeatureWriter of(Feature feature, int index, RowLayout layout, List<String> fields, CanonicalText text,
            boolean scaled) {
        int numberAt = layout.numberAt(index);
        int indicatorAt = layout.indicatorAt(index);
        int idAt = layout.idAt(index);
        return switch (feature) {
            case Feature.Number number -> new NumberWriter(number, fields.indexOf(number.field()), numberAt,
                    indicatorAt, scaled || number.scale() instanceof Feature.Scale.Running);
            case Feature.Category category -> new HashWriter(List.of(Feature.Crossed.whole(category.field())),
                    category.buckets(), idAt, fields, text);
            case Feature.Vocabulary vocabulary -> new HashWriter(List.of(Feature.Crossed.whole(vocabulary.field())),
                    HashWriter.WHOLE, idAt, fields, text);
            case Feature.Cross cross when !cross.learned().isEmpty() ->
                new LearnedCrossWriter(cross, fields, numberAt, idAt, text);
            case Feature.Cross cross -> new HashWriter(cross.crossed(), cross.buckets(), idAt, fields, text);
            case Feature.TimePart time -> new TimePartWriter(time, fields.indexOf(time.field()), idAt);
            case Feature.Cyclic cyclic ->
                new CyclicWriter(cyclic, fields.indexOf(cyclic.field()), numberAt, indicatorAt);
            case Feature.Pixels pixels -> new PixelsWriter(pixels, fields.indexOf(pixels.field()), numberAt);
            case Feature.Sequence sequence ->
                new SequenceWriter(sequence, fields.indexOf(sequence.field()), numberAt, layout.lengthAt(index));
            case Feature.Categories list ->
                new CategoriesWriter(new CategoriesWriter.Places(list.field(), fields.indexOf(list.field()),
                        list.count(), list.buckets(), idAt, layout.lengthAt(index), list.buckets()), list.cut(), text);
            case Feature.ShiftedLabel shifted ->
                new ShiftedLabelWriter(shifted, fields.indexOf(shifted.field()), idAt, layout.lengthAt(index));
            case Feature.History history ->
                new HistoryWriter(history, fields, numberAt, idAt, text, scaled ? SCALED_MAX : NUMBER_MAX);
            case Feature.Quantiles quantiles ->
                new QuantilesWriter(quantiles.field(), fields.indexOf(quantiles.field()), numberAt, idAt);
            case Feature.Bag bag -> new CategoriesWriter(
                    new CategoriesWriter.Places(bag.field(), fields.indexOf(bag.field()), bag.count(), bag.buckets(),
                            idAt, layout.lengthAt(index), 0),
                    bag.cut(), text, bag.weights(), bag.weights() == null ? -1 : fields.indexOf(bag.weights()),
                    numberAt);
        };
    }

    /// The substitute of a missing number, boxed once. Null if there is none: the event is rejected, or the number is 0
    /// and the indicator is set.
    private static @Nullable Double substitute(Feature.Missing missing) {
        return missing.kind() == Feature.Missing.Kind.VALUE ? missing.value() : null;
    }

    /// The field's value or its substitute; null if the indicator has to be set.
    private static @Nullable Object present(@Nullable Object value, @Nullable Double substitute, String field,
            Feature.Missing missing) throws RejectedException {
        Object present = value == null ? substitute : value;
        if (present == null && missing.kind() == Feature.Missing.Kind.REJECT) {
            throw Values.missing(field, "a value");
        }
        return present;
    }

    static float checked(String field, double number) throws RejectedException {
        return checked(field, number, NUMBER_MAX);
    }

    static float checked(String field, double number, double max) throws RejectedException {
        checkFinite(field, number);
        if (Math.abs(number) > max) {
            throw new RejectedException(Rejection.Reason.OUT_OF_RANGE, "field '" + field
                    + "': expected a number within " + (max > NUMBER_MAX ? "±1e30" : "±1e15") + ", found " + number);
        }
        return (float) number;
    }

    private static void checkFinite(String field, double number) throws RejectedException {
        if (!Double.isFinite(number)) {
            throw new RejectedException(Rejection.Reason.NOT_FINITE,
                    "field '" + field + "': expected a finite number, found " + number);
        }
    }

    static final class NumberWriter extends FeatureWriter {
        private final Feature.Number feature;
        private final @Nullable Double substitute;
        private final int field;
        private final int at;
        private final int indicatorAt;
        private final double max;

        NumberWriter(Feature.Number feature, int field, int at, int indicatorAt, boolean scaled) {
            this.feature = feature;
            this.field = field;
            this.at = at;
            this.indicatorAt = indicatorAt;
            substitute = substitute(feature.missing());
            max = scaled ? SCALED_MAX : NUMBER_MAX;
        }

        @Override
        void write(@Nullable Object[] values, Row row) throws RejectedException {
            Object value = values[field];
            Object present = present(value, substitute, feature.field(), feature.missing());
            if (indicatorAt >= 0) {
                row.numbers[indicatorAt] = present == null ? 1 : 0;
            }
            if (present == null) {
                row.numbers[at] = 0;
                return;
            }
            double number = Values.number(feature.field(), present);
            checkFinite(feature.field(), number);
            double transformed = feature.transformed(number);
            if (!(transformed > Double.NEGATIVE_INFINITY)) {
                throw new RejectedException(Rejection.Reason.OUT_OF_RANGE,
                        "field '" + feature.field() + "': log1p needs a number above -1, found " + number);
            }
            row.numbers[at] = checked(feature.field(), transformed, max);
        }
    }

    /// Writes a category of one field, or of several crossed fields: its bucket, its hash, or both its hashes.
    static final class HashWriter extends FeatureWriter {
        /// There are no buckets: each value is told by 64 bits.
        static final int WHOLE = 0;

        /// A layer finds the bucket, by the hash and by what it has learned.
        static final int HASH = -1;

        private final int[] fields;
        private final Feature.Crossed[] crossed;
        private final byte[][] nullTexts; // `field`
        private final byte[][] prefixes; // `field=`
        private final int buckets;
        private final int at;
        private final CanonicalText text;

        HashWriter(List<Feature.Crossed> read, int buckets, int at, List<String> all, CanonicalText text) {
            this.buckets = buckets;
            this.at = at;
            this.text = text;
            crossed = read.toArray(Feature.Crossed[]::new);
            fields = new int[crossed.length];
            nullTexts = new byte[crossed.length][];
            prefixes = new byte[crossed.length][];
            for (int i = 0; i < crossed.length; i++) {
                String name = crossed[i].field();
                fields[i] = all.indexOf(name);
                nullTexts[i] = name.getBytes(StandardCharsets.UTF_8);
                prefixes[i] = (name + "=").getBytes(StandardCharsets.UTF_8);
            }
        }

        @Override
        void write(@Nullable Object[] values, Row row) throws RejectedException {
            text.clear();
            for (int i = 0; i < fields.length; i++) {
                if (i > 0) {
                    text.separate();
                }
                Object value = values[fields[i]];
                if (value == null) {
                    text.append(nullTexts[i]);
                    continue;
                }
                text.append(prefixes[i]);
                String name = crossed[i].field();
                Feature.Part part = crossed[i].part();
                if (part == null) {
                    text.appendValue(name, value);
                } else {
                    text.appendLong(TimeParts.of(part, Values.time(name, value, crossed[i].timeUnit())));
                }
            }
            if (buckets == WHOLE) {
                row.ids[at] = text.hash();
                row.ids[at + 1] = text.tag();
            } else if (buckets == HASH) {
                row.ids[at] = text.hash();
            } else {
                row.ids[at] = text.bucket(buckets);
            }
        }
    }

    static final class TimePartWriter extends FeatureWriter {
        private final Feature.TimePart feature;
        private final Feature.Part[] parts;
        private final int field;
        private final int at;

        TimePartWriter(Feature.TimePart feature, int field, int at) {
            this.feature = feature;
            this.field = field;
            this.at = at;
            parts = feature.parts().toArray(Feature.Part[]::new);
        }

        @Override
        void write(@Nullable Object[] values, Row row) throws RejectedException {
            Object value = values[field];
            long time = value == null ? 0 : Values.time(feature.field(), value, feature.timeUnit());
            for (int i = 0; i < parts.length; i++) {
                row.ids[at + i] = value == null ? parts[i].size() : TimeParts.of(parts[i], time);
            }
        }
    }

    static final class CyclicWriter extends FeatureWriter {
        private final Feature.Cyclic feature;
        private final @Nullable Double substitute;
        private final int field;
        private final int at;
        private final int indicatorAt;

        CyclicWriter(Feature.Cyclic feature, int field, int at, int indicatorAt) {
            this.feature = feature;
            this.field = field;
            this.at = at;
            this.indicatorAt = indicatorAt;
            substitute = substitute(feature.missing());
        }

        @Override
        void write(@Nullable Object[] values, Row row) throws RejectedException {
            Object value = values[field];
            Object present = present(value, substitute, feature.field(), feature.missing());
            if (indicatorAt >= 0) {
                row.numbers[indicatorAt] = present == null ? 1 : 0;
            }
            if (present == null) {
                row.numbers[at] = 0;
                row.numbers[at + 1] = 0;
                return;
            }
            Feature.Part part = feature.part();
            double x = part == null ? checkedRange(Values.number(feature.field(), present))
                    : TimeParts.of(part, Values.time(feature.field(), present, feature.timeUnit()));
            // Takes the remainder first, which is exact: 2πx loses digits if x is large.
            double angle = 2 * StrictMath.PI * (x % feature.period() / feature.period());
            row.numbers[at] = (float) StrictMath.sin(angle);
            row.numbers[at + 1] = (float) StrictMath.cos(angle);
        }

        private double checkedRange(double number) throws RejectedException {
            checked(feature.field(), number);
            return number;
        }
    }

    /// Writes the start's id, then the classes that the label's field lists, each a step later than it stands there: the
    /// last one, of a list that has all steps, is left out. A missing list is empty: nothing is known yet.
    static final class ShiftedLabelWriter extends FeatureWriter {
        private final Feature.ShiftedLabel feature;
        private final int field;
        private final int at;
        private final int lengthAt;

        ShiftedLabelWriter(Feature.ShiftedLabel feature, int field, int at, int lengthAt) {
            this.feature = feature;
            this.field = field;
            this.at = at;
            this.lengthAt = lengthAt;
        }

        @Override
        void write(@Nullable Object[] values, Row row) throws RejectedException {
            List<?> classes = switch (values[field]) {
                case null -> List.of();
                case List<?> list -> list;
                case float[] numbers -> LabelReader.list(numbers);
                case Object other -> throw Values.wrongType(feature.field(), "a list of classes", other);
            };
            int known = classes.size();
            if (known > feature.count()) {
                throw new RejectedException(Rejection.Reason.WRONG_TYPE, "field '" + feature.field()
                        + "': expected a list of at most " + feature.count() + " classes, found " + known);
            }
            int length = Math.min(known + 1, feature.count());
            row.ids[at] = feature.start();
            for (int step = 1; step < length; step++) {
                row.ids[at + step] = id(classes.get(step - 1), step - 1);
            }
            Arrays.fill(row.ids, at + length, at + feature.count(), feature.unknown());
            row.ids[lengthAt] = length;
        }

        private int id(@Nullable Object value, int step) throws RejectedException {
            int index = value == null ? feature.unknown() : (int) LabelReader.classOf(value, feature.classes());
            if (index < 0) {
                throw Values.wrongType(feature.field() + "[" + step + "]",
                        "null or a whole number from 0 to " + (feature.classes() - 1), value);
            }
            return index;
        }
    }

    /// Writes the number and whether it is missing. The layer `Quantiles` does the rest, which only compares numbers.
    static final class QuantilesWriter extends FeatureWriter {
        private final String name;
        private final int field;
        private final int numberAt;
        private final int missingAt;

        QuantilesWriter(String name, int field, int numberAt, int missingAt) {
            this.name = name;
            this.field = field;
            this.numberAt = numberAt;
            this.missingAt = missingAt;
        }

        @Override
        void write(@Nullable Object[] values, Row row) throws RejectedException {
            Object value = values[field];
            row.ids[missingAt] = value == null ? 1 : 0;
            row.numbers[numberAt] = value == null ? 0 : checked(name, Values.number(name, value), SCALED_MAX);
        }
    }

    /// Writes the hash of what is not learned, then what each learned part is found by. The layer `LearnedCross` does the rest.
    static final class LearnedCrossWriter extends FeatureWriter {
        private final FeatureWriter[] writers;

        LearnedCrossWriter(Feature.Cross cross, List<String> all, int numberAt, int idAt, CanonicalText text) {
            List<FeatureWriter> parts = new ArrayList<>();
            parts.add(new HashWriter(cross.crossed().stream().filter(of -> of.learned() == null).toList(),
                    HashWriter.HASH, idAt, all, text));
            int number = numberAt;
            int id = idAt + 1;
            for (Feature.Crossed of : cross.learned()) {
                if (of.isNumber()) {
                    parts.add(new QuantilesWriter(of.field(), all.indexOf(of.field()), number++, id++));
                } else {
                    parts.add(new HashWriter(List.of(Feature.Crossed.whole(of.field())), HashWriter.WHOLE, id, all,
                            text));
                    id += 2;
                }
            }
            writers = parts.toArray(FeatureWriter[]::new);
        }

        @Override
        void write(@Nullable Object[] values, Row row) throws RejectedException {
            for (FeatureWriter writer : writers) {
                writer.write(values, row);
            }
        }
    }

    /// Writes a key's table row and its tag, the number, and the time in two parts. The layer `History` does the rest.
    static final class HistoryWriter extends FeatureWriter {
        private static final int PART_BITS = Integer.numberOfTrailingZeros(History.PART);

        private final HashWriter key;
        private final CanonicalText text;
        private final @Nullable String numberField;
        private final @Nullable String timeField;
        private final TimeUnit timeUnit;
        private final int number;
        private final int time;
        private final int numberAt;
        private final int idAt;
        private final double max;

        HistoryWriter(Feature.History feature, List<String> all, int numberAt, int idAt, CanonicalText text,
                double max) {
            key = new HashWriter(feature.key().stream().map(Feature.Crossed::whole).toList(), feature.buckets(), idAt,
                    all, text);
            this.text = text;
            numberField = feature.field();
            timeField = feature.time();
            timeUnit = feature.timeUnit();
            number = numberField == null ? -1 : all.indexOf(numberField);
            time = timeField == null ? -1 : all.indexOf(timeField);
            this.numberAt = numberAt;
            this.idAt = idAt;
            this.max = max;
        }

        @Override
        void write(@Nullable Object[] values, Row row) throws RejectedException {
            key.write(values, row);
            row.ids[idAt + 1] = text.tag() & History.PART - 1;
            if (numberField != null) {
                Object value = values[number];
                if (value == null) {
                    throw Values.missing(numberField, "a value");
                }
                row.numbers[numberAt] = checked(numberField, Values.number(numberField, value), max);
            }
            if (timeField != null) {
                Object value = values[time];
                if (value == null) {
                    throw Values.missing(timeField, "a time");
                }
                long millis = Values.time(timeField, value, timeUnit); // within ±2^48, as all years up to 9999
                row.ids[idAt + 2] = (int) (millis >> PART_BITS);
                row.ids[idAt + 3] = (int) (millis & History.PART - 1);
            }
        }
    }

    static final class PixelsWriter extends FeatureWriter {
        private final Feature.Pixels feature;
        private final int field;
        private final int at;
        private final float[] ofByte = new float[256];
        private final Kernels kernels = Kernels.active();

        /// Whether dividing floats gives the same float for every byte as dividing doubles, as it does for 255 and
        /// powers of 2. Then a kernel is used, which is five times as fast as the table.
        private final boolean floatsDivide;

        PixelsWriter(Feature.Pixels feature, int field, int at) {
            this.feature = feature;
            this.field = field;
            this.at = at;
            boolean equal = true;
            for (int b = 0; b < ofByte.length; b++) {
                ofByte[b] = (float) (b / feature.divideBy());
                equal &= ofByte[b] == b / (float) feature.divideBy();
            }
            floatsDivide = equal;
        }

        @Override
        void write(@Nullable Object[] values, Row row) throws RejectedException {
            switch (values[field]) {
                case null -> throw Values.missing(feature.field(), feature.count() + " pixels");
                case BytesView bytes -> writeBytes(bytes.bytes(), bytes.from(), bytes.length(), row);
                case byte[] bytes -> writeBytes(bytes, 0, bytes.length, row);
                case GenericFixed fixed -> writeBytes(fixed.bytes(), 0, fixed.bytes().length, row);
                case ByteBuffer bytes when bytes.hasArray() ->
                    writeBytes(bytes.array(), bytes.arrayOffset() + bytes.position(), bytes.remaining(), row);
                case ByteBuffer bytes -> {
                    byte[] copy = new byte[bytes.remaining()];
                    bytes.get(bytes.position(), copy);
                    writeBytes(copy, 0, copy.length, row);
                }
                case float[] numbers -> {
                    checkCount(numbers.length, "numbers");
                    for (int i = 0; i < numbers.length; i++) {
                        row.numbers[at + i] = pixel(numbers[i]);
                    }
                }
                case List<?> numbers -> {
                    checkCount(numbers.size(), "numbers");
                    for (int i = 0; i < feature.count(); i++) {
                        row.numbers[at + i] = pixel(Values.numberAt(feature.field(), numbers, i));
                    }
                }
                case Object other -> throw Values.wrongType(feature.field(), "bytes or a list of numbers", other);
            }
        }

        private void writeBytes(byte[] bytes, int from, int count, Row row) throws RejectedException {
            checkCount(count, "bytes");
            if (floatsDivide) {
                kernels.unsignedBytes(count, bytes, from, (float) feature.divideBy(), row.numbers, at);
                return;
            }
            for (int i = 0; i < count; i++) {
                row.numbers[at + i] = ofByte[bytes[from + i] & 0xff];
            }
        }

        private float pixel(double number) throws RejectedException {
            return checked(feature.field(), number / feature.divideBy());
        }

        private void checkCount(int found, String what) throws RejectedException {
            if (found != feature.count()) {
                throw new RejectedException(Rejection.Reason.WRONG_TYPE,
                        "field '" + feature.field() + "': expected " + feature.count() + " " + what + " ("
                                + feature.width() + " x " + feature.height() + "), found " + found);
            }
        }
    }
}
