package io.tidegrad.control.suggestion;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidegrad.control.ControlException;
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
        assertThat(complete(open, stream, events).fields()).containsExactlyInAnyOrder("at", "amount");
        ModelSpec found = complete(ModelSpec.parse(NOTHING_SAID, "open"), stream, events);
        assertThat(found.fields()).containsExactlyInAnyOrder("at", "amount");
        assertThat(found.yaml()).contains(
                "loss: binary-cross-entropy # yes or no, 33.4 % yes, by the newest 2,000 events of topic payments\n");
    }

    private static final String NOTHING_SAID = """
            model: m
            input: { stream: payments }
            features: auto
            recipe: auto
            """;

    private static ModelSpec complete(ModelSpec open, StreamSpec stream, EventSample events) {
        return SpecSuggestion.complete(open, stream, events, events);
    }

    /// A stream's model has no section `label` unless something stands in it.
    @Test
    void whatTheLabelOfAStreamMeansIsFoundInItsEventsOrHasToBeSaid() {
        EventSample events = new EventSample("topic payments", true);
        for (int i = 0; i < 1_000; i++) {
            events.add(Map.of("amount", 7 * i % 101 + 0.5, "state", i % 10 == 3 ? "no" : "yes"));
        }
        events.end("the newest 1,000 events of topic payments");
        String text = """
                stream: payments
                events: { topic: payments, key: "@key" }
                label: state
                """;
        ModelSpec open = ModelSpec.parse(NOTHING_SAID, "open");
        ModelSpec found = complete(open, StreamSpec.parse(text, "stream"), events);
        assertThat(found.label().positive()).isEqualTo("no");
        assertThat(found.yaml())
                .contains("\nlabel: {positive: \"no\"}\nloss: binary-cross-entropy # two values, of which")
                .contains("\nfeatures:\n");
        assertThat(open.asRegistered(found).fingerprint()).isEqualTo(found.fingerprint());
        StreamSpec elsewhere =
                StreamSpec.parse(text.replace("label: state", "labels: { topic: chargebacks, key: id, value: fraud }\n"
                        + "join: { wait: PT1H, missing: 0, window: P1D }"), "stream");
        assertThatThrownBy(() -> complete(open, elsewhere, events)).isInstanceOf(ControlException.class)
                .hasMessageContaining(
                        "model m: expected a label in the events, by which features: auto finds what it means,"
                                + " found a stream whose labels come from a topic of their own; say in the spec what it"
                                + " means: loss:");
    }
}
