package io.tidegrad.model.feature;

import io.tidegrad.engine.loss.BinaryCrossEntropy;
import io.tidegrad.engine.loss.CategoricalCrossEntropy;
import io.tidegrad.engine.loss.Ctc;
import io.tidegrad.engine.loss.FakeNegativeWeighted;
import io.tidegrad.engine.loss.Hinge;
import io.tidegrad.engine.loss.Huber;
import io.tidegrad.engine.loss.MeanAbsoluteError;
import io.tidegrad.engine.loss.MeanSquaredError;
import io.tidegrad.engine.loss.Poisson;
import io.tidegrad.engine.loss.Quantile;
import io.tidegrad.model.spec.Feature;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.model.spec.RowLayout;
import io.tidegrad.model.stream.Example;
import io.tidegrad.schemas.UndecodableException;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/// Turns an event into a row. Training and serving use the same class, so there is no skew. It is deterministic: it
/// uses StrictMath and MurmurHash3, no locale, no default time zone, no hash order. Not thread-safe. Allocates nothing
/// for a valid event, except for times in text form and fractions as categories.
///
/// A missing (null or absent) field is rejected for numbers and pixels unless the spec says otherwise; for categories,
/// crosses and time parts, missing is a value of its own. A number is rejected if it is not finite or, after its
/// transform, beyond ±10^15, so that every later product is finite in float32.
public final class Featurizer {
    private static final int NO_KEY = -1;

    private final List<Feature> features;
    private final List<String> fields; // each field that a feature reads, once
    private final List<String> learned; // these, then the others that an event brings to be learned
    private final @Nullable Object[] values; // of either in the current event
    private final FeatureWriter[] writers;
    private final LabelReader label;
    private final boolean isList;
    private final @Nullable String lengths; // the field that says how many steps a row has
    private final int stepsAt;
    private final @Nullable String eventTime;
    private final TimeUnit timeUnit;
    private final @Nullable String weight;
    private final int labelAt; // index in `learned`, as the next two
    private final int timeAt;
    private final int weightAt;
    private final RowLayout layout;
    private final int labels;
    private final int[] sliced; // index in `fields`
    private final CanonicalText slice = new CanonicalText();

    public Featurizer(ModelSpec spec) {
        layout = spec.layout();
        labels = spec.labels();
        features = spec.features();
        Set<String> distinct = new LinkedHashSet<>();
        spec.features().forEach(feature -> distinct.addAll(feature.fields()));
        fields = List.copyOf(distinct);
        CanonicalText text = new CanonicalText();
        writers = new FeatureWriter[spec.features().size()];
        for (int i = 0; i < writers.length; i++) {
            writers[i] = FeatureWriter.of(spec.features().get(i), i, layout, fields, text, spec.recipe() != null);
        }
        label = labelReader(spec);
        isList = spec.label().isList();
        lengths = spec.label().lengths();
        stepsAt = spec.stepsAt();
        eventTime = spec.input().eventTime();
        timeUnit = spec.input().timeUnit();
        weight = spec.weightField();
        distinct.add(label.field());
        if (eventTime != null) {
            distinct.add(eventTime);
        }
        if (weight != null) {
            distinct.add(weight);
        }
        learned = List.copyOf(distinct);
        values = new Object[learned.size()];
        labelAt = learned.indexOf(label.field());
        timeAt = learned.indexOf(eventTime == null ? "" : eventTime);
        weightAt = learned.indexOf(weight == null ? "" : weight);
        sliced = spec.watch().slices().stream().mapToInt(fields::indexOf).toArray();
    }

    private static LabelReader labelReader(ModelSpec spec) {
        String field = LabelReader.field(spec);
        return switch (spec.loss()) {
            case BinaryCrossEntropy binary -> LabelReader.binary(field, spec.label());
            case Hinge hinge -> LabelReader.signed(LabelReader.binary(field, spec.label()));
            case CategoricalCrossEntropy categorical -> spec.label().isList() ? LabelReader.steps(spec, field)
                    : spec.label().learnsClasses() ? LabelReader.newClass(field)
                            : spec.label().classes().isEmpty() ? LabelReader.classIndex(field, spec.outputs())
                                    : LabelReader.className(field, spec.label().classes());
            case Poisson poisson -> LabelReader.count(field);
            case MeanSquaredError squared -> LabelReader.number(field);
            case MeanAbsoluteError absolute -> LabelReader.number(field);
            case Huber huber -> LabelReader.number(field);
            case Quantile quantile -> LabelReader.number(field);
            case Ctc ctc -> LabelReader.sequence(spec, ctc, field);
            case FakeNegativeWeighted _ -> throw new IllegalStateException("no spec can name " + spec.loss());
        };
    }

    public Row newRow() {
        return new Row(layout.numbers(), layout.ids(), labels, new SliceValues(sliced.length));
    }

    /// Fills `row` with features, label, weight and event time. Returns null, or why the event is rejected; the row is
    /// then undefined.
    public @Nullable Rejection featurize(Event event, Row row) {
        try {
            event.get(learned, values);
            row.eventTime = Row.NO_TIME;
            if (eventTime != null) {
                Object time = values[timeAt];
                if (time == null) {
                    return new Rejection(Rejection.Reason.MISSING_TIME,
                            "field '" + eventTime + "': expected the event's time, found null");
                }
                row.eventTime = Values.time(eventTime, time, timeUnit);
            }
            Object given = values[labelAt];
            if (!isList) {
                label.read(given, row);
            }
            if (weight != null) {
                row.weight = weight(weight, values[weightAt]);
            }
            writeFeatures(row);
            writeSlices(row);
            if (isList) {
                label.read(given, row); // by how many steps the row has
            }
            return null;
        } catch (RejectedException rejected) {
            return rejected.rejection();
        }
    }

    /// The same for a stream's example, which brings label, weight and event time with it.
    public @Nullable Rejection featurize(Event event, Example example, Row row) {
        try {
            String given = example.label();
            if (given == null) {
                return new Rejection(Rejection.Reason.MISSING_LABEL,
                        "header " + Example.LABEL_HEADER + ": expected the label, found none");
            }
            row.eventTime = example.eventTime();
            label.readText(given, row);
            if (labels > 1) {
                row.labels[1] = replaced(example.oldLabel());
            }
            row.weight = (float) example.weight();
            event.get(fields, values);
            writeFeatures(row);
            writeSlices(row);
            return null;
        } catch (RejectedException rejected) {
            return rejected.rejection();
        }
    }

    /// The label with which the event was learned before. An example whose label can't be read became a dead letter.
    private float replaced(@Nullable String old) {
        try {
            return old == null ? FakeNegativeWeighted.FIRST : label.readText(old);
        } catch (RejectedException neverLearned) {
            return FakeNegativeWeighted.FIRST;
        }
    }

    /// Returns the label that an example's text says; NaN where there is none, none that the loss can take, or one of
    /// which the model says which class it is.
    public float label(@Nullable String text) {
        try {
            return text == null ? Float.NaN : label.readText(text);
        } catch (RejectedException unreadable) {
            return Float.NaN;
        }
    }

    /// Fills only the features, for scoring; ignores the label and the plausibility of the event time. A record whose
    /// schema is out of all proportion is rejected here, where its fields are looked for.
    public @Nullable Rejection featurizeForScoring(Event event, Row row) {
        try {
            row.eventTime = Row.NO_TIME;
            row.labels[0] = 0;
            event.get(fields, values);
            writeFeatures(row);
            return stepsAt < 0 || row.ids[stepsAt] > 0 ? null : new Rejection(Rejection.Reason.MISSING_FIELD,
                    "field '" + lengths + "': expected at least one step to answer for, found none");
        } catch (RejectedException rejected) {
            return rejected.rejection();
        } catch (UndecodableException tooLarge) {
            return Rejection.of(tooLarge);
        }
    }

    /// Returns the 64 bits by which a vocabulary tells a field's values: the row's two ids, the first one above.
    ///
    /// @param value a finite number, a text, a truth value, bytes or a time; null: it is missing
    public static long vocabularyKey(String field, @Nullable Object value) {
        CanonicalText text = new CanonicalText();
        text.appendText(field);
        try {
            if (value != null) {
                text.appendText("=");
                text.appendValue(field, value);
            }
        } catch (RejectedException notAValue) {
            throw new IllegalArgumentException(notAValue.rejection().detail());
        }
        return text.longHash();
    }

    /// Fills a neutral row: categories, crosses, time parts and lists and quantiles as if their fields were missing, histories as of a key
    /// that never came, and all numbers 0.
    public void writeNeutral(Row row) {
        Arrays.fill(row.numbers, 0);
        Arrays.fill(row.ids, 0);
        row.labels[0] = 0;
        Arrays.fill(values, null);
        try {
            for (int i = 0; i < writers.length; i++) {
                if (takesNothing(features.get(i))) {
                    writers[i].write(values, row);
                } else if (features.get(i) instanceof Feature.History) {
                    row.ids[layout.idAt(i) + 1] = NO_KEY;
                }
            }
        } catch (RejectedException never) {
            throw new IllegalStateException(never.rejection().detail());
        }
    }

    private static boolean takesNothing(Feature feature) {
        return switch (feature) {
            case Feature.Category category -> true;
            case Feature.Cross cross -> true;
            case Feature.Vocabulary vocabulary -> true;
            case Feature.TimePart time -> true;
            case Feature.Categories list -> true;
            case Feature.Bag bag -> true;
            case Feature.ShiftedLabel shifted -> true;
            case Feature.Quantiles quantiles -> true;
            case Feature.History history -> false;
            case Feature.Number number -> false;
            case Feature.Cyclic cyclic -> false;
            case Feature.Pixels pixels -> false;
            case Feature.Sequence sequence -> false;
        };
    }

    private static float weight(String field, @Nullable Object value) throws RejectedException {
        double weight = value instanceof Number number ? number.doubleValue() : Double.NaN;
        if (weight >= 0 && weight <= FeatureWriter.NUMBER_MAX) {
            return (float) weight;
        }
        throw new RejectedException(Rejection.Reason.INVALID_WEIGHT,
                "field '" + field + "': expected the event's weight, a number from 0 to 1e15, found "
                        + (value == null ? "null" : Values.describe(value)));
    }

    private void writeFeatures(Row row) throws RejectedException {
        for (FeatureWriter writer : writers) {
            writer.write(values, row);
        }
    }

    /// What is no text, number, boolean or bytes counts as missing, because a slice refuses no event.
    private void writeSlices(Row row) {
        for (int i = 0; i < sliced.length; i++) {
            Object value = values[sliced[i]];
            row.slices.missing(i);
            if (value != null) {
                try {
                    slice.clear().appendValue(fields.get(sliced[i]), value);
                    row.slices.set(i, slice);
                } catch (RejectedException noText) {
                    // It stays missing.
                }
            }
        }
    }
}
