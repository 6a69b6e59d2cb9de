package io.tidegrad.scorerapp;

import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The connections that are open, at most so many. When they are all taken, the one that has waited longest for its client
/// makes room for the next: who opens many and says nothing can't keep others out. And none waits for ever in what
/// the server has no time-out for: a handshake, an answer that its client does not take.
final class OpenConnections implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(OpenConnections.class);

    /// To take one piece of an answer.
    static final Duration SENT_WITHIN = Duration.ofSeconds(30);

    private final Set<Connection> open = ConcurrentHashMap.newKeySet();
    private final int max;
    private final long handshakeNanos;
    private final long sendNanos;
    private final LongSupplier nanoTime;
    private final Ended ended;
    private final ScheduledExecutorService looking =
            Executors.newSingleThreadScheduledExecutor(
                    Thread.ofPlatform().daemon().name("http-connections").factory());

    /// Why a connection was ended that its client did not end. Closed, as metrics want it.
    enum Reason {
        /// TLS that is none, of an old version, or too slow.
        HANDSHAKE,
        /// Had waited longest for its client when all connections were taken.
        DISPLACED,
        /// All connections were taken, and none was waiting.
        FULL,
        /// Its client did not take an answer.
        UNREAD
    }

    /// Hears of each.
    @FunctionalInterface
    interface Ended {
        void ended(Reason reason);
    }

    /// @param max open at once
    /// @param handshakeWithin from the first to the last byte of a handshake
    OpenConnections(int max, Duration handshakeWithin, LongSupplier nanoTime, Ended ended) {
        this.max = max;
        this.handshakeNanos = handshakeWithin.toNanos();
        this.sendNanos = SENT_WITHIN.toNanos();
        this.nanoTime = nanoTime;
        this.ended = ended;
        looking.scheduleWithFixedDelay(this::look, 1, 1, TimeUnit.SECONDS);
    }

    /// What its thread does.
    private enum Doing {
        SHAKING_HANDS,
        READING,
        WORKING,
        SENDING
    }

    /// One connection; but for `end`, for its own thread.
    final class Connection {
        private final Runnable close;
        private final AtomicBoolean ending = new AtomicBoolean();
        private boolean greeted;
        private volatile Doing doing;
        private volatile long since = nanoTime.getAsLong(); // it does that
        private volatile long asked = since; // its newest request began, or it was opened

        private Connection(boolean handshake, Runnable close) {
            this.close = close;
            greeted = !handshake;
            doing = handshake ? Doing.SHAKING_HANDS : Doing.WORKING;
        }

        void greeted() {
            greeted = true;
            works();
        }

        /// Waits for bytes.
        void reads() {
            does(Doing.READING);
        }

        void works() {
            does(Doing.WORKING);
        }

        /// Waits until its client takes bytes.
        void sends() {
            does(Doing.SENDING);
        }

        /// Whatever a handshake reads and sends, it is one.
        private void does(Doing next) {
            if (greeted) {
                since = nanoTime.getAsLong();
                doing = next;
            }
        }

        void asked() {
            asked = nanoTime.getAsLong();
        }

        void failed() {
            if (!ending.get()) {
                ended.ended(Reason.HANDSHAKE);
            }
        }

        void left() {
            open.remove(this);
        }

        private boolean end(Reason reason) {
            if (!ending.compareAndSet(false, true)) {
                return false;
            }
            open.remove(this);
            ended.ended(reason);
            try {
                close.run();
            } catch (RuntimeException gone) {
                log.debug("closing a connection that is gone", gone);
            }
            return true;
        }
    }

    /// A connection that was just opened; null when there is no room for it.
    ///
    /// @param handshake whether it begins with one
    /// @param close ends it from another thread
    @Nullable Connection enter(boolean handshake, Runnable close) {
        Connection connection = new Connection(handshake, close);
        open.add(connection);
        while (open.size() > max) {
            Connection longest = longestWaiting(connection);
            if (longest == null) {
                open.remove(connection);
                ended.ended(Reason.FULL);
                return null;
            }
            longest.end(Reason.DISPLACED);
        }
        return connection;
    }

    private @Nullable Connection longestWaiting(Connection but) {
        long now = nanoTime.getAsLong();
        Connection longest = null;
        for (Connection connection : open) {
            if (connection != but
                    && connection.doing != Doing.WORKING
                    && (longest == null || now - connection.asked > now - longest.asked)) {
                longest = connection;
            }
        }
        return longest;
    }

    private void look() {
        long now = nanoTime.getAsLong();
        for (Connection connection : open) {
            switch (connection.doing) {
                case SHAKING_HANDS -> {
                    if (now - connection.since > handshakeNanos) {
                        connection.end(Reason.HANDSHAKE);
                    }
                }
                case SENDING -> {
                    if (now - connection.since > sendNanos) {
                        connection.end(Reason.UNREAD);
                    }
                }
                case READING, WORKING -> {
                    // The socket's own time-out, and nobody's fault.
                }
            }
        }
    }

    @Override
    public void close() {
        looking.shutdownNow();
    }
}
