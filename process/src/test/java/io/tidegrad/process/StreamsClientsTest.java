package io.tidegrad.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidegrad.schemas.settings.KafkaSettings;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.processor.internals.DefaultKafkaClientSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StreamsClientsTest {
    @TempDir
    Path directory;

    private KafkaStreams streams(Map<String, String> client) {
        StreamsBuilder builder = new StreamsBuilder();
        builder.table("events", Materialized.as("entries"));
        Topology topology = builder.build();
        Properties settings = new Properties();
        settings.putAll(StreamsClients.common("p-payments-1-join", directory, "joiner-1",
                KafkaSettings.of("127.0.0.1:9092"), Duration.ofMillis(100), 0));
        settings.putAll(client);
        return StreamsClients.streams(topology, settings, new DefaultKafkaClientSupplier());
    }

    @Test
    void whatCouldNotBeginLeavesTheStateDirectoryToTheNextTry() {
        Map<String, String> beingReplaced = Map.of("security.protocol", "SSL", "ssl.truststore.type", "PEM",
                "ssl.truststore.location", directory.resolve("ca.pem").toString());
        assertThatThrownBy(() -> streams(beingReplaced)).isInstanceOf(KafkaException.class)
                .hasStackTraceContaining("ca.pem");
        try (KafkaStreams second = streams(Map.of())) {
            assertThatThrownBy(() -> streams(Map.of())).isInstanceOf(StopException.class)
                    .hasMessageContaining("is used by another process");
            assertThat(second.state()).isEqualTo(KafkaStreams.State.CREATED);
        }
    }
}
