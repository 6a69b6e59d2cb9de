package io.tidegrad.schemas;

import java.util.function.Supplier;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.common.errors.InvalidConfigurationException;

/// How Kafka's clients are opened, wherever they are.
public final class KafkaClients {
    private KafkaClients() {}

    /// An address that does not resolve may do so in a moment; all else that keeps a client from being made lies in the
    /// settings, and trying again gives the same.
    ///
    /// @throws InvalidConfigurationException the settings are wrong; names the innermost cause
    /// @throws KafkaException it may go another time
    public static <T> T open(Supplier<T> open) {
        try {
            return open.get();
        } catch (KafkaException e) {
            Throwable root = e;
            while (root.getCause() != null) {
                root = root.getCause();
            }
            throw root instanceof ConfigException ? e
                    : new InvalidConfigurationException(root.getClass().getSimpleName() + ": " + root.getMessage());
        }
    }
}
