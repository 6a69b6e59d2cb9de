package io.tidegrad.console;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.HashSet;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/// Asks a scorer over HTTP what a model answers. A scorer that logs what it answers is not asked, because models may learn
/// from its log. Any thread may ask.
final class AskedScorer implements AutoCloseable {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int ANSWER_BYTES_MAX = 1024 * 1024;
    private static final int HEALTH_BYTES_MAX = 8 * 1024 * 1024;
    private static final int ASKING_MAX = 16;
    private static final long ANSWER_WITHIN_SECONDS = 5;

    /// A log is begun only with another start of the scorer.
    private static final long HEALTH_FOR_NANOS = TimeUnit.SECONDS.toNanos(10);

    private final ScorerAddress address;
    private final HttpClient http = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(Duration.ofSeconds(2)).followRedirects(HttpClient.Redirect.NEVER).build();
    private final Semaphore asking = new Semaphore(ASKING_MAX);
    private Set<String> logged = Set.of(); // names whose answers the scorer logs
    private long lookedAt = System.nanoTime() - HEALTH_FOR_NANOS;

    /// There is no answer; the message says why, and what to do.
    static final class NoAnswerException extends Exception {
        private final boolean ofTheEvent;

        /// @param ofTheEvent whether the scorer refuses the event
        NoAnswerException(boolean ofTheEvent, String message) {
            super(message);
            this.ofTheEvent = ofTheEvent;
        }

        boolean ofTheEvent() {
            return ofTheEvent;
        }
    }

    AskedScorer(ScorerAddress address) {
        this.address = address;
    }

    /// Returns the scorer's answer, JSON as `docs/scoring.md` says.
    ///
    /// @param model of letters, digits, '.', '_' and '-'
    /// @param event JSON
    byte[] ask(String model, byte[] event) throws NoAnswerException, InterruptedException {
        if (!asking.tryAcquire()) {
            throw new NoAnswerException(false,
                    "expected at most " + ASKING_MAX + " questions at a time, found more; ask again");
        }
        try {
            refuseWhatIsLogged(model);
            HttpResponse<byte[]> answer =
                    send(request("/v1/models/" + model + "/score").header("Content-Type", "application/json")
                            .POST(HttpRequest.BodyPublishers.ofByteArray(event)).build(), ANSWER_BYTES_MAX);
            return switch (answer.statusCode()) {
                case 200 -> JSON.writeValueAsBytes(JSON.readTree(answer.body())); // of a proxy it may be no JSON
                case 400 -> throw new NoAnswerException(true, said(answer));
                case 401, 403 -> throw new NoAnswerException(false, "the scorer at " + address.url()
                        + " asks for another token: give it in the file of --scorer-token-file");
                default -> throw new NoAnswerException(false,
                        "the scorer at " + address.url() + " gives no answer: " + said(answer));
            };
        } catch (IOException e) {
            throw new NoAnswerException(false, "expected an answer of the scorer at " + address.url() + ", found "
                    + (e.getMessage() == null ? e.toString() : e.getMessage()));
        } finally {
            asking.release();
        }
    }

    private HttpRequest.Builder request(String path) throws NoAnswerException {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(address.url() + path));
        String authorization;
        try {
            authorization = address.authorization();
        } catch (IOException e) {
            throw new NoAnswerException(false, "the token of --scorer-token-file can't be read");
        }
        return authorization.isEmpty() ? request : request.header("Authorization", authorization);
    }

    /// A scorer that is slow in the middle of an answer is given up, too.
    private HttpResponse<byte[]> send(HttpRequest request, int bytesMax)
            throws NoAnswerException, IOException, InterruptedException {
        CompletableFuture<HttpResponse<byte[]>> answer =
                http.sendAsync(request, BodyHandlers.limiting(BodyHandlers.ofByteArray(), bytesMax));
        try {
            return answer.get(ANSWER_WITHIN_SECONDS, TimeUnit.SECONDS);
        } catch (TimeoutException e) {
            throw new NoAnswerException(false, "expected an answer of the scorer at " + address.url() + " within "
                    + ANSWER_WITHIN_SECONDS + " s, found none");
        } catch (ExecutionException e) {
            Throwable why = Objects.requireNonNullElse(e.getCause(), e);
            throw new NoAnswerException(false, "no scorer answers at " + address.url() + " ("
                    + why.getClass().getSimpleName() + "): start one, or correct --scorer-url");
        } finally {
            answer.cancel(true);
        }
    }

    private synchronized void refuseWhatIsLogged(String model)
            throws NoAnswerException, IOException, InterruptedException {
        if (System.nanoTime() - lookedAt >= HEALTH_FOR_NANOS) {
            Set<String> names = new HashSet<>();
            JSON.readTree(send(request("/health").build(), HEALTH_BYTES_MAX).body()).path("models")
                    .forEachEntry((name, of) -> {
                        if (of.has("log")) {
                            names.add(name);
                        }
                    });
            logged = names;
            lookedAt = System.nanoTime();
        }
        if (logged.contains(model)) {
            throw new NoAnswerException(false, "the scorer at " + address.url() + " logs what it answers for " + model
                    + ", and models may learn from that log: name one without --log-topic as --scorer-url");
        }
    }

    private static String said(HttpResponse<byte[]> answer) {
        try {
            JsonNode said = JSON.readTree(answer.body());
            if (said != null && said.path("message").isTextual()) {
                return said.path("message").textValue();
            }
        } catch (IOException noJson) {
            // Then its status says more.
        }
        return "status " + answer.statusCode();
    }

    @Override
    public void close() {
        http.shutdownNow();
        http.close();
    }
}
