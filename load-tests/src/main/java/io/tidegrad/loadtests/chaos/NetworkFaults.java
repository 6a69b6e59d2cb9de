package io.tidegrad.loadtests.chaos;

import io.tidegrad.loadtests.Await;
import io.tidegrad.localstack.TcpRelay;
import io.tidegrad.localstack.TcpRelay.Direction;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/// Faults of the networks between processes, and of the registry.
final class NetworkFaults {
    private static final Duration DELAY = Duration.ofMillis(200);
    private static final long MEGABIT_BYTES_PER_SECOND = 125_000;

    private static final double LOST_LEAST = 0.05;
    private static final double LOST_MOST = 0.3;

    /// About the size of a snapshot of the model.
    private static final int CUT_WITHIN_BYTES = 40_000;

    private static final byte[] ERROR_500 = ("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 2\r\n"
            + "Content-Type: application/json\r\nConnection: close\r\n\r\n{}").getBytes(StandardCharsets.US_ASCII);

    private NetworkFaults() {}

    /// Row 21: trainers, scorers or both can't reach the brokers, in one direction or in both; connections are refused or
    /// silent.
    static void partitioned(Episode episode) throws InterruptedException {
        Consumer<TcpRelay> cut = switch (episode.random().nextInt(4)) {
            case 0 -> TcpRelay::refuse;
            case 1 -> relay -> relay.stall(Direction.SENT);
            case 2 -> relay -> relay.stall(Direction.RECEIVED);
            default -> relay -> {
                relay.stall(Direction.SENT);
                relay.stall(Direction.RECEIVED);
            };
        };
        network(episode).forEach(cut);
        episode.pass(Duration.ofSeconds(5), Duration.ofSeconds(15));
        episode.testBed().heal();
        episode.recovers();
    }

    private static List<TcpRelay> network(Episode episode) {
        List<TcpRelay> network = new ArrayList<>();
        int who = episode.random().nextInt(3);
        if (who != 0) {
            network.addAll(episode.testBed().networks().trainers());
        }
        if (who != 1) {
            network.addAll(episode.testBed().networks().scorers());
        }
        return network;
    }

    /// Row 22: a network with latency, with little bandwidth, or with lost packets.
    static void slow(Episode episode) throws InterruptedException {
        int kind = episode.random().nextInt(3);
        double lost = episode.random().nextDouble(LOST_LEAST, LOST_MOST);
        for (TcpRelay relay : network(episode)) {
            switch (kind) {
                case 0 -> relay.delay(DELAY);
                case 1 -> relay.limit(MEGABIT_BYTES_PER_SECOND);
                default -> relay.lose(lost, episode.random().nextLong());
            }
        }
        episode.pass(Duration.ofSeconds(5), Duration.ofSeconds(10));
        episode.testBed().heal();
        episode.recovers();
    }

    /// Row 23: the scorers' connections are cut at any byte, again and again.
    static void cutInSnapshots(Episode episode) throws InterruptedException {
        World world = episode.world();
        for (int cut = 0; cut < 5; cut++) {
            List<TcpRelay> network = episode.testBed().networks().scorers();
            network.forEach(
                    relay -> relay.cutAfter(Direction.RECEIVED, 1 + episode.random().nextInt(CUT_WITHIN_BYTES)));
            episode.expect("harness",
                    Await.within(World.RECOVERS_WITHIN, () -> !network.stream().allMatch(TcpRelay::isCutDue)),
                    "expected bytes to cut in, found none");
        }
        episode.testBed().heal();
        episode.recovers();
    }

    /// Row 24: the registry is gone, silent, or answers with errors, while events of a new schema come.
    static void registryUnwell(Episode episode) throws InterruptedException {
        World world = episode.world();
        world.readings().changeSchema("schema " + episode.random().nextLong());
        switch (episode.random().nextInt(3)) {
            case 0 -> episode.testBed().lab().stack().registry().kill();
            case 1 -> {
                episode.testBed().networks().registry().stall(Direction.SENT);
                episode.testBed().networks().registry().stall(Direction.RECEIVED);
            }
            default -> episode.testBed().networks().registry().answer(ERROR_500);
        }
        episode.pass(Duration.ofSeconds(6), Duration.ofSeconds(12));
        episode.testBed().heal();
        episode.recovers();
    }
}
