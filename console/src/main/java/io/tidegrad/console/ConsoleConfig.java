package io.tidegrad.console;

import io.tidegrad.ops.http.FileDescriptors;
import io.tidegrad.ops.security.ServerSecurity;
import io.tidegrad.ops.settings.CommonSettings;
import io.tidegrad.ops.settings.Settings;
import io.tidegrad.ops.settings.SettingsException;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.KafkaSettings;
import io.tidegrad.schemas.settings.RegistrySettings;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// All settings of a console.
///
/// @param httpPort 0 for any free port
/// @param security of the HTTP server
/// @param shown how names of models begin that are shown; empty for all
/// @param rollback goes back to a version; null if the page decides nothing
/// @param scorer is asked about events that people make on the page; null if none is known
public record ConsoleConfig(KafkaSettings kafka, RegistrySettings registry, Topics topics, String httpHost,
        int httpPort, ServerSecurity security, List<String> shown, @Nullable Rollback rollback,
        @Nullable ScorerAddress scorer) {
    /// @param rollback makes what goes back to a version, and notes every mistake in what that needs
    /// @throws SettingsException with every mistake
    public static ConsoleConfig of(Settings settings, Function<Settings, Rollback> rollback) {
        FileDescriptors.tooFew(ConsoleServer.CONNECTIONS_MAX, "").ifPresent(settings::problem);
        ServerSecurity security = ServerSecurity.of(settings);
        boolean decides = settings.flag(ConsoleSettings.DECISIONS);
        if (decides && settings.text(CommonSettings.TOKEN_FILE).isEmpty()) {
            settings.problem(
                    "--decisions: expected --token-file beside it, found none, so that everybody who reaches the"
                            + " page could decide");
        }
        Rollback back = decides ? rollback.apply(settings) : null;
        ScorerAddress scorer = ScorerAddress.of(settings);
        settings.refuseMistakes();
        security.warnOfStrangers(settings.text(CommonSettings.HTTP_HOST));
        return new ConsoleConfig(settings.kafka(), settings.registry(),
                new Topics(settings.text(CommonSettings.PREFIX)), settings.text(CommonSettings.HTTP_HOST),
                settings.number(CommonSettings.HTTP_PORT), security, settings.list(ConsoleSettings.MODEL_PREFIX), back,
                scorer);
    }
}
