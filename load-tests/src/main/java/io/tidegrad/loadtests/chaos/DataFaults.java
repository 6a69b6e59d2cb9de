package io.tidegrad.loadtests.chaos;

import io.tidegrad.loadtests.Await;
import io.tidegrad.model.snapshot.SnapshotEntry;
import io.tidegrad.scorer.Scorer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongFunction;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.jspecify.annotations.Nullable;

/// Faults of events and snapshots.
final class DataFaults {
    private static final int POISON = 20_000;
    private static final int EXTREMES = 2_000;
    private static final int LARGE = 12;

    private DataFaults() {}

    /// Row 40: nothing but events that can't be learned, for seconds.
    static void poison(Episode episode) throws InterruptedException {
        add(episode, POISON, index -> episode.world().readings().poison(episode.random(), index));
    }

    /// Row 41: numbers at the edges of their ranges.
    static void extremes(Episode episode) throws InterruptedException {
        add(episode, EXTREMES, index -> episode.world().readings().extreme(episode.random(), index));
    }

    /// Row 42: events, keys and headers as large as the topic accepts.
    static void large(Episode episode) throws InterruptedException {
        add(episode, LARGE, index -> episode.world().readings().large(episode.random(), index));
    }

    /// Row 43: duplicate, late and reordered events.
    static void disorder(Episode episode) throws InterruptedException {
        World world = episode.world();
        for (int round = 0; round < 20; round++) {
            world.traffic().add(world.readings().disorder(episode.random(), world.traffic().next()));
            Thread.sleep(50); // a second in all, so that the trainer commits in between
        }
        awaitTaken(episode);
    }

    private static void add(Episode episode, int count, LongFunction<ProducerRecord<byte[], byte @Nullable []>> made)
            throws InterruptedException {
        World world = episode.world();
        List<ProducerRecord<byte[], byte @Nullable []>> records = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            records.add(made.apply(world.traffic().next()));
        }
        world.traffic().add(records);
        awaitTaken(episode);
    }

    private static void awaitTaken(Episode episode) throws InterruptedException {
        World world = episode.world();
        Await.within(World.RECOVERS_WITHIN, world.traffic()::isDrained);
        episode.recovers();
    }

    /// Row 35: a sound snapshot of another epoch, in a transaction that aborts.
    static void abortedSnapshot(Episode episode) throws InterruptedException {
        write(episode, Forger.sound(episode).records(), false);
        episode.recovers();
    }

    /// Row 36: forged snapshots whose transactions commit. Each must be refused, while ours are still served.
    static void badSnapshots(Episode episode) throws InterruptedException {
        World world = episode.world();
        Scorer observer = world.observer();
        for (Forger.Kind kind : Forger.Kind.values()) {
            long before = refused(observer);
            write(episode, Forger.forge(kind, episode), true);
            episode.expect("I15", Await.within(World.RECOVERS_WITHIN, () -> refused(observer) > before),
                    "expected a refusal of a forged snapshot (" + kind + "), found none");
        }
        episode.recovers();
    }

    private static long refused(Scorer observer) {
        return observer.status().refused().values().stream().mapToLong(Long::longValue).sum();
    }

    private static void write(Episode episode, List<SnapshotEntry> records, boolean commit) {
        try (KafkaProducer<byte[], byte[]> producer =
                BrokerFaults.transactional(episode, "forger", Duration.ofSeconds(10))) {
            producer.initTransactions();
            producer.beginTransaction();
            for (SnapshotEntry entry : records) {
                producer.send(new ProducerRecord<>(episode.world().snapshotsTopic(), 0, entry.key(), entry.value()));
            }
            producer.flush();
            if (commit) {
                producer.commitTransaction();
            } else {
                producer.abortTransaction();
            }
        }
    }
}
