package io.tidegrad.ops.http;

import io.helidon.common.buffers.BufferData;
import io.helidon.common.buffers.DataReader;
import io.helidon.common.buffers.DataWriter;
import io.helidon.common.socket.HelidonSocket;
import io.helidon.common.socket.PeerInfo;
import io.helidon.common.socket.PlainSocket;
import io.helidon.http.DirectHandler;
import io.helidon.http.RequestException;
import io.helidon.http.Status;
import io.helidon.webserver.CloseConnectionException;
import io.helidon.webserver.ConnectionContext;
import io.helidon.webserver.ListenerContext;
import io.helidon.webserver.Router;
import io.helidon.webserver.ServerConnectionException;
import io.helidon.webserver.spi.ServerConnection;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongSupplier;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// One connection of HTTP/1.1 whose requests end, on a virtual thread of its own. The library's own limits are on a
/// line, on headers and on the silence between two reads; a client that sends a byte now and then, a chunk that never
/// ends or a chunk's extension that goes on for ever stay within all of them. Here a request has a time and a number of
/// bytes, from its first byte to its answer; over TLS the time is that of the bytes that come, the number that of the
/// bytes that they hold. The time for which bytes of the client lay unread does not count, up to twice what a request
/// has: on a machine with too much to do it is the server that is slow.
final class HttpConnection implements ConnectionContext, Runnable {
    private static final Logger log = LoggerFactory.getLogger(HttpConnection.class);

    static final String PROTOCOL = "http/1.1";

    /// For a client that still sends while it is refused: closing at once would reset the connection, and the answer
    /// with it.
    private static final Executor LINGER = CompletableFuture.delayedExecutor(500, TimeUnit.MILLISECONDS);

    /// A virtual thread runs until it waits, and a client that sends its requests ahead never lets it wait: with many
    /// of them others would be answered when all these are. After so long it goes to the end of the queue.
    private static final long TURN_NANOS = 100_000;

    /// The same for a client that waits for its answers: the next read almost always waits, and a yield often wakes a
    /// thread, which costs a tenth of a small request. But on a busy machine such a client can have sent its next
    /// request before it is asked for.
    private static final long LONG_TURN_NANOS = 1_000_000;

    /// How much of the time for which bytes lay unread does not count, in times of a request.
    private static final int UNREAD_WITHIN = 2;

    /// A read of bytes that are there takes less.
    private static final long WAITED_NANOS = 20_000;

    /// Between two answers of a `SharedAnswer` to a client that asks ahead: without it 200 such clients have a
    /// processor to themselves.
    private static final Duration ASKED_AHEAD_PAUSE = Duration.ofMillis(50);

    private static final ScopedValue<HttpConnection> CURRENT = ScopedValue.newInstance();

    private static final Seldom UNEXPECTED = new Seldom();

    private final HttpServer server;
    private final SocketChannel channel;
    private final HelidonSocket socket;
    private final @Nullable SSLContext tls;
    private final LongSupplier nanoTime;
    private final DataReader reader = DataReader.create(this::pull);
    private final DataWriter writer = new Sending();
    private final Received encrypted = new Received();
    private final OpenConnections.Connection connection;
    private final ServerConnection http1;
    private @Nullable TlsLayer layer;
    private boolean answered = true; // what comes next begins a request
    private boolean ended; // no byte comes any more
    private boolean broken; // nor can one be sent
    private long began;
    private long read; // last
    private long unread; // for how long its bytes waited for this server, rather than this server for them
    private long bytes;
    private long turn; // began
    private long turnLook; // when to look next whether it ends
    private boolean paced; // the answer that is next

    /// @param channel open; closed when the thread that runs this ends
    /// @param connection the place that it has
    HttpConnection(HttpServer server, SocketChannel channel, OpenConnections.Connection connection) {
        this.server = server;
        this.channel = channel;
        this.connection = connection;
        tls = server.options().tls();
        nanoTime = server.options().times().request();
        socket = PlainSocket.server(channel.socket(), server.name(channel), server.name());
        http1 = server.http1(this);
        beginTurn();
    }

    @Override
    public void run() {
        ScopedValue.where(CURRENT, this).run(this::serve);
    }

    /// Whether the client whom this thread is about to answer has sent a further request already, without waiting for
    /// the answer. If so, a pause follows the answer.
    static boolean pacesWhoAsksAhead() {
        return CURRENT.isBound() && CURRENT.get().paces();
    }

    private boolean paces() {
        paced = asksAhead();
        return paced;
    }

    private void serve() {
        try {
            if (greets()) {
                try {
                    http1.handle(server.unlimited());
                } finally {
                    linger();
                }
            }
        } catch (CloseConnectionException | InterruptedException end) {
            log.debug("a connection ends", end);
        } catch (RuntimeException | LinkageError | OutOfMemoryError e) {
            // The last two where descriptors or memory are short.
            warn("a connection ended unexpectedly", e);
        } finally {
            end();
        }
    }

    /// False when it does not speak TLS where it should.
    private boolean greets() {
        if (tls == null) {
            return true;
        }
        try {
            layer = new TlsLayer(tls, PROTOCOL, encrypted, new Sent());
            layer.handshake();
        } catch (IOException e) {
            connection.failed(EndedConnection.HANDSHAKE);
            log.debug("no TLS", e);
            return false;
        }
        connection.greeted();
        answered = true;
        return true;
    }

    /// The server stops: it ends after the request that it is at, or at once.
    void stop(boolean atOnce) {
        http1.close(atOnce);
    }

    private void end() {
        if (broken) {
            connection.failed(EndedConnection.ABORTED);
        }
        try {
            if (layer != null && !ended) {
                layer.close();
            }
        } catch (IOException | RuntimeException gone) {
            log.debug("no end of TLS", gone);
        } finally {
            close();
            connection.left();
            server.left(this);
        }
    }

    /// From any thread.
    static void close(SocketChannel channel) {
        try {
            channel.shutdownOutput();
        } catch (IOException | RuntimeException gone) {
            log.debug("ending a connection that is gone", gone);
        }
        try {
            channel.close();
        } catch (IOException gone) {
            log.debug("closing a connection that is gone", gone);
        }
    }

    private void close() {
        close(channel);
    }

    /// The request that it is at has been answered.
    void answered() {
        answered = true;
    }

    private byte @Nullable [] pull() {
        byte[] pulled = layer == null ? received() : decrypted(layer);
        if (pulled == null) {
            ended = true;
            return null;
        }
        bytes += pulled.length;
        if (bytes > server.options().requests().bytesMax()) {
            throw refused(Status.REQUEST_ENTITY_TOO_LARGE_413);
        }
        if (isLate()) {
            throw refused(Status.REQUEST_TIMEOUT_408);
        }
        return pulled;
    }

    private byte @Nullable [] decrypted(TlsLayer layer) {
        try {
            return layer.read();
        } catch (SocketTimeoutException late) {
            throw refused(Status.REQUEST_TIMEOUT_408);
        } catch (IOException e) {
            throw lost("no TLS any more", e);
        }
    }

    /// As they come; null at the end.
    private byte @Nullable [] received() {
        if (broken) {
            throw new ServerConnectionException("an answer could not be sent", new IOException());
        }
        byte[] received;
        connection.reads();
        long before = System.nanoTime();
        try {
            received = socket.get();
        } catch (UncheckedIOException e) {
            throw lost("nothing can be read", e);
        } finally {
            connection.works();
        }
        if (System.nanoTime() - before > WAITED_NANOS) {
            beginTurn(); // others ran meanwhile
        }
        if (received == null) {
            return null;
        }
        boolean behind = !answered && hasMore();
        long now = nanoTime.getAsLong();
        if (answered) {
            answered = false;
            connection.asked();
            began = now;
            unread = 0;
            bytes = 0;
        } else if (behind) {
            unread += now - read;
        }
        read = now;
        return received;
    }

    private boolean isLate() {
        long within = server.options().requests().within().toNanos();
        return read - began - Math.min(unread, UNREAD_WITHIN * within) > within;
    }

    private CloseConnectionException lost(String what, Exception why) {
        // Between two requests a client may end its connection as it likes.
        broken |= !answered;
        ended = true;
        return new ServerConnectionException(what, why);
    }

    private void send(BufferData... buffers) {
        long length = 0;
        for (BufferData buffer : buffers) {
            length += buffer.available();
        }
        boolean pauses = paced;
        paced = false;
        boolean yields = !pauses && endsTurn();
        connection.sends(length);
        try {
            if (layer == null) {
                sent(buffers);
            } else {
                layer.write(TlsLayer.together(buffers));
            }
        } catch (IOException | UncheckedIOException e) {
            broken = true;
            throw new ServerConnectionException("an answer could not be sent", e);
        } finally {
            connection.works();
        }
        if (pauses) {
            pause();
        } else if (yields) {
            Thread.yield();
            beginTurn();
        }
    }

    private void beginTurn() {
        turn = System.nanoTime();
        turnLook = turn + TURN_NANOS;
    }

    /// Asked before an answer is sent: who has sent more by now has not waited for it.
    private boolean endsTurn() {
        long now = System.nanoTime();
        if (now - turnLook < 0) {
            return false;
        }
        turnLook = now + TURN_NANOS;
        return now - turn > LONG_TURN_NANOS || asksAhead();
    }

    /// Whether a further request has come before this one's answer is sent. A client that does not read its answers has
    /// its connection's buffers filled with them, megabytes in milliseconds, and each costs the processor that others
    /// wait for.
    private boolean asksAhead() {
        return reader.available() > 0 || encrypted.at < encrypted.pulled.length || hasMore();
    }

    /// Whether bytes have come that are not read yet.
    private boolean hasMore() {
        try {
            return channel.socket().getInputStream().available() > 0;
        } catch (IOException gone) {
            return false; // which the next read or write will tell
        }
    }

    private void pause() {
        connection.reads(); // it can make room meanwhile
        long end = System.nanoTime() + ASKED_AHEAD_PAUSE.toNanos();
        while (channel.isOpen() && System.nanoTime() - end < 0 && !Thread.interrupted()) {
            LockSupport.parkNanos(this, end - System.nanoTime());
        }
        connection.works();
        beginTurn();
    }

    private void sent(BufferData... buffers) {
        socket.write(buffers.length == 1 ? buffers[0] : BufferData.create(buffers));
    }

    private final class Sending implements DataWriter {
        @Override
        public void write(BufferData... buffers) {
            send(buffers);
        }

        @Override
        public void write(BufferData buffer) {
            send(buffer);
        }

        @Override
        public void writeNow(BufferData... buffers) {
            send(buffers);
        }

        @Override
        public void writeNow(BufferData buffer) {
            send(buffer);
        }
    }

    /// What TLS reads.
    private final class Received extends InputStream {
        private byte[] pulled = {};
        private int at;

        @Override
        public int read() throws IOException {
            byte[] one = new byte[1];
            return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
        }

        @Override
        public int read(byte[] into, int offset, int length) throws IOException {
            if (length == 0) {
                return 0;
            }
            if (at == pulled.length) {
                byte[] next;
                try {
                    next = received();
                } catch (ServerConnectionException gone) {
                    throw new SocketException(String.valueOf(gone.getMessage()));
                }
                if (next == null) {
                    return -1;
                }
                pulled = next;
                at = 0;
            }
            // A record that comes byte by byte never becomes bytes of a request.
            if (isLate()) {
                throw new SocketTimeoutException("too slow");
            }
            int count = Math.min(length, pulled.length - at);
            System.arraycopy(pulled, at, into, offset, count);
            at += count;
            return count;
        }
    }

    /// What TLS writes.
    private final class Sent extends OutputStream {
        @Override
        public void write(int one) throws IOException {
            write(new byte[]{(byte) one}, 0, 1);
        }

        @Override
        public void write(byte[] from, int offset, int length) throws IOException {
            try {
                // Copied: TLS writes the next record into the same array.
                sent(BufferData.create(Arrays.copyOfRange(from, offset, offset + length)));
            } catch (UncheckedIOException gone) {
                throw new SocketException(String.valueOf(gone.getMessage()));
            }
        }
    }

    private static RequestException refused(Status status) {
        return RequestException.builder().type(DirectHandler.EventType.OTHER).status(status).setKeepAlive(false)
                .message(status.reasonPhrase()).build();
    }

    /// Reads what a refused client still sends, so that it gets to read its answer.
    private void linger() {
        if (!answered || ended || broken) {
            return;
        }
        LINGER.execute(this::close);
        try {
            while (pull() != null) {
                // Discarded; time and bytes are bounded as for any request.
            }
        } catch (RuntimeException enough) {
            log.debug("the rest of a refused request", enough);
        }
        ended = true;
        broken = false; // it has its answer
    }

    /// What the library has to say of a request that could not be answered: nothing, where it is the client that is
    /// gone.
    @Override
    public void log(System.Logger logger, System.Logger.Level level, String format, Object... variables) {
        if (level.getSeverity() < System.Logger.Level.WARNING.getSeverity()) {
            ConnectionContext.super.log(logger, level, format, variables);
        } else if (!broken) {
            warn(String.format(format.replace("%", "%%"), variables), null);
        }
    }

    @Override
    public void log(System.Logger logger, System.Logger.Level level, String format, Throwable thrown,
            Object... variables) {
        if (level.getSeverity() < System.Logger.Level.WARNING.getSeverity()) {
            ConnectionContext.super.log(logger, level, format, thrown, variables);
        } else if (!broken) {
            warn(format, thrown);
        }
    }

    private static void warn(String what, @Nullable Throwable thrown) {
        long times = UNEXPECTED.times();
        if (times > 0) {
            log.warn("{} ({} times since the last such line)", what, times, thrown);
        }
    }

    @Override
    public DataReader dataReader() {
        return reader;
    }

    @Override
    public DataWriter dataWriter() {
        return writer;
    }

    @Override
    public ListenerContext listenerContext() {
        return server;
    }

    @Override
    public ExecutorService executor() {
        return server.executor();
    }

    @Override
    public Router router() {
        return server.router();
    }

    @Override
    public HelidonSocket serverSocket() {
        return socket;
    }

    @Override
    public PeerInfo remotePeer() {
        return socket.remotePeer();
    }

    @Override
    public PeerInfo localPeer() {
        return socket.localPeer();
    }

    @Override
    public boolean isSecure() {
        return tls != null;
    }

    @Override
    public String socketId() {
        return socket.socketId();
    }

    @Override
    public String childSocketId() {
        return socket.childSocketId();
    }
}
