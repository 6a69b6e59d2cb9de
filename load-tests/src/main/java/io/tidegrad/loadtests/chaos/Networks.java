package io.tidegrad.loadtests.chaos;

import io.tidegrad.localstack.LocalStack;
import io.tidegrad.localstack.TcpRelay;
import java.net.URI;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/// The networks of a chaos run: between trainers and brokers, scorers and brokers (a relay for each broker), and
/// trainers and the registry. They are there before anything they lead to is.
record Networks(List<TcpRelay> trainers, List<TcpRelay> scorers, TcpRelay registry) implements AutoCloseable {
    /// Doors of the brokers.
    static final String TRAINERS = "TRAINERS";

    static final String SCORERS = "SCORERS";

    Networks(int nodes) {
        this(relays(nodes), relays(nodes), TcpRelay.start());
    }

    private static List<TcpRelay> relays(int nodes) {
        return Stream.generate(TcpRelay::startForKafka).limit(nodes).toList();
    }

    /// For the brokers: which ports they send whom to.
    Map<String, List<Integer>> doors() {
        return Map.of(TRAINERS, ports(trainers), SCORERS, ports(scorers));
    }

    private static List<Integer> ports(List<TcpRelay> relays) {
        return relays.stream().map(TcpRelay::port).toList();
    }

    /// Lets them lead there.
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
