package io.tidegrad.localstack;

import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Arrays;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/// Simulates a network between two processes on this machine that can be slow, silent, one-way or cut, without special
/// rights: clients connect to its port, and it forwards to another port. It listens before its target is known, so that
/// the target can be configured with its port. Every change also affects open connections, until [#heal].
public final class TcpRelay implements AutoCloseable {
    private static final int CHUNK_BYTES = 64 * 1024;

    /// How long a client may take to close after it got the fixed answer.
    private static final int ANSWERED_MILLIS = 5_000;

    private static final int CHUNKS_MAX = 64;

    /// Linux's minimum retransmission timeout.
    private static final long RETRANSMISSION_NANOS = 200_000_000;

    /// The largest Kafka request; the broker's default.
    private static final int FRAME_BYTES_MAX = 100 * 1024 * 1024;

    /// An API key that no Kafka request has.
    private static final int NO_REQUEST = -1;

    /// Directions as seen by the client.
    public enum Direction {
        SENT, RECEIVED
    }

    private final ServerSocket listener;
    private final boolean kafka;
    private volatile int target; // 0: not known yet
    private final Set<Connection> connections = ConcurrentHashMap.newKeySet();

    // The injected faults; guarded by this.
    private long delayNanos;
    private long bytesPerSecond; // 0: no limit
    private double lostShare;
    private SplittableRandom losses = new SplittableRandom(0);
    private final boolean[] stalled = new boolean[Direction.values().length];
    private boolean refusing;
    private int heldRequest = NO_REQUEST;
    private boolean holds;
    private @Nullable Direction cutIn;
    private long bytesUntilCut;
    private byte @Nullable [] answer;
    private boolean closed;

    private TcpRelay(ServerSocket listener, boolean kafka) {
        this.listener = listener;
        this.kafka = kafka;
    }

    /// Starts a relay on any free port of the loopback interface.
    public static TcpRelay start() {
        return start(false);
    }

    /// Starts a relay that parses the beginning of Kafka's requests, so that [#hold] can stop one kind.
    public static TcpRelay startForKafka() {
        return start(true);
    }

    private static TcpRelay start(boolean kafka) {
        try {
            ServerSocket listener = new ServerSocket();
            listener.bind(new InetSocketAddress(Ports.loopback(), 0));
            TcpRelay relay = new TcpRelay(listener, kafka);
            Thread.ofPlatform().daemon().name("relay-" + listener.getLocalPort()).start(relay::accept);
            return relay;
        } catch (IOException e) {
            throw new LocalStackException("no relay can listen: " + e, e);
        }
    }

    public int port() {
        return listener.getLocalPort();
    }

    /// Sets the target port on the loopback interface. Before this call, connections are cut.
    public void to(int target) {
        this.target = target;
    }

    /// Delays every byte by this duration, in both directions.
    public synchronized void delay(Duration delay) {
        delayNanos = delay.toNanos();
        notifyAll();
    }

    /// Limits each direction of each connection to this rate; 0: no limit.
    public synchronized void limit(long bytesPerSecond) {
        this.bytesPerSecond = bytesPerSecond;
        notifyAll();
    }

    /// Loses this share of chunks and resends them like TCP: after 200 ms, then after twice as long each time, while
    /// later chunks wait. (Dropping real packets needs rights; both ends see the same effect.)
    ///
    /// @param share 0 to below 1
    /// @param seed seed of the random choice
    public synchronized void lose(double share, long seed) {
        if (!(share >= 0 && share < 1)) {
            throw new IllegalArgumentException("share: expected 0 to below 1, found " + share);
        }
        lostShare = share;
        losses = new SplittableRandom(seed);
    }

    /// Stops forwarding in this direction. Connections stay open without an error.
    public synchronized void stall(Direction direction) {
        stalled[direction.ordinal()] = true;
    }

    /// Cuts all connections, and new ones as soon as they are made.
    public void refuse() {
        synchronized (this) {
            refusing = true;
            notifyAll();
        }
        connections.forEach(Connection::cut);
    }

    /// Cuts the connection that forwards byte number `bytes` from now on, right after that byte; other and new
    /// connections continue.
    public synchronized void cutAfter(Direction direction, long bytes) {
        cutIn = direction;
        bytesUntilCut = bytes;
    }

    /// Whether the cut of [#cutAfter] has not happened yet.
    public synchronized boolean isCutDue() {
        return cutIn != null;
    }

    /// Holds back the next request of this kind and everything after it on its connection.
    ///
    /// @param apiKey Kafka's API key; 26 is EndTxn
    public synchronized void hold(int apiKey) {
        if (!kafka) {
            throw new IllegalStateException("this relay sees bytes, not requests");
        }
        heldRequest = apiKey;
        holds = false;
    }

    /// Waits until a request has been held back by [#hold].
    ///
    /// @return whether one came within `bound`
    public synchronized boolean awaitHeld(Duration bound) throws InterruptedException {
        long deadline = System.nanoTime() + bound.toNanos();
        while (!holds) {
            long left = deadline - System.nanoTime();
            if (left <= 0) {
                return false;
            }
            wait(left / 1_000_000 + 1);
        }
        return true;
    }

    /// Answers every connection with these bytes, whatever its request, and closes it.
    public void answer(byte[] bytes) {
        synchronized (this) {
            answer = bytes.clone();
        }
        connections.forEach(Connection::cut);
    }

    /// Removes all faults.
    public synchronized void heal() {
        delayNanos = 0;
        bytesPerSecond = 0;
        lostShare = 0;
        Arrays.fill(stalled, false);
        refusing = false;
        heldRequest = NO_REQUEST;
        holds = false;
        cutIn = null;
        answer = null;
        notifyAll();
    }

    private void accept() {
        while (true) {
            try {
                Socket client = listener.accept();
                Thread.ofVirtual().start(() -> connect(client));
            } catch (IOException e) {
                if (listener.isClosed()) {
                    return;
                }
            }
        }
    }

    private void connect(Socket client) {
        byte[] fixed;
        boolean refuse;
        synchronized (this) {
            fixed = answer;
            refuse = refusing || closed || target == 0;
        }
        try {
            client.setTcpNoDelay(true);
            if (refuse) {
                client.close();
            } else if (fixed != null) {
                answer(client, fixed);
            } else {
                Socket server = new Socket(Ports.loopback(), target);
                server.setTcpNoDelay(true);
                new Connection(client, server).start();
            }
        } catch (IOException e) {
            closeQuietly(client); // as if the target did not listen
        }
    }

    /// Reads the whole request before and after answering, because bytes that arrive at a closed socket would reset the
    /// connection before the client has read the answer.
    private static void answer(Socket client, byte[] fixed) throws IOException {
        byte[] request = new byte[CHUNK_BYTES];
        if (client.getInputStream().read(request) >= 0) {
            client.getOutputStream().write(fixed);
            client.shutdownOutput();
            client.setSoTimeout(ANSWERED_MILLIS);
            while (client.getInputStream().read(request) >= 0) {
                continue; // until the client has closed too
            }
        }
        client.close();
    }

    private static void closeQuietly(Socket socket) {
        try {
            socket.close();
        } catch (IOException alreadyGone) {
            // Nothing is left to close.
        }
    }

    /// Bytes in transit. An empty chunk means that the sender has closed.
    private record Chunk(byte[] bytes, int length, long readAt) {
        static final Chunk END = new Chunk(new byte[0], 0, 0);
    }

    /// @param cut whether the connection is cut after it
    private record Passage(int length, boolean cut) {
    }

    private final class Connection {
        private final Socket client;
        private final Socket server;

        /// Per direction, the time at which a rate-limited line has carried all earlier bytes; guarded by the relay.
        private final long[] freeAt = new long[Direction.values().length];

        Connection(Socket client, Socket server) {
            this.client = client;
            this.server = server;
        }

        void start() throws IOException {
            connections.add(this);
            pass(client.getInputStream(), server, Direction.SENT);
            pass(server.getInputStream(), client, Direction.RECEIVED);
        }

        private void pass(InputStream from, Socket to, Direction direction) throws IOException {
            BlockingQueue<Chunk> chunks = new ArrayBlockingQueue<>(CHUNKS_MAX);
            OutputStream out = to.getOutputStream();
            Thread.ofVirtual().start(() -> read(from, chunks, direction));
            Thread.ofVirtual().start(() -> write(chunks, out, to, direction));
        }

        private void read(InputStream from, BlockingQueue<Chunk> chunks, Direction direction) {
            try {
                if (kafka && direction == Direction.SENT) {
                    readRequests(new DataInputStream(from), chunks);
                } else {
                    readBytes(from, chunks);
                }
            } catch (IOException e) {
                cut();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }

        private void readBytes(InputStream from, BlockingQueue<Chunk> chunks) throws IOException, InterruptedException {
            while (true) {
                byte[] bytes = new byte[CHUNK_BYTES];
                int length = from.read(bytes);
                if (length < 0) {
                    chunks.put(Chunk.END);
                    return;
                }
                chunks.put(new Chunk(bytes, length, System.nanoTime()));
            }
        }

        /// Reads one request per chunk: length (4), key (2), …
        private void readRequests(DataInputStream from, BlockingQueue<Chunk> chunks)
                throws IOException, InterruptedException {
            while (true) {
                int length;
                try {
                    length = from.readInt();
                } catch (EOFException done) {
                    chunks.put(Chunk.END);
                    return;
                }
                if (length < 2 || length > FRAME_BYTES_MAX) {
                    throw new IOException("no request of Kafka's has " + length + " bytes");
                }
                byte[] request = new byte[4 + length];
                ByteBuffer.wrap(request).putInt(length);
                from.readFully(request, 4, length);
                chunks.put(new Chunk(request, request.length, System.nanoTime()));
            }
        }

        private void write(BlockingQueue<Chunk> chunks, OutputStream out, Socket to, Direction direction) {
            try {
                for (Chunk chunk = chunks.take(); chunk.length() > 0; chunk = chunks.take()) {
                    Passage passage = admit(chunk, direction);
                    out.write(chunk.bytes(), 0, passage.length());
                    if (passage.cut()) {
                        cut();
                        return;
                    }
                }
                to.shutdownOutput();
            } catch (IOException e) {
                cut();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }

        /// Waits until the chunk may be forwarded.
        ///
        /// @return how many of its bytes may be forwarded
        private Passage admit(Chunk chunk, Direction direction) throws InterruptedException {
            synchronized (TcpRelay.this) {
                boolean held = kafka && direction == Direction.SENT
                        && ByteBuffer.wrap(chunk.bytes()).getShort(4) == heldRequest;
                if (held) {
                    holds = true;
                    TcpRelay.this.notifyAll();
                }
                while (!closed && (stalled[direction.ordinal()] || held && heldRequest != NO_REQUEST)) {
                    TcpRelay.this.wait();
                }
                long passesAt = System.nanoTime() + retransmissionNanos();
                while (!closed) {
                    long now = System.nanoTime();
                    long wait =
                            Math.max(Math.max(chunk.readAt() + delayNanos - now, lostShare == 0 ? 0 : passesAt - now),
                                    bytesPerSecond == 0 ? 0 : freeAt[direction.ordinal()] - now);
                    if (wait <= 0) {
                        break;
                    }
                    TcpRelay.this.wait(wait / 1_000_000 + 1);
                }
                if (bytesPerSecond > 0) {
                    freeAt[direction.ordinal()] = System.nanoTime() + chunk.length() * 1_000_000_000L / bytesPerSecond;
                }
                if (cutIn == direction) {
                    if (bytesUntilCut <= chunk.length()) {
                        cutIn = null;
                        return new Passage((int) bytesUntilCut, true);
                    }
                    bytesUntilCut -= chunk.length();
                }
                return new Passage(chunk.length(), false);
            }
        }

        /// How long a packet takes to get through after losses; guarded by the relay.
        private long retransmissionNanos() {
            long nanos = 0;
            for (long timeout = RETRANSMISSION_NANOS; lostShare > 0 && losses.nextDouble() < lostShare; timeout *= 2) {
                nanos += timeout;
            }
            return nanos;
        }

        void cut() {
            connections.remove(this);
            closeQuietly(client);
            closeQuietly(server);
        }
    }

    @Override
    public void close() {
        synchronized (this) {
            closed = true;
            notifyAll();
        }
        try {
            listener.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        connections.forEach(Connection::cut);
    }
}
