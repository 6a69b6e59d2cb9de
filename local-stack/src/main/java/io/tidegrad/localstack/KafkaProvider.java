package io.tidegrad.localstack;

/// A running Kafka and schema registry, for which integration tests are written independently of where it runs. There
/// are two providers: `LocalStack` (here) and Testcontainers (test code, if a Docker API answers).
public interface KafkaProvider extends AutoCloseable {
    String bootstrapServers();

    /// Base URL of the Confluent REST API, for `schema.registry.url`.
    String registryUrl();

    @Override
    void close();

    /// A stack that others started, and stop.
    record Elsewhere(String bootstrapServers, String registryUrl) implements KafkaProvider {
        @Override
        public void close() {
            // Whoever started it stops it.
        }
    }
}
