package io.tidegrad.trainer.replay;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.schemas.settings.KafkaSettings;
import io.tidegrad.schemas.settings.RegistrySettings;
import io.tidegrad.schemas.settings.Setting;
import io.tidegrad.schemas.settings.Settings;
import io.tidegrad.schemas.settings.SettingsException;
import java.util.List;
import java.util.Objects;

/// What to replay, and to where.
///
/// @param kafka that holds the log of record
/// @param prefix of our topics; `tidegrad` unless configured otherwise
/// @param model whose registered spec and start offset are used; nothing of the trainer's state is read
/// @param toOffset exclusive; `TO_END` for every record visible when the replay starts
/// @param kernels with which to learn: any choice gives the same bits
public record ReplayOptions(
        KafkaSettings kafka,
        RegistrySettings registry,
        String prefix,
        String model,
        long toOffset,
        Kernels kernels) {
    public static final long TO_END = -1;

    public ReplayOptions {
        Objects.requireNonNull(kernels);
        if (toOffset < TO_END) {
            throw new IllegalArgumentException(
                    "toOffset is an exclusive offset or TO_END (-1), found " + toOffset);
        }
    }

    /// @throws SettingsException with every mistake
    public static ReplayOptions of(Settings settings, Kernels kernels) {
        List<String> models = settings.list(Setting.MODEL);
        if (models.size() > 1) {
            settings.problem("--model: expected one to replay, found " + String.join(", ", models));
        }
        settings.refuseMistakes();
        return new ReplayOptions(
                settings.kafka(),
                settings.registry(),
                settings.text(Setting.PREFIX),
                models.getFirst(),
                settings.numberIfGiven(Setting.UNTIL).orElse(TO_END),
                kernels);
    }
}
