package io.tidegrad.loadtests.rivals;

import io.tidegrad.loadtests.bench.Measurement;
import io.tidegrad.loadtests.bench.Measurement.Metric;
import io.tidegrad.localstack.streams.Flight;
import io.tidegrad.localstack.streams.ShippedStream;
import io.tidegrad.localstack.streams.StreamEvent;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.util.ArrayList;
import java.util.List;
import org.vowpalwabbit.spark.VowpalWabbitExample;
import org.vowpalwabbit.spark.VowpalWabbitMurmur;
import org.vowpalwabbit.spark.VowpalWabbitNative;

/// Vowpal Wabbit learns the shipped flights, one after the other: origin, destination, hour, weekday and distance, all
/// pairs crossed (`--coin -q ::`), the best without tuning of what was tried. Its examples lie in native memory, so
/// neither parsing nor a cache file is part of the time.
final class VowpalWabbit implements AutoCloseable {
    private static final int BITS = 20;
    private static final double MILES = 1_000;

    private final VowpalWabbitNative learner = new VowpalWabbitNative(
            "--quiet --loss_function logistic --bit_precision " + BITS + " --coin --quadratic ::");
    private final List<VowpalWabbitExample> examples = new ArrayList<>();

    VowpalWabbit() {
        for (StreamEvent event : ShippedStream.FLIGHTS.read()) {
            examples.add(example((Flight) event));
        }
    }

    private VowpalWabbitExample example(Flight flight) {
        ZonedDateTime departed = Instant.ofEpochMilli(flight.departed()).atZone(ZoneOffset.UTC);
        VowpalWabbitExample example = learner.createExample();
        add(example, 'o', flight.origin(), 1);
        add(example, 'd', flight.destination(), 1);
        add(example, 'h', "" + departed.getHour(), 1);
        add(example, 'w', "" + departed.getDayOfWeek(), 1);
        add(example, 'n', "distance", flight.distance() / MILES);
        example.setLabel(flight.late() ? 1 : -1);
        return example;
    }

    private static void add(VowpalWabbitExample example, char namespace, String feature, double value) {
        int hash = VowpalWabbitMurmur.hash(feature, VowpalWabbitMurmur.hash("" + namespace, 0));
        example.addToNamespaceSparse(namespace, new int[]{hash & (1 << BITS) - 1}, new double[]{value});
    }

    /// Learns every flight once: learning an example again would add a constant to it.
    void learn(Measurement.Lines lines) {
        ThreadMXBean threads = ManagementFactory.getThreadMXBean();
        long cpu = threads.getCurrentThreadCpuTime();
        long wall = System.nanoTime();
        for (VowpalWabbitExample example : examples) {
            example.learn();
        }
        lines.add(Metric.EXAMPLES_PER_CPU_S, perSecond(threads.getCurrentThreadCpuTime() - cpu))
                .add(Metric.EXAMPLES_PER_WALL_S, perSecond(System.nanoTime() - wall));
    }

    private double perSecond(long nanos) {
        return 1e9 * examples.size() / nanos;
    }

    /// Mean log loss of what was learned, each flight predicted before it was learned.
    double loss() {
        return learner.getPerformanceStatistics().getAverageLoss();
    }

    @Override
    public void close() {
        examples.forEach(VowpalWabbitExample::close);
        learner.close();
    }
}
