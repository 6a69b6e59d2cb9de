package io.tidegrad.loadtests.chaos;

import io.tidegrad.joiner.app.JoinerMain;
import io.tidegrad.loadtests.LoadTest;
import io.tidegrad.loadtests.LoadTestException;
import io.tidegrad.loadtests.Processes;
import io.tidegrad.localstack.BrokerProcess;
import java.time.Duration;
import java.util.List;

/// Faults of joiners, each tried on a stream of its own while events and labels come. Afterwards the examples, the dead
/// letters and the trainer's hash must be what they are without the fault.
final class JoinerFaults {
    /// Five minutes of them, which no fault takes. What is left when it is over is written at once.
    private static final long EVENTS = 30_000;
    private static final double RATE = 100;

    /// A machine that is busy with all processes of the run reads labels late now and then.
    private static final double LATE_MAX = 1;

    private JoinerFaults() {}

    private interface Breaking {
        void of(JoinWorld world, Joiner first) throws InterruptedException;
    }

    private static void on(Episode episode, Breaking breaking) throws InterruptedException {
        TestBed testBed = episode.testBed();
        String stream = "stream-" + Long.toHexString(episode.random().nextLong() >>> 32);
        try (JoinWorld world = new JoinWorld(new JoinWorld.Setting(testBed.lab(), testBed.topics(), stream, EVENTS,
                RATE, episode.random().nextLong(1 << 20), LATE_MAX, List.of(JoinerMain.class.getName()),
                testBed.jvmFlags(), testBed.directory().resolve(stream), said -> {
                }))) {
            world.start();
            episode.pass(Duration.ofSeconds(2), Duration.ofSeconds(5));
            breaking.of(world, world.joiners().getFirst());
            if (!world.isWriting()) {
                throw new LoadTestException("expected events until the fault is over, found all " + EVENTS
                        + " written before: this machine is too slow for the row");
            }
            world.traffic().hurry();
            world.finish();
            world.audit().forEach(each -> episode.expect("I25", false, each));
        }
    }

    /// Notes how long it takes until one more example is there.
    private static void recovers(Episode episode, JoinWorld world) throws InterruptedException {
        long since = System.nanoTime();
        world.awaitExample();
        episode.recoverySeconds().add(LoadTest.secondsSince(since));
    }

    /// Row 50: a joiner is killed, and again while it restores.
    static void killed(Episode episode) throws InterruptedException {
        on(episode, (world, joiner) -> {
            for (int i = 0; i < 3; i++) {
                joiner.kill();
                joiner.start();
                recovers(episode, world);
                joiner.kill();
                joiner.start();
                episode.pass(Duration.ofMillis(500), Duration.ofSeconds(5));
            }
        });
    }

    /// Row 51: a joiner stands still until another has its tasks, and wakes up.
    static void replacedWhileStandingStill(Episode episode) throws InterruptedException {
        on(episode, (world, joiner) -> {
            world.addJoiner();
            world.await("two joiners with tasks", world::allHaveTasks);
            joiner.pause();
            Thread.sleep(JoinLoad.BEYOND_SESSION);
            joiner.resume();
            recovers(episode, world);
        });
    }

    /// Row 52: another joiner takes over, and the first comes back.
    static void failedOver(Episode episode) throws InterruptedException {
        on(episode, (world, joiner) -> {
            world.addJoiner();
            world.await("two joiners with tasks", world::allHaveTasks);
            joiner.kill();
            recovers(episode, world);
            joiner.start();
            world.await("two joiners with tasks", world::allHaveTasks);
        });
    }

    /// Row 53: the broker is killed and comes back.
    static void brokerKilled(Episode episode) throws InterruptedException {
        on(episode, (world, joiner) -> {
            BrokerProcess broker = episode.testBed().brokers().node(0);
            broker.kill();
            episode.pass(Duration.ofMillis(100), Duration.ofSeconds(5));
            broker.restart();
            recovers(episode, world);
        });
    }

    /// Row 54: the state directory is deleted.
    static void stateDirectoryDeleted(Episode episode) throws InterruptedException {
        on(episode, (world, joiner) -> {
            joiner.kill();
            Processes.delete(joiner.stateDir());
            joiner.start();
            recovers(episode, world);
        });
    }
}
