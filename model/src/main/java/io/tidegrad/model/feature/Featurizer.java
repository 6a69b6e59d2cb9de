package io.tidegrad.model.feature;

import io.tidegrad.engine.loss.BinaryCrossEntropy;
import io.tidegrad.engine.loss.CategoricalCrossEntropy;
import io.tidegrad.engine.loss.Ctc;
import io.tidegrad.engine.loss.Hinge;
import io.tidegrad.engine.loss.Huber;
import io.tidegrad.engine.loss.MeanAbsoluteError;
import io.tidegrad.engine.loss.MeanSquaredError;
import io.tidegrad.engine.loss.Poisson;
import io.tidegrad.engine.loss.Quantile;
import io.tidegrad.model.spec.Feature;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.model.spec.RowLayout;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Event → row. The only one: training and serving share it, so there is no skew. Deterministic: StrictMath,
/// MurmurHash3, no locale, no default time zone, no hash order. Not thread-safe; one a thread. Allocates nothing for a
/// valid event (times in text form, and fractions as categories, aside).
///
/// What is missing (null or absent) is rejected for numbers and pixels unless the spec says otherwise, and is a value
/// of its own for categories, crosses and time parts. A number that is not finite is rejected, and so is one beyond
/// ±10^15 after its transform: every later product stays finite in float32.
public final class Featurizer {
    private final List<Feature> features;
    private final List<String> fields; // each field that a feature reads, once
    private final @Nullable Object[] values; // of `fields`, of the current event
    private final FeatureWriter[] writers;
    private final LabelReader label;
    private final @Nullable String eventTime;
    private final @Nullable String weight;
    private final RowLayout layout;

    public Featurizer(ModelSpec spec) {
        layout = spec.layout();
        features = spec.features();
        Set<String> distinct = new LinkedHashSet<>();
        spec.features().forEach(feature -> distinct.addAll(feature.fields()));
        fields = List.copyOf(distinct);
        values = new Object[fields.size()];
        CanonicalText text = new CanonicalText();
        writers = new FeatureWriter[spec.features().size()];
        for (int i = 0; i < writers.length; i++) {
            writers[i] = FeatureWriter.of(spec.features().get(i), i, layout, fields, text);
        }
        label = labelReader(spec);
        eventTime = spec.input().eventTime();
        weight = spec.weightField();
    }

    private static LabelReader labelReader(ModelSpec spec) {
        String field = spec.label().field();
        return switch (spec.loss()) {
            case BinaryCrossEntropy binary -> LabelReader.binary(spec.label());
            case Hinge hinge -> LabelReader.signed(LabelReader.binary(spec.label()));
            case CategoricalCrossEntropy categorical -> LabelReader.classIndex(field, spec.outputs());
            case Poisson poisson -> LabelReader.count(field);
            case MeanSquaredError squared -> LabelReader.number(field);
            case MeanAbsoluteError absolute -> LabelReader.number(field);
            case Huber huber -> LabelReader.number(field);
            case Quantile quantile -> LabelReader.number(field);
            case Ctc ctc -> throw new IllegalStateException("no spec can name " + ctc);
        };
    }

    public Row newRow() {
        return new Row(layout.numbers(), layout.ids(), 1);
    }

    /// Features, label, weight and event time. Null when `row` is filled; else why not (row undefined then).
    public @Nullable Rejection featurize(Event event, Row row) {
        try {
            row.eventTime = Row.NO_TIME;
            if (eventTime != null) {
                Object time = event.get(eventTime);
                if (time == null) {
                    return new Rejection(Rejection.Reason.MISSING_TIME,
                            "field '" + eventTime + "': expected the event's time, found null");
                }
                row.eventTime = Values.time(eventTime, time);
            }
            row.labels[0] = label.read(event.get(label.field()));
            if (weight != null) {
                row.weight = weight(weight, event.get(weight));
            }
            writeFeatures(event, row);
            return null;
        } catch (RejectedException rejected) {
            return rejected.rejection();
        }
    }

    /// Features only: for scoring; label and event-time plausibility are not looked at.
    public @Nullable Rejection featurizeForScoring(Event event, Row row) {
        try {
            row.eventTime = Row.NO_TIME;
            row.labels[0] = 0;
            writeFeatures(event, row);
            return null;
        } catch (RejectedException rejected) {
            return rejected.rejection();
        }
    }

    /// A row that says nothing, where that can be said: categories, crosses, time parts and lists as if their fields
    /// were missing, all numbers 0.
    public void writeNeutral(Row row) {
        Arrays.fill(row.numbers, 0);
        Arrays.fill(row.ids, 0);
        row.labels[0] = 0;
        Arrays.fill(values, null);
        try {
            for (int i = 0; i < writers.length; i++) {
                if (takesNothing(features.get(i))) {
                    writers[i].write(values, row);
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
            case Feature.TimePart time -> true;
            case Feature.Categories list -> true;
            case Feature.Bag bag -> true;
            case Feature.Numeric number -> false;
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

    private void writeFeatures(Event event, Row row) throws RejectedException {
        event.get(fields, values);
        for (FeatureWriter writer : writers) {
            writer.write(values, row);
        }
    }
}
