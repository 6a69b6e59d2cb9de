package io.tidegrad.localstack;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidegrad.proof.LongProof;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@LongProof("three stacks, one after the other")
final class LocalStackTest {
    @TempDir
    Path directory;

    @Test
    void eventsSchemasAndIdsAreStillThereAfterARestart() throws Exception {
        int id;
        try (LocalStack stack = LocalStack.start(LocalStackOptions.in(directory))) {
            Clients.createTopic(stack.bootstrapServers(), "numbers", 1);
            try (var producer = Clients.transactionalProducer(stack.bootstrapServers(), "restart")) {
                producer.initTransactions();
                Clients.commit(producer, "numbers", 0, 100);
            }
            id = Rest.register(stack.registryUrl(), "numbers-value", "First");
            Rest.register(stack.registryUrl(), "others-value", "Second");
        }
        try (LocalStack stack = LocalStack.start(LocalStackOptions.in(directory))) {
            assertThat(Clients.readCommitted(stack.bootstrapServers(), "numbers")).isEqualTo(Clients.values(0, 100));
            assertThat(Rest.schemaById(stack.registryUrl(), id)).contains("First");
        }
    }

    @Test
    void aDirectoryInUseIsRefusedInOneLine() {
        try (LocalStack stack = LocalStack.start(LocalStackOptions.in(directory))) {
            assertThat(stack.bootstrapServers()).startsWith("127.0.0.1:");
            assertThatThrownBy(() -> LocalStack.start(LocalStackOptions.in(directory)))
                    .isInstanceOf(LocalStackException.class).hasMessageContaining(directory.toString())
                    .hasMessageContaining("use another directory").hasMessageNotContaining("\n");
        }
    }

    @Test
    void aPortInUseIsNamedWithTheOptionThatChangesIt() throws Exception {
        try (var taken = new java.net.ServerSocket(0, 1, Ports.loopback())) {
            int port = taken.getLocalPort();
            assertThatThrownBy(() -> LocalStack.start(LocalStackOptions.temporary().withPorts(port, 0)))
                    .isInstanceOf(LocalStackException.class).hasMessageContaining("port " + port)
                    .hasMessageContaining("--kafka-port");
            assertThatThrownBy(() -> RegistryProcess.start(RegistryOptions.temporary().withPort(port)))
                    .isInstanceOf(LocalStackException.class).hasMessageContaining("port " + port)
                    .hasMessageContaining("--registry-port");
        }
    }
}
