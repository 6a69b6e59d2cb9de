package io.tidegrad.scorerapp.topic;

import io.tidegrad.model.feature.Event;
import io.tidegrad.scorer.Predictions;
import io.tidegrad.scorer.ServedModel;
import io.tidegrad.scorer.Stages;
import java.util.List;
import java.util.function.Function;

/// Hears what live models have answered, so that shadows can score the same. Must not wait.
@FunctionalInterface
public interface AnsweredHere {
    /// @param asked the name
    /// @param by the version that answered
    /// @param events the same ones, read for another version; asked for later, by another thread
    /// @param bytes about what `events` holds in memory
    void answered(Stages asked, ServedModel by, Predictions predictions, Function<ServedModel, List<Event>> events,
            int bytes);
}
