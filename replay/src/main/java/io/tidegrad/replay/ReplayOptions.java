package io.tidegrad.replay;

import io.tidegrad.control.LogPosition;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.KafkaSettings;
import io.tidegrad.schemas.settings.RegistrySettings;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// What to replay, from where and to where.
///
/// @param kafka that holds the log of record
/// @param prefix of our topics; `tidegrad` unless configured otherwise
/// @param model whose registered spec, log and start are used; nothing of the trainer's state is learned from
/// @param from where the replay begins, with a fresh model
/// @param until where it stops
/// @param spec to learn by in place of the registered one; null for that. Its input topic is the log
/// @param keep the result becomes a model of its own, under the name that the spec gives
/// @param catchUp goes on until little is left between what is learned and the log's present end
/// @param compareWith a registered model that learns the same events beside; empty for none
/// @param replication of topics that are created when the result is kept, -1 for the broker's default
/// @param deadLetterRetention of the dead-letter topic if it is created, ms; -1 for ever
/// @param kernels with which to learn: any choice gives the same bits
public record ReplayOptions(KafkaSettings kafka, RegistrySettings registry, String prefix, String model,
        LogPosition from, LogPosition until, @Nullable ModelSpec spec, boolean keep, boolean catchUp,
        String compareWith, short replication, long deadLetterRetention, Kernels kernels) {
    public static final long TO_END = -1;

    public ReplayOptions {
        Objects.requireNonNull(kernels);
        if (keep && spec == null) {
            throw new IllegalArgumentException("what is kept needs a spec with a name of its own");
        }
    }

    /// The registered model again, from its beginning.
    ///
    /// @param toOffset exclusive; `TO_END` for every record visible when the replay starts
    public ReplayOptions(KafkaSettings kafka, RegistrySettings registry, String prefix, String model, long toOffset,
            Kernels kernels) {
        this(kafka, registry, prefix, model, new LogPosition.Begin(),
                toOffset == TO_END ? new LogPosition.End() : new LogPosition.Offset(checked(toOffset)), null, false,
                false, "", (short) -1, -1, kernels);
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
