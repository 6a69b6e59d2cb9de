package io.tidegrad.joiner.app;

import io.tidegrad.ops.http.FileDescriptors;
import io.tidegrad.ops.security.ServerSecurity;
import io.tidegrad.ops.settings.Commands;
import io.tidegrad.ops.settings.CommonSettings;
import io.tidegrad.ops.settings.Settings;
import io.tidegrad.ops.settings.SettingsException;
import io.tidegrad.process.OperationsServer;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.KafkaSettings;
import io.tidegrad.schemas.settings.RegistrySettings;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/// All settings of a joiner.
///
/// @param streams names of streams to join
/// @param allStreams whether every stream is joined, and each that is created later
/// @param httpPort 0 for any free port
/// @param security of the HTTP server
/// @param threads for each stream
/// @param standbyReplicas how many other joiners keep a copy of each task's state
/// @param replication replication factor of topics that are created; -1 for the brokers' default
/// @param deadLetterRetention retention of the dead-letter topic if it is created, in ms; -1 for ever
public record JoinerConfig(KafkaSettings kafka, RegistrySettings registry, String prefix, Path stateDir,
        List<String> streams, boolean allStreams, String httpHost, int httpPort, ServerSecurity security, int threads,
        int standbyReplicas, short replication, long deadLetterRetention) {
    public JoinerConfig {
        streams = List.copyOf(streams);
    }

    /// @throws SettingsException with every mistake
    public static JoinerConfig parse(List<String> arguments, Map<String, String> environment) {
        return of(Settings.read(JoinerSettings.JOINER, Commands.of(JoinerSettings.JOINER), arguments, environment));
    }

    /// @throws SettingsException with every mistake
    static JoinerConfig of(Settings settings) {
        List<String> streams = settings.list(CommonSettings.STREAM);
        if (streams.isEmpty() && !settings.flag(JoinerSettings.ALL_STREAMS)) {
            settings.problem("expected at least one --stream NAME, or --all-streams, found none");
        }
        FileDescriptors.tooFew(OperationsServer.CONNECTIONS_MAX, "").ifPresent(settings::problem);
        ServerSecurity security = ServerSecurity.of(settings);
        settings.refuseMistakes();
        security.warnOfStrangers(settings.text(CommonSettings.HTTP_HOST));
        return new JoinerConfig(settings.kafka(), settings.registry(), settings.text(CommonSettings.PREFIX),
                Path.of(settings.text(CommonSettings.STATE_DIR)), streams, settings.flag(JoinerSettings.ALL_STREAMS),
                settings.text(CommonSettings.HTTP_HOST), settings.number(CommonSettings.HTTP_PORT), security,
                settings.number(JoinerSettings.THREADS), settings.number(CommonSettings.STANDBY_REPLICAS),
                (short) settings.numberIfGiven(CommonSettings.REPLICATION).orElse(-1),
                settings.retentionMillis(CommonSettings.DEAD_LETTER_RETENTION));
    }

    Topics topics() {
        return new Topics(prefix);
    }
}
