package io.tidegrad.scorer;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.model.Batch;
import io.tidegrad.engine.model.Predictor;
import io.tidegrad.model.feature.Event;
import io.tidegrad.model.feature.Featurizer;
import io.tidegrad.model.feature.NeutralRow;
import io.tidegrad.model.feature.Rejection;
import io.tidegrad.model.feature.Row;
import io.tidegrad.model.spec.Feature;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.model.spec.RowLayout;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Computes what each feature adds to the prediction for one record. Its batch holds the record, a neutral record, and
/// for each feature the record with only that feature set to neutral. Each object is used once.
final class Explainer {
    private static final int RECORD = 0;
    private static final int NEUTRAL = 1;
    private static final int FIRST_FEATURE = 2;

    private final ServedVersion served;
    private final ModelSpec spec;
    private final RowLayout layout;
    private final Featurizer featurizer;
    private final Batch batch;
    private final Predictor predictor;

    /// @throws UnsupportedOperationException if the network reads features in several places, where a number has no
    ///     single mean, or the label is a list, and each of its steps has contributions of its own
    Explainer(ServedVersion served, Kernels kernels) {
        this.served = served;
        spec = served.spec();
        if (spec.label().isList()) {
            throw new UnsupportedOperationException("contributions: expected a model whose label is one value, found "
                    + served.model() + ", which answers with a list");
        }
        if (!spec.readsFeaturesTogether()) {
            throw new UnsupportedOperationException(
                    "contributions: expected a network that reads all features together, found " + served.model()
                            + ", whose network selects them");
        }
        layout = spec.layout();
        featurizer = new Featurizer(spec);
        int rows = FIRST_FEATURE + spec.features().size();
        batch = new Batch(served.binding().plan().spec().row(), rows);
        batch.resize(rows);
        predictor = new Predictor(served.binding().plan(), kernels, rows);
    }

    /// Takes the event and fills the batch. Returns null, or why the event can't be scored.
    @Nullable
    Rejection take(Event event) {
        Row record = featurizer.newRow();
        Rejection rejection = featurizer.featurizeForScoring(event, record);
        if (rejection != null) {
            return rejection;
        }
        Row neutral = NeutralRow.of(spec, served.parameters());
        put(RECORD, record);
        put(NEUTRAL, neutral(record, neutral));
        for (int feature = 0; feature < spec.features().size(); feature++) {
            Row without = copy(record);
            layout.copyFeature(feature, neutral.numbers, neutral.ids, without.numbers, without.ids);
            put(FIRST_FEATURE + feature, without);
        }
        return null;
    }

    /// Sets all features to neutral. The lengths of the record's sequences stay.
    private Row neutral(Row record, Row neutral) {
        Row all = copy(record);
        for (int feature = 0; feature < spec.features().size(); feature++) {
            layout.copyFeature(feature, neutral.numbers, neutral.ids, all.numbers, all.ids);
        }
        return all;
    }

    private Row copy(Row of) {
        Row copy = featurizer.newRow();
        System.arraycopy(of.numbers, 0, copy.numbers, 0, of.numbers.length);
        System.arraycopy(of.ids, 0, copy.ids, 0, of.ids.length);
        return copy;
    }

    private void put(int at, Row row) {
        System.arraycopy(row.numbers, 0, batch.numbers, at * row.numbers.length, row.numbers.length);
        System.arraycopy(row.ids, 0, batch.ids, at * row.ids.length, row.ids.length);
    }

    Explanation explanation(long freshnessMs) {
        int outputs = served.outputs();
        float[] logits = new float[batch.size() * outputs];
        predictor.logits(served.parameters(), batch, logits);
        float[] predictions = new float[logits.length];
        predictor.predict(served.parameters(), batch, predictions);
        float[] record = row(logits, RECORD, outputs);
        List<Explanation.Contribution> contributions = new ArrayList<>();
        for (int feature = 0; feature < spec.features().size(); feature++) {
            float[] without = row(logits, FIRST_FEATURE + feature, outputs);
            float[] added = new float[outputs];
            for (int output = 0; output < outputs; output++) {
                added[output] = record[output] - without[output];
            }
            Feature of = spec.features().get(feature);
            contributions.add(new Explanation.Contribution(of.fields(), kind(of), added));
        }
        float[] memberOutputs = new float[served.binding().plan().memberOutputs()];
        predictor.memberOutputs(RECORD, memberOutputs, 0);
        return new Explanation(
                new Prediction(served.model(), served.epoch(), served.version(), served.nextOffset(), freshnessMs,
                        row(predictions, RECORD, outputs), memberOutputs),
                record, row(logits, NEUTRAL, outputs), contributions);
    }

    private static float[] row(float[] of, int row, int outputs) {
        float[] values = new float[outputs];
        System.arraycopy(of, row * outputs, values, 0, outputs);
        return values;
    }

    /// Returns the kind by its name in a spec.
    private static String kind(Feature feature) {
        return switch (feature) {
            case Feature.Number number -> "number";
            case Feature.Category category -> "category";
            case Feature.Cross cross -> "cross";
            case Feature.TimePart time -> "time-part";
            case Feature.Cyclic cyclic -> "cyclic";
            case Feature.Pixels pixels -> "pixels";
            case Feature.Sequence sequence -> "sequence";
            case Feature.Categories list -> "categories";
            case Feature.Bag bag -> "bag";
            case Feature.ShiftedLabel shifted -> "shifted-label";
            case Feature.History history -> "history";
            case Feature.Quantiles quantiles -> "quantiles";
            case Feature.Vocabulary vocabulary -> "vocabulary";
        };
    }
}
