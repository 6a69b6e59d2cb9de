package io.tidegrad.ops.http;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.nio.channels.ServerSocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.awaitility.Awaitility;
import org.awaitility.core.ConditionFactory;
import org.junit.jupiter.api.Test;

class HttpServerTest {
    private static final String REQUEST = "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n";
    private static final int WAIT_MILLIS = 60_000;

    private final List<EndedConnection> ended = new CopyOnWriteArrayList<>();

    private HttpOptions options() {
        return HttpOptions.at("127.0.0.1", 0).withConnections(100, ended::add);
    }

    private static ConditionFactory soon() {
        return Awaitility.await().atMost(Duration.ofMinutes(1));
    }

    private static Socket connect(int port) throws IOException {
        Socket socket = new Socket("127.0.0.1", port);
        socket.setSoTimeout(WAIT_MILLIS);
        return socket;
    }

    private static void send(Socket socket, String text) throws IOException {
        socket.getOutputStream().write(text.getBytes(StandardCharsets.US_ASCII));
    }

    /// To where `hello` has been read so often.
    private static String read(Socket socket, int hellos) throws IOException {
        StringBuilder answer = new StringBuilder();
        InputStream in = socket.getInputStream();
        int found = 0;
        while (found < hellos) {
            int next = in.read();
            if (next < 0) {
                break;
            }
            answer.append((char) next);
            if (answer.length() >= 5 && answer.substring(answer.length() - 5).equals("hello")) {
                found++;
            }
        }
        return answer.toString();
    }

    private static void assertHello(int port) throws IOException {
        try (Socket socket = connect(port)) {
            send(socket, REQUEST);
            assertThat(read(socket, 1)).startsWith("HTTP/1.1 200").endsWith("hello");
        }
    }

    /// The next that matches; the log may say something in between.
    private static String line(BufferedReader out, String pattern) throws IOException {
        String line = out.readLine();
        while (line != null && !line.matches(pattern)) {
            line = out.readLine();
        }
        return Objects.requireNonNull(line, "expected a line " + pattern);
    }

    /// Twice as many connections as the process may have files open.
    @Test
    void aPortOutlivesThatThereIsNoDescriptorForItsConnections() throws Exception {
        Process process = new ProcessBuilder("sh", "-c", "ulimit -n 256; exec \"$0\" \"$@\"",
                Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-XX:TieredStopAtLevel=1", "-cp",
                System.getProperty("java.class.path"), StarvedServer.class.getName())
                .redirectError(ProcessBuilder.Redirect.INHERIT).start();
        List<Socket> flood = new ArrayList<>();
        try (BufferedReader out = process.inputReader()) {
            int port = Integer.parseInt(line(out, "[0-9]+"));
            assertHello(port);
            for (int i = 0; i < 512; i++) {
                flood.add(connect(port));
            }
            line(out, "DESCRIPTORS");
            soon().ignoreExceptions().untilAsserted(() -> assertHello(port));
            for (Socket socket : flood) {
                socket.close();
            }
            soon().ignoreExceptions().untilAsserted(() -> assertHello(port));
        } finally {
            process.destroyForcibly().waitFor(1, TimeUnit.MINUTES);
        }
    }

    @Test
    void whoOwnsTheServerIsToldWhenItListensNoMore() throws Exception {
        ServerSocketChannel listener = ServerSocketChannel.open();
        listener.bind(new InetSocketAddress("127.0.0.1", 0));
        try (HttpServer server = HttpServer.start(options(), routing -> {
        }, listener)) {
            assertThat(server.ended()).isNotDone();
            listener.close();
            assertThat(server.ended().get(1, TimeUnit.MINUTES)).contains("port " + server.port()).contains("restart");
        }
    }

    @Test
    void whoeverClosesItIsToldNothing() throws Exception {
        HttpServer server = HttpServer.start(options(), routing -> {
        });
        server.close();
        assertThat(server.ended()).isNotDone();
    }

    /// Two answers of 64 MiB, more than sockets hold between them, where 100 MiB may wait for their clients.
    @Test
    void answersThatWaitForTheirClientsTakeSoMuchMemoryTogetherAndNoMore() throws Exception {
        byte[] large = new byte[64 << 20];
        try (HttpServer server = HttpServer.start(options().withUnread(100 << 20),
                routing -> routing.get("/large", (request, response) -> response.send(large)).get("/hello",
                        (request, response) -> response.send("hello")));
                Socket first = connect(server.port());
                Socket second = connect(server.port())) {
            send(first, REQUEST.replace("hello", "large"));
            assertThat(first.getInputStream().read()).isEqualTo('H');
            assertThat(ended).isEmpty();
            send(second, REQUEST.replace("hello", "large"));
            soon().untilAsserted(() -> assertThat(ended).containsExactly(EndedConnection.UNREAD));
            assertHello(server.port());
        }
    }

    /// Twenty questions at once, and none that waits for its answer, have one or two answers made; who waits has one
    /// each.
    @Test
    void whoAsksAheadHasNoSharedAnswerMadeForEachQuestion() throws Exception {
        AtomicInteger made = new AtomicInteger();
        SharedAnswer<String> answer = new SharedAnswer<>(() -> {
            made.incrementAndGet();
            return "hello";
        });
        try (HttpServer server = HttpServer.start(options(),
                routing -> routing.get("/hello", (request, response) -> response.send(answer.get())));
                Socket ahead = connect(server.port());
                Socket waiting = connect(server.port())) {
            send(ahead, REQUEST.repeat(20));
            assertThat(read(ahead, 20)).endsWith("hello");
            assertThat(made.get()).isBetween(1, 4);
            int before = made.get();
            for (int i = 0; i < 20; i++) {
                send(waiting, REQUEST);
                assertThat(read(waiting, 1)).endsWith("hello");
            }
            assertThat(made.get() - before).isEqualTo(20);
        }
    }

    @Test
    void aClientThatGoesInTheMiddleOfARequestIsCountedAndNoMistakeOfOurs() throws Exception {
        try (HttpServer server = HttpServer.start(options(), routing -> routing.post("/hello",
                (request, response) -> response.send(request.content().as(byte[].class))))) {
            try (Socket socket = connect(server.port())) {
                send(socket, "POST /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf");
                socket.setSoLinger(true, 0); // a reset
            }
            soon().untilAsserted(() -> assertThat(ended).containsExactly(EndedConnection.ABORTED));
        }
    }

    /// Two that don't take their answers, and whoever counts the first has a defect.
    @Test
    void aDefectWhereOneEndIsCountedKeepsNoConnectionOpen() throws Exception {
        byte[] large = new byte[64 << 20];
        AtomicLong nanos = new AtomicLong();
        AtomicInteger told = new AtomicInteger();
        HttpOptions options = HttpOptions.at("127.0.0.1", 0).withConnections(100, why -> {
            if (told.incrementAndGet() == 1) {
                throw new IllegalStateException("a defect of whoever counts");
            }
        }).withTimes(System::nanoTime, nanos::get);
        try (HttpServer server = HttpServer.start(options,
                routing -> routing.get("/large", (request, response) -> response.send(large)));
                Socket first = connect(server.port());
                Socket second = connect(server.port())) {
            for (Socket socket : List.of(first, second)) {
                send(socket, REQUEST.replace("hello", "large"));
                assertThat(socket.getInputStream().read()).isEqualTo('H');
            }
            soon().until(() -> {
                nanos.addAndGet(Duration.ofSeconds(31).toNanos());
                return told.get() == 2;
            });
            for (Socket socket : List.of(first, second)) {
                assertThat(countToEnd(socket)).isLessThan(large.length);
            }
        }
    }

    private static int countToEnd(Socket socket) throws IOException {
        byte[] buffer = new byte[1 << 16];
        int count = 0;
        try {
            for (int read = 0; read >= 0; read = socket.getInputStream().read(buffer)) {
                count += read;
            }
        } catch (SocketException reset) {
            // An end too.
        }
        return count;
    }
}
