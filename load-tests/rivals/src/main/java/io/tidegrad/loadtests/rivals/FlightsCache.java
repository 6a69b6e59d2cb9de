package io.tidegrad.loadtests.rivals;

import com.sun.management.OperatingSystemMXBean;
import io.tidegrad.loadtests.bench.Measurement;
import io.tidegrad.loadtests.bench.Measurement.Metric;
import io.tidegrad.localstack.streams.ShippedStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import org.vowpalwabbit.spark.VowpalWabbitNative;
import org.vowpalwabbit.spark.VowpalWabbitPerformanceStatistics;

/// The shipped flights in a cache file of Vowpal Wabbit, which its own driver learns with its two threads, one of which
/// reads: what `vw --loss_function logistic --cache_file FILE` does, with all else as it is by default.
final class FlightsCache implements AutoCloseable {
    private static final OperatingSystemMXBean PROCESS =
            (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

    /// The driver begins where a pass ends, here one without examples, and learns the file in the second one. So nothing may
    /// change between passes.
    private static final String SECOND_PASS = " --passes 2 --holdout_off --decay_learning_rate 1";

    private final Path folder;
    private final String options;

    /// @param pairs whether all pairs are crossed
    FlightsCache(boolean pairs) {
        try {
            folder = Files.createTempDirectory("vowpal-wabbit");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        options = "--cache_file " + folder.resolve("flights.cache") + SECOND_PASS + (pairs ? " --quadratic ::" : "");
        try (VowpalWabbit writer = new VowpalWabbit(options + " --kill_cache")) {
            writer.learnAndEndPass();
        } catch (RuntimeException | Error e) { // nobody else could delete the folder
            try {
                close();
            } catch (UncheckedIOException stays) {
                e.addSuppressed(stays);
            }
            throw e;
        }
    }

    /// Learns the file by new learners, one after the other, until so many seconds are over. Processor time is that of the
    /// whole process.
    void learn(double seconds, Measurement.Lines lines) {
        long cpu = 0;
        long wall = 0;
        long examples = 0;
        double loss = 0;
        do {
            try (VowpalWabbitNative learner = VowpalWabbit.learner(options)) {
                long cpuBefore = PROCESS.getProcessCpuTime();
                long wallBefore = System.nanoTime();
                loss = learn(learner);
                cpu += PROCESS.getProcessCpuTime() - cpuBefore;
                wall += System.nanoTime() - wallBefore;
                examples += ShippedStream.FLIGHTS.rows();
            }
        } while (wall < 1e9 * seconds);
        lines.add(Metric.EXAMPLES_PER_CPU_S, 1e9 * examples / cpu)
                .add(Metric.EXAMPLES_PER_WALL_S, 1e9 * examples / wall).add(Metric.LOG_LOSS, loss);
    }

    /// Learns the file once. Returns the mean log loss, each flight predicted before it was learned.
    double learn() {
        try (VowpalWabbitNative learner = VowpalWabbit.learner(options)) {
            return learn(learner);
        }
    }

    private static double learn(VowpalWabbitNative learner) {
        learner.performRemainingPasses();
        VowpalWabbitPerformanceStatistics statistics = learner.getPerformanceStatistics();
        if (Math.round(statistics.getWeightedExampleSum()) != ShippedStream.FLIGHTS.rows()) {
            throw new IllegalStateException("expected " + ShippedStream.FLIGHTS.rows()
                    + " flights in Vowpal Wabbit's cache, found " + statistics.getWeightedExampleSum());
        }
        return statistics.getAverageLoss();
    }

    @Override
    public void close() {
        try {
            Files.deleteIfExists(folder.resolve("flights.cache"));
            Files.deleteIfExists(folder);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
