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
import io.helidon.webserver.http1.Http1Config;
import io.helidon.webserver.http1.Http1ConnectionListener;
import io.helidon.webserver.http1.Http1ConnectionSelector;
import io.helidon.webserver.spi.ServerConnection;
import io.helidon.webserver.spi.ServerConnectionSelector;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/// HTTP/1.1 whose requests end. The server's own limits are on a line, on headers and on the silence between two reads;
/// a client that sends a byte now and then, a chunk that never ends or a chunk's extension that goes on for ever stay
/// within all of them. Here a request has a time and a number of bytes, from its first byte to its answer.
final class BoundedHttp1 implements ServerConnectionSelector {
    private static final String PROTOCOL = "http/1.1";

    /// For a client that still sends while it is refused: closing at once would reset the connection, and the answer
    /// with it.
    private static final Executor LINGER =
            CompletableFuture.delayedExecutor(500, TimeUnit.MILLISECONDS);

    private final Http1ConnectionSelector http1;
    private final long within;
    private final long maxBytes;
    private final LongSupplier nanoTime;

    /// @param config limits on lines and headers; gets a listener
    /// @param within from a request's first byte to its last, checked whenever bytes come
    /// @param maxBytes of a request in all
    /// @param nanoTime monotonic
    BoundedHttp1(
            Http1Config.Builder config, Duration within, long maxBytes, LongSupplier nanoTime) {
        this.within = within.toNanos();
        this.maxBytes = maxBytes;
        this.nanoTime = nanoTime;
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
        private final DataReader reader = new DataReader(this::pull);
        private boolean answered = true; // what comes next begins a request
        private boolean ended;
        private long began;
        private long bytes;

        Bounded(ConnectionContext of) {
            this.of = of;
        }

        private byte @Nullable [] pull() {
            DataReader from = of.dataReader();
            byte[] pulled;
            try {
                from.ensureAvailable();
                pulled = from.readBytes(from.available());
            } catch (DataReader.InsufficientDataAvailableException end) {
                ended = true;
                return null;
            }
            long now = nanoTime.getAsLong();
            if (answered) {
                answered = false;
                began = now;
                bytes = 0;
            }
            bytes += pulled.length;
            if (bytes > maxBytes) {
                throw refused(Status.REQUEST_ENTITY_TOO_LARGE_413);
            }
            if (now - began > within) {
                throw refused(Status.REQUEST_TIMEOUT_408);
            }
            return pulled;
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
            LINGER.execute(() -> of.serverSocket().close());
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
            return of.dataWriter();
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
            return of.isSecure();
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
