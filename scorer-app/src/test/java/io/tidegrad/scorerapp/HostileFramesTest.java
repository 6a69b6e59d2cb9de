package io.tidegrad.scorerapp;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.ManagedChannel;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.tidegrad.scorerapp.inference.GRPCInferenceServiceGrpc;
import io.tidegrad.scorerapp.inference.ModelMetadataRequest;
import io.tidegrad.scorerapp.inference.ModelReadyRequest;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/// HTTP/2 by hand, as no library sends it: what costs the server more than its sender ends the connection, and the
/// others notice nothing.
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class HostileFramesTest {
    private static final int DATA = 0;
    private static final int HEADERS = 1;
    private static final int RST_STREAM = 3;
    private static final int SETTINGS = 4;
    private static final int PING = 6;
    private static final int GOAWAY = 7;
    private static final int CONTINUATION = 9;
    private static final int END_STREAM = 1;
    private static final int END_HEADERS = 4;
    private static final int ENHANCE_YOUR_CALM = 11;

    private static final int FRAME_MAX = 16_384;

    /// Of one kind of frame: far beyond every limit, and sent in a second or two.
    private static final int FRAMES_MAX = 2_000_000;

    /// Requests come within it, answers are taken within three times as much.
    private static final Duration WITHIN = Duration.ofMillis(300);

    private final TestServer server = TestServer.start(WITHIN);
    private final ManagedChannel channel =
            NettyChannelBuilder.forAddress("127.0.0.1", server.grpc.port()).usePlaintext().build();

    @AfterEach
    void othersNoticeNothing() {
        // Its own connection, too, has to begin in time: on a busy machine another try does.
        assertThat(GRPCInferenceServiceGrpc.newBlockingStub(channel).withWaitForReady()
                .withDeadlineAfter(1, TimeUnit.MINUTES)
                .modelReady(ModelReadyRequest.newBuilder().setName("flights").build()).getReady()).isTrue();
    }

    @AfterAll
    void close() {
        channel.shutdownNow();
        server.close();
    }

    /// One connection; its preface and settings are sent.
    private static final class Frames implements AutoCloseable {
        private final Socket socket;
        private final DataInputStream in;

        /// @param settings identifier and value, in turn
        Frames(int port, int... settings) throws IOException {
            socket = new Socket("127.0.0.1", port);
            socket.setSoTimeout(60_000);
            socket.setTcpNoDelay(true);
            in = new DataInputStream(socket.getInputStream());
            ByteBuffer payload = ByteBuffer.allocate(settings.length / 2 * 6);
            for (int i = 0; i < settings.length; i += 2) {
                payload.putShort((short) settings[i]).putInt(settings[i + 1]);
            }
            send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
            send(frame(SETTINGS, 0, 0, payload.array()));
        }

        /// False when the server has ended the connection.
        boolean send(byte[]... frames) {
            try {
                ByteArrayOutputStream together = new ByteArrayOutputStream();
                for (byte[] frame : frames) {
                    together.write(frame);
                }
                socket.getOutputStream().write(together.toByteArray());
                return true;
            } catch (IOException ended) {
                return false;
            }
        }

        /// The error that the connection ends with; -1 when it ends without a word. Waits for the end.
        int end() {
            int error = -1;
            try {
                for (Frame frame = read(); frame != null; frame = read()) {
                    if (frame.type == GOAWAY) {
                        error = ByteBuffer.wrap(frame.payload).getInt(4);
                    }
                }
            } catch (java.net.SocketTimeoutException open) {
                throw new AssertionError("expected an end, found the connection open", open);
            } catch (IOException reset) {
                // An end too.
            }
            return error;
        }

        /// Reads at once, so that the last word is not among what the server could not send yet when it ended the connection.
        CompletableFuture<Integer> endWhileWeSend() {
            return CompletableFuture.supplyAsync(this::end, task -> Thread.ofVirtual().start(task));
        }

        void awaitThatItIsRead() throws IOException {
            send(frame(PING, 0, 0, new byte[8]));
            await(PING, 1);
        }

        /// Each is one frame of data.
        void awaitAnswers(int count) throws IOException {
            await(DATA, count);
        }

        private void await(int type, int count) throws IOException {
            for (int come = 0; come < count;) {
                Frame frame = read();
                assertThat(frame).as("after %d of type %d", come, type).isNotNull();
                come += frame.type == type ? 1 : 0;
            }
        }

        @Nullable
        Frame read() throws IOException {
            int first = in.read();
            if (first < 0) {
                return null;
            }
            int length = first << 16 | in.readUnsignedShort();
            int type = in.readUnsignedByte();
            in.readUnsignedByte();
            in.readInt();
            return new Frame(type, in.readNBytes(length));
        }

        @Override
        public void close() throws IOException {
            socket.close();
        }
    }

    private record Frame(int type, byte[] payload) {
    }

    private static byte[] frame(int type, int flags, int stream, byte[] payload) {
        return ByteBuffer.allocate(9 + payload.length).put((byte) (payload.length >> 16))
                .putShort((short) payload.length).put((byte) type).put((byte) flags).putInt(stream).put(payload)
                .array();
    }

    /// HPACK, each literal and not indexed.
    private static byte[] headers(String method) {
        ByteArrayOutputStream block = new ByteArrayOutputStream();
        for (String header : new String[]{":method POST", ":scheme http",
            ":path /inference.GRPCInferenceService/" + method, ":authority x", "content-type application/grpc",
            "te trailers"}) {
            block.write(0);
            for (String part : header.split(" ")) {
                block.write(part.length());
                block.writeBytes(part.getBytes(StandardCharsets.US_ASCII));
            }
        }
        return block.toByteArray();
    }

    /// CVE-2023-44487: a stream that is opened and reset costs the server a call, its sender nothing.
    @Test
    void rapidResetsEndTheConnection() throws IOException {
        try (Frames frames = new Frames(server.grpc.port())) {
            byte[] headers = headers("ModelInfer");
            int sent = 0;
            for (int stream = 1; frames.send(frame(HEADERS, END_HEADERS, stream, headers),
                    frame(RST_STREAM, 0, stream, new byte[]{0, 0, 0, 8})); stream += 2) {
                assertThat(++sent).isLessThan(FRAMES_MAX);
            }
            System.out.println("rapid resets until the end: " + sent);
        }
        try (Frames frames = new Frames(server.grpc.port())) {
            byte[] headers = headers("ModelInfer");
            CompletableFuture<Integer> end = frames.endWhileWeSend();
            for (int stream = 1; stream < 2 * 1_002; stream += 2) {
                frames.send(frame(HEADERS, END_HEADERS, stream, headers),
                        frame(RST_STREAM, 0, stream, new byte[]{0, 0, 0, 8}));
            }
            assertThat(end.join()).isEqualTo(ENHANCE_YOUR_CALM);
        }
    }

    /// CVE-2025-55163: the server is made to reset them.
    @Test
    void streamsThatTheServerMustResetEndTheConnection() throws IOException {
        try (Frames frames = new Frames(server.grpc.port())) {
            byte[] headers = headers("ModelInfer");
            CompletableFuture<Integer> end = frames.endWhileWeSend();
            for (int stream = 1; stream < 2 * 1_002; stream += 2) {
                frames.send(frame(HEADERS, END_HEADERS, stream, headers),
                        // A window that grows by nothing is a mistake of its stream.
                        frame(8, 0, stream, new byte[4]));
            }
            assertThat(end.join()).isEqualTo(ENHANCE_YOUR_CALM);
        }
    }

    @Test
    void manyPingsEndTheConnection() throws IOException {
        try (Frames frames = new Frames(server.grpc.port())) {
            for (int ping = 0; ping < 10; ping++) {
                frames.send(frame(PING, 0, 0, new byte[8]));
            }
            assertThat(frames.end()).isEqualTo(ENHANCE_YOUR_CALM);
        }
    }

    private static void assertEndless(Frames frames, byte[] frame) {
        byte[] thousand = new byte[1_000 * frame.length];
        for (int i = 0; i < 1_000; i++) {
            System.arraycopy(frame, 0, thousand, i * frame.length, frame.length);
        }
        int sent = 0;
        while (frames.send(thousand)) {
            sent += 1_000;
            assertThat(sent).as("frames").isLessThan(FRAMES_MAX);
        }
        System.out
                .println("frames of type " + frame[3] + " and " + (frame.length - 9) + " bytes until the end: " + sent);
    }

    /// Each is to be acknowledged, and nobody reads.
    @Test
    void settingsWithoutEndEndTheConnection() throws IOException {
        try (Frames frames = new Frames(server.grpc.port())) {
            assertEndless(frames, frame(SETTINGS, 0, 0, new byte[0]));
        }
    }

    @Test
    void headersWithoutEndEndTheConnection() throws IOException {
        for (int size : new int[]{0, 1, 1_000}) {
            try (Frames frames = new Frames(server.grpc.port())) {
                frames.send(frame(HEADERS, 0, 1, headers("ModelInfer")));
                // Indexed fields of the static table, which is what one byte says most with.
                byte[] more = new byte[size];
                java.util.Arrays.fill(more, (byte) 0x82);
                assertEndless(frames, frame(CONTINUATION, 0, 1, more));
            }
        }
    }

    /// 4 KB once, and then a byte each time: 16 MB for a list of headers that came in 8.
    @Test
    void aHeaderThatIsNamedAThousandTimesIsRefused() throws IOException {
        try (Frames frames = new Frames(server.grpc.port())) {
            ByteArrayOutputStream block = new ByteArrayOutputStream();
            block.writeBytes(headers("ModelInfer"));
            block.writeBytes(new byte[]{0x40, 1, 'x', 0x7f, (byte) (0x80 | 3_900 - 127 & 0x7f)});
            block.write(3_900 - 127 >> 7);
            block.writeBytes("y".repeat(3_900).getBytes(StandardCharsets.US_ASCII));
            for (int i = 0; i < 4_000; i++) {
                block.write(0x80 | 62);
            }
            frames.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, block.toByteArray()));
            boolean refused = false;
            for (Frame frame = frames.read(); !refused; frame = frames.read()) {
                assertThat(frame).as("a refusal").isNotNull();
                String said = new String(frame.payload, StandardCharsets.ISO_8859_1);
                refused = frame.type == RST_STREAM || frame.type == GOAWAY
                        || frame.type == HEADERS && said.contains("431");
            }
        }
    }

    /// Answers that nobody opens a window for would be kept for ever.
    @Test
    void answersThatAreNotTakenEndTheConnection() throws IOException {
        int initialWindowSize = 4;
        try (Frames frames = new Frames(server.grpc.port(), initialWindowSize, 0)) {
            askForMetadata(frames, 100);
            frames.end();
        }
    }

    private static void askForMetadata(Frames frames, int calls) {
        byte[] message = ModelMetadataRequest.newBuilder().setName("flights").build().toByteArray();
        byte[] data = ByteBuffer.allocate(5 + message.length).put((byte) 0).putInt(message.length).put(message).array();
        for (int stream = 1; stream < 2 * calls; stream += 2) {
            frames.send(frame(HEADERS, END_HEADERS, stream, headers("ModelMetadata")),
                    frame(DATA, END_STREAM, stream, data));
        }
    }

    /// A connection may have 128 calls at once: of a thousand connections they would fill the heap, long before time is
    /// up.
    @Test
    void whatCallsHoldWhileTheyWaitForTheirClientsIsBoundedForAllTogether() throws IOException {
        Duration never = Duration.ofMinutes(10);
        int initialWindowSize = 4;
        byte[] half = ByteBuffer.allocate(5_000).put((byte) 0).putInt(20_000).array();
        try (TestServer small =
                TestServer.start(never, usual -> new RequestLimits(usual.work(), usual.bodies(), 10_000));
                Frames polite = new Frames(small.grpc.port())) {
            try (Frames unread = new Frames(small.grpc.port(), initialWindowSize, 0)) {
                askForMetadata(unread, 100);
                unread.end();
            }
            assertThat(small.count("tidegrad_scorer_connections_ended_total", "unread")).isEqualTo(1);
            try (Frames halves = new Frames(small.grpc.port())) {
                for (int stream = 1; stream <= 5; stream += 2) {
                    halves.send(frame(HEADERS, END_HEADERS, stream, headers("ModelInfer")),
                            frame(DATA, 0, stream, half));
                }
                halves.end();
            }
            assertThat(small.count("tidegrad_scorer_connections_ended_total", "unread")).isEqualTo(2);
            // It holds nothing, and what the others held is given back.
            askForMetadata(polite, 10);
            polite.awaitAnswers(10);
        }
    }

    /// All of its calls but one wait for that one, and not before those of others.
    @Test
    void aConnectionThatAsksAHundredTimesAtOnceTakesOneTurnAtATime() throws Exception {
        Duration never = Duration.ofMinutes(10);
        CountDownLatch working = new CountDownLatch(1);
        CompletableFuture<Boolean> done = new CompletableFuture<>();
        // The test's own, and each connection's.
        WorkLimit work = new WorkLimit(1, 2, never);
        try (TestServer busy =
                TestServer.start(never, usual -> new RequestLimits(work, usual.bodies(), usual.heldBytes()));
                Frames asking = new Frames(busy.grpc.port());
                Frames polite = new Frames(busy.grpc.port())) {
            Thread.ofVirtual().start(() -> work.within(() -> {
                working.countDown();
                return done.join();
            }));
            working.await();
            askForMetadata(asking, 100);
            asking.awaitThatItIsRead();
            askForMetadata(polite, 1);
            polite.awaitThatItIsRead();
            done.complete(true);
            polite.awaitAnswers(1);
            asking.awaitAnswers(100);
            assertThat(busy.count("tidegrad_scorer_requests_refused_total", "overloaded")).isZero();
        }
    }

    @Test
    void messagesThatStopInTheMiddleAreCountedFromTheirFirstByte() throws IOException {
        int part = 50_000;
        byte[] message = ByteBuffer.allocate(5 + part).put((byte) 0).putInt(part + 1).array();
        try (TestServer small = TestServer.start(Duration.ofSeconds(30), "--max-bodies-bytes", "100000");
                Frames frames = new Frames(small.grpc.port())) {
            for (int stream = 1; stream <= 5; stream += 2) {
                frames.send(frame(HEADERS, END_HEADERS, stream, headers("ModelInfer")));
                for (int from = 0; from < message.length; from += FRAME_MAX) {
                    int to = Math.min(message.length, from + FRAME_MAX);
                    frames.send(frame(DATA, 0, stream, Arrays.copyOfRange(message, from, to)));
                }
            }
            Frame frame;
            do {
                frame = frames.read();
                assertThat(frame).as("an answer to the third").isNotNull();
            } while (frame.type != HEADERS);
            // The third one's are given back when its stream is closed, after its answer.
            BodyMemoryTest.awaitTaken(small, 2 * (part - BodyMemory.FREE_BYTES));
            assertThat(small.count("tidegrad_scorer_requests_refused_total", "overloaded")).isEqualTo(1);
        }
    }

    @Test
    void messagesThatNeverComeLeaveTheirCallsEnded() throws IOException {
        try (Frames frames = new Frames(server.grpc.port())) {
            for (int stream = 1; stream < 200; stream += 2) {
                frames.send(frame(HEADERS, END_HEADERS, stream, headers("ModelInfer")));
            }
            int ended = 0;
            while (ended < 100) {
                Frame frame = frames.read();
                assertThat(frame).as("after %d calls", ended).isNotNull();
                // Trailers: DEADLINE_EXCEEDED.
                ended += frame.type == HEADERS ? 1 : 0;
            }
        }
    }
}
