package io.tidegrad.cli.quickstart;

import com.fasterxml.jackson.databind.JsonNode;

/// The trainer's health, as far as the quick start asks for it.
final class TrainerClient {
    private final Json http;
    private final String base;
    private final String model;

    TrainerClient(Json http, int port, String model) {
        this.http = http;
        this.base = "http://127.0.0.1:" + port;
        this.model = model;
    }

    /// `NOTHING_YET` while it does not answer.
    TrainerHealth health() throws InterruptedException {
        JsonNode health = http.get(base + "/health");
        if (health == null) {
            return TrainerHealth.NOTHING_YET;
        }
        JsonNode of = health.path("models").path(model);
        return new TrainerHealth(
                of.path("state").asText(""),
                of.path("version").asLong(),
                of.path("learned").asLong(),
                of.path("pending").asLong(),
                of.path("dead_letters").asLong(),
                of.path("next_offset").asLong(),
                Json.number(of, "log_loss"),
                Json.number(of, "prior_log_loss"),
                Json.number(of, "accuracy"),
                Json.number(of, "accuracy_last_2000"),
                Json.number(of, "auc"),
                of.path("snapshots_published").asLong(),
                of.path("weights_hash").asText(""),
                of.path("state_hash").asText(""));
    }
}
