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

/// Vowpal Wabbit learns the shipped flights, one after the other: origin, destination, hour, weekday and distance. Its
/// examples lie in native memory, so neither parsing nor a cache file is part of the time.
final class VowpalWabbit implements AutoCloseable {
    /// All pairs crossed: the best without tuning of what was tried.
    static final String COIN = "--bit_precision 20 --coin --quadratic ::";

    private static final int BITS_MAX = 20; // Vowpal Wabbit takes the lowest ones that it has
    private static final double MILES = 1_000;

    private final VowpalWabbitNative learner;
    private final List<VowpalWabbitExample> examples = new ArrayList<>();

    /// @param options of its command, beside those that every one has here
    VowpalWabbit(String options) {
        learner = learner(options);
        for (StreamEvent event : ShippedStream.FLIGHTS.read()) {
            examples.add(example((Flight) event));
        }
    }

    static VowpalWabbitNative learner(String options) {
        return new VowpalWabbitNative("--quiet --loss_function logistic " + options);
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
        example.addToNamespaceSparse(namespace, new int[]{hash & (1 << BITS_MAX) - 1}, new double[]{value});
    }

    /// Learns every flight once: learning an example again would add a constant to it.
    void learn(Measurement.Lines lines) {
        ThreadMXBean threads = ManagementFactory.getThreadMXBean();
        long cpu = threads.getCurrentThreadCpuTime();
        long wall = System.nanoTime();
        learn();
        lines.add(Metric.EXAMPLES_PER_CPU_S, perSecond(threads.getCurrentThreadCpuTime() - cpu))
                .add(Metric.EXAMPLES_PER_WALL_S, perSecond(System.nanoTime() - wall));
    }

    /// As above, and ends the pass: a cache file that the options name is whole then.
    void learnAndEndPass() {
        learn();
        learner.endPass();
    }

    private void learn() {
        for (VowpalWabbitExample example : examples) {
            example.learn();
        }
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
