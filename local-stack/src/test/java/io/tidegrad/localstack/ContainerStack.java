package io.tidegrad.localstack;

import org.testcontainers.DockerClientFactory;
import org.testcontainers.kafka.KafkaContainer;
import org.testcontainers.utility.DockerImageName;

/// Kafka in a container, by Testcontainers, in KRaft mode; the registry is the one of [LocalStack]. The image is that
/// of the Kafka version we build against, unless the system property `tidegrad.kafka.image` names another.
final class ContainerStack implements KafkaProvider {
    private static final String IMAGE = System.getProperty("tidegrad.kafka.image", "apache/kafka:4.3.1");

    private final KafkaContainer kafka;
    private final RegistryProcess registry;

    private ContainerStack(KafkaContainer kafka, RegistryProcess registry) {
        this.kafka = kafka;
        this.registry = registry;
    }

    /// Whether there is a Docker API to start it with.
    static boolean isAvailable() {
        return DockerClientFactory.instance().isDockerAvailable();
    }

    static ContainerStack start() {
        KafkaContainer kafka =
                new KafkaContainer(DockerImageName.parse(IMAGE).asCompatibleSubstituteFor("apache/kafka"));
        kafka.start();
        try {
            return new ContainerStack(kafka, RegistryProcess.start(RegistryOptions.temporary()));
        } catch (RuntimeException e) {
            kafka.stop();
            throw e;
        }
    }

    @Override
    public String bootstrapServers() {
        return kafka.getBootstrapServers();
    }

    @Override
    public String registryUrl() {
        return registry.url();
    }

    @Override
    public void close() {
        try {
            registry.close();
        } finally {
            kafka.stop();
        }
    }
}
