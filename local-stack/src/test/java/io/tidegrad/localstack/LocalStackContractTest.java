package io.tidegrad.localstack;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.config.ConfigResource;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

/// A stack of its own: the one that all tests share is made by the last build, not by these sources.
final class LocalStackContractTest extends KafkaProviderContractTest {
    private static final LocalStack STACK = LocalStack.start(LocalStackOptions.temporary());

    @Override
    KafkaProvider kafka() {
        return STACK;
    }

    @Test
    void anEventOfLongAgoIsNotDeletedForItsTime() throws Exception {
        Clients.createTopic(STACK.bootstrapServers(), "replayed", 1);
        ConfigResource topic = new ConfigResource(ConfigResource.Type.TOPIC, "replayed");
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", STACK.bootstrapServers()))) {
            var settings = Objects.requireNonNull(admin.describeConfigs(List.of(topic)).all().get().get(topic));
            assertThat(settings.get("retention.ms").value()).isEqualTo("-1");
        }
    }

    @AfterAll
    static void close() {
        STACK.close();
    }
}
