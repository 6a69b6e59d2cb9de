package io.tidegrad.trainer.store;

import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.jspecify.annotations.Nullable;

/// Hashes consumed records behind the thread that learns, in their order. No event depends on the hash, only the next commit
/// does, and whoever commits hashes what nobody has hashed by then. So it does not matter whether another thread helps.
public final class HashBehind implements Runnable {
    /// With more runs of records waiting, the learning thread hashes them itself, so that memory is bounded.
    private static final int WAITING_MAX = 64;

    private final RunningHash hash; // under the lock of this
    private final Queue<List<ConsumerRecord<byte[], byte[]>>> waiting = new ConcurrentLinkedQueue<>();
    private final AtomicInteger count = new AtomicInteger();
    private volatile @Nullable Throwable failure;

    HashBehind(RunningHash hash) {
        this.hash = hash;
    }

    /// Takes the next records, to be hashed by and by. For the learning thread.
    void add(List<ConsumerRecord<byte[], byte[]>> records) {
        waiting.add(records);
        if (count.incrementAndGet() > WAITING_MAX) {
            hashAll();
        }
    }

    /// Hashes everything that was added. For the learning thread.
    void hashAll() {
        run();
        Throwable why = failure;
        if (why != null) {
            throw new IllegalStateException("consumed records can't be hashed: " + why, why);
        }
    }

    /// Hashes what waits; for another thread, which is not disturbed by what goes wrong.
    @Override
    public void run() {
        while (hashNext()) {
            // One run at a time, so that the learning thread need not wait for long.
        }
    }

    private synchronized boolean hashNext() {
        List<ConsumerRecord<byte[], byte[]>> records = waiting.poll();
        if (records == null || failure != null) {
            return false;
        }
        count.decrementAndGet();
        try {
            records.forEach(hash::add);
        } catch (RuntimeException | Error e) {
            failure = e;
        }
        return true;
    }
}
