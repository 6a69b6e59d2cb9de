package io.tidegrad.loadtests.bench;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.model.Batch;
import io.tidegrad.engine.model.Learner;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.engine.snapshot.ModelHash;
import io.tidegrad.loadtests.bench.Measurement.Metric;
import io.tidegrad.localstack.streams.StreamEvent;
import io.tidegrad.model.learn.EventPreparation;
import io.tidegrad.model.learn.LabelDelay;
import io.tidegrad.model.learn.PreparedEvent;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.replay.backtest.Backtest;
import io.tidegrad.replay.backtest.BacktestResult;
import io.tidegrad.replay.backtest.DataFile;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericRecord;

/// A file of shipped events to updated weights, by a backtest with all that it evaluates, in turns with the engine alone,
/// which learns the same rows from memory and evaluates nothing. Both end with the same weights.
final class BacktestBench {
    private static final int WARM_UP_TURNS = 6;
    private static final int TURNS_MIN = 5;

    private final Workload.Backtesting workload;
    private final ModelSpec spec;
    private final Plan plan;
    private final Kernels kernels = Kernels.active();

    BacktestBench(Workload.Backtesting workload) {
        this.workload = workload;
        spec = ModelSpec.parse(workload.stream().spec(), workload.stream().specFile());
        plan = Plan.of(spec.network());
    }

    List<Measurement> run(double seconds) {
        Path file = written();
        try {
            Rows rows = read(file);
            List<Double> speeds = new ArrayList<>();
            List<Double> shares = new ArrayList<>();
            String hash = "";
            long end = Long.MAX_VALUE;
            for (int turn = 0; turn < WARM_UP_TURNS + TURNS_MIN || System.nanoTime() < end; turn++) {
                if (turn == WARM_UP_TURNS) {
                    end = System.nanoTime() + (long) (1e9 * seconds);
                    speeds.clear();
                    shares.clear();
                }
                BacktestResult result = backtest(file);
                hash = result.weightsHash();
                double speed = 1e9 * rows.count() / result.nanos();
                speeds.add(speed);
                shares.add(speed / engine(rows, hash));
            }
            return new Measurement.Lines(workload.name(), spec.miniBatch(), 1, kernels.name(), hash)
                    .add(Metric.EXAMPLES_PER_WALL_S, median(speeds)).add(Metric.ENGINE_SHARE, median(shares)).all();
        } finally {
            file.toFile().delete();
        }
    }

    private Path written() {
        List<String> fields = spec.fields();
        List<StreamEvent> events = workload.stream().read();
        Schema schema = workload.stream().schema();
        try {
            Path file = Files.createTempFile(workload.stream().label(), ".csv");
            try (PrintWriter csv = new PrintWriter(Files.newBufferedWriter(file))) {
                csv.print(String.join(",", fields) + "\n");
                for (StreamEvent event : events) {
                    GenericRecord record = event.toAvro(schema);
                    csv.print(fields.stream().map(field -> String.valueOf(record.get(field)))
                            .collect(Collectors.joining(",", "", "\n")));
                }
            }
            return file;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private Rows read(Path file) {
        EventPreparation preparation = new EventPreparation(spec, value -> {
            throw new IllegalStateException("the events of a file are no records");
        });
        Rows rows = new Rows(plan.spec().row(), workload.stream().rows());
        PreparedEvent event = preparation.newEvent();
        try (DataFile data = DataFile.open(file)) {
            DataFile.Rows from = data.rows(spec, preparation);
            for (int i = 0; i < rows.count() && data.next(); i++) {
                from.prepare(event);
                rows.set(i, event.row());
            }
        }
        return rows;
    }

    private BacktestResult backtest(Path file) {
        return new Backtest(file, List.of(new Backtest.Trial("", spec)), LabelDelay.Length.NONE, 1, Long.MAX_VALUE,
                kernels, 1).run(Backtest.Listener.NONE).getFirst();
    }

    /// Examples a second.
    private double engine(Rows rows, String expected) {
        Parameters parameters = Parameters.initial(plan);
        Learner learner = new Learner(parameters, kernels, spec.miniBatch());
        Batch batch = new Batch(plan.spec().row(), spec.miniBatch());
        long start = System.nanoTime();
        for (int i = 0; i < rows.count(); i++) {
            rows.get(i, batch, batch.size());
            batch.resize(batch.size() + 1);
            if (batch.size() == batch.capacity()) {
                learner.learn(batch);
                batch.resize(0);
            }
        }
        double speed = 1e9 * rows.count() / (System.nanoTime() - start);
        String hash = ModelHash.weights(spec.fingerprint(), parameters);
        if (!hash.equals(expected)) {
            throw new IllegalStateException("expected the weights of the backtest, " + expected + ", found " + hash);
        }
        return speed;
    }

    private static double median(List<Double> values) {
        double[] sorted = values.stream().mapToDouble(Double::doubleValue).sorted().toArray();
        return sorted[sorted.length / 2];
    }
}
