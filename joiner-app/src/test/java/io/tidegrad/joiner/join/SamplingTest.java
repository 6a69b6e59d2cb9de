package io.tidegrad.joiner.join;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.tidegrad.joiner.join.EventRecord.Content;
import io.tidegrad.model.stream.Example;
import io.tidegrad.model.stream.StreamSpec;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/// What a model learns from a sampled stream has the weight of the whole stream.
class SamplingTest {
    private static final String WHOLE = """
            stream: clicks
            events: { topic: views, key: id }
            labels: { topic: clicks, key: id, value: clicked }
            join: { wait: PT30S, missing: 0, window: PT100S, duplicates: last }
            """;
    private static final int EVENTS = 200_000;

    private static final class Weights implements JoinOutput {
        final Map<String, Double> weights = new TreeMap<>();
        int examples;

        @Override
        public void example(String id, Example example, @Nullable Content content) {
            examples++;
            weights.merge(example.kind().code() + " " + example.label(), example.weight(), Double::sum);
        }

        @Override
        public void refuse(Reason reason, String detail) {}

        @Override
        public void orphan(LabelRecord label, String detail) {}

        @Override
        public void count(Counted what) {}
    }

    private static Weights weightsOf(String spec) {
        LabelJoin join = new LabelJoin(StreamSpec.parse(spec, "spec"));
        Weights weights = new Weights();
        for (int i = 0; i < EVENTS; i++) {
            String id = "view-" + i;
            long time = 1_000L * i;
            Position at = new Position(0, i);
            Entry entry =
                    join.event(id, null, new EventRecord(time, at, 1 + i % 3, new Content(new byte[0])), time, weights);
            if (i % 10 == 0) { // in time
                entry = join.label(id, entry, new LabelRecord(time + 1, at, i % 20 == 0 ? "1" : "0", null, null),
                        time + 1, weights);
            }
            if (i % 7 == 0) { // late
                entry = join.label(id, entry, new LabelRecord(time + 50_000, at, "1", null, null), time + 50_000,
                        weights);
            }
            if (i % 70 == 0) { // and taken back
                entry = join.label(id, entry, new LabelRecord(time + 60_000, at, null, null, null), time + 60_000,
                        weights);
            }
            if (entry != null) {
                join.expire(id, entry, time + 99_000, weights);
            }
        }
        return weights;
    }

    @Test
    void everyKindOfRecordKeepsItsWeight() {
        Weights whole = weightsOf(WHOLE);
        Weights sampled = weightsOf(WHOLE + "sample: { negatives: 0.05, label: 0 }\n");
        assertThat(sampled.weights).hasSameSizeAs(whole.weights).containsOnlyKeys(whole.weights.keySet());
        assertThat(whole.weights).containsOnlyKeys("final 0", "final 1", "provisional 0", "correction 0",
                "correction 1");
        whole.weights.forEach((record, weight) -> {
            // The deviation of a thinned sum of n weights is about sqrt(n / share).
            double relative = record.equals("final 0") || record.equals("provisional 0") ? 0.1 : 1e-12;
            assertThat(Objects.requireNonNull(sampled.weights.get(record))).as(record).isCloseTo(weight,
                    within(relative * weight));
        });
        assertThat(sampled.examples).isLessThan(whole.examples / 3);
    }
}
