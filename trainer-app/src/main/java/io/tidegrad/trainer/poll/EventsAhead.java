package io.tidegrad.trainer.poll;

import io.tidegrad.model.learn.EventPreparation;
import io.tidegrad.model.learn.PreparedEvent;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.jspecify.annotations.Nullable;

/// Prepares the events of a backlog on a thread of its own, ahead of the thread that learns them. Each event that was handed
/// over has a number, and all have them in the order of the log. The prepared events lie in a ring.
///
/// **The learning thread never waits.** What is not prepared when its turn comes, it prepares itself, and the other thread
/// jumps over it: preparing is a pure function of the record, so that both come to the same. It also prepares itself what the
/// other thread could not: an event whose schema nobody has asked for yet, and one at which it threw something. So each
/// refusal, wait and exception happens where it would without this class. Whatever Streams drops is never asked for, and
/// jumped over likewise.
///
/// `close` may be called by any thread, everything else by the stream thread.
public final class EventsAhead implements AutoCloseable {
    /// The number of events that were not handed over.
    public static final long NOT_AHEAD = -1;

    /// A poll with fewer events is no backlog, and preparing them takes hardly longer than it takes to wake a thread.
    static final int BACKLOG_EVENTS = 256;

    /// A megabyte of rows lies in the cache of a core's own.
    private static final long RING_BYTES = 1 << 20;

    private static final int RING_ROWS_MIN = 16;
    private static final int RING_ROWS_MAX = 1_024;

    private static final long NOT_RESTING = Long.MAX_VALUE;

    /// Told around each event that is prepared, on the thread that prepares.
    public interface Care {
        /// Returns whether the event at this offset may be prepared ahead.
        boolean begins(long offset);

        /// Called afterwards.
        void ends();
    }

    private record Run(long number, List<ConsumerRecord<byte[], byte[]>> events) {
    }

    private final String model;
    private final EventPreparation preparation;
    private final Care care;
    private final int rows;
    private final Queue<Run> runs = new ConcurrentLinkedQueue<>();

    /// All events before this number are done with: learned, or dropped.
    private final AtomicLong passed = new AtomicLong();

    /// No event from this number on was prepared.
    private final AtomicLong prepared = new AtomicLong();

    private volatile long restingFor = NOT_RESTING; // the number of the event for which there is no room
    private volatile @Nullable Runnable meanwhile;
    private volatile boolean closed;
    private volatile @Nullable Thread thread;

    // The preparing thread's; a row is the learning thread's from `prepared` to `passed`.
    private PreparedEvent @Nullable [] ring;
    private final boolean[] usable;

    // The stream thread's.
    private long handedOver;
    private long wokenFor;

    /// @param rowBytes of a row
    public EventsAhead(String model, EventPreparation preparation, long rowBytes, Care care) {
        this.model = model;
        this.preparation = preparation;
        this.care = care;
        rows = Integer.highestOneBit(Math.clamp(RING_BYTES / rowBytes, RING_ROWS_MIN, RING_ROWS_MAX));
        usable = new boolean[rows];
    }

    // ---- the stream thread ----

    /// Hands events over, and returns the number of the first; the others have those that follow.
    public long begin(List<ConsumerRecord<byte[], byte[]>> events) {
        long number = handedOver;
        handedOver += events.size();
        runs.add(new Run(number, events));
        if (thread == null) {
            start();
        } else {
            wake();
        }
        return number;
    }

    private synchronized void start() {
        if (!closed) {
            thread = Thread.ofPlatform().name("read-ahead-" + model).daemon().start(this::run);
        }
    }

    private void wake() {
        Thread preparing = thread;
        if (preparing != null) {
            LockSupport.unpark(preparing);
        }
    }

    /// Returns a prepared event, which is the caller's until it is `passed`; null if the caller has to prepare it.
    public @Nullable PreparedEvent take(long number) {
        if (number < passed.getPlain() || prepared.getAcquire() <= number) {
            return null;
        }
        int at = (int) number & (rows - 1);
        PreparedEvent[] ring = this.ring; // there since before anything was prepared
        return ring != null && usable[at] ? ring[at] : null;
    }

    /// Called when an event is learned, and with it all that lie before it are done with.
    public void passed(long number) {
        if (number < passed.getPlain()) {
            return;
        }
        passed.setRelease(number + 1);
        long resting = restingFor;
        if (resting - number <= rows / 2 && resting != wokenFor) {
            wokenFor = resting;
            wake();
        }
    }

    /// Gives the other thread something to do when it has the time, in place of what it was given before. It may never come to
    /// it.
    public void meanwhile(Runnable work) {
        meanwhile = work;
    }

    /// Lets go of all events that were handed over: they are not learned, or come again.
    public void drop() {
        meanwhile = null;
        passed.set(handedOver);
        wake();
    }

    // ---- the thread that prepares ----

    private void run() {
        PreparedEvent[] ring = new PreparedEvent[rows];
        for (int at = 0; at < rows; at++) {
            ring[at] = preparation.newEvent();
        }
        this.ring = ring;
        while (!closed) {
            Run run = runs.poll();
            if (run == null) {
                doMeanwhile();
                LockSupport.park(this); // `begin` wakes after it has handed over, and a permit is not lost
            } else {
                prepare(run, ring);
            }
        }
        runs.clear();
        meanwhile = null;
    }

    private void prepare(Run run, PreparedEvent[] ring) {
        for (int i = 0; i < run.events().size() && !closed; i++) {
            long number = run.number() + i;
            if (number % Burst.EVENTS_MAX == 0) {
                doMeanwhile();
            }
            awaitRoom(number);
            if (number < passed.getAcquire()) {
                continue;
            }
            int at = (int) number & (rows - 1);
            usable[at] = prepare(run.events().get(i), ring[at]);
            prepared.setRelease(number + 1);
        }
    }

    private void doMeanwhile() {
        Runnable work = meanwhile;
        if (work != null) {
            work.run();
        }
    }

    /// Waits, if the ring is full, until half of it is free: each wait costs a wake-up.
    private void awaitRoom(long number) {
        if (number - passed.getAcquire() < rows) {
            return;
        }
        doMeanwhile();
        restingFor = number;
        while (!closed && number - passed.get() > rows / 2) {
            LockSupport.park(this);
        }
        restingFor = NOT_RESTING;
    }

    private boolean prepare(ConsumerRecord<byte[], byte[]> event, PreparedEvent into) {
        if (!care.begins(event.offset())) {
            return false;
        }
        try {
            preparation.prepare(event.value(), event.headers(), into);
            return true;
        } catch (RuntimeException | Error againInItsPlace) { // by the learning thread, which knows what to do then
            return false;
        } finally {
            care.ends();
        }
    }

    /// Stops preparing. An event that is being prepared is finished. Whatever is learned afterwards, the learning thread
    /// prepares.
    @Override
    public synchronized void close() {
        closed = true;
        wake();
    }
}
