package io.tidegrad.ops.settings;

import io.tidegrad.schemas.settings.RegistrySettings;
import java.util.Locale;
import java.util.regex.Pattern;

/// What is never printed.
final class Secrets {
    static final String MASK = "***";

    private static final Pattern NAME =
            Pattern.compile("password|secret|jaas|credential|token|passphrase|user\\.info|\\.key$");

    private Secrets() {}

    /// @param key with its prefix: `kafka.sasl.jaas.config`
    static boolean isSecret(String key) {
        if (key.startsWith(Settings.KAFKA) && KafkaRules.isPassword(key.substring(Settings.KAFKA.length()))) {
            return true;
        }
        return !key.equals("registry.basic.auth.credentials.source")
                && NAME.matcher(key.toLowerCase(Locale.ROOT)).find();
    }

    /// The value for people: a secret masked, and of a URL its user and password.
    static String shown(String key, String value) {
        return isSecret(key) ? MASK : RegistrySettings.masked(value);
    }
}
