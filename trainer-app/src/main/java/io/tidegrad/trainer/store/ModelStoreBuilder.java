package io.tidegrad.trainer.store;

import io.tidegrad.schemas.Topics;
import java.util.Map;
import java.util.function.Supplier;
import org.apache.kafka.streams.state.StoreBuilder;

/// Gives Kafka Streams its `ModelStore`s, one for each task. They are always logged and never cached by Streams.
public final class ModelStoreBuilder implements StoreBuilder<ModelStore> {
    private final Supplier<ModelStore> stores;
    private final Map<String, String> changelogSettings;

    public ModelStoreBuilder(Supplier<ModelStore> stores, Map<String, String> changelogSettings) {
        this.stores = stores;
        this.changelogSettings = Map.copyOf(changelogSettings);
    }

    @Override
    public ModelStore build() {
        return stores.get();
    }

    @Override
    public String name() {
        return Topics.MODEL_STORE;
    }

    @Override
    public boolean loggingEnabled() {
        return true;
    }

    @Override
    public Map<String, String> logConfig() {
        return changelogSettings;
    }

    @Override
    public StoreBuilder<ModelStore> withLoggingEnabled(Map<String, String> config) {
        return new ModelStoreBuilder(stores, config);
    }

    @Override
    public StoreBuilder<ModelStore> withLoggingDisabled() {
        throw new UnsupportedOperationException("a model without a changelog would be lost at the first restart");
    }

    @Override
    public StoreBuilder<ModelStore> withCachingEnabled() {
        throw new UnsupportedOperationException("the model store writes its own changes before each commit");
    }

    @Override
    public StoreBuilder<ModelStore> withCachingDisabled() {
        return this;
    }
}
