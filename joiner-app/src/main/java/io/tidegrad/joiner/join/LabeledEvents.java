package io.tidegrad.joiner.join;

import io.tidegrad.model.stream.Example;
import io.tidegrad.model.stream.StreamSpec;
import org.jspecify.annotations.Nullable;

/// A stream whose events bring their labels with them: each gives one example, and nothing is remembered.
public final class LabeledEvents {
    private final String topic;
    private final @Nullable Sampling sampling;

    /// @param spec of a stream without a topic of labels
    public LabeledEvents(StreamSpec spec) {
        if (spec.labels() != null) {
            throw new IllegalArgumentException("stream " + spec.stream() + " takes its labels from another topic");
        }
        topic = spec.events().topic();
        sampling = Sampling.of(spec);
    }

    /// Returns the event's example; null if sampling leaves it out.
    ///
    /// @param id what sampling decides by
    public @Nullable Example example(String id, EventRecord event, String label) {
        Example whole = new Example(Example.Kind.FINAL, label, null, event.weight(),
                new Example.Source(topic, event.at().partition(), event.at().offset()), event.time(), event.time());
        return sampling == null ? whole : sampling.sampled(id, whole);
    }
}
