package io.tidegrad.trainer;

import io.tidegrad.model.snapshot.ManifestKeys;
import io.tidegrad.model.snapshot.PartCompression;
import io.tidegrad.model.snapshot.PublishedSnapshot;
import io.tidegrad.ops.http.FileDescriptors;
import io.tidegrad.schemas.settings.Command;
import io.tidegrad.schemas.settings.KafkaSettings;
import io.tidegrad.schemas.settings.RegistrySettings;
import io.tidegrad.schemas.settings.Setting;
import io.tidegrad.schemas.settings.Settings;
import io.tidegrad.schemas.settings.SettingsException;
import io.tidegrad.trainer.publish.RetentionLadder;
import io.tidegrad.trainer.store.StoreKind;
import java.nio.file.Path;
import java.security.PrivateKey;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Everything a trainer is told.
///
/// @param models whose spec is registered already
/// @param allModels whether every registered model is learned, and those that are created later
/// @param failFast whether the process ends with the first model that can't go on
/// @param httpPort 0 for any free one
/// @param ladder snapshots that stay on the topic
/// @param snapshotDeltas between two full snapshots, at most
/// @param snapshotForm how they are written
/// @param store how models are kept; null when the trainer chooses
/// @param storeBytesPerSecond to a model's changelog, at most
/// @param redoGoal how long a restart may learn again
/// @param standbyReplicas other trainers that keep a warm copy of each model
/// @param replication of topics we create, -1 for the broker's default
/// @param deadLetterRetention of the dead-letter topic when we create it, ms; -1 for ever
public record TrainerConfig(KafkaSettings kafka, RegistrySettings registry, String prefix, Path stateDir,
        List<Path> specs, List<String> models, boolean allModels, boolean failFast, String httpHost, int httpPort,
        RetentionLadder ladder, int snapshotDeltas, PublishedSnapshot.Form snapshotForm, @Nullable StoreKind store,
        long storeBytesPerSecond, Duration redoGoal, int standbyReplicas, short replication, long deadLetterRetention) {
    public TrainerConfig {
        specs = List.copyOf(specs);
        models = List.copyOf(models);
    }

    /// @throws SettingsException with every mistake
    public static TrainerConfig parse(List<String> arguments, Map<String, String> environment) {
        return of(Settings.read(Command.TRAINER, arguments, environment));
    }

    /// @throws SettingsException with every mistake
    static TrainerConfig of(Settings settings) {
        List<String> specs = settings.list(Setting.SPEC);
        List<String> models = settings.list(Setting.MODEL);
        if (specs.isEmpty() && models.isEmpty() && !settings.flag(Setting.ALL_MODELS)) {
            settings.problem("expected at least one --spec FILE or --model NAME, or --all-models, found none");
        }
        return of(settings, specs.stream().map(Path::of).toList(), models);
    }

    /// As the settings say, of these models.
    ///
    /// @param settings of a command that has the trainer's
    /// @throws SettingsException with every mistake
    public static TrainerConfig of(Settings settings, List<Path> specs, List<String> models) {
        PrivateKey key = privateKey(settings);
        FileDescriptors.tooFew(OperationsServer.CONNECTIONS_MAX, "").ifPresent(settings::problem);
        settings.refuseMistakes();
        return new TrainerConfig(settings.kafka(), settings.registry(), settings.text(Setting.PREFIX),
                Path.of(settings.text(Setting.STATE_DIR)), specs, models, settings.flag(Setting.ALL_MODELS),
                settings.flag(Setting.FAIL_FAST), settings.text(Setting.HTTP_HOST), settings.number(Setting.HTTP_PORT),
                new RetentionLadder(settings.number(Setting.KEEP_SNAPSHOTS), settings
                        .number(Setting.KEEP_HOURLY), settings.number(Setting.KEEP_DAILY)),
                settings.number(Setting.SNAPSHOT_DELTAS),
                new PublishedSnapshot.Form(settings.text(Setting.SNAPSHOT_COMPRESSION).equals("zstd")
                        ? PartCompression.ZSTD : PartCompression.NONE, key),
                kind(settings.text(Setting.STORE)), settings.number(Setting.STORE_BYTES_PER_SECOND),
                Duration.ofSeconds(settings.number(Setting.REDO_SECONDS)), settings.number(Setting.STANDBY_REPLICAS),
                (short) settings.numberIfGiven(Setting.REPLICATION).orElse(-1),
                settings.retentionMillis(Setting.DEAD_LETTER_RETENTION));
    }

    private static @Nullable StoreKind kind(String word) {
        for (StoreKind kind : StoreKind.values()) {
            if (kind.word().equals(word)) {
                return kind;
            }
        }
        return null; // auto
    }

    private static @Nullable PrivateKey privateKey(Settings settings) {
        String file = settings.text(Setting.SNAPSHOT_PRIVATE_KEY);
        if (file.isEmpty()) {
            return null;
        }
        try {
            return ManifestKeys.privateKey(Path.of(file));
        } catch (IllegalArgumentException e) {
            settings.problem(Setting.SNAPSHOT_PRIVATE_KEY.key() + ": " + e.getMessage());
            return null;
        }
    }
}
