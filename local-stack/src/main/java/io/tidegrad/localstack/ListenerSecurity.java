package io.tidegrad.localstack;

import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// The security of a broker's client listener. Brokers and controllers use other listeners among themselves.
///
/// @param user the only user that may connect, by SCRAM-SHA-512; null: everybody
/// @param certificate the broker's certificate for TLS; null: no TLS
public record ListenerSecurity(@Nullable User user, @Nullable Certificate certificate) {
    static final String LISTENER = "CLIENTS";

    public record User(String name, String password) {
    }

    /// @param keyStore PKCS12, key and store under the same password
    public record Certificate(Path keyStore, String password) {
    }

    String protocol() {
        return (user == null ? "" : "SASL_") + (certificate == null ? "PLAINTEXT" : "SSL");
    }

    /// The broker settings for the client listener.
    Map<String, String> settings() {
        Map<String, String> settings = new TreeMap<>();
        String prefix = "listener.name." + LISTENER.toLowerCase(Locale.ROOT) + ".";
        if (user != null) {
            settings.put(prefix + "sasl.enabled.mechanisms", "SCRAM-SHA-512");
            settings.put(prefix + "scram-sha-512.sasl.jaas.config",
                    "org.apache.kafka.common.security.scram.ScramLoginModule required;");
        }
        if (certificate != null) {
            settings.put(prefix + "ssl.keystore.location", certificate.keyStore().toAbsolutePath().toString());
            settings.put(prefix + "ssl.keystore.type", "PKCS12");
            settings.put(prefix + "ssl.keystore.password", certificate.password());
            settings.put(prefix + "ssl.key.password", certificate.password());
        }
        return settings;
    }

    /// The arguments for `kafka-storage format --add-scram`.
    List<String> scram() {
        return user == null ? List.of()
                : List.of("SCRAM-SHA-512=[name=" + user.name() + ",password=" + user.password() + "]");
    }
}
