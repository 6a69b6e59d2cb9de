package io.tidegrad.scorer;

import io.tidegrad.localstack.BrokerOptions;
import io.tidegrad.localstack.EmbeddedBroker;
import java.util.Map;
import java.util.UUID;

/// One broker for all tests of a JVM; each takes a model name, and so a topic, of its own.
public final class TestBroker {
    private TestBroker() {}

    public static String bootstrapServers() {
        return Holder.BROKER.bootstrapServers();
    }

    public static String newModelName() {
        return "flights-" + UUID.randomUUID();
    }

    static ScorerOptions options(String model) {
        return ScorerOptions.of(model, Map.of("bootstrap.servers", bootstrapServers()));
    }

    private static final class Holder {
        static final EmbeddedBroker BROKER = start();

        private static EmbeddedBroker start() {
            EmbeddedBroker broker = EmbeddedBroker.start(BrokerOptions.temporary());
            Runtime.getRuntime().addShutdownHook(new Thread(broker::close, "stop-test-broker"));
            return broker;
        }
    }
}
