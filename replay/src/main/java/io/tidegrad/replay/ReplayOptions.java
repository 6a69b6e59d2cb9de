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
/// @param workers how many threads share each step; any number gives the same bits
public record ReplayOptions(KafkaSettings kafka, RegistrySettings registry, String prefix, String model,
        LogPosition from, LogPosition until, @Nullable ModelSpec spec, @Nullable Keep keep, boolean catchUp,
        String compareWith, Kernels kernels, int workers) {
    public static final long TO_END = -1;

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

    /// Makes options to learn the registered model again from its start.
    ///
    /// @param toOffset exclusive; `TO_END` for every record that is visible when the replay starts
    public ReplayOptions(KafkaSettings kafka, RegistrySettings registry, String prefix, String model, long toOffset,
            Kernels kernels) {
        this(kafka, registry, prefix, model, new LogPosition.Begin(),
                toOffset == TO_END ? new LogPosition.End() : new LogPosition.Offset(checked(toOffset)), null, null,
                false, "", kernels, 1);
    }

    private static long checked(long toOffset) {
        if (toOffset < TO_END) {
            throw new IllegalArgumentException("toOffset is an exclusive offset or TO_END (-1), found " + toOffset);
        }
        return toOffset;
    }

    Topics topics() {
        return new Topics(prefix);
    }
}
