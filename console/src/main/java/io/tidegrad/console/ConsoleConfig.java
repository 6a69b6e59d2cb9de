package io.tidegrad.console;

import io.tidegrad.ops.http.FileDescriptors;
import io.tidegrad.ops.security.ServerSecurity;
import io.tidegrad.ops.settings.CommonSettings;
import io.tidegrad.ops.settings.Settings;
import io.tidegrad.ops.settings.SettingsException;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.KafkaSettings;
import io.tidegrad.schemas.settings.RegistrySettings;

/// All settings of a console.
///
/// @param httpPort 0 for any free port
/// @param security of the HTTP server
public record ConsoleConfig(KafkaSettings kafka, RegistrySettings registry, Topics topics, String httpHost,
        int httpPort, ServerSecurity security) {
    /// @throws SettingsException with every mistake
    static ConsoleConfig of(Settings settings) {
        FileDescriptors.tooFew(ConsoleServer.CONNECTIONS_MAX, "").ifPresent(settings::problem);
        ServerSecurity security = ServerSecurity.of(settings);
        settings.refuseMistakes();
        security.warnOfStrangers(settings.text(CommonSettings.HTTP_HOST));
        return new ConsoleConfig(settings.kafka(), settings.registry(),
                new Topics(settings.text(CommonSettings.PREFIX)), settings.text(CommonSettings.HTTP_HOST),
                settings.number(CommonSettings.HTTP_PORT), security);
    }
}
