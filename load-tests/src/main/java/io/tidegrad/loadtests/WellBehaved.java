package io.tidegrad.loadtests;

import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.tidegrad.scorerapp.inference.GRPCInferenceServiceGrpc;
import io.tidegrad.scorerapp.inference.ModelInferRequest;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.time.Duration;
import java.util.Locale;
import java.util.concurrent.locks.LockSupport;
import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;

/// A client as a server's owner has it: a request now and then on a connection that stays open, each answer read, and
/// now and then a connection of its own. A request's time is counted from when it was due.
final class WellBehaved implements AutoCloseable {
    private static final int REQUESTS_PER_SECOND = 200;
    private static final int CONNECTIONS_PER_SECOND = 10;

    /// What has not been answered by then counts as not answered.
    private static final Duration PATIENCE = Duration.ofSeconds(10);

    private static final int HEADER_BYTES_MAX = 8 * 1024;

    private final Opener opener;
    private final Histogram micros = new Histogram(3);
    private final Thread asking;
    private final Thread connecting;
    private volatile boolean ending;

    // Of their own threads until these have ended.
    private long failed;
    private long connected;
    private long refused;

    /// @param failed requests on the connection that stays open, which were not answered with 200
    /// @param connected connections of one request each that were answered
    /// @param refused those that were not
    record Seen(long answered, long failed, double p50, double p99, double max, long connected, long refused) {
    }

    /// One connection.
    interface Line extends AutoCloseable {
        /// Whether a request is answered with what it asks for.
        ///
        /// @throws IOException the connection is of no use any more
        boolean isAnswered() throws IOException;

        @Override
        void close();
    }

    /// Opens a connection to the server, for requests that it answers when it is well.
    @FunctionalInterface
    interface Opener {
        Line open() throws IOException;
    }

    WellBehaved(Opener opener) {
        this.opener = opener;
        asking = Thread.ofPlatform().daemon().name("ask").start(this::ask);
        connecting = Thread.ofPlatform().daemon().name("connect").start(this::connect);
    }

    private void ask() {
        Line line = null;
        long start = System.nanoTime();
        for (long number = 0; !ending; number++) {
            long due = start + number * 1_000_000_000L / REQUESTS_PER_SECOND;
            LockSupport.parkNanos(due - System.nanoTime());
            try {
                if (line == null) {
                    line = opener.open();
                }
                if (line.isAnswered()) {
                    micros.recordValue((System.nanoTime() - due) / 1_000);
                } else {
                    failed++;
                }
            } catch (IOException e) {
                failed++;
                close(line);
                line = null;
            }
        }
        close(line);
    }

    private void connect() {
        long start = System.nanoTime();
        for (long number = 0; !ending; number++) {
            LockSupport.parkNanos(start + number * 1_000_000_000L / CONNECTIONS_PER_SECOND - System.nanoTime());
            if (isAnswered(opener)) {
                connected++;
            } else {
                refused++;
            }
        }
    }

    /// Whether a new connection is taken and its request answered.
    static boolean isAnswered(Opener opener) {
        try (Line line = opener.open()) {
            return line.isAnswered();
        } catch (IOException e) {
            return false;
        }
    }

    private static void close(@Nullable Line line) {
        if (line != null) {
            line.close();
        }
    }

    /// What it has seen; it ends.
    Seen seen() {
        close();
        return new Seen(micros.getTotalCount(), failed, micros.getValueAtPercentile(50) * 1e-3,
                micros.getValueAtPercentile(99) * 1e-3, micros.getMaxValue() * 1e-3, connected, refused);
    }

    @Override
    public void close() {
        ending = true;
        try {
            asking.join();
            connecting.join();
        } catch (InterruptedException stopped) {
            Thread.currentThread().interrupt();
        }
    }

    /// By HTTP/1.1.
    static Opener http(int port, byte[] request) {
        return () -> new HttpLine(port, request);
    }

    private static final class HttpLine implements Line {
        private final Socket socket = new Socket();
        private final InputStream in;
        private final byte[] request;

        HttpLine(int port, byte[] request) throws IOException {
            this.request = request;
            try {
                socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port),
                        (int) PATIENCE.toMillis());
                socket.setSoTimeout((int) PATIENCE.toMillis());
                socket.setTcpNoDelay(true);
                in = new BufferedInputStream(socket.getInputStream());
            } catch (IOException e) {
                close();
                throw e;
            }
        }

        @Override
        public boolean isAnswered() throws IOException {
            socket.getOutputStream().write(request);
            StringBuilder head = new StringBuilder();
            while (head.indexOf("\r\n\r\n") < 0) {
                int next = in.read();
                if (next < 0 || head.length() > HEADER_BYTES_MAX) {
                    throw new IOException("no whole answer");
                }
                head.append((char) next);
            }
            int length = 0;
            for (String line : head.toString().split("\r\n")) {
                if (line.toLowerCase(Locale.ROOT).startsWith("content-length:")) {
                    length = Integer.parseInt(line.substring(15).trim());
                }
            }
            if (in.readNBytes(length).length < length) {
                throw new IOException("no whole answer");
            }
            return head.substring(9, 12).equals("200");
        }

        @Override
        public void close() {
            try {
                socket.close();
            } catch (IOException gone) {
                // As wanted.
            }
        }
    }

    /// By gRPC, with its own client.
    static Opener grpc(int port, ModelInferRequest request) {
        return () -> new GrpcLine(port, request);
    }

    private static final class GrpcLine implements Line {
        private final ManagedChannel channel;
        private final ModelInferRequest request;

        GrpcLine(int port, ModelInferRequest request) {
            this.request = request;
            channel = NettyChannelBuilder.forAddress("127.0.0.1", port).usePlaintext().build();
        }

        @Override
        public boolean isAnswered() throws IOException {
            try {
                return GRPCInferenceServiceGrpc.newBlockingStub(channel).withDeadlineAfter(PATIENCE).modelInfer(request)
                        .getOutputsCount() > 0;
            } catch (StatusRuntimeException e) {
                throw new IOException(e);
            }
        }

        @Override
        public void close() {
            channel.shutdownNow();
        }
    }
}
