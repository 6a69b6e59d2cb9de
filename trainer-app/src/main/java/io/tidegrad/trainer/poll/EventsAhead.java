package io.tidegrad.trainer.poll;

import io.tidegrad.model.learn.EventPreparation;
import io.tidegrad.model.learn.PreparedEvent;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Prepares the events of a backlog on a thread of its own, ahead of the thread that learns them. Each event that was handed
/// over has a number, and all have them in the order of the log. The prepared events lie in a ring.
///
/// **The learning thread never waits.** What is not prepared when its turn comes, it prepares itself, and the other thread
/// jumps over it: preparing is a pure function of the record, so that both come to the same. It also prepares itself what the
/// other thread could not: an event whose schema nobody has asked for yet, and one at which it threw something. So each
/// refusal, wait and exception happens where it would without this class. Whatever Streams drops is never asked for, and
/// jumped over likewise.
///
/// **Memory is bounded** by the ring and by what Streams holds anyway: events that were handed over are let go of once they
/// are learned, whether or not the other thread has come to them, but for the one that it is at. A thread that has had nothing
/// to do for a while ends, and the ring with it. If it runs out of memory, it ends for good, and the learning thread prepares.
///
/// `close` may be called by any thread, everything else by the stream thread.
public final class EventsAhead implements AutoCloseable {
    /// The number of events that were not handed over.
    public static final long NOT_AHEAD = -1;

    /// A poll with fewer events is no backlog, and preparing them takes hardly longer than it takes to wake a thread. It also
    /// is one of large events: of 64 KiB each, a poll gives no more.
    static final int BACKLOG_EVENTS = 256;

    /// Something else is done every so many events, and only while a fourth of the ring lies prepared: a poll's first events
    /// are wanted at once, and what is not prepared the learning thread prepares itself.
    private static final int LITTLE_EVERY = 32;
    private static final int AT_EASE = 4;

    private static final long NOT_RESTING = Long.MAX_VALUE;

    private static final Duration IDLE_MAX = Duration.ofSeconds(10);

    private static final Logger LOG = LoggerFactory.getLogger(EventsAhead.class);

    /// Told around each event that is prepared, on the thread that prepares.
    public interface Care {
        /// Returns whether the event at this offset may be prepared ahead.
        boolean begins(long offset);

        /// Called afterwards.
        void ends();
    }

    /// Events that were handed over together.
    private static final class Run {
        final long number;
        final long end;
        volatile @Nullable List<ConsumerRecord<byte[], byte[]>> events; // null: all are done with

        Run(long number, List<ConsumerRecord<byte[], byte[]>> events) {
            this.number = number;
            end = number + events.size();
            this.events = events;
        }
    }

    private final String model;
    private final EventPreparation preparation;
    private final Care care;
    private final int rows;

    /// All events before this number are done with: learned, or dropped.
    private final AtomicLong passed = new AtomicLong();

    /// No event from this number on was prepared.
    private final AtomicLong prepared = new AtomicLong();

    private volatile long restingFor = NOT_RESTING; // the number of the event for which there is no room
    private volatile @Nullable BooleanSupplier meanwhile;
    private volatile boolean closed;

    // Under the lock of this.
    private final Deque<Run> waiting = new ArrayDeque<>(); // runs that the other thread has not begun
    private @Nullable Thread thread; // null before the first backlog, and when it had nothing to do

    // The preparing thread's; a row is the learning thread's from `prepared` to `passed`.
    private PreparedEvent @Nullable [] ring;
    private final boolean[] usable;

    // The stream thread's.
    private final Deque<Run> held = new ArrayDeque<>(); // runs that are not done with
    private long firstEnd = Long.MAX_VALUE; // of these
    private long handedOver;
    private long wokenFor;

    /// @param rows how many may lie prepared, a power of two ([io.tidegrad.model.learn.LearningMemory#rowsAhead])
    public EventsAhead(String model, EventPreparation preparation, int rows, Care care) {
        this.model = model;
        this.preparation = preparation;
        this.care = care;
        this.rows = rows;
        usable = new boolean[rows];
    }

    // ---- the stream thread ----

    /// Hands events over, and returns the number of the first; the others have those that follow. Returns `NOT_AHEAD` if there
    /// is nobody any more who prepares them.
    public long begin(List<ConsumerRecord<byte[], byte[]>> events) {
        Run run = new Run(handedOver, events);
        synchronized (this) {
            if (closed) {
                return NOT_AHEAD;
            }
            waiting.add(run);
            if (thread == null) {
                thread = Thread.ofPlatform().name("read-ahead-" + model).daemon().start(this::run);
            } else {
                LockSupport.unpark(thread);
            }
        }
        held.add(run);
        firstEnd = held.getFirst().end;
        handedOver = run.end;
        return run.number;
    }

    private synchronized void wake() {
        LockSupport.unpark(thread);
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
        PreparedEvent event = take(number);
        if (event != null) {
            event.forget();
        }
        passed.setRelease(number + 1);
        if (number + 1 >= firstEnd) {
            letGo(number + 1);
        }
        long resting = restingFor;
        if (resting - number <= rows / 2 && resting != wokenFor) {
            wokenFor = resting;
            wake();
        }
    }

    private void letGo(long upTo) {
        Run first = held.peek();
        while (first != null && first.end <= upTo) {
            first.events = null;
            held.remove();
            synchronized (this) {
                waiting.remove(first);
            }
            first = held.peek();
        }
        firstEnd = first == null ? Long.MAX_VALUE : first.end;
    }

    /// Gives the other thread something to do when it has the time, in place of what it was given before. It may never come to
    /// it.
    ///
    /// @param work does a little, so that an event need not wait for long, and returns whether there was something to do
    public void meanwhile(BooleanSupplier work) {
        meanwhile = work;
    }

    /// Lets go of all events that were handed over: they are not learned, or come again.
    public void drop() {
        meanwhile = null;
        passed.set(handedOver);
        letGo(handedOver);
        wake();
    }

    // ---- the thread that prepares ----

    private void run() {
        try {
            PreparedEvent[] ring = new PreparedEvent[rows];
            for (int at = 0; at < rows; at++) {
                ring[at] = preparation.newEvent();
            }
            this.ring = ring;
            for (Run run = next(); run != null; run = next()) {
                prepare(run, ring);
            }
        } catch (RuntimeException | Error e) {
            LOG.warn("model {}: the thread that prepares events ahead has ended; the one that learns prepares them",
                    model, e);
            close();
        }
    }

    /// Returns the events to prepare next; null to end.
    private @Nullable Run next() {
        boolean idle = false;
        while (true) {
            synchronized (this) {
                Run run = waiting.poll();
                if (run != null) {
                    return run;
                }
                if (closed || idle && passed.get() >= prepared.get()) {
                    thread = null; // whoever hands over the next run starts another
                    ring = null;
                    return null;
                }
            }
            if (doALittle()) {
                continue;
            }
            long since = System.nanoTime();
            LockSupport.parkNanos(this, IDLE_MAX.toNanos()); // `begin` wakes after it has handed over; no permit is lost
            idle = System.nanoTime() - since >= IDLE_MAX.toNanos();
        }
    }

    private void prepare(Run run, PreparedEvent[] ring) {
        for (long number = run.number; number < run.end && !closed; number++) {
            if (number % LITTLE_EVERY == 0 && number - passed.getAcquire() >= rows / AT_EASE) {
                doALittle();
            }
            awaitRoom(number);
            if (number < passed.getAcquire()) {
                continue;
            }
            int at = (int) number & (rows - 1);
            usable[at] = prepare(run, number, ring[at]);
            prepared.setRelease(number + 1);
        }
    }

    /// Returns whether there was something to do.
    private boolean doALittle() {
        BooleanSupplier work = meanwhile;
        return work != null && work.getAsBoolean();
    }

    /// Waits, if the ring is full, until half of it is free: each wait costs a wake-up.
    private void awaitRoom(long number) {
        while (number - passed.getAcquire() >= rows && doALittle()) {
            // Half of the ring is free soon.
        }
        if (number - passed.getAcquire() < rows) {
            return;
        }
        restingFor = number;
        while (!closed && number - passed.get() > rows / 2) {
            LockSupport.park(this);
        }
        restingFor = NOT_RESTING;
    }

    private boolean prepare(Run run, long number, PreparedEvent into) {
        List<ConsumerRecord<byte[], byte[]>> events = run.events;
        if (events == null) {
            return false; // all of them were passed meanwhile
        }
        ConsumerRecord<byte[], byte[]> event = events.get((int) (number - run.number));
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
        meanwhile = null;
        waiting.clear();
        LockSupport.unpark(thread);
    }
}
