package io.tidegrad.ops.http;

import io.helidon.common.concurrency.limits.FixedLimit;
import io.helidon.common.concurrency.limits.Limit;
import io.helidon.common.context.Context;
import io.helidon.http.Status;
import io.helidon.http.encoding.ContentEncodingContext;
import io.helidon.http.media.MediaContext;
import io.helidon.webserver.ConnectionContext;
import io.helidon.webserver.ListenerConfig;
import io.helidon.webserver.ListenerContext;
import io.helidon.webserver.Router;
import io.helidon.webserver.http.DirectHandlers;
import io.helidon.webserver.http.HttpRouting;
import io.helidon.webserver.http1.Http1Config;
import io.helidon.webserver.http1.Http1ConnectionListener;
import io.helidon.webserver.http1.Http1ConnectionSelector;
import io.helidon.webserver.spi.ServerConnection;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.Pipe;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// HTTP/1.1 with one virtual thread a connection. Requests are read and routed by Helidon; who is let in, how long and
/// for how much is decided here, because a listener of Helidon ends at the first connection that it can't accept, such
/// as one for which no file descriptor is left (`docs/decisions/0013-http-server.md`).
public final class HttpServer implements ListenerContext, AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(HttpServer.class);

    /// For requests that are worked on when the server stops.
    private static final Duration STOP_WITHIN = Duration.ofSeconds(5);

    /// Connections that the system keeps until they are accepted.
    private static final int BACKLOG = 1_024;

    /// What the system keeps of answers for a client that does not read; on its own it would go up to 4 MiB a
    /// connection.
    private static final int SEND_BUFFER_BYTES = 256 * 1024;

    private static final long ACCEPT_AGAIN_NANOS = Duration.ofMillis(10).toNanos();
    private static final long WAIT_LOOK_NANOS = Duration.ofMillis(1).toNanos();
    private static final long STOP_LOOK_NANOS = Duration.ofMillis(10).toNanos();

    private final HttpOptions options;
    private final ServerSocketChannel listener;
    private final int port;
    private final OpenConnections connections;
    private final Set<HttpConnection> open = ConcurrentHashMap.newKeySet();
    private final Http1ConnectionSelector http1;
    private final Router router;
    private final ListenerConfig config;
    private final Context context = Context.builder().id("http").build();
    private final MediaContext media = MediaContext.create();
    private final ContentEncodingContext encodings = ContentEncodingContext.create();
    private final Limit unlimited = FixedLimit.create();
    private final ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor();
    private final CompletableFuture<String> ended = new CompletableFuture<>();
    private final Seldom noDescriptor = new Seldom();
    private final Seldom notAccepted = new Seldom();
    private final String descriptors = FileDescriptors.limit().toString();
    private final Thread acceptor;
    private @Nullable SocketChannel spare; // a descriptor that is kept to refuse with; acceptor
    private volatile boolean closing;

    private HttpServer(HttpOptions options, ServerSocketChannel listener, Consumer<HttpRouting.Builder> routing)
            throws IOException {
        this.options = options;
        this.listener = listener;
        port = ((InetSocketAddress) listener.getLocalAddress()).getPort();
        connections = new OpenConnections(options);
        HttpRouting.Builder routes = HttpRouting.builder();
        routing.accept(routes);
        router = Router.builder().addRouting(routes).build();
        config = ListenerConfig.builder().protocolsDiscoverServices(false).host(options.host()).port(port)
                .directHandlers(options.requests().refusals()).build();
        http1 = Http1ConnectionSelector.builder()
                .config(Http1Config.builder().maxPrologueLength(HttpOptions.LINE_BYTES_MAX)
                        .maxHeadersSize(HttpOptions.HEADER_BYTES_MAX).addSendListener(new AnswerListener()).build())
                .build();
        waitOnce();
        spare = SocketChannel.open();
        // Now, while classes that it needs can still be loaded.
        connections.displaceOne();
        refuseWithSpare();
        acceptor = Thread.ofPlatform().name("http-" + port).unstarted(this::accept);
    }

    /// Listens when it returns.
    ///
    /// @throws IOException it can't, most often because the port is taken
    public static HttpServer start(HttpOptions options, Consumer<HttpRouting.Builder> routing) throws IOException {
        InetSocketAddress address = new InetSocketAddress(options.host(), options.port());
        if (address.isUnresolved()) {
            throw new IOException("no such host: " + options.host());
        }
        ServerSocketChannel listener = ServerSocketChannel.open();
        try {
            // A port whose last connections are still about may be taken again.
            listener.setOption(StandardSocketOptions.SO_REUSEADDR, true);
            listener.bind(address, BACKLOG);
            return start(options, routing, listener);
        } catch (IOException | RuntimeException e) {
            listener.close();
            throw e;
        }
    }

    /// @param listener bound
    static HttpServer start(HttpOptions options, Consumer<HttpRouting.Builder> routing, ServerSocketChannel listener)
            throws IOException {
        HttpServer server = new HttpServer(options, listener, routing);
        server.router.beforeStart();
        server.acceptor.start();
        return server;
    }

    public int port() {
        return port;
    }

    /// Completed with the reason when nothing is accepted any more though nobody closed the server: only a restart of
    /// the process helps.
    public CompletableFuture<String> ended() {
        return ended;
    }

    private static final class AnswerListener implements Http1ConnectionListener {
        @Override
        public void status(ConnectionContext context, Status status) {
            if (context instanceof HttpConnection connection) {
                connection.answered();
            }
        }
    }

    private void accept() {
        String why = "its thread ended";
        try {
            while (!closing) {
                try {
                    acceptOne();
                } catch (ClosedChannelException closed) {
                    why = "its socket is closed";
                    break;
                } catch (RuntimeException | OutOfMemoryError | LinkageError e) {
                    long times = notAccepted.times();
                    if (times > 0) {
                        log.error("a connection could not be taken ({} times since the last such line)", times, e);
                    }
                    LockSupport.parkNanos(ACCEPT_AGAIN_NANOS);
                }
            }
        } catch (InterruptedException stopped) {
            why = "its thread was interrupted";
        } catch (Error e) {
            why = e.toString();
            throw e;
        } finally {
            if (!closing) {
                ended.complete("port " + port + " is not listened on any more: " + why + "; only a restart helps");
            }
        }
    }

    private void acceptOne() throws ClosedChannelException, InterruptedException {
        SocketChannel channel;
        try {
            channel = listener.accept();
        } catch (ClosedChannelException closed) {
            throw closed;
        } catch (IOException e) {
            refuseWithSpare(e);
            return;
        }
        take(channel);
    }

    private void take(SocketChannel channel) throws InterruptedException {
        boolean taken = false;
        try {
            OpenConnections.Connection place =
                    connections.enter(options.tls() != null, () -> HttpConnection.close(channel));
            if (place == null) {
                return;
            }
            try {
                channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
                channel.setOption(StandardSocketOptions.SO_SNDBUF, SEND_BUFFER_BYTES);
                HttpConnection connection = new HttpConnection(this, channel, place);
                open.add(connection);
                Thread thread = Thread.ofVirtual().unstarted(connection);
                place.servedBy(thread);
                thread.start();
                taken = true;
            } finally {
                if (!taken) {
                    place.left();
                }
            }
        } catch (IOException gone) {
            log.debug("a connection ended while it was accepted", gone);
        } finally {
            if (!taken) {
                HttpConnection.close(channel);
            }
        }
    }

    /// Most often the process has no descriptor left, by whatever takes them: the one that is kept for this is given to
    /// the client that waits first, which is thereby refused instead of waiting for ever, and who has waited longest
    /// makes room.
    private void refuseWithSpare(IOException why) {
        options.connections().ended().accept(EndedConnection.DESCRIPTORS);
        long times = noDescriptor.times();
        if (times > 0) {
            log.warn("a connection could not be accepted ({} times since the last such line): {};"
                    + " limit of open files: {}", times, why.getMessage(), descriptors);
        }
        connections.displaceOne();
        refuseWithSpare();
        LockSupport.parkNanos(ACCEPT_AGAIN_NANOS);
    }

    private void refuseWithSpare() {
        try {
            SocketChannel kept = spare;
            if (kept != null) {
                spare = null;
                kept.close();
                listener.configureBlocking(false);
                try (SocketChannel refused = listener.accept()) {
                    log.debug("refused {}", refused);
                } finally {
                    listener.configureBlocking(true);
                }
            }
            spare = SocketChannel.open();
        } catch (IOException still) {
            log.debug("no descriptor to refuse with", still);
        }
    }

    /// Lets a virtual thread wait for a byte. The JDK opens what wakes such threads when the first of them waits, and never
    /// tries again: if no descriptor was left then, no connection could be served or closed in this process any more.
    ///
    /// @throws IOException it could not be opened
    private static void waitOnce() throws IOException {
        Pipe pipe = Pipe.open();
        CompletableFuture<Integer> read = new CompletableFuture<>();
        try (Pipe.SourceChannel from = pipe.source(); Pipe.SinkChannel to = pipe.sink()) {
            Thread reader = Thread.ofVirtual().start(() -> {
                try {
                    read.complete(from.read(ByteBuffer.allocate(1)));
                } catch (IOException | RuntimeException | LinkageError e) {
                    read.completeExceptionally(e);
                }
            });
            while (reader.getState() != Thread.State.WAITING && !read.isDone()) {
                LockSupport.parkNanos(WAIT_LOOK_NANOS);
            }
            to.write(ByteBuffer.allocate(1));
            read.join();
        } catch (CompletionException e) {
            throw new IOException(
                    "expected file descriptors to wait for connections with, found none left; limit of open"
                            + " files: " + FileDescriptors.limit(),
                    e.getCause());
        }
    }

    void left(HttpConnection connection) {
        open.remove(connection);
    }

    /// Nothing new is accepted; what is worked on is answered, within a bound.
    @Override
    public void close() {
        if (closing) {
            return;
        }
        closing = true;
        try {
            listener.close();
            long deadline = System.nanoTime() + STOP_WITHIN.toNanos();
            // Again and again: one that was between two requests has perhaps just begun to wait for
            // the next.
            while (!open.isEmpty() && System.nanoTime() - deadline < 0) {
                open.forEach(connection -> connection.stop(false));
                LockSupport.parkNanos(STOP_LOOK_NANOS);
            }
            open.forEach(connection -> connection.stop(true));
            acceptor.join(STOP_WITHIN);
            if (spare != null) {
                spare.close();
            }
        } catch (IOException e) {
            log.debug("closing", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        router.afterStop();
        executor.shutdownNow();
        connections.close();
    }

    HttpOptions options() {
        return options;
    }

    String name() {
        return "http-" + port;
    }

    String name(SocketChannel channel) {
        return Integer.toHexString(System.identityHashCode(channel));
    }

    ServerConnection http1(HttpConnection connection) {
        return http1.connection(connection);
    }

    Router router() {
        return router;
    }

    Limit unlimited() {
        return unlimited;
    }

    @Override
    public Context context() {
        return context;
    }

    @Override
    public MediaContext mediaContext() {
        return media;
    }

    @Override
    public ContentEncodingContext contentEncodingContext() {
        return encodings;
    }

    @Override
    public DirectHandlers directHandlers() {
        return options.requests().refusals();
    }

    @Override
    public ListenerConfig config() {
        return config;
    }

    @Override
    public ExecutorService executor() {
        return executor;
    }
}
