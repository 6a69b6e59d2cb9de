package io.tidegrad.localstack;

import org.junit.jupiter.api.AfterAll;

/// A stack of its own: the one that all tests share is made by the last build, not by these sources.
final class LocalStackContractTest extends KafkaProviderContractTest {
    private static final LocalStack STACK = LocalStack.start(LocalStackOptions.temporary());

    @Override
    KafkaProvider kafka() {
        return STACK;
    }

    @AfterAll
    static void close() {
        STACK.close();
    }
}
