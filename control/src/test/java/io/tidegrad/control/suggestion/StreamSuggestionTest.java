package io.tidegrad.control.suggestion;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.model.stream.StreamSpec;
import java.util.Map;
import org.junit.jupiter.api.Test;

class StreamSuggestionTest {
    /// The label comes with each example, and would be refused as a feature.
    @Test
    void whatAStreamReadsAsLabelOrWeightIsNoFeatureOfItsModels() {
        EventSample events = new EventSample("topic payments", true);
        for (int i = 0; i < 2_000; i++) {
            events.add(Map.of("id", "p" + i, "at", 1_700_000_000_000L + 60_000L * i, "amount", 7 * i % 101 + 0.5,
                    "fraud", i % 3 == 0, "worth", 1 + i % 5 * 0.5));
        }
        events.end("the newest 2,000 events of topic payments");
        ModelSpec open = ModelSpec.parse("""
                model: m
                input: { stream: payments }
                features: auto
                recipe: auto
                loss: binary-cross-entropy
                """, "open");
        StreamSpec stream = StreamSpec.parse("""
                stream: payments
                events: { topic: payments, key: id, event-time: at }
                label: fraud
                weight: worth
                """, "stream");
        assertThat(SpecSuggestion.complete(open, stream, events).fields()).containsExactlyInAnyOrder("at", "amount");
    }
}
