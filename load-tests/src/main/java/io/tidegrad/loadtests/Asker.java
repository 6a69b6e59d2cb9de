package io.tidegrad.loadtests;

import com.fasterxml.jackson.core.JsonProcessingException;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.concurrent.locks.LockSupport;

/// A client that asks a scorer for the same record again and again over HTTP. Answers before the first good one do not
/// count, because the scorer may still be starting; but if it refuses the question itself, asking fails at once.
public final class Asker implements AutoCloseable {
    private static final Duration ANSWER_WITHIN = Duration.ofSeconds(10);

    private static final int BAD_REQUEST = 400;

    private final HttpClient http = HttpClient.newHttpClient();
    private final HttpRequest question;
    private final Duration between;
    private final Taker taker;
    private final Background thread;
    private volatile long answers;

    /// Takes every answer from the first good one on.
    @FunctionalInterface
    public interface Taker {
        /// @param status 0 if nobody answered; the body then says why
        void take(int status, String body) throws JsonProcessingException;
    }

    /// @param between an answer and the next question
    public Asker(int port, String model, String record, Duration between, Taker taker) {
        question = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/v1/models/" + model + "/score"))
                .timeout(ANSWER_WITHIN).POST(HttpRequest.BodyPublishers.ofString(record)).build();
        this.between = between;
        this.taker = taker;
        thread = Background.start("asker", this::ask);
    }

    private void ask(Background self) throws InterruptedException, JsonProcessingException {
        long count = 0;
        while (!self.isClosed()) {
            int status = 0;
            String body;
            try {
                HttpResponse<String> answer = http.send(question, HttpResponse.BodyHandlers.ofString());
                status = answer.statusCode();
                body = answer.body();
            } catch (IOException e) {
                body = String.valueOf(e);
            }
            if (status == 200) {
                answers = ++count;
            }
            if (count == 0 && status == BAD_REQUEST) {
                throw new LoadTestException("expected an answer, found " + status + " " + body);
            }
            if (count > 0 && !self.isClosed()) {
                taker.take(status, body);
            }
            LockSupport.parkNanos(between.toNanos());
        }
    }

    /// The number of good answers.
    public long answers() {
        return answers;
    }

    /// @throws LoadTestException the taker has thrown
    public void requireHealthy() {
        thread.requireHealthy("asking failed");
    }

    @Override
    public void close() {
        thread.interrupt();
        http.close();
    }
}
