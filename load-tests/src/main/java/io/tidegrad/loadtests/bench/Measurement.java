package io.tidegrad.loadtests.bench;

import com.fasterxml.jackson.annotation.JsonPropertyOrder;
import com.fasterxml.jackson.annotation.JsonValue;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.tidegrad.localstack.Json;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/// One number of the bench, and one line of its JSON.
///
/// @param kernels `Kernels.name`, or the rival that it was
/// @param hash the weights-hash of what learned or predicted, empty where there are no weights. Of a learning workload
///     after `LearnBench.HASHED_STEPS` steps: equal on every machine, at every vector width and with any number of
///     workers
@JsonPropertyOrder({"workload", "batch", "workers", "metric", "value", "kernels", "hash"})
public record Measurement(String workload, int batch, int workers, Metric metric, double value, String kernels,
        String hash) {
    private static final ObjectMapper JSON = new ObjectMapper();

    /// What is measured, by its name in JSON.
    public enum Metric {
        /// Examples learned (or predicted) per second of CPU time of the whole process, in the measured window: all
        /// threads, the JIT compiler's and the collector's included. An example counts from its row in host memory (the
        /// copy into the batch is part of the time) to the updated weights (or to the prediction in host memory).
        EXAMPLES_PER_CPU_S,

        /// The same, per second by the clock.
        EXAMPLES_PER_WALL_S,

        /// CPU seconds of the whole process, in a JVM that has not learned before, from opening the model (its memory
        /// not yet allocated) to the end of the first 20 ms in which the learning thread did at least 90 % of the
        /// examples per second of its own CPU time that it does in the measured window (their median). Not part of that
        /// window. The start of the JVM is not part of it.
        WARMUP_CPU_S,

        /// Heap bytes that all threads together allocate in a step: the median over the measured window's 20 ms, so
        /// that one late compilation is not taken for what every step does.
        BYTES_ALLOCATED_PER_STEP,

        /// Mean of -ln of the probability of each event's label, predicted before it was learned, of a stream learned once.
        LOG_LOSS,

        /// Of a backtest: its examples per second by the clock over those of the engine alone on the same rows, the median
        /// of turns.
        ENGINE_SHARE,

        /// Of one thread, an FMA counted as two: `MachineLimits.flopsPerNano`.
        FMA_PEAK_GFLOPS,

        /// Of a kernel, without padding: what it is asked for.
        GFLOPS,

        /// Of a kernel that only multiplies and adds: `GFLOPS` over `FMA_PEAK_GFLOPS`.
        FMA_PEAK_SHARE,

        /// Of a kernel that passes over weights and state: the time that plain loops take to read and write as much,
        /// over its own.
        STREAM_SHARE,

        /// The least that one of several learning threads got of its core: see `LearnBench.CoreClock`.
        CORE_OBTAINED,

        /// Nanoseconds of one prediction by the clock, from the row in host memory to the prediction in host memory:
        /// median, and what 99 % and 99.9 % stay below.
        P50_NS, P99_NS, P999_NS,

        /// By what share a watched model learns slower than one that is not.
        WATCH_COST,

        /// CPU time that a row takes to learn by `recipe: lean`, `auto` or `rich`, over that of a hidden layer of 64 by Adam.
        LEAN_COST, AUTO_COST, RICH_COST,

        /// The same by the clock, with the recipe's members on all workers and that layer on one.
        LEAN_WALL_COST, AUTO_WALL_COST, RICH_WALL_COST,

        /// Nanoseconds of CPU time to read as many floats as [PredictBench#denseWeights] tells once.
        READING_PASS_NS;

        @JsonValue
        String key() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /// The numbers of one measurement, in the order in which they are added.
    public static final class Lines {
        private final Measurement first;
        private final List<Measurement> all = new ArrayList<>();

        /// @param hash see [Measurement]
        public Lines(String workload, int batch, int workers, String kernels, String hash) {
            first = new Measurement(workload, batch, workers, Metric.EXAMPLES_PER_CPU_S, 0, kernels, hash);
        }

        public Lines add(Metric metric, double value) {
            all.add(new Measurement(first.workload, first.batch, first.workers, metric, value, first.kernels,
                    first.hash));
            return this;
        }

        public List<Measurement> all() {
            return all;
        }
    }

    public String toJson() {
        return Json.write(this);
    }

    static Measurement fromJson(String line) throws JsonProcessingException {
        return JSON.readValue(line, Measurement.class);
    }
}
