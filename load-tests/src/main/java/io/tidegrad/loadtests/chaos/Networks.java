package io.tidegrad.loadtests.chaos;

import io.tidegrad.localstack.LocalStack;
import io.tidegrad.localstack.TcpRelay;
import java.net.URI;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/// The networks of a chaos run: between trainers and brokers, between scorers and brokers (one relay for each broker),
/// and between trainers and the registry. They exist before the processes that they lead to.
record Networks(List<TcpRelay> trainers, List<TcpRelay> scorers, TcpRelay registry) implements AutoCloseable {
    /// Names of the brokers' further listeners.
    static final String TRAINERS = "TRAINERS";

    static final String SCORERS = "SCORERS";

    Networks(int nodes) {
        this(relays(nodes), relays(nodes), TcpRelay.start());
    }

    private static List<TcpRelay> relays(int nodes) {
        return Stream.generate(TcpRelay::startForKafka).limit(nodes).toList();
    }

    /// The ports that the brokers advertise to clients of each listener.
    Map<String, List<Integer>> doors() {
        return Map.of(TRAINERS, ports(trainers), SCORERS, ports(scorers));
    }

    private static List<Integer> ports(List<TcpRelay> relays) {
        return relays.stream().map(TcpRelay::port).toList();
    }

    /// Connects them to the stack.
    void to(LocalStack stack) {
        for (int node = 0; node < trainers.size(); node++) {
            trainers.get(node).to(stack.brokers().doorPort(node, TRAINERS));
            scorers.get(node).to(stack.brokers().doorPort(node, SCORERS));
        }
        registry.to(URI.create(stack.registryUrl()).getPort());
    }

    void heal() {
        trainers.forEach(TcpRelay::heal);
        scorers.forEach(TcpRelay::heal);
        registry.heal();
    }

    @Override
    public void close() {
        trainers.forEach(TcpRelay::close);
        scorers.forEach(TcpRelay::close);
        registry.close();
    }
}
