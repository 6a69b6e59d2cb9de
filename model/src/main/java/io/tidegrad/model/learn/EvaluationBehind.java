package io.tidegrad.model.learn;

import io.tidegrad.engine.model.Batch;
import io.tidegrad.model.evaluation.ProgressiveEvaluation;
import io.tidegrad.model.feature.SliceValues;
import io.tidegrad.model.spec.ModelSpec;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// Evaluates what was learned behind the thread that learns, in its order: by [EvaluationTape]s, of which there are a few. If
/// all wait, the learning thread evaluates the oldest itself. So it does not matter whether another thread helps.
final class EvaluationBehind {
    /// More rows lie on them than are learned while the thread that reads ahead waits for room.
    private static final int TAPES = 16;
    private static final long TAPE_BYTES = 32 * 1024;
    private static final int TAPE_ROWS_MAX = 64;
    private static final long PENDING_BYTES_MAX = 1 << 20;

    private static final LearnedRows NOBODY = (_, _, _, _, _, _) -> {
    };

    private final EvaluationTape.Recorder recorder; // the learning thread's
    private final EvaluationTape.Player player; // under the lock of this
    private final Queue<EvaluationTape> waiting = new ArrayBlockingQueue<>(TAPES); // which allocates nothing
    private final Queue<EvaluationTape> free = new ArrayBlockingQueue<>(TAPES);
    private final Function<Throwable, RuntimeException> failed;
    private volatile @Nullable Throwable failure;

    EvaluationBehind(OnlineModel model, ProgressiveEvaluation evaluation,
            Function<Throwable, RuntimeException> failed) {
        this.failed = failed;
        player = new EvaluationTape.Player(model, evaluation, NOBODY, _ -> {
        });
        recorder = new EvaluationTape.Recorder(0, model, this::take, waiting::add);
        int rows = tapeRows(model.spec());
        for (int i = 0; i < TAPES; i++) {
            free.add(new EvaluationTape(rows, List.of(model)));
        }
    }

    private static int tapeRows(ModelSpec spec) {
        return Math.clamp(TAPE_BYTES / OnlineModel.rowBytes(spec), 1, TAPE_ROWS_MAX);
    }

    /// Returns about how many bytes the tapes take, and the rows that are not learned yet; 0 for a model that is evaluated in
    /// its place.
    static long bytes(ModelSpec spec) {
        return isFor(spec) ? (TAPES * tapeRows(spec) + spec.miniBatch()) * OnlineModel.rowBytes(spec) : 0;
    }

    /// Whether a mini-batch of rows, which has to be copied, is no more than a megabyte.
    static boolean isFor(ModelSpec spec) {
        return spec.miniBatch() * OnlineModel.rowBytes(spec) <= PENDING_BYTES_MAX;
    }

    EvaluationTape.Recorder recorder() {
        return recorder;
    }

    /// Takes over rows that were accepted and not learned.
    synchronized void begin(Batch pending, long[] times, SliceValues slices) {
        player.begin(pending, times, slices);
    }

    synchronized void evaluate(ProgressiveEvaluation evaluation) {
        player.evaluate(evaluation);
    }

    private EvaluationTape take() {
        EvaluationTape tape = free.poll();
        while (tape == null) { // all wait, but for one that another thread may be at
            evaluateNext();
            tape = free.poll();
        }
        return tape;
    }

    /// Evaluates everything that was recorded. For the learning thread.
    void finish() {
        recorder.handOver();
        while (evaluateNext()) {
            // The other thread may be at one: it is done when this one gets the lock.
        }
        Throwable why = failure;
        if (why != null) {
            throw failed.apply(why);
        }
    }

    /// Evaluates the tape that has waited longest, and returns whether there was one. Another thread may do that, too, which is
    /// not disturbed by what goes wrong.
    synchronized boolean evaluateNext() {
        EvaluationTape tape = waiting.poll();
        if (tape == null) {
            return false;
        }
        try {
            if (failure == null) {
                player.play(tape);
            }
        } catch (RuntimeException | Error e) {
            failure = e;
        }
        free.add(tape);
        return true;
    }
}
