package io.tidegrad.cli.quickstart;

import com.fasterxml.jackson.databind.JsonNode;
import io.tidegrad.localstack.Json;
import java.util.ArrayList;
import java.util.List;

/// A client of the scorer's HTTP API.
final class ScorerClient {
    private final Json http;
    private final String base;
    private final String model;

    ScorerClient(Json http, int port, String model) {
        this(http, "http://127.0.0.1:" + port, model);
    }

    /// @param base URL of the scorer, without a path
    ScorerClient(Json http, String base, String model) {
        this.http = http;
        this.base = base;
        this.model = model;
    }

    /// @param version -1 while none is served
    /// @param freshnessMillis NaN if unknown
    /// @param published number of snapshots that it has seen on the topic, which it follows from the first one on
    /// @param loaded number of snapshots that it has admitted
    record Served(boolean alive, long version, double freshnessMillis, long published, long loaded) {
    }

    Served served() throws InterruptedException {
        JsonNode health = http.get(base + "/health");
        if (health == null) {
            return new Served(false, -1, Double.NaN, 0, 0);
        }
        JsonNode of = health.path("models").path(model);
        return new Served(health.path("live").asBoolean(), of.path("version").asLong(-1),
                Json.number(of, "freshness_ms"), of.path("snapshots_seen").asLong(),
                of.path("snapshots_loaded").asLong());
    }

    /// Returns the hash of the floats that it serves, which it recomputes for every request; empty while it serves none.
    String weightsHash() throws InterruptedException {
        JsonNode answer = http.get(base + "/v1/models/" + model);
        return answer == null ? "" : answer.path("weights_hash").asText("");
    }

    /// Returns every version that it has admitted, in order.
    List<Freshness.Admitted> admissions() throws InterruptedException {
        JsonNode answer = http.get(base + "/v1/models/" + model + "/admissions?after=0");
        List<Freshness.Admitted> admissions = new ArrayList<>();
        if (answer != null) {
            for (JsonNode entry : answer.path("admissions")) {
                admissions.add(new Freshness.Admitted(entry.path("next_offset").asLong(),
                        entry.path("admitted_at_ms").asLong()));
            }
        }
        return admissions;
    }

    /// URL of the scorer, without a path.
    String base() {
        return base;
    }

    String scoreUrl() {
        return base + "/v1/models/" + model + "/score";
    }
}
