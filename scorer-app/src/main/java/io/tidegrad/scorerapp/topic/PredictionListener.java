package io.tidegrad.scorerapp.topic;

import io.tidegrad.model.feature.Event;
import io.tidegrad.scorer.Predictions;
import io.tidegrad.scorer.ServedVersion;
import io.tidegrad.scorer.ModelRouter;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// Hears the predictions of live models, so that shadows can score the same events. It must not block.
@FunctionalInterface
public interface PredictionListener {
    /// @param asked router of the name
    /// @param by version that made the predictions
    /// @param events returns the same events, read for another version, or null if its events are in another format;
    ///     called later, always by the same thread
    /// @param bytes approximate memory that `events` holds
    void scored(ModelRouter asked, ServedVersion by, Predictions predictions,
            Function<ServedVersion, @Nullable List<Event>> events, int bytes);
}
