package io.tidegrad.scorerapp;

import static org.assertj.core.api.Assertions.assertThat;

import io.helidon.webserver.http.DirectHandlers;
import io.tidegrad.ops.http.HttpOptions;
import io.tidegrad.ops.http.HttpServer;
import io.tidegrad.scorerapp.RawHttp.Answer;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/// Clients that take their time, on a clock that only the test moves.
class BoundedRequestsTest {
    private static final String REQUEST = "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello";

    private final AtomicLong nanos = new AtomicLong(Long.MAX_VALUE - 5); // and over
    private final Semaphore reads = new Semaphore(0);
    private final HttpServer server = BoundedServer.start(nanos, reads, 1_000, why -> {
    }, System::nanoTime, null,
            routing -> routing.post("/echo", (request, response) -> response.send(request.content().as(byte[].class))));

    @AfterEach
    void stop() {
        server.close();
    }

    /// A part of a request, which the server has read when this returns; then time passes.
    private void sendAndLetPass(RawHttp http, String part, int seconds) throws InterruptedException {
        reads.drainPermits();
        http.send(RawHttp.bytes(part));
        assertThat(reads.tryAcquire(1, TimeUnit.MINUTES)).as("read: %s", part).isTrue();
        nanos.addAndGet(Duration.ofSeconds(seconds).toNanos());
    }

    private static void assertAnswered(RawHttp http) {
        Answer answer = http.answer();
        assertThat(answer.status()).isEqualTo(200);
        assertThat(answer.body()).isEqualTo("hello");
    }

    @Test
    void aRequestThatTakesLongerThanItMayIsRefusedWhereverItStalls() throws InterruptedException {
        for (int stall : new int[]{1, REQUEST.indexOf("Host") + 2, REQUEST.indexOf("Content"), REQUEST.length() - 2}) {
            try (RawHttp http = RawHttp.connect(server.port())) {
                sendAndLetPass(http, REQUEST.substring(0, stall), 11);
                http.send(RawHttp.bytes(REQUEST.substring(stall)));
                Answer answer = http.answer();
                assertThat(answer.status()).as("stalled at %d", stall).isEqualTo(408);
            }
        }
    }

    @Test
    void aByteASecondIsRefusedToo() throws InterruptedException {
        try (RawHttp http = RawHttp.connect(server.port())) {
            for (int at = 0; at < 11; at++) {
                sendAndLetPass(http, REQUEST.substring(at, at + 1), 1);
            }
            http.send(RawHttp.bytes(REQUEST.substring(11, 12)));
            Answer answer = http.answer();
            assertThat(answer.status()).isEqualTo(408);
        }
    }

    /// The client has sent all at once, and it is the server that takes its time between two reads.
    private int statusWhereEachReadComesLaterBy(int seconds) throws IOException {
        AtomicLong read = new AtomicLong();
        HttpOptions options =
                HttpOptions.at("127.0.0.1", 0).withRequests(100_000, Duration.ofSeconds(10), DirectHandlers.create())
                        .withTimes(() -> read.addAndGet(Duration.ofSeconds(seconds).toNanos()), System::nanoTime);
        try (HttpServer slow = HttpServer.start(options,
                routing -> routing.post("/echo",
                        (request, response) -> response.send(request.content().as(byte[].class).length + " bytes")));
                RawHttp http = RawHttp.connect(slow.port())) {
            http.send(RawHttp.post("/echo", "", new byte[40_000]));
            int status = http.answer().status();
            assertThat(read.get()).as("more than one read").isGreaterThan(Duration.ofSeconds(10).toNanos());
            return status;
        }
    }

    @Test
    void timeForWhichBytesWaitForTheServerIsNotTheClientsUpToABound() throws IOException {
        assertThat(statusWhereEachReadComesLaterBy(3)).isEqualTo(200);
        assertThat(statusWhereEachReadComesLaterBy(9)).isEqualTo(408);
    }

    @Test
    void neitherTheTimeNorTheBytesOfOneRequestCountForTheNext() throws InterruptedException {
        try (RawHttp http = RawHttp.connect(server.port())) {
            for (int request = 0; request < 50; request++) {
                sendAndLetPass(http, REQUEST.substring(0, 20), 9);
                http.send(RawHttp.bytes(REQUEST.substring(20)));
                assertAnswered(http);
                nanos.addAndGet(Duration.ofHours(1).toNanos());
            }
        }
    }

    @Test
    void aRequestOfMoreBytesThanAllowedIsRefused() {
        try (RawHttp http = RawHttp.connect(server.port())) {
            http.send(RawHttp.bytes(
                    "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;" + "x".repeat(2_000)));
            Answer answer = http.answer();
            assertThat(answer.status()).isEqualTo(413);
        }
    }
}
