package io.tidegrad.model.learn;

import io.tidegrad.engine.model.Batch;
import io.tidegrad.engine.model.Predictor;
import io.tidegrad.engine.model.RowShape;
import io.tidegrad.model.evaluation.WatchedField;
import io.tidegrad.model.feature.NeutralRow;
import io.tidegrad.model.feature.Row;
import io.tidegrad.model.spec.Feature;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.model.spec.RowLayout;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// How much fields contribute to predictions: by how much a prediction changes when all features that read the field are set to
/// neutral ([NeutralRow]). Of several outputs the one that changes most counts. It looks at the newest rows when it is asked,
/// and tells the mean over the newest 32 that it looked at.
///
/// A row takes a prediction for itself and one for each field. It looks at no more rows than give one such prediction for 16
/// examples that were learned since; so they take little of the time that learning takes, whatever the network. Nothing of it
/// reaches a weight or is kept over a restart.
final class FieldContributions {
    private static final int ROWS = 32;
    private static final int EXAMPLES = 16; // learned for each prediction

    private final ModelSpec spec;
    private final List<String> fields;
    private final double[][] changes; // of the rows, a ring: by row, by field
    private long looked;
    private long examples; // when it looked last

    /// Looks at no row yet, because what a model learned before a restart pays for nothing after it.
    FieldContributions(OnlineModel model) {
        spec = model.spec();
        fields = areOf(spec) ? model.evaluation().recent().fields().stream().map(WatchedField::field).toList()
                : List.of();
        examples = model.parameters().examples();
        changes = new double[ROWS][fields.size()];
    }

    /// Whether the model has contributions: those of a network that selects features, or whose label is a list, are not
    /// told.
    private static boolean areOf(ModelSpec spec) {
        return spec.readsFeaturesTogether() && !spec.label().isList();
    }

    /// Looks at rows of a model, and returns contributions by field; empty while there were none.
    Map<String, Double> look(OnlineModel model) {
        Batch rows = model.recentRows();
        long learned = model.parameters().examples() - examples;
        long affordable = learned / ((1L + fields.size()) * EXAMPLES);
        int newest = (int) Math.min(rows.size(), affordable);
        if (newest > 0) {
            examples = model.parameters().examples();
            Look look = new Look(model);
            for (int row = 0; row < newest; row++) {
                look.at(rows, row, changes[(int) (looked++ % ROWS)]);
            }
        }
        int known = (int) Math.min(looked, ROWS);
        Map<String, Double> means = new LinkedHashMap<>();
        for (int field = 0; field < fields.size() && known > 0; field++) {
            double sum = 0;
            for (int row = 0; row < known; row++) {
                sum += changes[row][field];
            }
            means.put(fields.get(field), sum / known);
        }
        return means;
    }

    /// Predicts by the weights of this moment.
    private final class Look {
        private final OnlineModel model;
        private final Predictor predictor;
        private final Row neutral;
        private final float[] numbers;
        private final int[] ids;
        private final float[] prediction;
        private final float[] without;

        Look(OnlineModel model) {
            this.model = model;
            predictor = new Predictor(model.parameters().plan(), model.kernels(), 1);
            neutral = NeutralRow.of(spec, model.parameters());
            RowShape shape = model.shape();
            numbers = new float[shape.numbers()];
            ids = new int[shape.ids()];
            prediction = new float[model.parameters().plan().outputs()];
            without = new float[prediction.length];
        }

        void at(Batch rows, int row, double[] to) {
            copy(rows, row);
            predictor.predict(model.parameters(), numbers, ids, prediction);
            RowLayout layout = spec.layout();
            for (int field = 0; field < to.length; field++) {
                copy(rows, row);
                for (int i = 0; i < spec.features().size(); i++) {
                    Feature feature = spec.features().get(i);
                    if (feature.fields().contains(fields.get(field))) {
                        layout.copyFeature(i, neutral.numbers, neutral.ids, numbers, ids);
                    }
                }
                predictor.predict(model.parameters(), numbers, ids, without);
                to[field] = 0;
                for (int output = 0; output < prediction.length; output++) {
                    to[field] = Math.max(to[field], Math.abs((double) prediction[output] - without[output]));
                }
            }
        }

        private void copy(Batch rows, int row) {
            System.arraycopy(rows.numbers, row * numbers.length, numbers, 0, numbers.length);
            System.arraycopy(rows.ids, row * ids.length, ids, 0, ids.length);
        }
    }
}
