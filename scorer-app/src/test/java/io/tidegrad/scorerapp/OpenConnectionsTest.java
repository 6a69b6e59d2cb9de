package io.tidegrad.scorerapp;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.ops.http.EndedConnection;
import io.tidegrad.ops.http.HttpServer;
import io.tidegrad.ops.http.SharedAnswer;
import io.tidegrad.ops.security.ServerCertificate;
import io.tidegrad.proof.LongProof;
import io.tidegrad.proof.TestCertificates;
import io.tidegrad.scorerapp.RawHttp.Answer;
import java.io.ByteArrayOutputStream;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import org.awaitility.Awaitility;
import org.awaitility.core.ConditionFactory;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Clients that take a place and their time, on a clock that only the test moves: four connections at most.
class OpenConnectionsTest {
    private static final int MAX = 4;
    private static final String REQUEST = "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n";

    /// More than sockets hold between them.
    private static final int LARGE = 64 << 20;

    @TempDir
    static Path directory;
    private static TestCertificates certificates;

    private final AtomicLong nanos = new AtomicLong(Long.MAX_VALUE - 5); // and over
    private final Semaphore reads = new Semaphore(0);
    private final List<EndedConnection> ended = new CopyOnWriteArrayList<>();
    private final AtomicInteger made = new AtomicInteger();
    private final SharedAnswer<String> shared = new SharedAnswer<>(() -> {
        made.incrementAndGet();
        return "hello";
    });
    private final CountDownLatch working = new CountDownLatch(MAX);
    private final CountDownLatch worked = new CountDownLatch(1);
    private @Nullable HttpServer server;

    @BeforeAll
    static void certify() throws Exception {
        certificates = TestCertificates.make(directory, "server", "-keyalg EC");
    }

    private int listen(boolean tls) {
        SSLContext context =
                tls ? new ServerCertificate(certificates.certificate(), certificates.privateKey(), System::nanoTime)
                        .context() : null;
        server = BoundedServer.start(nanos, reads, MAX, ended::add, nanos::get, context,
                routing -> routing.get("/hello", (request, response) -> response.send("hello"))
                        .get("/large", (request, response) -> response.send(new byte[LARGE]))
                        .get("/shared", (request, response) -> response.send(shared.get()))
                        .get("/work", (request, response) -> {
                            working.countDown();
                            worked.await();
                            response.send("worked");
                        }));
        return server.port();
    }

    @AfterEach
    void stop() {
        worked.countDown();
        if (server != null) {
            server.close();
        }
    }

    private static ConditionFactory soon() {
        return Awaitility.await().atMost(Duration.ofMinutes(1));
    }

    private static void assertHello(RawHttp http) {
        http.send(RawHttp.bytes(REQUEST));
        Answer answer = http.answer();
        assertThat(answer.body()).isEqualTo("hello");
    }

    @Test
    void theOneThatWaitsLongestMakesRoomForTheNext() {
        int port = listen(false);
        List<RawHttp> open = new ArrayList<>();
        for (int i = 0; i < MAX; i++) {
            RawHttp http = RawHttp.connect(port);
            assertHello(http);
            open.add(http);
            nanos.addAndGet(1_000);
        }
        assertHello(open.getFirst()); // now the second one has waited longest
        nanos.addAndGet(1_000);
        try (RawHttp next = RawHttp.connect(port)) {
            assertHello(next);
            assertThat(open.get(1).read()).as("its end").isNull();
            assertThat(ended).containsExactly(EndedConnection.DISPLACED);
            for (int i : new int[]{0, 2, 3}) {
                assertHello(open.get(i));
            }
        }
        open.forEach(RawHttp::close);
    }

    /// Also those that have not said a word, or half of one.
    @Test
    void manyThatSayNothingDoNotKeepOthersOut() throws IOException {
        int port = listen(false);
        List<Socket> silent = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            Socket socket = new Socket("127.0.0.1", port);
            socket.getOutputStream().write(RawHttp.bytes(REQUEST), 0, i % 2 * 10);
            silent.add(socket);
            nanos.addAndGet(1_000);
            if (i % 10 == 9) {
                try (RawHttp http = RawHttp.connect(port)) {
                    assertHello(http);
                }
                nanos.addAndGet(1_000);
            }
        }
        assertThat(ended).hasSizeGreaterThanOrEqualTo(40).containsOnly(EndedConnection.DISPLACED);
        for (Socket socket : silent) {
            socket.close();
        }
    }

    @Test
    void whatIsWorkedOnIsNotEndedForTheNext() throws InterruptedException {
        int port = listen(false);
        List<RawHttp> busy = new ArrayList<>();
        for (int i = 0; i < MAX; i++) {
            RawHttp http = RawHttp.connect(port);
            http.send(RawHttp.bytes(REQUEST.replace("hello", "work")));
            busy.add(http);
        }
        working.await();
        try (RawHttp next = RawHttp.connect(port)) {
            assertThat(next.read()).as("an end").isNull();
        }
        assertThat(ended).containsExactly(EndedConnection.FULL);
        worked.countDown();
        for (RawHttp http : busy) {
            assertThat(http.answer().body()).isEqualTo("worked");
        }
        try (RawHttp next = RawHttp.connect(port)) {
            assertHello(next);
        }
        busy.forEach(RawHttp::close);
    }

    @Test
    void anAnswerThatItsClientDoesNotTakeEndsTheConnection() {
        for (boolean tls : new boolean[]{false, true}) {
            int port = listen(tls);
            ended.clear();
            try (Socket socket = tls ? greeted(port) : new Socket("127.0.0.1", port)) {
                socket.getOutputStream().write(RawHttp.bytes(REQUEST.replace("hello", "large")));
                // The answer has begun: a clock that went on before would end a request that is still on its way.
                assertThat(socket.getInputStream().read()).isPositive();
                soon().until(() -> {
                    nanos.addAndGet(Duration.ofSeconds(31).toNanos());
                    return ended.contains(EndedConnection.UNREAD);
                });
                assertThat(countToEnd(socket)).isLessThan(LARGE);
            } catch (IOException e) {
                throw new AssertionError(e);
            }
        }
    }

    private static int countToEnd(Socket socket) throws IOException {
        int count = 0;
        byte[] buffer = new byte[1 << 16];
        InputStream in = socket.getInputStream();
        try {
            for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
                count += read;
            }
        } catch (SocketTimeoutException open) {
            throw open;
        } catch (IOException reset) {
            // An end too.
        }
        return count;
    }

    @Test
    void aHandshakeThatNeverEndsIsEnded() throws IOException {
        int port = listen(true);
        for (byte[] began : new byte[][]{{}, {22, 3, 1, 2}}) {
            try (Socket socket = new Socket("127.0.0.1", port)) {
                socket.setSoTimeout(60_000);
                socket.getOutputStream().write(began);
                ended.clear();
                soon().until(() -> {
                    nanos.addAndGet(Duration.ofSeconds(11).toNanos());
                    return ended.contains(EndedConnection.HANDSHAKE);
                });
                assertThat(countToEnd(socket)).isLessThan(100);
            }
        }
    }

    /// What is held back goes out when the test says so.
    private static final class HeldBack extends Socket {
        private final ByteArrayOutputStream held = new ByteArrayOutputStream();
        private boolean holds;

        HeldBack(int port) throws IOException {
            super("127.0.0.1", port);
        }

        @Override
        public OutputStream getOutputStream() throws IOException {
            OutputStream out = super.getOutputStream();
            return new FilterOutputStream(out) {
                @Override
                public void write(byte[] bytes, int offset, int length) throws IOException {
                    if (holds) {
                        held.write(bytes, offset, length);
                    } else {
                        out.write(bytes, offset, length);
                    }
                }
            };
        }

        void release(int from, int to) throws IOException {
            super.getOutputStream().write(held.toByteArray(), from, to - from);
        }
    }

    private static SSLSocket greeted(int port) {
        return greeted(port, null);
    }

    private static SSLSocket greeted(int port, @Nullable Socket over) {
        try {
            SSLContext trusting = TestCertificates.trusting(certificates);
            SSLSocket socket = (SSLSocket) trusting.getSocketFactory()
                    .createSocket(over == null ? new Socket("127.0.0.1", port) : over, "127.0.0.1", port, true);
            socket.setSoTimeout(60_000);
            socket.startHandshake();
            return socket;
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    /// Status line to body.
    private static String answer(Socket socket) throws IOException {
        StringBuilder answer = new StringBuilder();
        while (answer.indexOf("hello") < 0) {
            int next = socket.getInputStream().read();
            if (next < 0) {
                break;
            }
            answer.append((char) next);
        }
        return answer.toString();
    }

    /// A record of TLS becomes bytes of a request only when it is whole.
    @Test
    void aRecordThatIsHeldBackIsRefusedWhenItIsLate() throws Exception {
        int port = listen(true);
        for (Map.Entry<Integer, String> seconds : Map.of(9, "HTTP/1.1 200", 11, "HTTP/1.1 408").entrySet()) {
            try (HeldBack below = new HeldBack(port); SSLSocket socket = greeted(port, below)) {
                byte[] request = REQUEST.getBytes(StandardCharsets.US_ASCII);
                socket.getOutputStream().write(request);
                assertThat(answer(socket)).startsWith("HTTP/1.1 200");
                reads.drainPermits();
                below.holds = true;
                socket.getOutputStream().write(request);
                below.release(0, 20);
                assertThat(reads.tryAcquire(1, TimeUnit.MINUTES)).as("read").isTrue();
                nanos.addAndGet(Duration.ofSeconds(seconds.getKey()).toNanos());
                // A byte more, and for who is in time the rest.
                below.release(20, seconds.getKey() > 10 ? 21 : below.held.size());
                assertThat(answer(socket)).startsWith(seconds.getValue());
            }
        }
    }

    /// Each question is a record of its own, and all of them are read at once.
    @Test
    void whoAsksAheadOverTlsHasNoSharedAnswerMadeForEachQuestion() throws Exception {
        int port = listen(true);
        try (HeldBack below = new HeldBack(port); SSLSocket socket = greeted(port, below)) {
            below.holds = true;
            for (int i = 0; i < 20; i++) {
                socket.getOutputStream().write(RawHttp.bytes(REQUEST.replace("hello", "shared")));
            }
            below.release(0, below.held.size());
            for (int i = 0; i < 20; i++) {
                assertThat(answer(socket)).startsWith("HTTP/1.1 200").endsWith("hello");
            }
            assertThat(made.get()).isBetween(1, 4);
        }
    }

    /// Between two requests, and in the middle of one.
    @LongProof("a client that is silent")
    @Test
    void aClientThatSaysNothingForHalfAMinuteIsLetGoAndCountedAsNoFault() throws IOException {
        for (boolean tls : new boolean[]{false, true}) {
            int port = listen(tls);
            for (String half : List.of("", "GET /hello HT")) {
                try (Socket socket = tls ? greeted(port) : new Socket("127.0.0.1", port)) {
                    socket.setSoTimeout(60_000);
                    for (int i = 0; i < 3; i++) {
                        socket.getOutputStream().write(RawHttp.bytes(REQUEST));
                        assertThat(answer(socket)).startsWith("HTTP/1.1 200").endsWith("hello");
                        nanos.addAndGet(Duration.ofSeconds(29).toNanos());
                    }
                    socket.getOutputStream().write(RawHttp.bytes(REQUEST + half));
                    assertThat(answer(socket)).startsWith("HTTP/1.1 200").endsWith("hello");
                    assertThat(endsWithinTwentyHalfMinutes(socket)).isTrue();
                }
            }
            assertThat(ended).isEmpty();
            stop();
        }
    }

    /// Of the test's clock: 20 s on the wall's. More than one, because the server perhaps does not yet wait when the
    /// clock moves.
    private boolean endsWithinTwentyHalfMinutes(Socket socket) throws IOException {
        socket.setSoTimeout(1_000);
        for (int i = 0; i < 20; i++) {
            nanos.addAndGet(Duration.ofSeconds(31).toNanos());
            try {
                return countToEnd(socket) == 0;
            } catch (SocketTimeoutException open) {
                // Not yet.
            }
        }
        return false;
    }
}
