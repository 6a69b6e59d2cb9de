package io.tidegrad.replay.backtest;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.layer.Workers;
import io.tidegrad.model.learn.EvaluationTape;
import io.tidegrad.model.learn.EventPreparation;
import io.tidegrad.model.learn.LabelDelay;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.learn.PreparedEvent;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.StopException;
import io.tidegrad.trainer.Room;
import io.tidegrad.trainer.relearn.ChunksAhead;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Lets models learn a file of events, test-then-train: the same rows in the same order give the weights and the hashes of
/// a trainer that reads them from a topic. One thread reads and featurises, another one learns, and the caller's evaluates.
///
/// @param file see `DataFile`
/// @param trials models that learn the same file, which is read once for all of them
/// @param delay how late each row's label comes
/// @param passes how often the file is learned
/// @param rowsMax how many of its rows, at most
/// @param workers how many threads share each step, the learning one included; 0: as each spec says; any number gives the
///     same bits
public record Backtest(Path file, List<Trial> trials, LabelDelay.Length delay, int passes, long rowsMax,
        Kernels kernels, int workers) {
    /// One of the models.
    ///
    /// @param name by which it is told apart
    public record Trial(String name, ModelSpec spec) {
    }

    /// Is told of progress while models learn.
    @FunctionalInterface
    public interface Listener {
        Listener NONE = (trial, line) -> {
        };

        void at(Trial trial, ProgressRow row);
    }

    public Backtest {
        trials = List.copyOf(trials);
    }

    /// Consecutive rows, each prepared for every spec whose rows differ.
    private static final class Chunk {
        final PreparedEvent[][] events; // (spec, row)
        final long[] places;
        int size;
        boolean endsPass;

        Chunk(int rows, List<EventPreparation> preparations) {
            places = new long[rows];
            events = preparations.stream().map(each -> {
                PreparedEvent[] prepared = new PreparedEvent[rows];
                Arrays.setAll(prepared, i -> each.newEvent());
                return prepared;
            }).toArray(PreparedEvent[][]::new);
        }
    }

    /// What decides how an event becomes a row. Trials at other rates, say, share their rows.
    private record RowKey(List<Object> parts) {
        static RowKey of(ModelSpec spec) {
            return new RowKey(List.of(spec.features(), spec.label(), String.valueOf(spec.weightField()), spec.input(),
                    spec.loss(), spec.outputs(), spec.steps(), spec.recipe() != null)); // a recipe takes larger numbers
        }
    }

    /// Learns the file, from its beginning to its end.
    ///
    /// @return of each trial what became of it, in their order
    /// @throws StopException the file can't be read or does not have the specs' fields, a spec learns from a stream, or the
    ///     models don't fit the heap
    public List<BacktestResult> run(Listener listener) {
        List<ModelSpec> specs = trials.stream().map(Trial::spec).toList();
        for (ModelSpec spec : specs) {
            if (spec.isOpen()) {
                throw new StopException(ExitCode.CONFIGURATION,
                        "model " + spec.model() + ": expected a list of features, found features: auto");
            }
            if (spec.stream() != null) {
                throw new StopException(ExitCode.CONFIGURATION, "model " + spec.model()
                        + ": expected input.topic and label.field, found input.stream: " + spec.stream()
                        + ", whose labels are joined in Kafka; write a spec whose label is a field" + " of the file");
            }
        }
        Room.require(specs, Runtime.getRuntime().maxMemory());
        long start = System.nanoTime();
        Map<RowKey, Integer> keys = new LinkedHashMap<>();
        List<ModelSpec> distinct = new ArrayList<>();
        List<TrialRun> runs = new ArrayList<>();
        for (Trial trial : trials) {
            int rowsOf = keys.computeIfAbsent(RowKey.of(trial.spec()), unused -> {
                distinct.add(trial.spec());
                return distinct.size() - 1;
            });
            runs.add(new TrialRun(trial, rowsOf, delay, kernels, listener));
        }
        learn(distinct, runs);
        long nanos = System.nanoTime() - start;
        return runs.stream().map(run -> run.result(nanos)).toList();
    }

    private void learn(List<ModelSpec> distinct, List<TrialRun> runs) {
        List<EventPreparation> preparations = distinct.stream().map(Backtest::preparation).toList();
        int rows = ChunksAhead.rows(distinct.stream().mapToLong(spec -> spec.layout().rowBytes()).sum());
        List<OnlineModel> models = runs.stream().map(TrialRun::model).toList();
        try (ChunksAhead<Chunk> read = new ChunksAhead<>("read-ahead-" + file.getFileName(),
                () -> new Chunk(rows, preparations), chunks -> fill(chunks, distinct, preparations));
                ChunksAhead<EvaluationTape> learned = new ChunksAhead<>("learn-ahead-" + file.getFileName(),
                        () -> new EvaluationTape(rows, models), tapes -> learn(read, runs, tapes))) {
            for (EvaluationTape tape = learned.next(); tape != null; tape = learned.next()) {
                runs.get(tape.of()).evaluate(tape);
            }
        }
    }

    private void learn(ChunksAhead<Chunk> read, List<TrialRun> runs, ChunksAhead<EvaluationTape> tapes) {
        int most = trials.stream().mapToInt(trial -> trial.spec().workers(workers)).max().orElseThrow();
        try (Workers shared = new Workers(most)) {
            learn(read, runs, tapes, shared);
        }
    }

    private void learn(ChunksAhead<Chunk> read, List<TrialRun> runs, ChunksAhead<EvaluationTape> tapes,
            Workers shared) {
        for (int i = 0; i < runs.size(); i++) {
            if (trials.get(i).spec().workers(workers) > 1) {
                runs.get(i).model().shareAmong(shared);
            }
            runs.get(i).begin(i, tapes);
        }
        for (Chunk chunk = read.next(); chunk != null; chunk = read.next()) {
            for (TrialRun run : runs) {
                PreparedEvent[] events = chunk.events[run.rowsOf()];
                for (int row = 0; row < chunk.size; row++) {
                    run.take(events[row], chunk.places[row]);
                }
                run.endChunk(chunk.endsPass);
            }
        }
    }

    /// A file's events are decoded by its own kind, never by a topic's decoder.
    private static EventPreparation preparation(ModelSpec spec) {
        return new EventPreparation(spec, value -> {
            throw new IllegalStateException("the events of a file are no records");
        });
    }

    private void fill(ChunksAhead<Chunk> chunks, List<ModelSpec> specs, List<EventPreparation> preparations) {
        for (int pass = 0; pass < passes; pass++) {
            try (DataFile data = DataFile.open(file)) {
                List<DataFile.Rows> rows = new ArrayList<>();
                for (int i = 0; i < specs.size(); i++) {
                    rows.add(data.rows(specs.get(i), preparations.get(i)));
                }
                long left = rowsMax;
                for (boolean more = true; more;) {
                    Chunk chunk = chunks.take();
                    fill(chunk, left, data, rows);
                    left -= chunk.size;
                    more = !chunk.endsPass;
                    chunks.put(chunk);
                }
            }
        }
    }

    private static void fill(Chunk chunk, long rowsMax, DataFile data, List<DataFile.Rows> rows) {
        chunk.size = 0;
        chunk.endsPass = false;
        while (chunk.size < chunk.places.length) {
            if (chunk.size == rowsMax || !data.next()) {
                chunk.endsPass = true;
                return;
            }
            for (int i = 0; i < rows.size(); i++) {
                rows.get(i).prepare(chunk.events[i][chunk.size]);
            }
            chunk.places[chunk.size++] = data.place();
        }
    }
}
