package io.tidegrad.loadtests;

import com.fasterxml.jackson.core.JsonProcessingException;
import io.tidegrad.localstack.Json;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/// A client of the scorer that asks one record again and again, and notes which answer first had which events behind
/// it.
final class Asker implements AutoCloseable {
    /// Between an answer and the next question: the answers' freshness is known to within this, and the scorer is not
    /// kept from loading by being asked.
    private static final Duration BETWEEN = Duration.ofMillis(2);

    private static final Duration ANSWER_WITHIN = Duration.ofSeconds(10);

    private final Seen answered = new Seen();
    private final HttpClient http = HttpClient.newHttpClient();
    private final HttpRequest question;
    private final Thread thread;
    private final AtomicReference<@Nullable String> failure = new AtomicReference<>();
    private volatile boolean closed;
    private volatile long answers;

    Asker(int port, String model, String record) {
        question = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/v1/models/" + model + "/score"))
                .timeout(ANSWER_WITHIN).POST(HttpRequest.BodyPublishers.ofString(record)).build();
        thread = Thread.ofPlatform().daemon().name("asker").start(this::ask);
    }

    private void ask() {
        long count = 0; // before the first answer there may be none yet
        while (!closed) {
            try {
                HttpResponse<String> answer = http.send(question, HttpResponse.BodyHandlers.ofString());
                long now = System.nanoTime();
                if (answer.statusCode() == 200) {
                    answers = ++count;
                    answered.add(Json.parse(answer.body()).path("offset").asLong(), now);
                } else if (count > 0) {
                    failure.compareAndSet(null, answer.statusCode() + " " + answer.body());
                }
            } catch (JsonProcessingException e) {
                failure.compareAndSet(null, String.valueOf(e));
            } catch (IOException e) {
                if (count > 0) {
                    failure.compareAndSet(null, String.valueOf(e));
                }
            } catch (InterruptedException e) {
                return;
            }
            LockSupport.parkNanos(BETWEEN.toNanos());
        }
    }

    Seen answered() {
        return answered;
    }

    long answers() {
        return answers;
    }

    /// @throws LoadTestException a question was not answered, once the first one was
    void requireHealthy() {
        String found = failure.get();
        if (found != null) {
            throw new LoadTestException("expected every question answered, found " + found);
        }
    }

    @Override
    public void close() {
        closed = true;
        thread.interrupt();
        http.close();
    }
}
