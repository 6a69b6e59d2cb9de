package io.tidegrad.model.learn;

import io.tidegrad.engine.model.Batch;
import io.tidegrad.engine.model.RowShape;
import io.tidegrad.model.evaluation.ProgressiveEvaluation;
import io.tidegrad.model.feature.Row;
import io.tidegrad.model.feature.SliceValues;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.LongConsumer;
import java.util.function.Supplier;
import java.util.function.ToIntFunction;
import org.jspecify.annotations.Nullable;

/// What the evaluation of a model sees, in order: rows as they are accepted, and what was predicted as they are learned. No
/// weight depends on an evaluation, so one thread may learn and record while another one plays the tape, and both end with
/// what a single thread would have. A tape is handed over when it is full, and used again.
public final class EvaluationTape {
    private static final byte ACCEPTED = 0;
    private static final byte LEARNED = 1;
    private static final byte SHOWN = 2; // learned, and shown to who watches
    private static final byte TIME = 3;
    private static final byte TAKEN = 4;
    private static final int KINDS_PER_ROW = 4; // accepted, learned, taken, and a tick between rows

    private final byte[] kinds;
    private final long[] longs; // a time, or a count of examples
    private final float[] floats;
    private final int[] ints;
    private final SliceValues slices;
    private int size;
    private int floatsSize;
    private int intsSize;
    private int slicesSize;
    private int of;
    private boolean endsPass;

    /// @param rows how many there is room for
    /// @param models of which rows may be recorded
    public EvaluationTape(int rows, List<OnlineModel> models) {
        kinds = new byte[KINDS_PER_ROW * rows];
        longs = new long[kinds.length];
        floats = new float[Math.multiplyExact(rows, most(models, EvaluationTape::floats))];
        ints = new int[Math.multiplyExact(rows, most(models, model -> model.shape().ids()))];
        slices = new SliceValues(rows * most(models, EvaluationTape::slices));
    }

    private static int most(List<OnlineModel> models, ToIntFunction<OnlineModel> of) {
        return models.stream().mapToInt(of).max().orElse(0);
    }

    private static int floats(OnlineModel model) {
        return model.shape().numbers() + model.shape().labels() + 1 + model.parameters().plan().outputs() + 1;
    }

    private static int slices(OnlineModel model) {
        return model.spec().watch().slices().size();
    }

    /// Returns which model's it is.
    public int of() {
        return of;
    }

    /// Whether nothing follows before the evaluation begins anew.
    public boolean endsPass() {
        return endsPass;
    }

    private void clear(int of) {
        this.of = of;
        size = 0;
        floatsSize = 0;
        intsSize = 0;
        slicesSize = 0;
        endsPass = false;
    }

    private boolean fits(int floats, int ints, int slices) {
        return size < kinds.length && floatsSize + floats <= this.floats.length && intsSize + ints <= this.ints.length
                && slicesSize + slices <= this.slices.size();
    }

    private void add(byte kind, long number) {
        kinds[size] = kind;
        longs[size++] = number;
    }

    private void add(float[] from, int at, int count) {
        System.arraycopy(from, at, floats, floatsSize, count);
        floatsSize += count;
    }

    /// Records what happens to one model; of the thread that learns.
    public static final class Recorder {
        private final int of;
        private final RowShape shape;
        private final boolean weighted;
        private final int outputs;
        private final Supplier<EvaluationTape> take;
        private final Consumer<EvaluationTape> put;
        private @Nullable EvaluationTape present;
        private boolean hasNews; // since a row was taken

        /// @param of which model's it is
        /// @param take gives a tape whose content is not wanted any more
        /// @param put gets each one that is recorded
        public Recorder(int of, OnlineModel model, Supplier<EvaluationTape> take, Consumer<EvaluationTape> put) {
            this.of = of;
            this.take = take;
            this.put = put;
            shape = model.shape();
            weighted = model.spec().weighted();
            outputs = model.parameters().plan().outputs();
        }

        private EvaluationTape tape(int floats, int ints, int slices) {
            EvaluationTape tape = present;
            if (tape != null && !tape.fits(floats, ints, slices)) {
                put.accept(tape);
                tape = null;
            }
            if (tape == null) {
                tape = take.get();
                tape.clear(of);
                present = tape;
            }
            return tape;
        }

        void accepted(Row row) {
            EvaluationTape tape = tape(shape.numbers() + shape.labels() + 1, shape.ids(), row.slices.size());
            tape.add(ACCEPTED, row.eventTime);
            tape.add(row.numbers, 0, shape.numbers());
            tape.add(row.labels, 0, shape.labels());
            tape.floats[tape.floatsSize++] = weighted ? row.weight : 1;
            System.arraycopy(row.ids, 0, tape.ints, tape.intsSize, shape.ids());
            tape.intsSize += shape.ids();
            tape.slices.copy(tape.slicesSize, row.slices, 0, row.slices.size());
            tape.slicesSize += row.slices.size();
            hasNews = true;
        }

        /// The oldest row that was accepted and not learned, by now is.
        void learned(float[] predictions, int at, float loss, long streamTime) {
            EvaluationTape tape = tape(outputs + 1, 0, 0);
            tape.add(LEARNED, streamTime);
            tape.add(predictions, at, outputs);
            tape.floats[tape.floatsSize++] = loss;
            hasNews = true;
        }

        /// The model went on after that row, and showed it to who watches.
        void shown() {
            EvaluationTape tape = present;
            if (tape != null) {
                tape.kinds[tape.size - 1] = SHOWN;
            }
        }

        void timeIs(long streamTime) {
            tape(0, 0, 0).add(TIME, streamTime);
            hasNews = true;
        }

        /// All that one event has caused is recorded.
        ///
        /// @param examples learned by then
        public void taken(long examples) {
            if (hasNews) {
                hasNews = false;
                tape(0, 0, 0).add(TAKEN, examples);
            }
        }

        /// Hands over what was recorded.
        public void handOver() {
            EvaluationTape tape = present;
            if (tape != null) {
                present = null;
                put.accept(tape);
            }
        }

        /// Hands it over, and lets the evaluation begin anew.
        public void endPass() {
            tape(0, 0, 0).endsPass = true;
            handOver();
        }
    }

    /// Evaluates one model by its tapes; of the thread that evaluates.
    public static final class Player {
        private final OnlineModel model;
        private final LearnedRows watcher;
        private final LongConsumer taken;
        private final int outputs;
        private final int sliced;
        private final Row row;
        private final Batch waiting; // a ring of rows that are not learned yet
        private final long[] times;
        private final SliceValues slices;
        private final float[] predictions;
        private int next;
        private int oldest;
        private ProgressiveEvaluation evaluation;

        /// @param model that has learned nothing, for its spec; its own evaluation is filled
        /// @param watcher is shown each row
        /// @param taken is told, when all that one event has caused is evaluated, how many examples were learned by then
        public Player(OnlineModel model, LearnedRows watcher, LongConsumer taken) {
            this(model, model.evaluation(), watcher, taken);
        }

        Player(OnlineModel model, ProgressiveEvaluation evaluation, LearnedRows watcher, LongConsumer taken) {
            this.model = model;
            this.evaluation = evaluation;
            this.watcher = watcher;
            this.taken = taken;
            outputs = model.parameters().plan().outputs();
            sliced = slices(model);
            row = new Row(model.shape().numbers(), model.shape().ids(), model.shape().labels(),
                    new SliceValues(sliced));
            waiting = new Batch(model.shape(), model.spec().miniBatch());
            times = new long[waiting.capacity()];
            slices = new SliceValues(waiting.capacity() * sliced);
            predictions = new float[outputs];
        }

        /// Takes over rows that were accepted before anything was recorded, and not learned.
        void begin(Batch pending, long[] times, SliceValues slices) {
            int size = pending.size();
            System.arraycopy(pending.numbers, 0, waiting.numbers, 0, size * row.numbers.length);
            System.arraycopy(pending.labels, 0, waiting.labels, 0, size * row.labels.length);
            System.arraycopy(pending.ids, 0, waiting.ids, 0, size * row.ids.length);
            System.arraycopy(pending.sampleWeights, 0, waiting.sampleWeights, 0, size);
            System.arraycopy(times, 0, this.times, 0, size);
            this.slices.copy(0, slices, 0, size * sliced);
            next = size % waiting.capacity();
        }

        public ProgressiveEvaluation evaluation() {
            return evaluation;
        }

        /// Goes on with another one.
        void evaluate(ProgressiveEvaluation with) {
            evaluation = with;
        }

        /// Counts anew, as [OnlineModel#restartEvaluation].
        public void restartEvaluation() {
            evaluation = evaluation.restarted(model.spec());
        }

        public void play(EvaluationTape tape) {
            int floatAt = 0;
            int intAt = 0;
            int sliceAt = 0;
            for (int i = 0; i < tape.size; i++) {
                byte kind = tape.kinds[i];
                switch (kind) {
                    case ACCEPTED -> {
                        accepted(tape, floatAt, intAt, sliceAt, tape.longs[i]);
                        floatAt += row.numbers.length + row.labels.length + 1;
                        intAt += row.ids.length;
                        sliceAt += sliced;
                    }
                    case LEARNED, SHOWN -> {
                        System.arraycopy(tape.floats, floatAt, predictions, 0, outputs);
                        learned(tape.floats[floatAt + outputs], tape.longs[i], kind == SHOWN);
                        floatAt += outputs + 1;
                    }
                    case TIME -> evaluation.recent().timeIs(tape.longs[i]);
                    default -> taken.accept(tape.longs[i]);
                }
            }
        }

        private void accepted(EvaluationTape tape, int floatAt, int intAt, int sliceAt, long time) {
            System.arraycopy(tape.floats, floatAt, row.numbers, 0, row.numbers.length);
            System.arraycopy(tape.floats, floatAt + row.numbers.length, row.labels, 0, row.labels.length);
            System.arraycopy(tape.ints, intAt, row.ids, 0, row.ids.length);
            evaluation.recent().accepted(row);
            System.arraycopy(row.numbers, 0, waiting.numbers, next * row.numbers.length, row.numbers.length);
            System.arraycopy(row.labels, 0, waiting.labels, next * row.labels.length, row.labels.length);
            System.arraycopy(row.ids, 0, waiting.ids, next * row.ids.length, row.ids.length);
            waiting.sampleWeights[next] = tape.floats[floatAt + row.numbers.length + row.labels.length];
            slices.copy(next * sliced, tape.slices, sliceAt, sliced);
            times[next] = time;
            next = (next + 1) % waiting.capacity();
        }

        private void learned(float loss, long streamTime, boolean isShown) {
            int at = oldest;
            oldest = (oldest + 1) % waiting.capacity();
            OnlineModel.count(evaluation, waiting, at, slices, times[at], streamTime, predictions, 0, loss);
            if (isShown) {
                watcher.learned(predictions, 0, waiting.labels, at * row.labels.length, loss,
                        waiting.sampleWeights[at]);
            }
        }
    }
}
