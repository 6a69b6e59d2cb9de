package io.tidegrad.loadtests.chaos;

import com.fasterxml.jackson.databind.JsonNode;
import io.tidegrad.loadtests.LoadTest;
import io.tidegrad.localstack.Json;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;

/// Notes each change of a process's `/health` since a damage, and how long after the damage it came.
final class HealthWatch implements AutoCloseable {
    private static final Duration ANSWER_WITHIN = Duration.ofSeconds(3);
    private static final int CHANGES_SHOWN = 3;

    private final URI url;
    private final Function<JsonNode, String> words;
    private final HttpClient http = HttpClient.newHttpClient();
    private final List<String> changes = new ArrayList<>();
    private String newest = "";
    private boolean healthy = true;
    private int changed;

    /// @param words what to note of an answer, besides its status
    HealthWatch(int port, Function<JsonNode, String> words) {
        url = URI.create("http://127.0.0.1:" + port + "/health");
        this.words = words;
    }

    /// @param status 0 if nobody answers
    record Answer(int status, JsonNode json) {
    }

    Answer ask() throws InterruptedException {
        HttpRequest request = HttpRequest.newBuilder(url).timeout(ANSWER_WITHIN).build();
        try {
            HttpResponse<String> answer = http.send(request, HttpResponse.BodyHandlers.ofString());
            return new Answer(answer.statusCode(), Json.parse(answer.body()));
        } catch (IOException downOrNoJson) {
            return new Answer(0, Json.NOTHING);
        }
    }

    /// Notes what has changed since the last look.
    ///
    /// @param since `System.nanoTime` of the damage
    void look(Answer answer, long since) {
        String said = answer.status() == 0 ? "no answer" : (answer.status() + " " + words.apply(answer.json())).strip();
        healthy = answer.status() == 200 && answer.json().path("status").asText("UP").equals("UP");
        if (said.equals(newest)) {
            return;
        }
        if (!newest.isEmpty()) {
            changed++;
            if (changes.size() < CHANGES_SHOWN) {
                changes.add(String.format(Locale.ROOT, "%.1f s: %s", LoadTest.secondsSince(since), said));
            }
        }
        newest = said;
    }

    /// Whether it last said that all is well.
    boolean isHealthy() {
        return healthy;
    }

    /// For a cell of a table.
    String text() {
        if (changes.isEmpty()) {
            return "always " + newest;
        }
        String shown = String.join("; ", changes);
        return changed > CHANGES_SHOWN ? shown + "; … last: " + newest : shown;
    }

    @Override
    public void close() {
        http.close();
    }
}
