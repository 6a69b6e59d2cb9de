package io.tidegrad.engine.layer;

import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;

/// Threads that run the parts of one step in parallel: the calling thread and `count - 1` threads of its own, which end
/// with `close`. The owner of the `Learner` owns the workers; several learners of one thread can share them.
///
/// Workers claim parts: each begins with its own share (whose weights are in its cache), then helps the others. If a
/// worker's core is taken by another program, it claims nothing and the caller does its parts; nobody waits for a
/// worker that has not begun a part. Bits don't depend on any of this, because no part reads or writes what another
/// part writes.
///
/// Synchronisation only uses atomics: a waiting thread spins for about 20 us, then parks. There is no allocation and no
/// lock.
public final class Workers implements AutoCloseable {
    /// Only the calling thread. Need not be closed.
    public static final Workers NONE = new Workers(1);

    public static final int COUNT_MAX = 64;

    /// The most parts of a job, which are counted in 16 bits.
    static final int PARTS_MAX = 0xffff;

    /// About 10 us at 50 FMAs per nanosecond: sharing pays from two such parts on.
    private static final long PART_MULTIPLICATIONS_MIN = 500_000;

    /// The most parts per worker. With more parts, a worker that is late or held up delays the others less.
    private static final int PARTS_A_WORKER = 16;

    /// Calls of `Thread.onSpinWait` before parking, about 20 ns each (Zen 4), 20 us together. The pause between two
    /// jobs of a step is shorter; waking a parked thread takes 6 to 16 us.
    private static final int SPINS = 1_000;

    // Indices in `shared`, 128 bytes apart: two cache lines, because processors fetch them in pairs.
    private static final int APART = 128 / Long.BYTES;
    private static final int JOB = APART; // number of the newest job, or CLOSED
    private static final int UNDONE = 2 * APART; // number of the job's parts that are not done
    private static final int DONE = 3 * APART; // number of the last job that is done
    private static final int FIRST_CLAIMS = 4 * APART;
    private static final long CLOSED = -1;

    private final int count;
    private final long partMultiplicationsMin;
    private final AtomicLongArray shared;
    private final Thread[] threads; // own threads; that of worker k is threads[k - 1]

    // Written by the caller before it publishes a job; read by workers that have claimed a part of it.
    private Work work = (part, parts, worker) -> {
    };
    private int parts;
    private Thread caller = Thread.currentThread();

    private final AtomicReference<Throwable> failure = new AtomicReference<>();
    private boolean running;
    private long job;

    /// Work that can be divided into parts.
    @FunctionalInterface
    public interface Work {
        /// @param part number of the part, from 0 to `parts` - 1
        /// @param worker number of the worker that runs it, from 0 to `count` - 1, to choose scratch that only one
        ///     thread uses at a time
        void run(int part, int parts, int worker);
    }

    /// @param count threads that work, the calling one included: 1 to `COUNT_MAX`
    public Workers(int count) {
        this(count, PART_MULTIPLICATIONS_MIN);
    }

    /// For tests, which share work too small to be worth it.
    Workers(int count, long partMultiplicationsMin) {
        if (count < 1 || count > COUNT_MAX) {
            throw new IllegalArgumentException("expected 1 to " + COUNT_MAX + " workers, found " + count);
        }
        this.count = count;
        this.partMultiplicationsMin = partMultiplicationsMin;
        shared = new AtomicLongArray(FIRST_CLAIMS + 2 * count * APART);
        threads = new Thread[count - 1];
        for (int worker = 1; worker < count; worker++) {
            int number = worker;
            threads[worker - 1] =
                    Thread.ofPlatform().daemon().name("tidegrad-worker-" + worker).start(() -> work(number));
        }
    }

    public int count() {
        return count;
    }

    /// The start of part `part` when `size` items are divided into `parts` parts; also the end of the part before.
    static int cut(int size, int part, int parts) {
        return (int) ((long) size * part / parts);
    }

    /// Runs work in as many parts as pay off; little work runs as one part on the calling thread.
    ///
    /// @param multiplications the work's duration, in FMAs
    /// @param partsMax the most parts that the work can be divided into
    void share(long multiplications, int partsMax, Work work) {
        if (count == 1) {
            work.run(0, 1, 0);
            return;
        }
        long parts = Math.min(multiplications / partMultiplicationsMin, count * PARTS_A_WORKER);
        run((int) Math.max(1, Math.min(parts, partsMax)), work);
    }

    /// Runs all parts and returns when they are done and their writes are visible. Only one thread at a time may call
    /// this, and no part may.
    ///
    /// @param parts 1 to 65,535
    /// @throws RuntimeException (or Error) the first exception that a part threw, after all parts have ended
    public void run(int parts, Work work) {
        if (count == 1 || parts == 1) {
            for (int part = 0; part < parts; part++) {
                work.run(part, parts, 0);
            }
            return;
        }
        publish(parts, work);
        claim(job, 0);
        await(DONE, job - 1, 0);
        running = false;
        if (failure.get() != null) {
            throw failed();
        }
    }

    private void publish(int parts, Work work) {
        if (parts < 1 || parts > PARTS_MAX) {
            throw new IllegalArgumentException("expected 1 to " + PARTS_MAX + " parts, found " + parts);
        }
        if (shared.get(JOB) == CLOSED || running) {
            throw new IllegalStateException(
                    running ? "expected one job at a time, found the workers busy" : "the workers are closed");
        }
        running = true;
        this.work = work;
        this.parts = parts;
        caller = Thread.currentThread();
        job++;
        shared.set(UNDONE, parts);
        for (int worker = 0; worker < count; worker++) {
            long from = cut(parts, worker, count);
            shared.set(claims(worker), job << 32 | from << 16 | cut(parts, worker + 1, count));
        }
        shared.set(JOB, job);
        for (int worker = 1; worker < count; worker++) {
            wake(worker, threads[worker - 1]);
        }
    }

    private RuntimeException failed() {
        Throwable thrown = failure.getAndSet(null);
        if (thrown instanceof Error error) {
            throw error;
        }
        return thrown instanceof RuntimeException exception ? exception : new IllegalStateException(thrown); // a checked one that was thrown unseen
    }

    /// The loop of a worker's thread.
    private void work(int worker) {
        long seen = 0;
        while (true) {
            seen = await(JOB, seen, worker);
            if (seen == CLOSED) {
                return;
            }
            claim(seen, worker);
        }
    }

    /// Runs parts of the job until none is left, the worker's own share first. A claim is one compare-and-set of (job,
    /// next, end), so it fails once the job is over, however late the worker is; a job is not done while a claimed part
    /// is not.
    private void claim(long job, int worker) {
        for (int offset = 0; offset < count; offset++) {
            int claims = claims((worker + offset) % count);
            long claim = shared.get(claims);
            while ((int) (claim >>> 32) == (int) job) {
                int part = (int) (claim >>> 16) & PARTS_MAX;
                if (part == (claim & PARTS_MAX)) {
                    break;
                }
                if (shared.compareAndSet(claims, claim, claim + (1 << 16))) {
                    run(part, worker, job);
                }
                claim = shared.get(claims);
            }
        }
    }

    private void run(int part, int worker, long job) {
        Thread waiting = caller;
        try {
            work.run(part, parts, worker);
        } catch (Throwable thrown) {
            failure.compareAndSet(null, thrown);
        }
        if (shared.decrementAndGet(UNDONE) == 0) {
            shared.set(DONE, job);
            if (worker != 0) {
                wake(0, waiting);
            }
        }
    }

    /// Waits until the value at the index differs from `old`, and returns it.
    private long await(int place, long old, int worker) {
        for (int spin = 0; spin < SPINS; spin++) {
            long found = shared.get(place);
            if (found != old) {
                return found;
            }
            Thread.onSpinWait();
        }
        while (shared.get(place) == old) {
            // Set before the value is checked once more: a thread that changes it afterwards sees that a worker must be
            // woken.
            shared.set(parked(worker), 1);
            if (shared.get(place) == old) {
                LockSupport.park(this);
            }
        }
        shared.set(parked(worker), 0);
        return shared.get(place);
    }

    /// Wakes a thread once per parking: a thread that was woken but does not run yet costs no second system call.
    private void wake(int worker, Thread thread) {
        if (shared.get(parked(worker)) == 1 && shared.compareAndSet(parked(worker), 1, 0)) {
            LockSupport.unpark(thread);
        }
    }

    /// The index of a worker's share: job (32 bits), next part and end (16 bits each).
    private int claims(int worker) {
        return FIRST_CLAIMS + worker * APART;
    }

    private int parked(int worker) {
        return FIRST_CLAIMS + (count + worker) * APART;
    }

    /// Ends the threads and waits until they are gone. Must not be called while work runs.
    @Override
    public void close() {
        shared.set(JOB, CLOSED);
        for (int worker = 1; worker < count; worker++) {
            wake(worker, threads[worker - 1]);
        }
        boolean interrupted = false;
        for (Thread thread : threads) {
            while (thread.isAlive()) {
                try {
                    thread.join();
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
