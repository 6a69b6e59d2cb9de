package io.tidegrad.ops.http;

import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The connections that are open, at most so many. When they are all taken, the one that has waited longest for its
/// client makes room for the next: who opens many and says nothing can't keep others out. And none waits for ever, be
/// it for the end of a handshake, for bytes, or for its client to take an answer. One thread looks for those that do,
/// once a second. A time-out of the socket would cost a fifth of the processor time of a small request: for each read
/// that waits on a virtual thread with a time-out the JDK wakes another thread, which sets a timer.
final class OpenConnections implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(OpenConnections.class);

    /// To take a whole answer.
    static final Duration SENT_WITHIN = Duration.ofSeconds(30);

    /// Between two reads: a client that says nothing for so long is gone.
    static final Duration READ_WITHIN = Duration.ofSeconds(30);

    /// A connection that is ended gives back its descriptor when its thread has seen it, which is soon unless the
    /// processors are very busy.
    private static final long ROOM_WITHIN_MILLIS = 1_000;

    private final Set<Connection> open = ConcurrentHashMap.newKeySet();
    private final Semaphore places;
    private final AtomicLong unread = new AtomicLong(); // bytes
    private final long unreadMax;
    private final long handshakeNanos;
    private final long sendNanos = SENT_WITHIN.toNanos();
    private final long readNanos = READ_WITHIN.toNanos();
    private final LongSupplier nanoTime;
    private final Consumer<EndedConnection> ended;
    private final Seldom notLooked = new Seldom();
    private final ScheduledExecutorService looking =
            Executors.newSingleThreadScheduledExecutor(Thread.ofPlatform().daemon().name("http-connections").factory());

    OpenConnections(HttpOptions options) {
        places = new Semaphore(options.connections().max());
        unreadMax = options.connections().unreadBytesMax();
        handshakeNanos = options.requests().within().toNanos();
        nanoTime = options.times().connection();
        ended = options.connections().ended();
        looking.scheduleWithFixedDelay(this::lookAgain, 1, 1, TimeUnit.SECONDS);
    }

    /// What its thread does.
    private enum Doing {
        SHAKING_HANDS, READING, WORKING, SENDING
    }

    /// One connection; but for `end`, for its own thread.
    final class Connection {
        private final Runnable close;
        private final AtomicBoolean ending = new AtomicBoolean();
        private boolean greeted;
        private volatile Doing doing;
        private volatile long since = nanoTime.getAsLong(); // it waits for its client
        private volatile long asked = since; // its newest request began, or it was opened
        private long sending; // bytes
        private volatile @Nullable Thread thread;

        private Connection(boolean handshake, Runnable close) {
            this.close = close;
            greeted = !handshake;
            doing = handshake ? Doing.SHAKING_HANDS : Doing.READING;
        }

        /// By whom it is served: woken when it is ended from outside.
        void servedBy(Thread thread) {
            this.thread = thread;
        }

        void greeted() {
            greeted = true;
            works();
        }

        /// Waits for bytes.
        void reads() {
            waits(Doing.READING);
        }

        void works() {
            if (sending > 0) {
                unread.addAndGet(-sending);
                sending = 0;
            }
            if (greeted) {
                doing = Doing.WORKING;
            }
        }

        /// Waits until its client takes bytes. What is on its way beyond the bound ends who has waited longest.
        void sends(long bytes) {
            sending = bytes;
            waits(Doing.SENDING);
            if (unread.addAndGet(bytes) > unreadMax) {
                Connection longest =
                        longest(connection -> connection.doing == Doing.SENDING, connection -> connection.since);
                if (longest != null) {
                    longest.end(EndedConnection.UNREAD);
                }
            }
        }

        /// Whatever a handshake reads and sends, it is one.
        private void waits(Doing next) {
            if (greeted) {
                since = nanoTime.getAsLong();
                doing = next;
            }
        }

        void asked() {
            asked = nanoTime.getAsLong();
        }

        /// It ended, and nobody here wanted that.
        void failed(EndedConnection why) {
            if (ending.compareAndSet(false, true)) {
                ended.accept(why);
            }
        }

        /// Its descriptor is free again.
        void left() {
            works();
            open.remove(this);
            places.release();
        }

        /// @param why null when it is nobody's fault
        private boolean end(@Nullable EndedConnection why) {
            if (!ending.compareAndSet(false, true)) {
                return false;
            }
            open.remove(this);
            try {
                if (why != null) {
                    ended.accept(why);
                }
            } finally {
                closes();
            }
            return true;
        }

        private void closes() {
            try {
                close.run();
            } catch (RuntimeException gone) {
                log.debug("closing a connection that is gone", gone);
            }
            LockSupport.unpark(thread);
        }
    }

    /// A connection that was just opened; null when there is no room for it.
    ///
    /// @param handshake whether it begins with one
    /// @param close ends it from another thread
    @Nullable
    Connection enter(boolean handshake, Runnable close) throws InterruptedException {
        if (!places.tryAcquire() && !(displaceOne() && places.tryAcquire(ROOM_WITHIN_MILLIS, TimeUnit.MILLISECONDS))) {
            ended.accept(EndedConnection.FULL);
            return null;
        }
        Connection connection = new Connection(handshake, close);
        open.add(connection);
        return connection;
    }

    /// Ends the one that has waited longest for its client.
    ///
    /// @return false when none waits
    boolean displaceOne() {
        Connection longest = longest(connection -> connection.doing != Doing.WORKING, connection -> connection.asked);
        return longest != null && longest.end(EndedConnection.DISPLACED);
    }

    private interface Began {
        long of(Connection connection);
    }

    private @Nullable Connection longest(Predicate<Connection> which, Began began) {
        long now = nanoTime.getAsLong();
        long most = Long.MIN_VALUE;
        Connection longest = null;
        for (Connection connection : open) {
            if (which.test(connection)) {
                long waited = now - began.of(connection);
                if (longest == null || waited > most) {
                    longest = connection;
                    most = waited;
                }
            }
        }
        return longest;
    }

    /// A timer does not call again what has failed once.
    private void lookAgain() {
        try {
            look();
        } catch (RuntimeException | LinkageError | OutOfMemoryError e) {
            long times = notLooked.times();
            if (times > 0) {
                log.error("connections that wait for too long were not ended ({} times since the last such line)",
                        times, e);
            }
        }
    }

    private void look() {
        long now = nanoTime.getAsLong();
        for (Connection connection : open) {
            Doing doing = connection.doing;
            long waited = now - connection.since;
            switch (doing) {
                case SHAKING_HANDS -> {
                    if (waited > handshakeNanos) {
                        connection.end(EndedConnection.HANDSHAKE);
                    }
                }
                case SENDING -> {
                    if (waited > sendNanos) {
                        connection.end(EndedConnection.UNREAD);
                    }
                }
                case READING -> {
                    if (waited > readNanos) {
                        connection.end(null);
                    }
                }
                case WORKING -> {
                    // It waits for us.
                }
            }
        }
    }

    @Override
    public void close() {
        looking.shutdownNow();
    }
}
