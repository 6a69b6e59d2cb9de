package io.tidegrad.localstack;

import com.fasterxml.jackson.databind.JsonNode;

/// The trainer's health, as far as it is asked for here.
public final class TrainerClient {
    private final Json http;
    private final String url;
    private final String model;

    public TrainerClient(Json http, int port, String model) {
        this.http = http;
        url = "http://127.0.0.1:" + port + "/health";
        this.model = model;
    }

    /// `NONE` while it does not answer.
    public TrainerHealth health() throws InterruptedException {
        JsonNode health = http.get(url);
        if (health != null) {
            for (JsonNode of : health.path("models")) {
                if (of.path("model").asText().equals(model)) {
                    return health(of);
                }
            }
        }
        return TrainerHealth.NONE;
    }

    private static TrainerHealth health(JsonNode of) {
        JsonNode report = of.path("report");
        return new TrainerHealth(
                of.path("state").asText(),
                of.path("version").asLong(),
                of.path("learned").asLong(),
                of.path("pending").asLong(),
                of.path("dead_letters").asLong(),
                of.path("watermark").asLong(),
                of.path("published_version").asLong(-1),
                new TrainerHealth.Report(
                        report.path("watermark").asLong(),
                        Json.number(report, "log_loss"),
                        Json.number(report, "prior_log_loss"),
                        Json.number(report, "accuracy"),
                        Json.number(report, "accuracy_last_2000"),
                        Json.number(report, "auc"),
                        report.path("weights_hash").asText(),
                        report.path("state_hash").asText()));
    }
}
