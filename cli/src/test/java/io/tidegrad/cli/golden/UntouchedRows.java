package io.tidegrad.cli.golden;

import io.tidegrad.engine.layer.Embedding;
import io.tidegrad.engine.model.Batch;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;

/// Rows of touched tables that no batch has read yet: they must be what they were, bit for bit.
final class UntouchedRows {
    private final CaseModel model;
    private final List<Table> tables = new ArrayList<>();

    private record Table(String name, String tensor, Embedding layer, float[] initial, BitSet read) {
    }

    UntouchedRows(CaseNetwork network, CaseModel model) {
        this.model = model;
        network.embeddings().forEach((name, layer) -> {
            String tensor = model.parameter(name).tensor();
            tables.add(new Table(name, tensor, layer, model.parameters().weights(tensor), new BitSet(layer.rows())));
        });
    }

    void check(Batch batch, String step) {
        int idsPerRow = batch.row().ids();
        for (Table table : tables) {
            for (int row = 0; row < batch.size(); row++) {
                int from = row * idsPerRow + table.layer.from();
                for (int at = from; at < from + table.layer.columns(); at++) {
                    table.read.set(batch.ids[at]);
                }
            }
            float[] weights = model.parameters().weights(table.tensor);
            int dimension = table.layer.dimension();
            for (int i = 0; i < weights.length; i++) {
                boolean same = Float.floatToRawIntBits(weights[i]) == Float.floatToRawIntBits(table.initial[i]);
                if (!same && !table.read.get(i / dimension)) {
                    throw new Comparison.DifferenceException(
                            "%s%s, a row that no batch has read, got %s, want %s exactly, at [%d, %d]".formatted(
                                    table.name, step, weights[i], table.initial[i], i / dimension, i % dimension));
                }
            }
        }
    }
}
