package io.tidegrad.engine.layer;

import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;

/// A crew that runs the parts of one step side by side: the calling thread and `count - 1` threads of its own, which
/// end with `close`. Whoever owns the `Learner` owns the crew; several learners of one thread may share it.
///
/// Parts are not dealt out but claimed: each worker begins with its own share (so that it finds its weights in its
/// cache), then helps the others. A worker whose core is taken by another program claims nothing, and the caller does
/// the work alone; nobody waits for a worker that has not begun a part. Bits can't depend on any of this, because a
/// part writes what no other part reads or writes.
///
/// Meeting costs atomics only: whoever waits spins, about 20 us long, then parks. No allocation, no lock.
public final class Workers implements AutoCloseable {
    /// Nobody but the calling thread. Needs no closing.
    public static final Workers NONE = new Workers(1);

    public static final int COUNT_MAX = 64;

    /// Parts are counted in 16 bits.
    static final int PARTS_MAX = 0xffff;

    /// About 10 us at 50 FMAs a nanosecond: two such parts are the least that is worth a meeting.
    private static final long PART_MULTIPLICATIONS_MIN = 500_000;

    /// The more there are, the less a worker that comes late or is held up holds up the others.
    private static final int PARTS_A_WORKER = 16;

    /// Of `Thread.onSpinWait`, about 20 ns each (Zen 4): 20 us. A pause between two pieces of work of a step is
    /// shorter; to wake a parked thread takes 6 to 16 us.
    private static final int SPINS = 1_000;

    // Places in `shared`, 128 bytes apart: two cache lines, because processors fetch them in pairs.
    private static final int APART = 128 / Long.BYTES;
    private static final int JOB = APART; // number of the newest job; CLOSED
    private static final int UNDONE = 2 * APART; // parts of the job that are not done
    private static final int DONE = 3 * APART; // number of the last job that is done
    private static final int FIRST_CLAIMS = 4 * APART;
    private static final long CLOSED = -1;

    private final int count;
    private final long partMultiplicationsMin;
    private final AtomicLongArray shared;
    private final Thread[] threads; // the crew's own; worker k's is threads[k - 1]

    // Written by the caller before it publishes a job; read by those who have claimed a part of it.
    private Work work = (part, parts, worker) -> {
    };
    private int parts;
    private Thread caller = Thread.currentThread();

    private final AtomicReference<Throwable> failure = new AtomicReference<>();
    private boolean running;
    private long job;

    /// Work in parts.
    @FunctionalInterface
    public interface Work {
        /// @param part which one, of `parts`
        /// @param worker who runs it, from 0, below the crew's count: for scratch that only one thread may use at a
        ///     time
        void run(int part, int parts, int worker);
    }

    /// @param count threads that work, the calling one included: 1 to `COUNT_MAX`
    public Workers(int count) {
        this(count, PART_MULTIPLICATIONS_MIN);
    }

    /// For tests, which share work that is not worth it.
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

    /// Where part `part` of `parts` of something of this size begins, and the one before it ends.
    static int cut(int size, int part, int parts) {
        return (int) ((long) size * part / parts);
    }

    /// Runs work in as many parts as are worth it: one, on the calling thread, where there is little to do.
    ///
    /// @param multiplications FMAs that the work takes, or that would take as long
    /// @param partsMax how far it can be cut
    void share(long multiplications, int partsMax, Work work) {
        if (count == 1) {
            work.run(0, 1, 0);
            return;
        }
        long parts = Math.min(multiplications / partMultiplicationsMin, count * PARTS_A_WORKER);
        run((int) Math.max(1, Math.min(parts, partsMax)), work);
    }

    /// Runs all parts and returns when they are done; what they wrote is visible then. One thread at a time, and no
    /// part may call this.
    ///
    /// @param parts 1 to 65,535
    /// @throws RuntimeException (or Error) what the first failing part threw, after all parts have ended
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
                    running ? "a crew runs one piece of work at a time; this one is busy" : "the workers are closed");
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

    /// A thread's life.
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

    /// Runs parts of the job until none is left, own share first. A claim is one compare-and-set of (job, next, end),
    /// so it fails when the job is over, however late the worker comes; and while a claimed part is not done, its job
    /// isn't.
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

    /// Waits until the place holds something else than `old`, which it returns.
    private long await(int place, long old, int worker) {
        for (int spin = 0; spin < SPINS; spin++) {
            long found = shared.get(place);
            if (found != old) {
                return found;
            }
            Thread.onSpinWait();
        }
        while (shared.get(place) == old) {
            // Before the last look: who changes the place afterwards sees that somebody must be
            // woken.
            shared.set(parked(worker), 1);
            if (shared.get(place) == old) {
                LockSupport.park(this);
            }
        }
        shared.set(parked(worker), 0);
        return shared.get(place);
    }

    /// Once for each parking: a thread that is awake but not running yet costs no second system call.
    private void wake(int worker, Thread thread) {
        if (shared.get(parked(worker)) == 1 && shared.compareAndSet(parked(worker), 1, 0)) {
            LockSupport.unpark(thread);
        }
    }

    /// The place of a worker's share: job (32 bits), next part, end (16 bits each).
    private int claims(int worker) {
        return FIRST_CLAIMS + worker * APART;
    }

    private int parked(int worker) {
        return FIRST_CLAIMS + (count + worker) * APART;
    }

    /// Ends the crew's threads and waits until they are gone. Not while it runs something.
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
