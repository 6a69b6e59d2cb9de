package io.tidegrad.scorerapp;

import io.grpc.Grpc;
import io.grpc.ServerCall;
import io.grpc.netty.shaded.io.netty.channel.Channel;
import io.grpc.netty.shaded.io.netty.channel.ServerChannelRecvByteBufAllocator;
import io.grpc.netty.shaded.io.netty.channel.socket.nio.NioServerSocketChannel;
import io.tidegrad.ops.http.EndedConnection;
import java.io.IOException;
import java.net.SocketAddress;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// Bounds the number of open gRPC connections by the same rules as HTTP: if all are in use, the one that has waited
/// longest for its client is closed for the next one, so that a client which opens many and sends nothing keeps nobody
/// out. The library has no such bound: its `maxConnectionIdle` ends an idle connection only after a time, and its
/// `maxConnectionAge` would also end those of clients that behave well.
///
/// It also bounds how much memory the calls of all connections hold while they wait for their clients, because one
/// connection may have 128 calls.
final class GrpcConnections {
    /// A closed connection frees its descriptor once its event loop has run, which is soon unless the processors are
    /// very busy.
    private static final long ROOM_WITHIN_MILLIS = 1_000;

    private final Semaphore places;
    private final long heldMax;
    private final Supplier<Semaphore> newTurns;
    private final LongSupplier nanoTime;
    private final Consumer<EndedConnection> ended;
    private final AtomicLong heldByAll = new AtomicLong(); // bytes

    /// Connections by the client's address, which differs for each.
    private final Map<SocketAddress, Connection> open = new ConcurrentHashMap<>();

    /// @param max how many may be open at once
    /// @param heldMax bytes that all calls together may hold while they wait for their clients
    /// @param newTurns creates the turns of one connection's calls, `WorkLimit::turns`
    /// @param nanoTime monotonic clock, ns
    /// @param ended told of connections that are closed here
    GrpcConnections(int max, long heldMax, Supplier<Semaphore> newTurns, LongSupplier nanoTime,
            Consumer<EndedConnection> ended) {
        places = new Semaphore(max);
        this.heldMax = heldMax;
        this.newTurns = newTurns;
        this.nanoTime = nanoTime;
        this.ended = ended;
    }

    /// One connection with its calls. Used by any thread.
    final class Connection {
        private final Channel channel;
        private final AtomicInteger working = new AtomicInteger(); // calls
        private final Semaphore turns = newTurns.get();
        private volatile long held; // bytes, by the calls that are open; changed under the monitor
        private boolean ending; // under the monitor
        private volatile long asked = nanoTime.getAsLong(); // its newest call began, or it was opened

        private Connection(Channel channel) {
            this.channel = channel;
        }

        /// A call begins.
        void asked() {
            asked = nanoTime.getAsLong();
        }

        /// A call has arrived completely and waits for its response. Its connection is not closed for another one in
        /// the meantime.
        void works() {
            working.incrementAndGet();
        }

        /// Ends what `works` began: the call has a response or needs none.
        void worked() {
            working.decrementAndGet();
            keepHeldInBounds(); // now it can be ended itself
        }

        /// @param more how many bytes more than before a call holds; negative when it ends
        void holds(long more) {
            synchronized (this) {
                held = held + more;
                if (ending) {
                    return; // it counts no more
                }
                heldByAll.addAndGet(more);
            }
            keepHeldInBounds();
        }

        /// Returns the turns of its calls at the shared work.
        Semaphore turns() {
            return turns;
        }

        private boolean waits() {
            return working.get() == 0;
        }

        /// Returns false if it is being closed already.
        boolean end(EndedConnection why) {
            synchronized (this) {
                if (ending) {
                    return false;
                }
                ending = true;
                heldByAll.addAndGet(-held);
            }
            open.remove(channel.remoteAddress(), this);
            ended.accept(why);
            try {
                // Closed below HTTP/2, which would wait for the open calls.
                channel.eventLoop().execute(() -> channel.unsafe().close(channel.unsafe().voidPromise()));
            } catch (RejectedExecutionException stopping) {
                return false; // the server ends all
            }
            return true;
        }
    }

    /// Returns the connection of a call; null if it is gone.
    @Nullable
    Connection of(ServerCall<?, ?> call) {
        SocketAddress client = call.getAttributes().get(Grpc.TRANSPORT_ATTR_REMOTE_ADDR);
        return client == null ? null : open.get(client);
    }

    /// Returns whether a connection that was just accepted may stay.
    boolean enter(Channel channel) throws InterruptedException {
        if (!places.tryAcquire() && !(displaceOne() && places.tryAcquire(ROOM_WITHIN_MILLIS, TimeUnit.MILLISECONDS))) {
            ended.accept(EndedConnection.FULL);
            return false;
        }
        SocketAddress client = channel.remoteAddress();
        Connection connection = new Connection(channel);
        open.put(client, connection);
        channel.closeFuture().addListener(closed -> {
            open.remove(client, connection);
            leave(channel);
        });
        return true;
    }

    /// A place is free once the descriptor is, which a selector frees when it selects the next time. A task that is
    /// scheduled after this one runs after that.
    private void leave(Channel channel) {
        try {
            channel.eventLoop().schedule(() -> places.release(), 1, TimeUnit.NANOSECONDS);
        } catch (IllegalStateException | RejectedExecutionException stopping) {
            places.release();
        }
    }

    /// If all calls together hold too much, the connection that has waited longest for its client is closed.
    private void keepHeldInBounds() {
        if (heldByAll.get() > heldMax) {
            Connection longest = longest(connection -> connection.waits() && connection.held > 0);
            if (longest != null) {
                longest.end(EndedConnection.UNREAD);
            }
        }
    }

    /// Closes the connection that has waited longest for its client.
    ///
    /// @return false if none waits
    private boolean displaceOne() {
        Connection longest = longest(Connection::waits);
        return longest != null && longest.end(EndedConnection.DISPLACED);
    }

    private @Nullable Connection longest(Predicate<Connection> which) {
        long now = nanoTime.getAsLong();
        long most = Long.MIN_VALUE;
        Connection longest = null;
        for (Connection connection : open.values()) {
            if (which.test(connection)) {
                long waited = now - connection.asked;
                if (longest == null || waited > most) {
                    longest = connection;
                    most = waited;
                }
            }
        }
        return longest;
    }

    /// A port for these connections.
    ///
    /// @param closed told if the port itself is closed
    NioServerSocketChannel listener(Runnable closed) {
        return new Listener(closed);
    }

    private final class Listener extends NioServerSocketChannel {
        Listener(Runnable closed) {
            closeFuture().addListener(end -> closed.run());
            // Accepts one connection at a time and not 16: a connection can be closed only once it has its event loop,
            // which it gets after it was accepted here.
            config().setRecvByteBufAllocator(new ServerChannelRecvByteBufAllocator());
        }

        @Override
        protected int doReadMessages(List<Object> accepted) throws Exception {
            int count;
            try {
                count = super.doReadMessages(accepted);
            } catch (IOException e) {
                // Usually the process has no descriptor left. The library accepts again after a second.
                ended.accept(EndedConnection.DESCRIPTORS);
                displaceOne();
                throw e;
            }
            if (count <= 0) {
                return count;
            }
            Channel channel = (Channel) accepted.getLast();
            if (!enter(channel)) {
                accepted.removeLast();
                channel.unsafe().closeForcibly();
                return 0;
            }
            return count;
        }
    }
}
