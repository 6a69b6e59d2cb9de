package io.tidegrad.loadtests;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/// What a client does to a server with nothing but connections.
enum Flood {
    /// None: what the others are compared with.
    CALM("none", ""),
    /// Opened, and silent.
    IDLE("idle", ""),
    /// Half of a request's headers, and then silence.
    HALF_REQUESTS("half requests", "POST /health HTTP/1.1\r\nHost: flood\r\nContent-Le"),
    /// A body of which the beginning comes; then the connection is reset.
    HALF_BODIES("half bodies, reset",
            "POST %s HTTP/1.1\r\nHost: flood\r\nContent-Type: application/json\r\n"
                    + "Content-Length: 900\r\n\r\n{\"origin\": \"JFK\","),
    /// Metrics and health asked for over and over, and no answer read.
    UNREAD("unread answers",
            ("GET /metrics HTTP/1.1\r\nHost: flood\r\n\r\n" + "GET /health HTTP/1.1\r\nHost: flood\r\n\r\n")
                    .repeat(1_000));

    /// At once as many as the attack has, then as many as this a second in place of the oldest ones.
    private static final int AGAIN_PER_SECOND = 500;

    /// Each of these has the server fill its buffers anew.
    private static final int UNREAD_AGAIN_PER_SECOND = 20;

    /// Connections of the attack whose answers are not read: more would only measure this machine's memory.
    private static final int UNREAD_CONNECTIONS = 200;

    private final String label;
    private final String sent;

    Flood(String label, String sent) {
        this.label = label;
        this.sent = sent;
    }

    String label() {
        return label;
    }

    String key() {
        return name().toLowerCase(Locale.ROOT);
    }

    /// A server that may have so many files open gets half as many connections again.
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
        private final Thread thread;
        private volatile boolean ending;
        private final AtomicLong opened = new AtomicLong();

        /// @param path that takes bodies
        Attack(int port, String path, int connections) {
            this.port = port;
            this.connections = connections;
            byte[] ascii = sent.replace("%s", path).getBytes(StandardCharsets.US_ASCII);
            bytes = ByteBuffer.allocateDirect(ascii.length).put(ascii).flip();
            thread = Thread.ofPlatform().daemon().name("flood").start(this::run);
        }

        private void run() {
            long start = System.nanoTime();
            long again = 0;
            int againPerSecond = Flood.this == UNREAD ? UNREAD_AGAIN_PER_SECOND : AGAIN_PER_SECOND;
            while (!ending && connections > 0) {
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

        /// Null when nobody takes it.
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
                // As wanted.
            }
        }

        long opened() {
            return opened.get();
        }

        @Override
        public void close() {
            ending = true;
            LockSupport.unpark(thread);
            try {
                thread.join();
            } catch (InterruptedException stopped) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
