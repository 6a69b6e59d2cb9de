package io.tidegrad.localstack;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;

final class ContainerStackContractTest extends KafkaProviderContractTest {
    private static @Nullable ContainerStack stack;

    @BeforeAll
    static void start() {
        if (!ContainerStack.isAvailable()) {
            Assumptions.abort("no Docker API: start Docker, or point DOCKER_HOST at podman's socket, to run"
                    + " these with Kafka in a container");
        }
        stack = ContainerStack.start();
    }

    @AfterAll
    static void stop() {
        if (stack != null) {
            stack.close();
        }
    }

    @Override
    KafkaProvider kafka() {
        return java.util.Objects.requireNonNull(stack, "started before the tests");
    }
}
