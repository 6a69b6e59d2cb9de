package io.tidegrad.loadtests;

import io.tidegrad.scorerapp.inference.ModelMetadataRequest;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/// How clients flood a server with connections.
enum Flood {
    /// No flood, for comparison.
    CALM,
    /// Connections that send nothing.
    IDLE,
    /// Connections that send half of a request's headers, and then nothing.
    HALF_REQUESTS,
    /// Connections that send the beginning of a body and are then reset.
    HALF_BODIES,
    /// Connections that send many requests and read no answer.
    UNREAD;

    private static final int UNREAD_TIMES = 1_000;

    /// The number of calls that a connection of gRPC may have at once.
    private static final int UNREAD_CALLS = 128;

    /// After all connections are open, so many a second replace the oldest ones.
    private static final int AGAIN_PER_SECOND = 500;

    /// Likewise for unread answers, where each new connection fills the server's buffers again.
    private static final int UNREAD_AGAIN_PER_SECOND = 20;

    /// Connections of the attack whose answers are not read: more would only measure this machine's memory.
    private static final int UNREAD_CONNECTIONS = 200;

    /// What a connection of the attack sends to a port of HTTP.
    ///
    /// @param path that takes bodies
    byte[] overHttp(String path) {
        String sent = switch (this) {
            case CALM, IDLE -> "";
            case HALF_REQUESTS -> "POST /health HTTP/1.1\r\nHost: flood\r\nContent-Le";
            case HALF_BODIES -> "POST " + path + " HTTP/1.1\r\nHost: flood\r\nContent-Type: application/json\r\n"
                    + "Content-Length: 900\r\n\r\n{\"origin\": \"JFK\",";
            case UNREAD ->
                ("GET /metrics HTTP/1.1\r\nHost: flood\r\n\r\n" + "GET /health HTTP/1.1\r\nHost: flood\r\n\r\n")
                        .repeat(UNREAD_TIMES);
        };
        return sent.getBytes(StandardCharsets.US_ASCII);
    }

    /// What a connection of the attack sends to a port of gRPC.
    byte[] overGrpc(String model) {
        Http2Bytes sent = new Http2Bytes();
        switch (this) {
            case CALM, IDLE -> {
                return new byte[0];
            }
            case HALF_REQUESTS -> {
                sent.begin().headers(1, "ModelInfer");
                return Arrays.copyOf(sent.bytes(), sent.bytes().length - 20);
            }
            case HALF_BODIES -> sent.begin().headers(1, "ModelInfer").message(1, 900, new byte[20]);
            case UNREAD -> {
                byte[] message = ModelMetadataRequest.newBuilder().setName(model).build().toByteArray();
                sent.begin(Http2Bytes.INITIAL_WINDOW_SIZE, 0); // no answer is taken
                for (int time = 0; time < UNREAD_CALLS; time++) {
                    int stream = 2 * time + 1;
                    sent.headers(stream, "ModelMetadata").message(stream, message.length, message);
                }
            }
        }
        return sent.bytes();
    }

    /// Half as many connections again as the server may have files open.
    int connections(int descriptors) {
        return switch (this) {
            case CALM -> 0;
            case IDLE, HALF_REQUESTS, HALF_BODIES -> descriptors + descriptors / 2;
            case UNREAD -> UNREAD_CONNECTIONS;
        };
    }

    /// One attack on a port of this machine, by a thread of its own.
    final class Attack implements AutoCloseable {
        private final int port;
        private final int connections;
        private final ByteBuffer bytes;
        private final Deque<SocketChannel> open = new ArrayDeque<>();
        private final Background thread;
        private final AtomicLong opened = new AtomicLong();

        /// @param sent by each of its connections
        Attack(int port, byte[] sent, int connections) {
            this.port = port;
            this.connections = connections;
            bytes = ByteBuffer.allocateDirect(sent.length).put(sent).flip();
            thread = Background.start("flood", this::run);
        }

        private void run(Background self) {
            long start = System.nanoTime();
            long again = 0;
            int againPerSecond = Flood.this == UNREAD ? UNREAD_AGAIN_PER_SECOND : AGAIN_PER_SECOND;
            while (!self.isClosed() && connections > 0) {
                if (open.size() >= connections) {
                    again++;
                    LockSupport.parkNanos(start + again * 1_000_000_000L / againPerSecond - System.nanoTime());
                    reset(open.poll());
                } else {
                    start = System.nanoTime();
                    again = 0;
                }
                SocketChannel next = connect();
                if (next != null) {
                    open.add(next);
                    opened.incrementAndGet();
                } else {
                    LockSupport.parkNanos(1_000_000);
                }
            }
            open.forEach(Attack::reset);
        }

        /// Null if the server does not accept it.
        private @Nullable SocketChannel connect() {
            SocketChannel channel = null;
            try {
                channel = SocketChannel.open();
                channel.setOption(StandardSocketOptions.SO_LINGER, 0); // closing resets
                channel.socket().connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 1_000);
                channel.configureBlocking(false);
                channel.write(bytes.duplicate());
                return channel;
            } catch (IOException e) {
                reset(channel);
                return null;
            }
        }

        private static void reset(@Nullable SocketChannel channel) {
            try {
                if (channel != null) {
                    channel.close();
                }
            } catch (IOException gone) {
                // That is what was wanted.
            }
        }

        long opened() {
            return opened.get();
        }

        @Override
        public void close() {
            thread.close();
        }
    }
}
