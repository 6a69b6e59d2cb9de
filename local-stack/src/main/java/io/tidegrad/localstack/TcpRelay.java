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

/// A network between two processes of this machine that can be slow, silent, one-way or cut, without any rights:
/// clients connect to its port, it connects to another one and passes on what comes. It listens before it knows where
/// to, so that its port can be told to who will listen there. Every change counts for open connections too, until
/// [#heal].
public final class TcpRelay implements AutoCloseable {
    private static final int CHUNK_BYTES = 64 * 1024;

    /// For a client that has its answer to close.
    private static final int ANSWERED_MILLIS = 5_000;

    private static final int CHUNKS_MAX = 64;

    /// Linux's least retransmission timeout.
    private static final long RETRANSMISSION_NANOS = 200_000_000;

    /// Of a Kafka request; the broker's own default.
    private static final int FRAME_BYTES_MAX = 100 * 1024 * 1024;

    /// No request of Kafka has this key.
    private static final int NO_REQUEST = -1;

    /// As seen by the client.
    public enum Direction {
        SENT, RECEIVED
    }

    private final ServerSocket listener;
    private final boolean kafka;
    private volatile int target; // 0: not known yet
    private final Set<Connection> connections = ConcurrentHashMap.newKeySet();

    // What is wrong with the network; guarded by this.
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

    /// On any free port of the loopback interface.
    public static TcpRelay start() {
        return start(false);
    }

    /// One that sees where Kafka's requests begin, so that [#hold] can stop one kind of them.
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

    /// From now on connections go to this port of the loopback interface; before, they are cut.
    public void to(int target) {
        this.target = target;
    }

    // ---- what can be wrong ----

    /// Every byte comes so much later, in both directions.
    public synchronized void delay(Duration delay) {
        delayNanos = delay.toNanos();
        notifyAll();
    }

    /// Each direction of each connection gets no more than this; 0: no limit.
    public synchronized void limit(long bytesPerSecond) {
        this.bytesPerSecond = bytesPerSecond;
        notifyAll();
    }

    /// Of what is passed on at once, this share is lost and sent again, as TCP does it: after 200 ms, then twice as
    /// long, and what comes behind it waits. (Which packets a kernel loses takes rights; this is what the two ends see
    /// of it.)
    ///
    /// @param share 0 to below 1
    /// @param seed of what is lost
    public synchronized void lose(double share, long seed) {
        if (!(share >= 0 && share < 1)) {
            throw new IllegalArgumentException("share: expected 0 to below 1, found " + share);
        }
        lostShare = share;
        losses = new SplittableRandom(seed);
    }

    /// Nothing more passes in this direction; connections stay, and nobody is told.
    public synchronized void stall(Direction direction) {
        stalled[direction.ordinal()] = true;
    }

    /// All connections are cut, and new ones as soon as they are made.
    public void refuse() {
        synchronized (this) {
            refusing = true;
            notifyAll();
        }
        connections.forEach(Connection::cut);
    }

    /// Cuts the connection that passes the `bytes`-th byte from now on, right behind it; others and new ones go on.
    public synchronized void cutAfter(Direction direction, long bytes) {
        cutIn = direction;
        bytesUntilCut = bytes;
    }

    /// Whether the cut of [#cutAfter] is still to come.
    public synchronized boolean isCutDue() {
        return cutIn != null;
    }

    /// The next request of this kind is not passed on, nor anything after it on its connection.
    ///
    /// @param apiKey as Kafka's protocol numbers them; 26 is EndTxn
    public synchronized void hold(int apiKey) {
        if (!kafka) {
            throw new IllegalStateException("this relay sees bytes, not requests");
        }
        heldRequest = apiKey;
        holds = false;
    }

    /// Waits until a request of [#hold] is there.
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

    /// Whoever connects gets these bytes, whatever it asks, and is cut.
    public void answer(byte[] bytes) {
        synchronized (this) {
            answer = bytes.clone();
        }
        connections.forEach(Connection::cut);
    }

    /// All is well again.
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

    // ---- passing on ----

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
            closeQuietly(client); // as if nobody listened behind it
        }
    }

    /// All of its request is read, before and after: what comes to a closed socket would reset what it has to read.
    private static void answer(Socket client, byte[] fixed) throws IOException {
        byte[] request = new byte[CHUNK_BYTES];
        if (client.getInputStream().read(request) >= 0) {
            client.getOutputStream().write(fixed);
            client.shutdownOutput();
            client.setSoTimeout(ANSWERED_MILLIS);
            while (client.getInputStream().read(request) >= 0) {
                continue; // until it has closed as well
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

    /// Some bytes on their way. No bytes: the sender said that it is done.
    private record Chunk(byte[] bytes, int length, long readAt) {
        static final Chunk END = new Chunk(new byte[0], 0, 0);
    }

    /// @param cut whether the connection ends behind it
    private record Passage(int length, boolean cut) {
    }

    private final class Connection {
        private final Socket client;
        private final Socket server;

        /// When a limited line has carried what passed before; guarded by the relay.
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

        /// A chunk a request: length (4), key (2), …
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

        /// Waits until the chunk may pass.
        ///
        /// @return how much of it
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

        /// How long it takes until a packet comes through; guarded by the relay.
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
