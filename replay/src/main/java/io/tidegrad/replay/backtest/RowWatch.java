package io.tidegrad.replay.backtest;

import io.tidegrad.model.evaluation.MetricTask;
import io.tidegrad.model.evaluation.ProgressiveEvaluation;
import io.tidegrad.model.learn.LearnedRows;
import io.tidegrad.model.spec.ModelSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.IntFunction;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// Sums up what a trial's rows showed, row by row. Curve and calibration are of the first pass, whose rows are new.
final class RowWatch implements LearnedRows {
    private final MetricTask task;
    private final boolean list;
    private final IntFunction<String> names;
    private int named; // classes of which the name is known here
    private final boolean learnsNames;
    private final Headline headline;
    private final Supplier<ProgressiveEvaluation> evaluation;
    private final Consumer<ProgressRow> listener;
    private final int features;
    private final List<ProgressRow> progress = new ArrayList<>();
    private final LossCurve curve = new LossCurve();
    private final CalibrationSample calibration;
    private long examples;
    private long next = 1; // the number of examples after which progress is told
    private double weight;
    private float labelBefore = Float.NaN;
    private double noChange; // weight of labels like the one before, or the sum of absolute differences
    private double weightBefore; // of the passes before this one
    private double lossBefore; // likewise, the sum
    private double toldWeight;
    private double toldLoss;
    private boolean firstPass = true;

    /// @param names of the classes that have been learned, if they are
    /// @param evaluation of the present pass, in which each row is counted when it comes here
    RowWatch(ModelSpec spec, IntFunction<String> names, Supplier<ProgressiveEvaluation> evaluation,
            Consumer<ProgressRow> listener) {
        task = MetricTask.of(spec);
        list = spec.label().isList();
        learnsNames = spec.label().learnsClasses();
        this.names = learnsNames ? names : spec.label().classes()::get;
        named = spec.label().classes().size();
        this.evaluation = evaluation;
        this.listener = listener;
        headline = Headline.of(spec);
        features = spec.layout().numbers() + spec.layout().ids();
        calibration = new CalibrationSample(spec);
    }

    @Override
    public void learned(float[] predictions, int at, float[] labels, int labelAt, float loss, float rowWeight) {
        examples++;
        weight += rowWeight;
        if (learnsNames) { // what another thread has learned meanwhile is not told before its row
            named = Math.max(named, (int) labels[labelAt] + 1);
        }
        if (firstPass) {
            noChange(labels[labelAt], rowWeight);
            if (curve.wants(examples)) {
                curve.add(sums(evaluation.get()));
            }
            calibration.add(examples, predictions, at, labels[labelAt], rowWeight);
        }
        if (examples == next) {
            next *= 2;
            tell(predictions, at, labels[labelAt]);
        }
    }

    private void noChange(float label, float rowWeight) {
        if (examples > 1) {
            noChange += rowWeight
                    * (task.classifies() ? labelBefore == label ? 1 : 0 : Math.abs((double) label - labelBefore));
        }
        labelBefore = label;
    }

    private LossCurve.Sums sums(ProgressiveEvaluation of) {
        double right = list ? Double.NaN : task.classifies() ? of.accuracy() : of.meanAbsoluteError();
        return new LossCurve.Sums(examples, weight, loss(), headline.prior(of) * weight, headline.linear(of) * weight,
                right * weight, list ? Double.NaN : noChange);
    }

    /// The sum since the start.
    private double loss() {
        double here = weight - weightBefore;
        return lossBefore + (here == 0 ? 0 : headline.loss(evaluation.get()) * here);
    }

    private void tell(float[] predictions, int at, float label) {
        double loss = loss();
        boolean isClass = !list && task.kind() == MetricTask.Kind.CATEGORICAL;
        int likeliest = isClass ? task.likeliest(predictions, at) : 0;
        ProgressRow row = new ProgressRow(loss / weight, (loss - toldLoss) / (weight - toldWeight), examples, weight,
                list ? Double.NaN : label, list ? Double.NaN : isClass ? likeliest : predictions[at + task.point()],
                isClass ? name((int) label) : null, isClass ? name(likeliest) : null, features);
        toldLoss = loss;
        toldWeight = weight;
        progress.add(row);
        listener.accept(row);
    }

    private @Nullable String name(int of) {
        return of < named ? names.apply(of) : null;
    }

    /// Ends a pass, before its evaluation begins again.
    void endPass() {
        lossBefore = loss();
        weightBefore = weight;
        firstPass = false;
    }

    List<ProgressRow> progress() {
        return progress;
    }

    LossCurve curve() {
        return curve;
    }

    CalibrationSample calibration() {
        return calibration;
    }
}
