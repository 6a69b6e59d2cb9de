package io.tidegrad.trainer;

import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.common.KafkaException;

/// A transactional producer that writes while trainers die: transactions of 1 to 40 events, one in five aborted, poison
/// and ticks in between, about 2,000 events a second.
final class Traffic implements AutoCloseable {
    private static final byte[][] POISON =
            {{}, {1, 2, 3}, {0, 0, 0, 0, 9}, {0, 127, 127, 127, 127, 1}, new byte[2_000]};

    private final TestLog log;
    private final SplittableRandom random;
    private final Thread thread;
    private final AtomicLong committed = new AtomicLong();
    private volatile boolean stopped;
    private int next;

    Traffic(TestLog log, long seed) {
        this.log = log;
        random = new SplittableRandom(seed);
        thread = Thread.ofPlatform().name("traffic").start(this::run);
    }

    /// Records in committed transactions so far.
    long committed() {
        return committed.get();
    }

    private void run() {
        while (!stopped) {
            // A transactional producer may die of a broker's answer; the next one aborts what it
            // left.
            try (KafkaProducer<byte[], byte[]> producer =
                    log.producer(Map.of("transactional.id", "traffic-" + log.topic))) {
                producer.initTransactions();
                while (!stopped) {
                    transaction(producer);
                    LockSupport.parkNanos(10_000_000);
                }
            } catch (KafkaException e) {
                System.out.println("traffic: a new producer after " + e);
            }
        }
    }

    private void transaction(KafkaProducer<byte[], byte[]> producer) {
        producer.beginTransaction();
        int size = random.nextInt(1, 41);
        for (int i = 0; i < size; i++) {
            int dice = random.nextInt(200);
            if (dice == 0) {
                producer.send(log.event(POISON[random.nextInt(POISON.length)]));
            } else if (dice == 1) {
                producer.send(log.event((byte[]) null));
            } else if (dice == 2) {
                producer.send(log.event(log.encode("p", Float.NaN, 0, 1)));
            } else if (dice == 3) {
                producer.send(log.tick());
            } else {
                producer.send(log.event(log.event(next++)));
            }
        }
        if (random.nextInt(5) == 0) {
            producer.abortTransaction();
        } else {
            producer.commitTransaction();
            committed.addAndGet(size);
        }
    }

    @Override
    public void close() {
        stopped = true;
        try {
            thread.join();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
