package io.tidegrad.loadtests.bench;

import com.sun.management.ThreadMXBean;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.layer.Workers;
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
import java.util.ArrayList;
import java.util.List;

/// What a model costs beside another one: models in this JVM learn the same rows of the shipped flights and take turns of
/// 20 ms, so that all meet the same machine.
record ModelsInTurns(Workload workload, int batch) {
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    private static final int ROWS = 50_000;
    private static final long TURN_NANOS = 20_000_000;
    private static final double WARM_UP_SECONDS = 4; // of each
    private static final int LOOK = 256; // rows between two looks at the clock
    private static final String NETWORK = "(?m)^network:.*\\R(loss:.*\\R)(#.*\\R)*optimizer:.*$";

    /// A watched model beside one that is not.
    List<Measurement> watched(double seconds) {
        String text = flights();
        Side watched = new Side(text);
        Side unwatched = new Side(text + "\nwatch: { false-alarms-every: 0 }\n");
        turns(seconds, watched, unwatched);
        watched.learnUpTo(unwatched.learned);
        unwatched.learnUpTo(watched.learned);
        if (!watched.model.weightsHash().equals(unwatched.model.weightsHash())) {
            throw new LoadTestException("expected that watching changes no weight, found other weights");
        }
        double speed = watched.speed();
        return lines().add(Metric.EXAMPLES_PER_CPU_S, speed).add(Metric.WATCH_COST, 1 - speed / unwatched.speed())
                .all();
    }

    /// Recipes beside a hidden layer of 64 that learns by Adam, which one thread does in any case: several workers would
    /// only hold such a small step up.
    List<Measurement> recipes(double seconds, Workers crew) {
        String text = flights();
        Side adam =
                new Side(with(text, "network: [ dense: 64, relu, dense: 1 ]\noptimizer: { adam: { rate: 0.001 } }"));
        Side lean = new Side(with(text, "recipe: lean"));
        Side auto = new Side(with(text, "recipe: auto"));
        Side rich = new Side(with(text, "recipe: rich"));
        List<Side> recipes = List.of(lean, auto, rich);
        recipes.forEach(side -> side.model.shareAmong(crew));
        turns(seconds, adam, lean, auto, rich);
        Measurement.Lines lines =
                new Measurement.Lines(workload.name(), batch, crew.count(), Kernels.active().name(), "")
                        .add(Metric.EXAMPLES_PER_WALL_S, auto.wallSpeed())
                        .add(Metric.LEAN_WALL_COST, adam.wallSpeed() / lean.wallSpeed())
                        .add(Metric.AUTO_WALL_COST, adam.wallSpeed() / auto.wallSpeed())
                        .add(Metric.RICH_WALL_COST, adam.wallSpeed() / rich.wallSpeed());
        if (crew.count() == 1) { // CPU time is that of this thread
            lines.add(Metric.EXAMPLES_PER_CPU_S, auto.speed()).add(Metric.LEAN_COST, adam.speed() / lean.speed())
                    .add(Metric.AUTO_COST, adam.speed() / auto.speed())
                    .add(Metric.RICH_COST, adam.speed() / rich.speed());
        }
        return lines.add(Metric.BYTES_ALLOCATED_PER_STEP,
                recipes.stream().mapToDouble(Side::bytesAStep).max().orElseThrow()).all();
    }

    private static String with(String text, String network) {
        String changed = text.replaceFirst(NETWORK, "$1" + network);
        if (changed.equals(text)) {
            throw new LoadTestException(
                    "expected the spec of flights to have network, loss and optimizer, found " + text);
        }
        return changed;
    }

    private String flights() {
        return ShippedStream.FLIGHTS.spec().replace("{ size: 1 }", "{ size: " + batch + " }");
    }

    private Measurement.Lines lines() {
        return new Measurement.Lines(workload.name(), batch, 1, Kernels.active().name(), "");
    }

    private static void turns(double seconds, Side... sides) {
        takeTurns(sides, WARM_UP_SECONDS);
        for (Side side : sides) {
            side.speeds.clear();
            side.wallSpeeds.clear();
            side.bytes.clear();
        }
        takeTurns(sides, seconds / sides.length);
    }

    /// @param seconds of each
    private static void takeTurns(Side[] sides, double seconds) {
        for (int turn = 0; turn < seconds * 1e9 / TURN_NANOS; turn++) {
            for (Side side : sides) {
                side.turn();
            }
        }
    }

    private static List<Row> rows(ModelSpec spec) {
        ShippedStream stream = ShippedStream.FLIGHTS;
        Featurizer featurizer = new Featurizer(spec);
        AvroEvent event = new AvroEvent();
        var schema = stream.schema();
        List<Row> rows = new ArrayList<>();
        for (StreamEvent each : stream.read().subList(0, ROWS)) {
            Row row = featurizer.newRow();
            if (featurizer.featurize(event.of(each.toAvro(schema)), row) != null) {
                throw new LoadTestException("expected rows of all flights, found none of " + each);
            }
            rows.add(row);
        }
        return rows;
    }

    private static final class Side {
        final OnlineModel model;
        final List<Row> rows;
        final List<Double> speeds = new ArrayList<>(); // rows per second of CPU time, by turn
        final List<Double> wallSpeeds = new ArrayList<>(); // by the clock
        final List<Double> bytes = new ArrayList<>(); // allocated a row, by turn
        long learned;

        Side(String text) {
            ModelSpec spec = ModelSpec.parse(text, ShippedStream.FLIGHTS.specFile());
            model = OnlineModel.initial(spec, Kernels.active());
            rows = rows(spec);
        }

        void turn() {
            long cpu = THREADS.getCurrentThreadCpuTime();
            long allocated = THREADS.getCurrentThreadAllocatedBytes();
            long start = System.nanoTime();
            long before = learned;
            do {
                learnUpTo(learned + LOOK);
            } while (System.nanoTime() - start < TURN_NANOS);
            long nanos = System.nanoTime() - start;
            allocated = THREADS.getCurrentThreadAllocatedBytes() - allocated;
            wallSpeeds.add(1e9 * (learned - before) / nanos);
            speeds.add(1e9 * (learned - before) / (THREADS.getCurrentThreadCpuTime() - cpu));
            bytes.add((double) allocated / (learned - before));
        }

        void learnUpTo(long row) {
            for (; learned < row; learned++) {
                if (model.accept(rows.get((int) (learned % ROWS))) != null) {
                    throw new LoadTestException("expected rows that can be learned, found one that can't");
                }
            }
        }

        double speed() {
            return median(speeds);
        }

        double wallSpeed() {
            return median(wallSpeeds);
        }

        double bytesAStep() {
            return median(bytes);
        }

        private static double median(List<Double> values) {
            return Spread.of(values.stream().mapToDouble(Double::doubleValue).toArray()).median();
        }
    }
}
