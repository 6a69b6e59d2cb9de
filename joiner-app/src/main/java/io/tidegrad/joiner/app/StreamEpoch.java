package io.tidegrad.joiner.app;

import io.tidegrad.model.stream.StreamSpec;
import io.tidegrad.schemas.Topics;

/// An epoch of a stream that is to be joined.
///
/// @param number 1 and up; another policy of the stream is another epoch
public record StreamEpoch(StreamSpec spec, int number) {
    public String stream() {
        return spec.stream();
    }

    String applicationId(Topics topics) {
        return topics.joinerApplicationId(stream(), number);
    }

    String examples(Topics topics) {
        return topics.examples(stream(), number);
    }

    @Override
    public String toString() {
        return "stream " + stream() + ", epoch " + number;
    }
}
