package io.tidegrad.trainer;

import io.tidegrad.model.snapshot.ManifestKeys;
import io.tidegrad.model.snapshot.PartCompression;
import io.tidegrad.model.snapshot.PublishedSnapshot;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.ops.http.FileDescriptors;
import io.tidegrad.ops.security.ServerSecurity;
import io.tidegrad.ops.settings.Commands;
import io.tidegrad.ops.settings.CommonSettings;
import io.tidegrad.ops.settings.Settings;
import io.tidegrad.ops.settings.SettingsException;
import io.tidegrad.process.OperationsServer;
import io.tidegrad.schemas.settings.KafkaSettings;
import io.tidegrad.schemas.settings.RegistrySettings;
import io.tidegrad.trainer.publish.RetentionLadder;
import io.tidegrad.trainer.store.StoreKind;
import java.nio.file.Path;
import java.security.PrivateKey;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/// All settings of a trainer.
///
/// @param models names of registered models to learn
/// @param allModels whether every registered model is learned, and each that is registered later
/// @param failFast whether the process ends with the first model that can't go on
/// @param workers threads that share each step of a model, the learning one included; 0: as its spec says
/// @param httpPort 0 for any free port
/// @param security of the HTTP server
/// @param keep which snapshots stay on the topic, where that is not as a spec says
/// @param snapshotDeltas the most deltas between two full snapshots
/// @param store how models are kept; null if the trainer chooses
/// @param storeBytesPerSecond the most bytes that are written to a model's changelog in a second
/// @param redoGoal how long a restart may learn again
/// @param freshness how long few events, or those of a backlog, may wait for their commit
/// @param standbyReplicas how many other trainers keep a copy of each model
/// @param replication replication factor of topics that are created; -1 for the brokers' default
/// @param deadLetterRetention retention of the dead-letter topic if it is created, in ms; -1 for ever
public record TrainerConfig(KafkaSettings kafka, RegistrySettings registry, String prefix, Path stateDir,
        List<Path> specs, List<String> models, boolean allModels, boolean failFast, int workers, String httpHost,
        int httpPort, ServerSecurity security, Keep keep, int snapshotDeltas, PublishedSnapshot.Form snapshotForm,
        @Nullable StoreKind store, long storeBytesPerSecond, Duration redoGoal, Duration freshness, int standbyReplicas,
        short replication, long deadLetterRetention) {
    /// What the operator of this process says in place of the specs of its models.
    public record Keep(OptionalLong newest, OptionalLong hourly, OptionalLong daily) {
        RetentionLadder ladder(ModelSpec spec) {
            ModelSpec.Keep keep = spec.publish().keep();
            return new RetentionLadder((int) newest.orElse(keep.newest()), (int) hourly.orElse(keep.hourly()),
                    (int) daily.orElse(keep.daily()));
        }
    }

    public TrainerConfig {
        specs = List.copyOf(specs);
        models = List.copyOf(models);
    }

    /// @throws SettingsException with every mistake
    public static TrainerConfig parse(List<String> arguments, Map<String, String> environment) {
        return of(Settings.read(TrainerSettings.TRAINER, Commands.of(TrainerSettings.TRAINER), arguments, environment));
    }

    /// @throws SettingsException with every mistake
    static TrainerConfig of(Settings settings) {
        List<String> specs = settings.list(CommonSettings.SPEC);
        List<String> models = settings.list(CommonSettings.MODEL);
        if (specs.isEmpty() && models.isEmpty() && !settings.flag(TrainerSettings.ALL_MODELS)) {
            settings.problem("expected at least one --spec FILE or --model NAME, or --all-models, found none");
        }
        return of(settings, specs.stream().map(Path::of).toList(), models);
    }

    /// Makes the configuration for these models.
    ///
    /// @param settings of a command that has the trainer's settings
    /// @throws SettingsException with every mistake
    public static TrainerConfig of(Settings settings, List<Path> specs, List<String> models) {
        PublishedSnapshot.Form form = snapshotForm(settings);
        FileDescriptors.tooFew(OperationsServer.CONNECTIONS_MAX, "").ifPresent(settings::problem);
        ServerSecurity security = ServerSecurity.of(settings);
        settings.refuseMistakes();
        security.warnOfStrangers(settings.text(CommonSettings.HTTP_HOST));
        return new TrainerConfig(settings.kafka(), settings.registry(), settings.text(CommonSettings.PREFIX),
                Path.of(settings.text(CommonSettings.STATE_DIR)), specs, models,
                settings.flag(TrainerSettings.ALL_MODELS), settings.flag(TrainerSettings.FAIL_FAST),
                settings.number(TrainerSettings.WORKERS), settings.text(CommonSettings.HTTP_HOST),
                settings.number(CommonSettings.HTTP_PORT), security,
                new Keep(settings.numberIfGiven(TrainerSettings.KEEP_SNAPSHOTS),
                        settings.numberIfGiven(TrainerSettings.KEEP_HOURLY),
                        settings.numberIfGiven(TrainerSettings.KEEP_DAILY)),
                settings.number(TrainerSettings.SNAPSHOT_DELTAS), form, kind(settings.text(TrainerSettings.STORE)),
                settings.number(TrainerSettings.STORE_BYTES_PER_SECOND),
                Duration.ofSeconds(settings.number(TrainerSettings.REDO_SECONDS)),
                settings.duration(TrainerSettings.FRESHNESS), settings.number(CommonSettings.STANDBY_REPLICAS),
                (short) settings.numberIfGiven(CommonSettings.REPLICATION).orElse(-1),
                settings.retentionMillis(CommonSettings.DEAD_LETTER_RETENTION));
    }

    /// Returns how the settings say that snapshots are encoded, and notes a key that can't be read.
    public static PublishedSnapshot.Form snapshotForm(Settings settings) {
        PrivateKey key = settings.file(TrainerSettings.SNAPSHOT_PRIVATE_KEY, ManifestKeys::privateKey);
        return new PublishedSnapshot.Form(settings.text(TrainerSettings.SNAPSHOT_COMPRESSION).equals("zstd")
                ? PartCompression.ZSTD : PartCompression.NONE, key);
    }

    private static @Nullable StoreKind kind(String word) {
        for (StoreKind kind : StoreKind.values()) {
            if (kind.word().equals(word)) {
                return kind;
            }
        }
        return null; // auto
    }
}
