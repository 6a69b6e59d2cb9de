package io.tidegrad.model.evaluation;

import io.tidegrad.model.binary.BinaryReader;
import io.tidegrad.model.binary.BinaryWriter;
import io.tidegrad.model.stream.Example;
import java.util.Arrays;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.Map;

/// How the labels of a stream come: how much event time lay between events and labels, of the newest 2,000 labels whose
/// record has a time; and of the newest 2,000 first examples how many had their label, and how many the model had answered.
/// Examples tell no more: an event without an example yet is not known. It is part of the state, but of no hash.
public final class LabelArrival {
    static final int WINDOW = 2_000;

    private static final double[] QUANTILES = {0.5, 0.9, 0.99};
    private static final String[] DELAYS = {"delay_p50", "delay_p90", "delay_p99"};

    private final long[] delays = new long[WINDOW]; // a ring of milliseconds
    private long labels;
    private final BitSet labelled = new BitSet(WINDOW); // rings of first examples
    private final BitSet answered = new BitSet(WINDOW);
    private long examples;

    /// @param served whether the model has answered for the event
    public void take(Example example, boolean served) {
        Long labelTime = example.labelTime();
        if (labelTime != null && example.label() != null) {
            delays[(int) (labels % WINDOW)] = Math.max(0, labelTime - example.eventTime());
            labels++;
        }
        if (example.kind() != Example.Kind.CORRECTION) {
            int at = (int) (examples % WINDOW);
            labelled.set(at, example.kind() == Example.Kind.FINAL);
            answered.set(at, served);
            examples++;
        }
    }

    /// Returns the measures by name: quantiles of the delay in seconds, where a label that came before its event counts as 0,
    /// and shares. Without those of which nothing is known.
    public Map<String, Double> measures() {
        Map<String, Double> measures = new LinkedHashMap<>();
        int count = (int) Math.min(labels, WINDOW);
        if (count > 0) {
            long[] sorted = Arrays.copyOf(delays, count);
            Arrays.sort(sorted);
            for (int i = 0; i < DELAYS.length; i++) {
                measures.put(DELAYS[i], sorted[(int) Math.ceil(QUANTILES[i] * count) - 1] / 1e3);
            }
        }
        if (examples > 0) {
            double shown = Math.min(examples, WINDOW);
            measures.put("labelled", labelled.cardinality() / shown);
            measures.put("answered", answered.cardinality() / shown);
        }
        return measures;
    }

    public void write(BinaryWriter to) {
        to.int64(labels).int64(examples);
        for (int i = 0; i < Math.min(labels, WINDOW); i++) {
            to.varint(delays[i]);
        }
        to.block(labelled.toByteArray()).block(answered.toByteArray());
    }

    public void read(BinaryReader from) {
        labels = from.int64();
        examples = from.int64();
        for (int i = 0; i < Math.min(labels, WINDOW); i++) {
            delays[i] = from.varint();
        }
        read(from, labelled);
        read(from, answered);
    }

    private static void read(BinaryReader from, BitSet into) {
        into.clear();
        into.or(BitSet.valueOf(from.raw(from.count("bytes of examples", WINDOW / 8))));
    }
}
