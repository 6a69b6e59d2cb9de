package io.tidegrad.localstack;

/// A running Kafka and schema registry, wherever it comes from: what integration tests are written against, once. Two
/// providers: `LocalStack` (here) and Testcontainers (test code, where a Docker API answers).
public interface KafkaProvider extends AutoCloseable {
    String bootstrapServers();

    /// Base URL of the Confluent REST API, for `schema.registry.url`.
    String registryUrl();

    @Override
    void close();
}
