package io.tidegrad.scorerapp;

import io.helidon.common.buffers.BufferData;
import io.helidon.common.buffers.DataReader;
import io.helidon.common.buffers.DataWriter;
import io.helidon.common.concurrency.limits.Limit;
import io.helidon.common.socket.HelidonSocket;
import io.helidon.common.socket.PeerInfo;
import io.helidon.http.DirectHandler;
import io.helidon.http.RequestException;
import io.helidon.http.Status;
import io.helidon.webserver.ConnectionContext;
import io.helidon.webserver.ListenerContext;
import io.helidon.webserver.ProxyProtocolData;
import io.helidon.webserver.Router;
import io.helidon.webserver.ServerConnectionException;
import io.helidon.webserver.http1.Http1Config;
import io.helidon.webserver.http1.Http1ConnectionListener;
import io.helidon.webserver.http1.Http1ConnectionSelector;
import io.helidon.webserver.spi.ServerConnection;
import io.helidon.webserver.spi.ServerConnectionSelector;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.Arrays;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// HTTP/1.1 whose requests end. The server's own limits are on a line, on headers and on the silence between two reads;
/// a client that sends a byte now and then, a chunk that never ends or a chunk's extension that goes on for ever stay
/// within all of them. Here a request has a time and a number of bytes, from its first byte to its answer; over TLS the time
/// is that of the bytes that come, the number that of the bytes that they hold.
final class BoundedHttp1 implements ServerConnectionSelector {
    private static final Logger log = LoggerFactory.getLogger(BoundedHttp1.class);

    private static final String PROTOCOL = "http/1.1";

    /// For a client that still sends while it is refused: closing at once would reset the connection, and the answer
    /// with it.
    private static final Executor LINGER =
            CompletableFuture.delayedExecutor(500, TimeUnit.MILLISECONDS);

    private final Http1ConnectionSelector http1;
    private final long within;
    private final long maxBytes;
    private final LongSupplier nanoTime;
    private final OpenConnections connections;
    private final @Nullable SSLContext tls;

    /// @param config limits on lines and headers; gets a listener
    /// @param within from a request's first byte to its last, checked whenever bytes come
    /// @param maxBytes of a request in all
    /// @param nanoTime monotonic
    /// @param connections each is one of them
    /// @param tls null for plain HTTP
    BoundedHttp1(
            Http1Config.Builder config,
            Duration within,
            long maxBytes,
            LongSupplier nanoTime,
            OpenConnections connections,
            @Nullable SSLContext tls) {
        this.within = within.toNanos();
        this.maxBytes = maxBytes;
        this.nanoTime = nanoTime;
        this.connections = connections;
        this.tls = tls;
        http1 =
                Http1ConnectionSelector.builder()
                        .config(config.addSendListener(new AnswerListener()).build())
                        .build();
    }

    @Override
    public int bytesToIdentifyConnection() {
        return 0;
    }

    /// Whatever it is: what is no HTTP/1.1 gets an answer that says so.
    @Override
    public Support supports(BufferData data) {
        return Support.SUPPORTED;
    }

    @Override
    public Set<String> supportedApplicationProtocols() {
        return Set.of(PROTOCOL);
    }

    @Override
    public ServerConnection connection(ConnectionContext context) {
        Bounded bounded = new Bounded(context);
        return new Lingering(http1.connection(bounded), bounded);
    }

    private static final class AnswerListener implements Http1ConnectionListener {
        @Override
        public void status(ConnectionContext context, Status status) {
            if (context instanceof Bounded bounded) {
                bounded.answered = true;
            }
        }
    }

    /// A connection that counts what it reads. One thread.
    private final class Bounded implements ConnectionContext {
        private final ConnectionContext of;
        private final DataReader reader = DataReader.create(this::pull);
        private final DataWriter writer = new Sending();
        private OpenConnections.@Nullable Connection connection;
        private @Nullable TlsLayer layer;
        private boolean answered = true; // what comes next begins a request
        private boolean ended;
        private long began;
        private long read; // last
        private long bytes;

        Bounded(ConnectionContext of) {
            this.of = of;
        }

        /// False when there is no room for it, or it does not speak TLS where it should.
        boolean begin() {
            connection = connections.enter(tls != null, this::close);
            if (connection == null || tls == null) {
                return connection != null;
            }
            try {
                layer = new TlsLayer(tls, PROTOCOL, new Received(), new Sent());
                layer.handshake();
            } catch (IOException e) {
                connection.failed();
                log.debug("no TLS", e);
                return false;
            }
            connection.greeted();
            answered = true;
            return true;
        }

        /// From any thread.
        private void close() {
            try {
                of.serverSocket().close();
            } catch (UncheckedIOException gone) {
                log.debug("closing a connection that is gone", gone);
            }
        }

        void end() {
            try {
                if (layer != null && !ended) {
                    layer.close();
                }
            } catch (IOException | RuntimeException gone) {
                log.debug("no end of TLS", gone);
            } finally {
                if (connection != null) {
                    connection.left();
                }
            }
        }

        private byte @Nullable [] pull() {
            byte[] pulled = layer == null ? received() : decrypted(layer);
            if (pulled == null) {
                ended = true;
                return null;
            }
            bytes += pulled.length;
            if (bytes > maxBytes) {
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
            } catch (IOException broken) {
                throw new ServerConnectionException("no TLS any more", broken);
            }
        }

        /// As they come; null at the end.
        private byte @Nullable [] received() {
            byte[] received;
            DataReader from = of.dataReader();
            OpenConnections.Connection here = Objects.requireNonNull(connection);
            here.reads();
            try {
                from.ensureAvailable();
                received = from.readBytes(from.available());
            } catch (DataReader.InsufficientDataAvailableException end) {
                return null;
            } finally {
                here.works();
            }
            read = nanoTime.getAsLong();
            if (answered) {
                answered = false;
                here.asked();
                began = read;
                bytes = 0;
            }
            return received;
        }

        private boolean isLate() {
            return read - began > within;
        }

        private void send(BufferData... buffers) {
            if (layer == null) {
                sent(buffers);
                return;
            }
            try {
                layer.write(TlsLayer.together(buffers));
            } catch (IOException broken) {
                throw new ServerConnectionException("no TLS any more", broken);
            }
        }

        private void sent(BufferData... buffers) {
            OpenConnections.Connection here = Objects.requireNonNull(connection);
            here.sends();
            try {
                of.dataWriter().writeNow(buffers);
            } finally {
                here.works();
            }
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
                    } catch (ServerConnectionException broken) {
                        throw new SocketException(String.valueOf(broken.getMessage()));
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
                write(new byte[] {(byte) one}, 0, 1);
            }

            @Override
            public void write(byte[] from, int offset, int length) throws IOException {
                try {
                    // Copied: TLS writes the next record into the same array.
                    sent(BufferData.create(Arrays.copyOfRange(from, offset, offset + length)));
                } catch (ServerConnectionException | UncheckedIOException broken) {
                    throw new SocketException(String.valueOf(broken.getMessage()));
                }
            }
        }

        private static RequestException refused(Status status) {
            return RequestException.builder()
                    .type(DirectHandler.EventType.OTHER)
                    .status(status)
                    .setKeepAlive(false)
                    .message(status.reasonPhrase())
                    .build();
        }

        /// Reads what a refused client still sends, so that it gets to read its answer.
        private void linger() {
            if (!answered || ended) {
                return;
            }
            LINGER.execute(this::close);
            try {
                while (pull() != null) {
                    // Discarded; time and bytes are bounded as for any request.
                }
            } catch (RuntimeException enough) {
                ended = true;
            }
        }

        @Override
        public DataReader dataReader() {
            return reader;
        }

        @Override
        public ListenerContext listenerContext() {
            return of.listenerContext();
        }

        @Override
        public ExecutorService executor() {
            return of.executor();
        }

        @Override
        public DataWriter dataWriter() {
            return writer;
        }

        @Override
        public Router router() {
            return of.router();
        }

        @Override
        public Optional<ProxyProtocolData> proxyProtocolData() {
            return of.proxyProtocolData();
        }

        @Override
        public HelidonSocket serverSocket() {
            return of.serverSocket();
        }

        @Override
        public PeerInfo remotePeer() {
            return of.remotePeer();
        }

        @Override
        public PeerInfo localPeer() {
            return of.localPeer();
        }

        @Override
        public boolean isSecure() {
            return tls != null;
        }

        @Override
        public String socketId() {
            return of.socketId();
        }

        @Override
        public String childSocketId() {
            return of.childSocketId();
        }
    }

    private record Lingering(ServerConnection of, Bounded context) implements ServerConnection {
        @Override
        public void handle(Limit limit) throws InterruptedException {
            try {
                if (context.begin()) {
                    serve(limit);
                }
            } finally {
                context.end();
            }
        }

        private void serve(Limit limit) throws InterruptedException {
            try {
                of.handle(limit);
            } finally {
                context.linger();
            }
        }

        @Override
        public Duration idleTime() {
            return of.idleTime();
        }

        @Override
        public void close(boolean interrupt) {
            of.close(interrupt);
        }
    }
}
