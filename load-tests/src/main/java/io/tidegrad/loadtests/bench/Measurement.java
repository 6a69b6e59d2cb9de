package io.tidegrad.loadtests.bench;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonPropertyOrder;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.tidegrad.localstack.Json;

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
        @JsonProperty("examples_per_cpu_s")
        EXAMPLES_PER_CPU_S,

        /// The same, per second by the clock.
        @JsonProperty("examples_per_wall_s")
        EXAMPLES_PER_WALL_S,

        /// CPU seconds of the whole process, in a JVM that has not learned before, from opening the model (its memory
        /// not yet allocated) to the end of the first 20 ms in which the learning thread did at least 90 % of the
        /// examples per second of its own CPU time that it does in the measured window (their median). Not part of that
        /// window. The start of the JVM is not part of it.
        @JsonProperty("warmup_cpu_s")
        WARMUP_CPU_S,

        /// Heap bytes that all threads together allocate in a step: the median over the measured window's 20 ms, so
        /// that one late compilation is not taken for what every step does.
        @JsonProperty("bytes_allocated_per_step")
        BYTES_ALLOCATED_PER_STEP,

        /// What `Roofline` says would be possible, from limits measured in the same JVM.
        @JsonProperty("roofline_examples_per_cpu_s")
        ROOFLINE_EXAMPLES_PER_CPU_S,

        /// What was reached of it.
        @JsonProperty("roofline_share")
        ROOFLINE_SHARE,

        /// Of one thread, an FMA counted as two: `MachineLimits.flopsPerNano`.
        @JsonProperty("fma_peak_gflops")
        FMA_PEAK_GFLOPS,

        /// Of a kernel, without padding: what it is asked for.
        @JsonProperty("gflops")
        GFLOPS,

        /// Of a kernel that passes over weights and state: the time that plain loops take to read and write as much,
        /// over its own.
        @JsonProperty("stream_share")
        STREAM_SHARE,

        /// The least that one of several learning threads got of its core: see `CoreClock`.
        @JsonProperty("core_obtained")
        CORE_OBTAINED,

        /// Nanoseconds of one prediction by the clock, from the row in host memory to the prediction in host memory:
        /// median, and what 99 % and 99.9 % stay below.
        @JsonProperty("p50_ns")
        P50_NS,

        @JsonProperty("p99_ns")
        P99_NS,

        @JsonProperty("p999_ns")
        P999_NS,

        /// Nanoseconds of CPU time to read all dense weights once, padding included.
        @JsonProperty("reading_pass_ns")
        READING_PASS_NS
    }

    /// What the lines of one measurement share.
    public record Subject(String workload, int batch, int workers, String kernels, String hash) {
        public Measurement with(Metric metric, double value) {
            return new Measurement(workload, batch, workers, metric, value, kernels, hash);
        }
    }

    public String toJson() {
        return Json.write(this);
    }

    static Measurement fromJson(String line) throws JsonProcessingException {
        return JSON.readValue(line, Measurement.class);
    }
}
