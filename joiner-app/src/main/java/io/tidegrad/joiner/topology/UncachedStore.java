package io.tidegrad.joiner.topology;

import java.util.Map;
import java.util.function.Supplier;
import org.apache.kafka.streams.processor.StateStore;
import org.apache.kafka.streams.state.StoreBuilder;

/// Builds a state store of our own. It has no cache of Kafka Streams, and whether it has a changelog is not for others to
/// change.
record UncachedStore<S extends StateStore>(String name, boolean loggingEnabled, Map<String, String> logConfig,
        Supplier<S> store) implements StoreBuilder<S> {
    @Override
    public StoreBuilder<S> withCachingEnabled() {
        throw new UnsupportedOperationException("the store " + name + " has no cache");
    }

    @Override
    public StoreBuilder<S> withCachingDisabled() {
        return this;
    }

    @Override
    public StoreBuilder<S> withLoggingEnabled(Map<String, String> config) {
        if (!loggingEnabled) {
            throw new UnsupportedOperationException("the store " + name + " has nothing to log");
        }
        return new UncachedStore<>(name, true, config, store);
    }

    @Override
    public StoreBuilder<S> withLoggingDisabled() {
        if (loggingEnabled) {
            throw new UnsupportedOperationException("what the store " + name + " has is nowhere else");
        }
        return this;
    }

    @Override
    public S build() {
        return store.get();
    }
}
