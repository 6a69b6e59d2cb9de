package io.tidegrad.model.feature;

import io.tidegrad.engine.layer.Concat;
import io.tidegrad.engine.layer.Layer;
import io.tidegrad.engine.layer.Numbers;
import io.tidegrad.engine.layer.RunningScale;
import io.tidegrad.engine.layer.Standardise;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.model.spec.ModelSpec;
import java.util.List;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;

/// A row that says nothing, with which others are compared to tell what their features add to a prediction.
public final class NeutralRow {
    private NeutralRow() {}

    /// Returns a row with the learned means of the numbers that the model scales, 0 for the others, and else what a
    /// missing field gives.
    public static Row of(ModelSpec spec, Parameters parameters) {
        Featurizer featurizer = new Featurizer(spec);
        Row neutral = featurizer.newRow();
        featurizer.writeNeutral(neutral);
        addMeans(parameters.plan().beforeLoss(), "", parameters, neutral.numbers);
        return neutral;
    }

    private static void addMeans(Layer layer, String path, Parameters parameters, float[] numbers) {
        List<Layer> inner = layer.layers();
        for (int i = 0; i < inner.size(); i++) {
            String place = layer.place(path, i);
            int[] columns = i == 0 ? new int[0] : columns(inner.get(i - 1)).toArray();
            if (columns.length > 0) {
                switch (inner.get(i)) {
                    case Standardise _ ->
                        addMeans(columns, columns.length, place, Standardise::meanAt, parameters, numbers);
                    case RunningScale scale ->
                        addMeans(columns, scale.flags().size(), place, RunningScale::meanAt, parameters, numbers);
                    default -> {
                    }
                }
            }
            addMeans(inner.get(i), place, parameters, numbers);
        }
    }

    private static void addMeans(int[] columns, int count, String place, IntUnaryOperator meanAt, Parameters parameters,
            float[] numbers) {
        double[] statistics = parameters.statistics(place + ".statistics");
        for (int i = 0; i < count; i++) {
            numbers[columns[i]] = (float) statistics[meanAt.applyAsInt(i)];
        }
    }

    /// The columns of the row that a layer passes on as they are; none if it makes something of them.
    private static IntStream columns(Layer layer) {
        return switch (layer) {
            case Numbers(int from, int count) -> IntStream.range(from, from + count);
            case Concat(List<Layer> runs) when runs.stream().allMatch(Numbers.class::isInstance) ->
                runs.stream().flatMapToInt(NeutralRow::columns);
            default -> IntStream.empty();
        };
    }
}
