package io.tidegrad.replay.backtest;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.model.evaluation.ChangeAlarm;
import io.tidegrad.model.evaluation.EstimatedPerformance;
import io.tidegrad.model.evaluation.ProgressiveEvaluation;
import io.tidegrad.model.evaluation.RecentEvaluation;
import io.tidegrad.model.feature.LearnedClasses;
import io.tidegrad.model.feature.Rejection;
import io.tidegrad.model.learn.EvaluationTape;
import io.tidegrad.model.learn.EventFold;
import io.tidegrad.model.learn.LabelDelay;
import io.tidegrad.model.learn.ModelDivergedException;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.learn.PreparedEvent;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.StopException;
import io.tidegrad.trainer.relearn.ChunksAhead;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// One model of a backtest while it learns. One thread lets it learn, and another one evaluates what that records; with late
/// labels, whose rows an evaluation sees before they are learned, the first one does both.
final class TrialRun {
    /// How many rejected rows are shown with their places.
    private static final int REJECTED_MAX = 10;

    private static final int ALARMS_MAX = 20;

    private final Backtest.Trial trial;
    private final int rowsOf;
    private final OnlineModel model;
    private final @Nullable LabelDelay delay;
    private final EvaluationTape.Player player;
    private EvaluationTape.@Nullable Recorder recorder; // null: labels are late
    private final RowWatch watch;
    private final List<ProgressiveEvaluation> passes = new ArrayList<>();
    private final Map<Rejection.Reason, Long> reasons = new TreeMap<>();
    private final List<BacktestResult.Rejected> rejected = new ArrayList<>();
    private final List<BacktestResult.Alarm> alarms = new ArrayList<>();
    private long raised;
    private long rows;
    private EstimatedPerformance.@Nullable Comparison labelsOut;
    private @Nullable String diverged;

    /// @param rowsOf which of a chunk's rows are this trial's
    TrialRun(Backtest.Trial trial, int rowsOf, LabelDelay.Length length, Kernels kernels, Backtest.Listener listener) {
        this.trial = trial;
        this.rowsOf = rowsOf;
        model = OnlineModel.initial(trial.spec(), kernels);
        LabelDelay late = length.isNone() ? null : delay(length);
        delay = late;
        LearnedClasses classes = model.classes();
        watch = new RowWatch(trial.spec(), classes == null ? String::valueOf : classes::name, this::evaluation,
                row -> listener.at(trial, row));
        player = new EvaluationTape.Player(model, watch, this::taken);
        if (late != null) {
            late.watch(watch);
        }
    }

    private ProgressiveEvaluation evaluation() {
        return delay == null ? player.evaluation() : delay.evaluation();
    }

    private LabelDelay delay(LabelDelay.Length length) {
        try {
            return new LabelDelay(model, length, this::learned);
        } catch (IllegalArgumentException noTime) {
            throw new StopException(ExitCode.CONFIGURATION, String.valueOf(noTime.getMessage()), noTime);
        }
    }

    int rowsOf() {
        return rowsOf;
    }

    OnlineModel model() {
        return model;
    }

    /// @param of which trial it is
    void begin(int of, ChunksAhead<EvaluationTape> tapes) {
        if (delay == null) {
            recorder = new EvaluationTape.Recorder(of, model, tapes::take, tapes::put);
            model.record(recorder);
        }
    }

    /// Learns the row or, if labels are late, those whose label comes with it.
    void take(PreparedEvent event, long place) {
        rows++;
        if (diverged != null) {
            return;
        }
        try {
            if (delay != null && event.isRow()) {
                delay.take(event, place);
            } else {
                learned(place, EventFold.learn(event, model));
            }
        } catch (ModelDivergedException e) {
            diverged = e.getMessage();
        }
        if (recorder == null) {
            taken(model.parameters().examples());
        } else {
            recorder.taken(model.parameters().examples());
        }
    }

    /// Evaluates what was recorded.
    void evaluate(EvaluationTape tape) {
        player.play(tape);
        if (tape.endsPass()) {
            passEnded();
        }
    }

    /// Notes alarms of the first pass, whose rows are new.
    private void taken(long examples) {
        if (!passes.isEmpty()) {
            return;
        }
        RecentEvaluation recent = (delay == null ? player.evaluation() : model.evaluation()).recent();
        long now = recent.raised();
        if (now > raised) {
            recent.alarms().stream().filter(each -> !isNoted(each)).limit(ALARMS_MAX - alarms.size())
                    .forEach(each -> alarms.add(new BacktestResult.Alarm(examples, each)));
            raised = now;
        }
    }

    private boolean isNoted(ChangeAlarm.Reading reading) {
        return alarms.stream().anyMatch(each -> each.reading().signal().equals(reading.signal())
                && each.reading().raised() == reading.raised());
    }

    private void learned(long place, EventFold.Outcome outcome) {
        if (outcome instanceof EventFold.Outcome.Rejected(Rejection why, Integer _)) {
            reasons.merge(why.reason(), 1L, Long::sum);
            if (rejected.size() < REJECTED_MAX) {
                rejected.add(new BacktestResult.Rejected(place, why));
            }
        }
    }

    /// Ends a chunk of rows, and maybe the pass.
    void endChunk(boolean endsPass) {
        if (recorder == null && endsPass) {
            drain();
            passEnded();
            model.restartEvaluation();
        } else if (recorder != null && endsPass) {
            recorder.endPass();
        } else if (recorder != null) {
            recorder.handOver();
        }
    }

    private void drain() {
        if (delay != null && diverged == null) {
            try {
                EstimatedPerformance.Comparison out = delay.drain();
                labelsOut = passes.isEmpty() ? out : labelsOut;
            } catch (ModelDivergedException e) {
                diverged = e.getMessage();
            }
        }
    }

    private void passEnded() {
        watch.endPass();
        passes.add(evaluation());
        if (delay == null) {
            player.restartEvaluation();
        } else {
            delay.restartEvaluation();
        }
    }

    BacktestResult result(long nanos) {
        return new BacktestResult(trial, rows, model.parameters().examples(), model.pending(),
                model.parameters().updates(), reasons, rejected, passes, watch.progress(), watch.curve(),
                watch.calibration(), alarms, raised, labelsOut, diverged, model.classNames(), model.weightsHash(),
                model.stateHash(), nanos);
    }
}
