package io.tidegrad.localstack;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// How to run Kafka and the schema registry together.
///
/// @param directory      keeps events, schemas and ids from run to run; null: temporary
/// @param kafkaPort      0: any free one
/// @param registryPort   0: any free one
/// @param nodes          Kafka nodes: 1 or 3
/// @param kafkaAsChild   each node in a JVM of its own instead of in this process
/// @param doors further listeners of Kafka: see [BrokerOptions]
/// @param brokerSettings broker settings that override ours, by their Kafka names
/// @param kafkaRelease   the jars of another Kafka release, whose nodes are children: see [BrokerOptions]
public record LocalStackOptions(@Nullable Path directory, int kafkaPort, int registryPort, int nodes,
        boolean kafkaAsChild, Map<String, List<Integer>> doors, Map<String, String> brokerSettings,
        @Nullable Path kafkaRelease) {
    /// Options for tests: one node in this process, temporary data, any ports.
    public static LocalStackOptions temporary() {
        return new LocalStackOptions(null, 0, 0, 1, false, Map.of(), Map.of(), null);
    }

    /// Options for one node in this process that keeps its data in `directory`, on any ports.
    public static LocalStackOptions in(Path directory) {
        return new LocalStackOptions(directory, 0, 0, 1, false, Map.of(), Map.of(), null);
    }

    public LocalStackOptions withPorts(int kafka, int registry) {
        return new LocalStackOptions(directory, kafka, registry, nodes, kafkaAsChild, doors, brokerSettings,
                kafkaRelease);
    }

    public LocalStackOptions withNodes(int nodes) {
        return new LocalStackOptions(directory, kafkaPort, registryPort, nodes, kafkaAsChild, doors, brokerSettings,
                kafkaRelease);
    }

    public LocalStackOptions withKafkaAsChild() {
        return new LocalStackOptions(directory, kafkaPort, registryPort, nodes, true, doors, brokerSettings,
                kafkaRelease);
    }

    public LocalStackOptions withDoors(Map<String, List<Integer>> doors) {
        return new LocalStackOptions(directory, kafkaPort, registryPort, nodes, kafkaAsChild, doors, brokerSettings,
                kafkaRelease);
    }

    public LocalStackOptions withBrokerSettings(Map<String, String> settings) {
        return new LocalStackOptions(directory, kafkaPort, registryPort, nodes, kafkaAsChild, doors, settings,
                kafkaRelease);
    }

    public LocalStackOptions withKafkaRelease(Path release) {
        return new LocalStackOptions(directory, kafkaPort, registryPort, nodes, true, doors, brokerSettings, release);
    }

    BrokerOptions broker() {
        Path data = directory == null ? null : directory.resolve("kafka");
        return new BrokerOptions(nodes, data, kafkaPort, brokerSettings, doors, null, kafkaRelease);
    }

    RegistryOptions registry() {
        Path data = directory == null ? null : directory.resolve("registry");
        return new RegistryOptions(data, registryPort);
    }
}
