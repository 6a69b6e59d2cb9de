package io.tidegrad.loadtests.score;

import io.tidegrad.loadtests.Limits;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;

/// @param models that are measured
/// @param seconds measured of everything that is compared
/// @param perSecond requests due over HTTP
/// @param connections that they come over
/// @param opening before the first window: the compilers work
/// @param root folder of the repository, where the rival is built
/// @param json lines of JSON instead of tables
public record ScoreOptions(List<Part> parts, List<ScoredModel> models, int seconds, double perSecond, int connections,
        Duration opening, Path root, boolean json) {
    private static final double RATE_MAX = 200_000;
    private static final int CONNECTIONS_MAX = 512;

    /// What can be measured.
    public enum Part {
        /// A record and a row of floats in the JVM that asks.
        IN_PROCESS,
        /// Latency without and with swaps, throughput beside a bare server.
        HTTP,
        /// Every answer compared, as many as can be had, under 50 swaps a second.
        SWAPS,
        /// Five times as many requests as can be answered.
        OVERLOAD,
        /// The same server with ONNX Runtime behind it.
        ONNX_RUNTIME,
        /// The same scorer with a log of what it serves.
        LOG
    }

    public ScoreOptions {
        parts = List.copyOf(parts);
        models = List.copyOf(models);
        if (parts.isEmpty() || models.isEmpty()) {
            throw new IllegalArgumentException("--part and --model expect at least one, found none");
        }
        Limits.require("--seconds", seconds, 1, 3_600);
        Limits.require("--rate", perSecond, 1, RATE_MAX);
        Limits.require("--connections", connections, 1, CONNECTIONS_MAX);
    }

    Duration length() {
        return Duration.ofSeconds(seconds);
    }

    boolean hasPartOf(Part... some) {
        return Arrays.stream(some).anyMatch(parts::contains);
    }
}
