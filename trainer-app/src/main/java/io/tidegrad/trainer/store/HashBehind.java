package io.tidegrad.trainer.store;

import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.jspecify.annotations.Nullable;

/// Hashes consumed records behind the thread that learns, in their order. No event depends on the hash, only the next commit
/// does, and whoever commits hashes what nobody has hashed by then. So it does not matter whether another thread helps.
public final class HashBehind {
    /// With more bytes or runs of records waiting, the learning thread hashes them itself, so that memory is bounded.
    private static final long BYTES_MAX = 2 << 20;
    private static final int WAITING_MAX = 64;

    private record Run(List<ConsumerRecord<byte[], byte[]>> records, long bytes) {
    }

    private final RunningHash hash; // under the lock of this
    private final Queue<Run> waiting = new ConcurrentLinkedQueue<>();
    private final AtomicInteger count = new AtomicInteger();
    private final AtomicLong bytes = new AtomicLong();
    private volatile @Nullable Throwable failure;

    HashBehind(RunningHash hash) {
        this.hash = hash;
    }

    /// Takes the next records, to be hashed by and by. For the learning thread.
    ///
    /// @param bytes of their keys and values
    void add(List<ConsumerRecord<byte[], byte[]>> records, long bytes) {
        waiting.add(new Run(records, bytes));
        int runs = count.incrementAndGet();
        if (this.bytes.addAndGet(bytes) > BYTES_MAX || runs > WAITING_MAX) {
            hashAll();
        }
    }

    /// Hashes everything that was added. For the learning thread.
    void hashAll() {
        while (hashNext()) {
            // The other thread may be at one: it is done when this one gets the lock.
        }
        Throwable why = failure;
        if (why != null) {
            throw new IllegalStateException("consumed records can't be hashed: " + why, why);
        }
    }

    /// Hashes the records that were added first, and returns whether there were any. Another thread may do that, too, which is
    /// not disturbed by what goes wrong.
    synchronized boolean hashNext() {
        Run run = waiting.poll();
        if (run == null || failure != null) {
            return false;
        }
        count.decrementAndGet();
        bytes.addAndGet(-run.bytes());
        try {
            run.records().forEach(hash::add);
        } catch (RuntimeException | Error e) {
            failure = e;
        }
        return true;
    }
}
