package io.tidegrad.model.spec;

import io.tidegrad.engine.layer.Embedding;
import io.tidegrad.engine.layer.EmbeddingBag;
import io.tidegrad.engine.layer.History.Value;
import io.tidegrad.engine.layer.Standardise;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/// One feature of a model spec: which fields of an event it reads and what it makes of them. Pure description; the
/// `Featurizer` computes it, `RowLayout` says where it lies in a row, `NetworkBinding` which layers read it.
public sealed interface Feature {
    /// Fields of the event that this feature reads.
    List<String> fields();

    /// Whether a row says how many of this feature's steps it has (`RowLayout.lengthAt`).
    default boolean hasLength() {
        return false;
    }

    /// How many steps or values a row has at most of the feature of `field`; -1 where its length is not known.
    static int steps(List<Feature> features, @Nullable String field) {
        for (Feature feature : features) {
            if (feature.hasLength() && feature.fields().getFirst().equals(field)) {
                return switch (feature) {
                    case Sequence sequence -> sequence.steps();
                    case Categories list -> list.count();
                    case ShiftedLabel shifted -> shifted.count();
                    default -> throw new IllegalStateException(feature + " has no length");
                };
            }
        }
        return -1;
    }

    /// Whether this is the feature of that field, of a cross the feature of exactly those fields.
    default boolean isOf(List<String> fields) {
        return !(this instanceof Cross) && List.of(fields().getFirst()).equals(fields);
    }

    /// A feature of one field.
    sealed interface OfField extends Feature {
        String field();

        @Override
        default List<String> fields() {
            return List.of(field());
        }
    }

    /// One number as it is, or scaled by what the model has seen of it so far.
    /// @param clip applied first; null: none
    /// @param transform applied before the scale
    record Number(String field, Scale scale, @Nullable Clip clip, Transform transform,
            Missing missing) implements OfField {
        /// Returns what is scaled of the field's number or its substitute: clipped, then transformed.
        public double transformed(double number) {
            double clipped = clip == null ? number : clip.of(number);
            return transform == Transform.LOG1P ? StrictMath.log1p(clipped) : clipped;
        }
    }

    /// The field's canonical text, hashed into one of `buckets` rows of a learned table. Null is a value of its own.
    record Category(String field, int buckets, int dimension, Embedding.Update update) implements OfField {
    }

    /// Several fields, parts of times, or what other features have learned of fields, together as one category: a value for
    /// each combination.
    record Cross(List<Crossed> crossed, int buckets, int dimension, Embedding.Update update) implements Feature {
        public Cross {
            crossed = List.copyOf(crossed);
        }

        @Override
        public List<String> fields() {
            return crossed.stream().map(Crossed::field).toList();
        }

        @Override
        public boolean isOf(List<String> others) {
            return fields().equals(others);
        }

        /// What is learned of it, in the spec's order; if there is anything, the layer `LearnedCross` finds the row.
        public List<Crossed> learned() {
            return crossed.stream().filter(of -> of.learned() != null).toList();
        }
    }

    /// What a cross has of one field.
    ///
    /// @param part of the field, which is a time; null: the field's value, as a `Category` has it
    /// @param timeUnit what the time counts where it is a number
    /// @param learned what the feature of the same name has learned of the field; null: nothing is learned
    record Crossed(String field, @Nullable Part part, TimeUnit timeUnit, @Nullable Learned learned) {
        /// The field's value.
        public static Crossed whole(String field) {
            return new Crossed(field, null, TimeUnit.MILLISECONDS, null);
        }

        public boolean isNumber() {
            return learned == Learned.QUANTILES;
        }

        public boolean isTime() {
            return part != null;
        }

        /// Whether this is what the feature has learned.
        boolean isLearnedBy(Feature feature) {
            boolean isOfKind = learned == Learned.QUANTILES && feature instanceof Quantiles
                    || learned == Learned.VOCABULARY && feature instanceof Vocabulary;
            return isOfKind && feature.fields().equals(List.of(field));
        }
    }

    /// Features whose layers decide by what they have learned which category a field is.
    enum Learned {
        /// The bucket of a number.
        QUANTILES,
        /// The value if it has a row of its own; all others are one.
        VOCABULARY
    }

    /// Parts of a time (UTC), each a category with an exact vocabulary: a table row for every value and one for null.
    ///
    /// @param timeUnit what the time counts where it is a number
    record TimePart(String field, List<Part> parts, TimeUnit timeUnit, int dimension,
            Embedding.Update update) implements OfField {
        public TimePart {
            parts = List.copyOf(parts);
        }
    }

    /// Two numbers, sin and cos of 2πx / period: the end of a period lies beside its beginning.
    ///
    /// @param part x is this part of a time, and the period is its size; null: x is the field's number
    /// @param timeUnit what the time counts where it is a number
    record Cyclic(String field, @Nullable Part part, TimeUnit timeUnit, double period,
            Missing missing) implements OfField {
    }

    /// width · height numbers, row-major, from a field of as many unsigned bytes or an array of as many numbers, each
    /// divided by `divideBy`.
    record Pixels(String field, int width, int height, double divideBy) implements OfField {
        public int count() {
            return width * height;
        }
    }

    /// steps · width numbers, step after step, from a field that lists them.
    ///
    /// @param padded whether a list may be shorter, by whole steps: the rest is 0, and the row says how long it was
    record Sequence(String field, int steps, int width, boolean padded) implements OfField {
        public int count() {
            return steps * width;
        }

        @Override
        public boolean hasLength() {
            return padded;
        }
    }

    /// A field that lists up to `count` values, each a category as in `Category`, in their order: that many rows of one
    /// learned table side by side. Where the list ends earlier stands a table row of its own, which never learns.
    ///
    /// @param cut the field is a text, of which this makes the list; null: it is a list
    record Categories(String field, int count, @Nullable Cut cut, int buckets, int dimension,
            Embedding.Update update) implements OfField {
        @Override
        public boolean hasLength() {
            return true;
        }
    }

    /// A field that lists up to `count` values, each a category, whose order says nothing: the sum or mean of their
    /// table rows. An empty list gives 0.
    ///
    /// @param cut the field is a text, of which this makes the list; null: it is a list
    /// @param weights the field that lists a number for each value, which its row is multiplied by; only in a sum, and
    /// not of a text
    record Bag(String field, int count, @Nullable Cut cut, int buckets, int dimension, EmbeddingBag.Mode mode,
            @Nullable String weights, Embedding.Update update) implements Feature {
        @Override
        public List<String> fields() {
            return weights == null ? List.of(field) : List.of(field, weights);
        }
    }

    /// How a text becomes a list of values, of which those beyond a feature's `count` are left out.
    sealed interface Cut {
        /// What stands between separators, without white space around it. Nothing between two is no value.
        record Separator(String text) implements Cut {
        }

        /// Words in lower case, and behind each the n-grams of 2 to `ngrams` words that end with it.
        record Words(int ngrams) implements Cut {
        }
    }

    /// The label, a class for each of `count` steps, each read a step later than it stands in the label: what a decoder
    /// reads. A learned table has a row for each class, for the start, which stands before the first, and one that never
    /// learns, where no class is known.
    ///
    /// @param field the label's: who asks for a prediction lists in it the classes of the steps before
    /// @param start its table row; `classes` for one of its own
    record ShiftedLabel(String field, int count, int classes, int start, int dimension,
            Embedding.Update update) implements OfField {
        @Override
        public boolean hasLength() {
            return true;
        }

        /// The table row that never learns, its last.
        public int unknown() {
            return Math.max(classes, start + 1);
        }
    }

    /// The table row of one number's bucket, whose bounds are quantiles that the model has learned, by the layer of the
    /// same name.
    record Quantiles(String field, int buckets, int dimension, Embedding.Update update) implements OfField {
    }

    /// A table row of its own for each value of a category that was seen often enough and not too long ago, and one for all others:
    /// by the layer of the same name. Null is a value like any.
    ///
    /// @param capacity values that have a row, at most
    /// @param waiting values without a row that are counted, at most
    /// @param minCount how often a value is seen before it gets a row
    /// @param expireAfter events that are learned without a value until it is forgotten
    record Vocabulary(String field, int capacity, int waiting, int minCount, long expireAfter, int dimension,
            Embedding.Update update) implements OfField {
    }

    /// Numbers made of what came before with the same key, by the layer of the same name, and scaled by what was seen of
    /// them.
    ///
    /// @param key one field, or several that are the key together; each as in `Category`
    /// @param field the number that is remembered; null if no value is made of it
    /// @param time the time that is remembered; null if no value is made of it
    /// @param timeUnit what the time counts where it is a number
    /// @param lags how many of a key's numbers are remembered; 1 if no value is made of them
    /// @param buckets keys that are remembered at most
    record History(List<String> key, @Nullable String field, @Nullable String time, TimeUnit timeUnit,
            List<Value> values, int lags, int buckets) implements Feature {
        public History {
            key = List.copyOf(key);
            values = List.copyOf(values);
        }

        @Override
        public List<String> fields() {
            List<String> fields = new ArrayList<>(key);
            if (field != null) {
                fields.add(field);
            }
            if (time != null) {
                fields.add(time);
            }
            return fields;
        }

        @Override
        public boolean isOf(List<String> fields) {
            return key.equals(fields);
        }
    }

    /// Bounds of a number: one below counts as `low`, one above as `high`.
    record Clip(double low, double high) {
        double of(double number) {
            return number < low ? low : number > high ? high : number;
        }
    }

    /// What becomes of a number, by statistics that a layer of the model learns.
    sealed interface Scale {
        /// Nothing: the network reads the number.
        record Raw() implements Scale {
        }

        /// (x - mean) / deviation, by the layer `Standardise`.
        ///
        /// @param clip as the layer has it
        record Standard(double clip) implements Scale {
            public Standard() {
                this(Standardise.UNCLIPPED);
            }
        }

        /// The layer `RunningScale`, as recipes scale numbers.
        record Running(double forget, double clip, boolean heavyTails) implements Scale {
        }
    }

    enum Transform {
        NONE,
        /// ln(1 + x), for x > -1
        LOG1P
    }

    /// A part of a time in UTC (Avro's local timestamps: as on the clock they were read from).
    enum Part {
        MINUTE_OF_DAY(1440), HOUR(24),
        /// Monday is 0.
        WEEKDAY(7),
        /// The first is 0.
        DAY(31),
        /// January is 0.
        MONTH(12);

        private final int size;

        Part(int size) {
            this.size = size;
        }

        /// Values are 0 … size()-1.
        public int size() {
            return size;
        }
    }

    /// What a number that is null or absent counts as.
    ///
    /// @param value read by `VALUE` only
    record Missing(Kind kind, double value) {
        public static final Missing REJECT = new Missing(Kind.REJECT, 0);
        public static final Missing INDICATOR = new Missing(Kind.INDICATOR, 0);

        public enum Kind {
            /// The event is rejected.
            REJECT,
            /// The number is 0, and a further number says so: 1 when missing, else 0.
            INDICATOR,
            /// The number is `value` (before transform and scale).
            VALUE
        }

        public static Missing value(double value) {
            return new Missing(Kind.VALUE, value);
        }
    }
}
