package io.tidegrad.localstack;

final class LocalStackContractTest extends KafkaProviderContractTest {
    @Override
    KafkaProvider kafka() {
        return SharedStack.get();
    }
}
