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

/// The connections of gRPC that are open, at most so many, with the rules of HTTP's: when they are all taken, the one
/// that has waited longest for its client makes room for the next, so that who opens many and says nothing keeps nobody
/// out. The library has no such bound: its `maxConnectionIdle` ends an idle connection after a time, and until then it
/// would hold its place; its `maxConnectionAge` would end those of clients that behave well, too.
///
/// What the calls of all connections hold in memory while they wait for their clients is bounded as well, because one
/// connection may have 128 of them.
final class GrpcConnections {
    /// A connection that is ended gives back its descriptor when its event loop has seen it, which is soon unless the
    /// processors are very busy.
    private static final long ROOM_WITHIN_MILLIS = 1_000;

    private final Semaphore places;
    private final long heldMax;
    private final Supplier<Semaphore> newTurns;
    private final LongSupplier nanoTime;
    private final Consumer<EndedConnection> ended;
    private final AtomicLong heldByAll = new AtomicLong(); // bytes

    /// By the client's address, which is another one for each.
    private final Map<SocketAddress, Connection> open = new ConcurrentHashMap<>();

    /// @param max open at once
    /// @param heldMax bytes that all calls may hold while they wait for their clients
    /// @param newTurns of one connection's calls, `WorkLimit::turns`
    /// @param nanoTime monotonic
    /// @param ended hears of connections that are ended from here
    GrpcConnections(int max, long heldMax, Supplier<Semaphore> newTurns, LongSupplier nanoTime,
            Consumer<EndedConnection> ended) {
        places = new Semaphore(max);
        this.heldMax = heldMax;
        this.newTurns = newTurns;
        this.nanoTime = nanoTime;
        this.ended = ended;
    }

    /// One connection with its calls; any thread.
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

        /// A call is whole, and waits for its answer: its connection is not displaced meanwhile.
        void works() {
            working.incrementAndGet();
        }

        /// What `works` has begun has an answer, or needs none.
        void worked() {
            working.decrementAndGet();
            keepHeldInBounds(); // now it can be ended itself
        }

        /// @param more bytes than before that a call holds, negative when it ends
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

        /// Of its calls, at the work that all share.
        Semaphore turns() {
            return turns;
        }

        private boolean waits() {
            return working.get() == 0;
        }

        /// Returns false when it is ending already.
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
                // Past HTTP/2, which would wait for the calls that are open.
                channel.eventLoop().execute(() -> channel.unsafe().close(channel.unsafe().voidPromise()));
            } catch (RejectedExecutionException stopping) {
                return false; // the server ends all
            }
            return true;
        }
    }

    /// The connection that a call came by; null when it is gone.
    @Nullable
    Connection of(ServerCall<?, ?> call) {
        SocketAddress client = call.getAttributes().get(Grpc.TRANSPORT_ATTR_REMOTE_ADDR);
        return client == null ? null : open.get(client);
    }

    /// Whether there is room for a connection that was just accepted.
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

    /// A place is free when the descriptor is, which a selector gives back when it next selects: a task that is due
    /// after this one comes behind that.
    private void leave(Channel channel) {
        try {
            channel.eventLoop().schedule(() -> places.release(), 1, TimeUnit.NANOSECONDS);
        } catch (IllegalStateException | RejectedExecutionException stopping) {
            places.release();
        }
    }

    /// Where all together hold too much, who has waited longest for its client is ended.
    private void keepHeldInBounds() {
        if (heldByAll.get() > heldMax) {
            Connection longest = longest(connection -> connection.waits() && connection.held > 0);
            if (longest != null) {
                longest.end(EndedConnection.UNREAD);
            }
        }
    }

    /// Ends the one that has waited longest for its client.
    ///
    /// @return false when none waits
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

    /// A port whose connections are these.
    ///
    /// @param closed told when the port itself is closed
    NioServerSocketChannel listener(Runnable closed) {
        return new Listener(closed);
    }

    private final class Listener extends NioServerSocketChannel {
        Listener(Runnable closed) {
            closeFuture().addListener(end -> closed.run());
            // One at a time, not sixteen: a connection can be ended once it has its event loop, which
            // it gets after it was read here.
            config().setRecvByteBufAllocator(new ServerChannelRecvByteBufAllocator());
        }

        @Override
        protected int doReadMessages(List<Object> accepted) throws Exception {
            int count;
            try {
                count = super.doReadMessages(accepted);
            } catch (IOException e) {
                // Most often the process has no descriptor left. The library accepts again in a
                // second.
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
