package io.tidegrad.scorerapp.topic;

import io.tidegrad.model.feature.Event;
import io.tidegrad.scorer.Predictions;
import io.tidegrad.scorer.ServedVersion;
import io.tidegrad.scorer.ModelRouter;
import java.util.List;
import java.util.function.Function;

/// Hears what live models have answered, so that shadows can score the same. Must not wait.
@FunctionalInterface
public interface PredictionListener {
    /// @param asked the name
    /// @param by the version that answered
    /// @param events the same ones, read for another version; asked for later, by another thread
    /// @param bytes about what `events` holds in memory
    void scored(ModelRouter asked, ServedVersion by, Predictions predictions,
            Function<ServedVersion, List<Event>> events, int bytes);
}
