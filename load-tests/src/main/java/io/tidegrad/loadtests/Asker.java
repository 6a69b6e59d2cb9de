package io.tidegrad.loadtests;

import com.fasterxml.jackson.core.JsonProcessingException;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.concurrent.locks.LockSupport;

/// A client of a scorer that asks one record again and again over HTTP. Until the first good answer there may be none
/// yet, so what comes before it does not count.
public final class Asker implements AutoCloseable {
    private static final Duration ANSWER_WITHIN = Duration.ofSeconds(10);

    private final HttpClient http = HttpClient.newHttpClient();
    private final HttpRequest question;
    private final Duration between;
    private final Taker taker;
    private final Background thread;
    private volatile long answers;

    /// Takes what comes, from the first good answer on.
    @FunctionalInterface
    public interface Taker {
        /// @param status 0 where nobody answered; the body then says why
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
            if (count > 0 && !self.isClosed()) {
                taker.take(status, body);
            }
            LockSupport.parkNanos(between.toNanos());
        }
    }

    /// Good ones.
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
