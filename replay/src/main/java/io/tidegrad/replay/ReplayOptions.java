package io.tidegrad.replay;

import io.tidegrad.control.LogPosition;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.KafkaSettings;
import io.tidegrad.schemas.settings.RegistrySettings;
import io.tidegrad.trainer.Publishing;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// What to replay, from where and to where.
///
/// @param kafka where the log of record is
/// @param prefix of our topics
/// @param model the registered model, whose spec, log and start are used
/// @param from where the replay begins, with a new model
/// @param until where it stops
/// @param spec to learn in place of the registered one, from the same topic; null for the registered one
/// @param keep how the result becomes a model of its own, under the name that the spec gives; null if it does not
/// @param catchUp whether to go on until little is left to the log's present end
/// @param compareWith a registered model that learns the same events for comparison; empty for none
/// @param kernels any choice gives the same bits
/// @param workers how many threads share each step; 0: as the spec says; any number gives the same bits
public record ReplayOptions(KafkaSettings kafka, RegistrySettings registry, String prefix, String model,
        LogPosition from, LogPosition until, @Nullable ModelSpec spec, @Nullable Keep keep, boolean catchUp,
        String compareWith, Kernels kernels, int workers) {
    /// How the result is kept.
    ///
    /// @param resumeAt where the model goes on; null for where the replay ended
    /// @param paused whether the model stays paused
    public record Keep(Publishing publishing, @Nullable LogPosition resumeAt, boolean paused) {
    }

    public ReplayOptions {
        Objects.requireNonNull(kernels);
        if (keep != null && spec == null) {
            throw new IllegalArgumentException("what is kept needs a spec with a name of its own");
        }
    }

    Topics topics() {
        return new Topics(prefix);
    }
}
