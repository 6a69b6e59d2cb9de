package io.tidegrad.replay.backtest;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.model.evaluation.ChangeAlarm;
import io.tidegrad.model.evaluation.EstimatedPerformance;
import io.tidegrad.model.evaluation.ProgressiveEvaluation;
import io.tidegrad.model.evaluation.RecentEvaluation;
import io.tidegrad.model.feature.Rejection;
import io.tidegrad.model.learn.EventFold;
import io.tidegrad.model.learn.LabelDelay;
import io.tidegrad.model.learn.ModelDivergedException;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.learn.PreparedEvent;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.StopException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// One model of a backtest while it learns.
final class TrialRun {
    /// How many rejected rows are shown with their places.
    private static final int REJECTED_MAX = 10;

    private static final int ALARMS_MAX = 20;

    private final Backtest.Trial trial;
    private final int rowsOf;
    private final OnlineModel model;
    private final @Nullable LabelDelay delay;
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
        watch = new RowWatch(trial.spec(), () -> late == null ? model.evaluation() : late.evaluation(),
                row -> listener.at(trial, row));
        if (late == null) {
            model.watch(watch);
        } else {
            late.watch(watch);
        }
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
        if (passes.isEmpty()) {
            noteAlarms();
        }
    }

    /// Of the first pass, whose rows are new.
    private void noteAlarms() {
        RecentEvaluation recent = model.evaluation().recent();
        long now = recent.raised();
        if (now > raised) {
            recent.alarms().stream().filter(each -> !isNoted(each)).limit(ALARMS_MAX - alarms.size())
                    .forEach(each -> alarms.add(new BacktestResult.Alarm(model.parameters().examples(), each)));
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

    void endPass() {
        if (delay != null && diverged == null) {
            try {
                EstimatedPerformance.Comparison out = delay.drain();
                labelsOut = passes.isEmpty() ? out : labelsOut;
            } catch (ModelDivergedException e) {
                diverged = e.getMessage();
            }
        }
        watch.endPass();
        passes.add(delay == null ? model.evaluation() : delay.evaluation());
        if (delay != null) {
            delay.restartEvaluation();
        }
        model.restartEvaluation();
    }

    BacktestResult result(long nanos) {
        return new BacktestResult(trial, rows, model.parameters().examples(), model.pending(),
                model.parameters().updates(), reasons, rejected, passes, watch.progress(), watch.curve(),
                watch.calibration(), alarms, raised, labelsOut, diverged, model.weightsHash(), model.stateHash(),
                nanos);
    }
}
