package io.tidegrad.loadtests.chaos;

import io.tidegrad.loadtests.Background;
import io.tidegrad.loadtests.KafkaClients;
import io.tidegrad.loadtests.LoadTestException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.jspecify.annotations.Nullable;

/// A transactional producer that goes on through any fault: transactions of 1 to 40 events, one in five aborted, with
/// poison and ticks in between, about 1,000 events a second. It knows which records were certainly written.
final class Traffic implements AutoCloseable {
    private static final Duration BETWEEN = Duration.ofMillis(20);
    private static final Duration CLOSE_WITHIN = Duration.ofSeconds(2);
    private static final Duration IDLE_WITHIN = Duration.ofSeconds(120);

    private final String bootstrapServers;
    private final Readings readings;
    private final String transactionalId;
    private final SplittableRandom random;
    private final Queue<ProducerRecord<byte[], byte @Nullable []>> extra = new ConcurrentLinkedQueue<>();
    private final Background thread;

    // Guarded by this.
    private long next;
    private long committed;
    private long inDoubt;
    private boolean wanted;
    private boolean idle = true;

    Traffic(String bootstrapServers, Readings readings, String name, SplittableRandom random) {
        this.bootstrapServers = bootstrapServers;
        this.readings = readings;
        this.random = random;
        transactionalId = "traffic-" + name;
        thread = Background.unstarted(transactionalId, this::run);
        thread.start();
    }

    /// Number of the next event.
    synchronized long next() {
        return next;
    }

    /// Records of transactions that certainly committed.
    synchronized long committed() {
        return committed;
    }

    /// Records of transactions whose commit was asked for and not answered.
    synchronized long inDoubt() {
        return inDoubt;
    }

    synchronized void go() {
        wanted = true;
        notifyAll();
    }

    /// Returns when no transaction is open any more.
    void pause() throws InterruptedException {
        long deadline = System.nanoTime() + IDLE_WITHIN.toNanos();
        synchronized (this) {
            wanted = false;
            while (!idle) {
                long left = deadline - System.nanoTime();
                if (left <= 0) {
                    throw new LoadTestException("expected " + transactionalId + " to end its transaction within "
                            + IDLE_WITHIN.toSeconds() + " s, found it waiting for Kafka");
                }
                wait(left / 1_000_000 + 1);
            }
        }
    }

    /// Writes these records too, in the next transactions, which commit.
    void add(List<ProducerRecord<byte[], byte @Nullable []>> records) {
        extra.addAll(records);
    }

    /// Whether what was added has been written.
    boolean isDrained() {
        return extra.isEmpty();
    }

    private void run(Background self) {
        while (!self.isClosed()) {
            // A broker's answer may be fatal to a transactional producer; the next one ends its transaction.
            KafkaProducer<byte[], byte @Nullable []> producer = producer();
            try {
                producer.initTransactions();
                while (!self.isClosed()) {
                    await();
                    transaction(producer);
                    LockSupport.parkNanos(BETWEEN.toNanos());
                }
            } catch (KafkaException | InterruptedException e) {
                LockSupport.parkNanos(BETWEEN.toNanos());
            } finally {
                producer.close(self.isClosed() ? Duration.ZERO : CLOSE_WITHIN);
            }
        }
    }

    private synchronized void await() throws InterruptedException {
        while (!wanted && extra.isEmpty() && !thread.isClosed()) {
            idle = true;
            notifyAll();
            wait(BETWEEN.toMillis());
        }
        idle = false;
    }

    private void transaction(KafkaProducer<byte[], byte @Nullable []> producer) {
        List<ProducerRecord<byte[], byte @Nullable []>> records = new ArrayList<>();
        boolean added = false;
        for (var record = extra.poll(); record != null; record = extra.poll()) {
            records.add(record);
            added = true;
        }
        int size = random.nextInt(1, 41);
        for (int i = 0; i < size; i++) {
            records.add(draw());
        }
        boolean abort = !added && random.nextInt(5) == 0;
        producer.beginTransaction();
        records.forEach(producer::send);
        if (abort) {
            producer.abortTransaction();
            return;
        }
        producer.flush();
        synchronized (this) {
            inDoubt += records.size();
        }
        producer.commitTransaction();
        synchronized (this) {
            inDoubt -= records.size();
            committed += records.size();
        }
    }

    private ProducerRecord<byte[], byte @Nullable []> draw() {
        long index;
        synchronized (this) {
            index = next++;
        }
        return switch (random.nextInt(200)) {
            case 0, 1 -> readings.poison(random, index);
            case 2 -> readings.extreme(random, index);
            case 3 -> readings.tick();
            default -> readings.event(index);
        };
    }

    private KafkaProducer<byte[], byte @Nullable []> producer() {
        return KafkaClients.writer(bootstrapServers,
                Map.of("transactional.id", transactionalId, "transaction.timeout.ms", 10_000, "max.block.ms", 10_000,
                        "request.timeout.ms", 5_000, "delivery.timeout.ms", 9_000, "linger.ms", 5, "max.request.size",
                        1_100_000));
    }

    @Override
    public void close() {
        thread.close();
    }
}
