package io.tidegrad.loadtests.bench;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.loadtests.LoadTestException;
import io.tidegrad.loadtests.Spread;
import io.tidegrad.loadtests.bench.Measurement.Metric;
import io.tidegrad.localstack.streams.ShippedStream;
import io.tidegrad.localstack.streams.StreamEvent;
import io.tidegrad.model.feature.AvroEvent;
import io.tidegrad.model.feature.Featurizer;
import io.tidegrad.model.feature.Row;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.spec.ModelSpec;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.ArrayList;
import java.util.List;

/// What it costs to watch a model: two models in this JVM learn the same rows of the shipped flights, one of them unwatched,
/// and take turns of 20 ms, so that both meet the same machine.
final class WatchBench {
    private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

    private static final int ROWS = 50_000;
    private static final long TURN_NANOS = 20_000_000;
    private static final double WARM_UP_SECONDS = 4; // of each
    private static final int LOOK = 256; // rows between two looks at the clock

    private final Workload.Watching workload;
    private final int batch;
    private final List<Row> rows = new ArrayList<>();

    WatchBench(Workload.Watching workload, int batch) {
        this.workload = workload;
        this.batch = batch;
    }

    List<Measurement> run(double seconds) {
        ShippedStream stream = ShippedStream.FLIGHTS;
        String text = stream.spec().replace("{ size: 1 }", "{ size: " + batch + " }");
        ModelSpec spec = ModelSpec.parse(text, stream.specFile());
        read(stream, spec);
        Side watched = new Side(spec);
        Side unwatched = new Side(ModelSpec.parse(text + "\nwatch: { false-alarms-every: 0 }\n", stream.specFile()));
        turns(watched, unwatched, WARM_UP_SECONDS);
        watched.speeds.clear();
        unwatched.speeds.clear();
        turns(watched, unwatched, seconds / 2);
        watched.learnUpTo(unwatched.learned);
        unwatched.learnUpTo(watched.learned);
        if (!watched.model.weightsHash().equals(unwatched.model.weightsHash())) {
            throw new LoadTestException("expected that watching changes no weight, found other weights");
        }
        double speed = watched.speed();
        return new Measurement.Lines(workload.name(), batch, 1, Kernels.active().name(), "")
                .add(Metric.EXAMPLES_PER_CPU_S, speed).add(Metric.WATCH_COST, 1 - speed / unwatched.speed()).all();
    }

    /// @param seconds of each
    private static void turns(Side one, Side other, double seconds) {
        for (int turn = 0; turn < seconds * 1e9 / TURN_NANOS; turn++) {
            one.turn();
            other.turn();
        }
    }

    private void read(ShippedStream stream, ModelSpec spec) {
        Featurizer featurizer = new Featurizer(spec);
        AvroEvent event = new AvroEvent();
        var schema = stream.schema();
        for (StreamEvent each : stream.read().subList(0, ROWS)) {
            Row row = featurizer.newRow();
            if (featurizer.featurize(event.of(each.toAvro(schema)), row) != null) {
                throw new LoadTestException("expected rows of all flights, found none of " + each);
            }
            rows.add(row);
        }
    }

    private final class Side {
        final OnlineModel model;
        final List<Double> speeds = new ArrayList<>(); // rows per second of CPU time, by turn
        long learned;

        Side(ModelSpec spec) {
            model = OnlineModel.initial(spec, Kernels.active());
        }

        void turn() {
            long cpu = THREADS.getCurrentThreadCpuTime();
            long end = System.nanoTime() + TURN_NANOS;
            long before = learned;
            do {
                learnUpTo(learned + LOOK);
            } while (System.nanoTime() < end);
            speeds.add(1e9 * (learned - before) / (THREADS.getCurrentThreadCpuTime() - cpu));
        }

        void learnUpTo(long row) {
            for (; learned < row; learned++) {
                if (model.accept(rows.get((int) (learned % ROWS))) != null) {
                    throw new LoadTestException("expected rows that can be learned, found one that can't");
                }
            }
        }

        double speed() {
            return Spread.of(speeds.stream().mapToDouble(Double::doubleValue).toArray()).median();
        }
    }
}
