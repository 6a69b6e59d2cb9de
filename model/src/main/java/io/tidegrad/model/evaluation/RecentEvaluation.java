package io.tidegrad.model.evaluation;

import io.tidegrad.engine.model.Batch;
import io.tidegrad.model.binary.BinaryReader;
import io.tidegrad.model.binary.BinaryWriter;
import io.tidegrad.model.feature.Row;
import io.tidegrad.model.feature.SliceValues;
import io.tidegrad.model.spec.ModelSpec;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.ToDoubleBiFunction;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// Progressive validation of the newest 2,000 labels, and alarms for what labels, predictions and errors have been. What is
/// measured since the beginning hides what happens now: of labels that are all false, because their source died, every such
/// measure gets better.
///
/// Labels that are sequences have no measures and no alarms.
public final class RecentEvaluation {
    /// Labels in the window, and before alarms can begin.
    public static final int WINDOW = 2_000;

    /// Parts of the spec's period, each with sums of its own.
    public static final int PERIOD_SLOTS = 60;

    /// A declared measure of the window.
    ///
    /// @param name in health and in the topic of progress
    /// @param unit of the value
    /// @param help for metrics
    public record Measure(String name, String unit, String help, ToDoubleFunction<Newest> value) {
        /// Returns the name of the metric, with dots. It ends with the unit of losses; scores have none, and the unit of errors
        /// is that of the label.
        public String series() {
            return (unit.equals(NATS) ? name + '_' + NATS : name).replace('_', '.');
        }
    }

    /// What the window says at one moment.
    public record Newest(MetricSums sums, Ranking ranking, double noChange, double linear, double linearAuc) {
        private double ofCounts(ToDoubleFunction<ClassCounts> value) {
            ClassCounts counts = sums.counts();
            return counts == null || sums.predictions() == 0 ? Double.NaN : value.applyAsDouble(counts);
        }

        private double ofYes(ToDoubleFunction<ClassCounts> value) {
            return ofCounts(counts -> counts.classes() == 2 ? value.applyAsDouble(counts) : Double.NaN);
        }
    }

    private static final String NATS = "nats";
    private static final String SHARE = "share";
    private static final String LABEL = "unit of the label";

    private static final List<Measure> WITHOUT_TENTHS = List.of(
            new Measure("labels", "labels", "labels in the window", newest -> newest.sums.predictions()),
            new Measure("log_loss", NATS, "log loss", newest -> newest.sums.logLoss()),
            new Measure("prior_log_loss", NATS, "log loss of always predicting the window's shares of labels",
                    newest -> newest.sums.logLoss() >= 0 ? newest.ofCounts(ClassCounts::entropy) : Double.NaN),
            new Measure("linear_log_loss", NATS, "log loss of a linear model that learns the same",
                    newest -> newest.sums.logLoss() >= 0 ? newest.linear : Double.NaN),
            new Measure("normalised_entropy", "ratio", "log loss over prior log loss",
                    newest -> newest.sums.normalisedEntropy()),
            new Measure("brier_score", "squared share", "mean squared error of probabilities",
                    newest -> newest.sums.brier()),
            new Measure("auc", SHARE, "area under the ROC curve", newest -> newest.ranking.rocAuc()),
            new Measure("linear_auc", SHARE, "area under the ROC curve of a linear model that learns the same",
                    newest -> newest.linearAuc),
            new Measure("average_precision", SHARE, "area under the precision-recall curve",
                    newest -> newest.ranking.averagePrecision()),
            new Measure("accuracy", SHARE, "accuracy", newest -> newest.sums.accuracy()),
            new Measure("no_change_accuracy", SHARE, "accuracy of predicting the label before",
                    newest -> newest.sums.accuracy() >= 0 ? newest.noChange : Double.NaN),
            new Measure("linear_accuracy", SHARE, "accuracy of a linear model that learns the same, of margins",
                    newest -> newest.sums.logLoss() >= 0 || newest.sums.meanSquaredError() >= 0 ? Double.NaN
                            : 1 - newest.linear),
            new Measure("precision", SHARE, "of the predicted yes the true ones",
                    newest -> newest.ofYes(c -> c.precision(1))),
            new Measure("recall", SHARE, "of the true yes the predicted ones",
                    newest -> newest.ofYes(c -> c.recall(1))),
            new Measure("f1", SHARE, "harmonic mean of precision and recall", newest -> newest.ofYes(c -> c.f1(1))),
            new Measure("macro_f1", SHARE, "unweighted mean of the F1 of classes that happened or were predicted",
                    newest -> newest.ofCounts(ClassCounts::macroF1OfSeen)),
            new Measure("calibration_error", SHARE, "mean distance of probabilities and truth within a tenth",
                    newest -> newest.sums.calibrationError()),
            new Measure("calibration_bias", SHARE, "mean probability less what happened",
                    newest -> newest.sums.calibrationBias()),
            new Measure("calibration_slope", "ratio", "of truth over probabilities; below 1 if these are too extreme",
                    newest -> newest.sums.calibrationSlope()),
            new Measure("mean_squared_error", "squared " + LABEL, "mean squared error",
                    newest -> newest.sums.meanSquaredError()),
            new Measure("linear_mean_squared_error", "squared " + LABEL,
                    "mean squared error of a linear model that learns the same",
                    newest -> newest.sums.meanSquaredError() >= 0 ? newest.linear : Double.NaN),
            new Measure("root_mean_squared_error", LABEL, "its root", newest -> newest.sums.rootMeanSquaredError()),
            new Measure("mean_absolute_error", LABEL, "mean absolute error", newest -> newest.sums.meanAbsoluteError()),
            new Measure("no_change_absolute_error", LABEL, "mean absolute error of predicting the label before",
                    newest -> newest.sums.meanAbsoluteError() >= 0 ? newest.noChange : Double.NaN),
            new Measure("r_squared", "ratio", "share of the labels' variance that is predicted",
                    newest -> newest.sums.rSquared()),
            new Measure("mean_prediction", SHARE + " or " + LABEL,
                    "mean of the probability of yes, of the likeliest class, or of the number",
                    newest -> newest.sums.meanPrediction()),
            new Measure("mean_label", SHARE + " or " + LABEL, "share of yes, of hits, or the mean label",
                    newest -> newest.sums.meanLabel()));

    /// All measures, in the order in which they are told.
    public static final List<Measure> MEASURES = Stream
            .of(WITHOUT_TENTHS.stream(),
                    tenths("predictions", "probabilities of yes, or of the likeliest class,", MetricSums::shareOfTenth),
                    tenths("mean_prediction", "mean of the probabilities of yes, or of the likeliest class,",
                            MetricSums::meanPredictionOfTenth),
                    tenths("mean_label", "share of yes, or of hits, among probabilities", MetricSums::meanLabelOfTenth))
            .flatMap(Function.identity()).toList();

    private static Stream<Measure> tenths(String name, String help, ToDoubleBiFunction<MetricSums, Integer> value) {
        return IntStream.range(0, Calibration.BINS)
                .mapToObj(tenth -> new Measure(name + "_tenth_" + tenth, SHARE,
                        help + " from 0." + tenth + " to below the next tenth",
                        newest -> value.applyAsDouble(newest.sums, tenth)));
    }

    /// Of a period: labels that came when their part of it was over.
    public static final String LATE = "late";

    private static final Ranking UNRANKED = new Ranking(Double.NaN, Double.NaN);

    private final MetricTask task;
    private final boolean watches;
    private final EventWindow window;
    private @Nullable LinearBaseline linear;
    private final ChangeAlarm ofLabels;
    private final ChangeAlarm ofPredictions;
    private final ChangeAlarm ofErrors;
    private final FieldWatch fields;
    private final List<ChangeAlarm> alarms; // all
    private boolean judged; // some alarm, since `raised` was counted
    private long raised;
    private final SignalValues values;
    private final SliceEvaluation slices;
    private final @Nullable TimeWindow period; // null: the spec has none
    private final long periodMillis;
    private long time = Row.NO_TIME; // of the event whose labels come next

    RecentEvaluation(ModelSpec spec, MetricTask task) {
        this.task = task;
        watches = spec.watch().falseAlarms() > 0;
        slices = new SliceEvaluation(spec, task);
        values = new SignalValues(task);
        Duration span = spec.watch().period();
        period = span == null ? null : new TimeWindow(task, span, PERIOD_SLOTS);
        periodMillis = span == null ? 0 : span.toMillis();
        window = new EventWindow(task, WINDOW, spec.weighted());
        linear = LinearBaseline.of(spec, task);
        // All alarms together give no more false ones than are asked for.
        double falseAlarms = Math.max(1_000.0, spec.watch().falseAlarms()) * (3 + 3.0 * FieldWatch.count(spec));
        ofLabels = new ChangeAlarm(Signal.of(Signal.Kind.LABEL), falseAlarms);
        ofPredictions = new ChangeAlarm(Signal.of(Signal.Kind.PREDICTION), falseAlarms);
        ofErrors = new ChangeAlarm(Signal.of(Signal.Kind.ERROR), falseAlarms);
        fields = new FieldWatch(spec, falseAlarms);
        alarms = new ArrayList<>(List.of(ofLabels, ofPredictions, ofErrors));
        alarms.addAll(fields.alarms());
    }

    /// Sees an event's fields before it is learned.
    public void accepted(Row row) {
        if (watches) {
            judged |= fields.add(row);
        }
    }

    /// Returns room for what the linear model says of a row whose label comes later; null if there is no such model.
    public double @Nullable [] newLinearPrediction() {
        return watches && linear != null ? linear.newPrediction() : null;
    }

    /// Sees a row whose label comes later.
    ///
    /// @param into what the linear model says of it
    public void came(Batch batch, int row, double @Nullable [] into) {
        if (linear != null && into != null) {
            linear.predict(batch, row, into);
        }
    }

    /// Sees a row that is learned, before its prediction is added.
    ///
    /// @param linearPrediction as `came` gave it; null if the row came just now
    public void learned(Batch batch, int row, float label, float weight, double @Nullable [] linearPrediction) {
        if (watches && linear != null) {
            linear.learn(batch, row, label, weight, linearPrediction);
        }
    }

    /// Says of the row whose labels are added next what the fields of slices have, and when it was.
    ///
    /// @param values of rows, row after row
    /// @param eventTime epoch ms, or `Row.NO_TIME`
    /// @param streamTime likewise
    public void next(SliceValues values, int row, long eventTime, long streamTime) {
        slices.next(values, row);
        time = eventTime;
        timeIs(streamTime);
    }

    /// Lets the period end with stream time.
    public void timeIs(long streamTime) {
        if (period != null && streamTime != Row.NO_TIME) {
            period.moveTo(streamTime);
        }
    }

    /// Takes over what a linear model has learned, to count anew.
    void continueLinear(RecentEvaluation before) {
        linear = before.linear == null ? null : before.linear.restarted();
    }

    /// @param at index of the prediction's first number
    void add(float[] prediction, int at, float label, float weight) {
        if (!watches) {
            return;
        }
        window.add(prediction, at, label, weight, linear == null ? Float.NaN : linear.newestScore());
        slices.add(prediction, at, label, weight);
        if (period != null && time != Row.NO_TIME) {
            period.add(time, prediction, at, label, weight, linear == null ? Double.NaN : linear.newestLoss());
        }
        if (values.add(prediction, at, label)) {
            judged |= ofLabels.add(values.label()); // and the others with it
            ofPredictions.add(values.prediction());
            ofErrors.add(values.error());
        }
    }

    /// Returns how many labels were counted.
    public long labels() {
        return values.labels();
    }

    /// Returns what is said of each signal, in a fixed order.
    public List<ChangeAlarm.Reading> readings() {
        return Stream.concat(alarms.stream().map(ChangeAlarm::reading), fields.leaks().stream().map(LeakAlarm::reading))
                .toList();
    }

    /// Returns the alarms that are on.
    public List<ChangeAlarm.Reading> alarms() {
        return readings().stream().filter(ChangeAlarm.Reading::isOn).toList();
    }

    /// Returns what each watched field is like, whether or not it alarms, in the order of features; empty where nothing is
    /// watched.
    public List<WatchedField> fields() {
        return watches ? fields.fields() : List.of();
    }

    /// Returns how many alarms there were.
    public long raised() {
        if (judged) {
            judged = false;
            raised = alarms.stream().mapToLong(ChangeAlarm::raised).sum()
                    + fields.leaks().stream().mapToLong(LeakAlarm::raised).sum();
        }
        return raised;
    }

    /// What the linear model lost since the beginning; NaN without one.
    double linearLoss() {
        return linear == null ? Double.NaN : linear.lossOfAll();
    }

    /// Returns the measures by the most frequent values of the spec's slices.
    public List<SliceEvaluation.Slice> slices() {
        return slices.slices();
    }

    /// Returns the measures of the window by name, in their order, without those that the task does not have.
    public Map<String, Double> measures() {
        return measures(MEASURES, new Newest(window.sums(), task.isOfYesOrNo() ? window.ranking() : UNRANKED,
                window.noChange(), linear == null ? Double.NaN : linear.loss(), window.linearAuc()));
    }

    /// Returns an estimate of what predictions will turn out to be whose labels are out, which are calibrated by the newest
    /// labels; null if there is none of this task, or no label yet.
    public @Nullable EstimatedPerformance estimate() {
        return EstimatedPerformance.of(task, window);
    }

    /// Returns the same measures of the spec's period of event time, and how many labels came too late for it (`late`); empty
    /// without one.
    public Map<String, Double> period() {
        if (period == null) {
            return Map.of();
        }
        Map<String, Double> measures = measures(MEASURES, period.newest());
        measures.put(LATE, (double) period.late());
        return measures;
    }

    /// The measures that sums alone have, likewise.
    static Map<String, Double> measures(MetricSums sums) {
        return measures(WITHOUT_TENTHS,
                new Newest(sums, new Ranking(sums.auc(), Double.NaN), Double.NaN, Double.NaN, Double.NaN));
    }

    private static Map<String, Double> measures(List<Measure> which, Newest newest) {
        Map<String, Double> measures = new LinkedHashMap<>();
        for (Measure measure : which) {
            double value = measure.value.applyAsDouble(newest);
            if (Double.isFinite(value)) {
                measures.put(measure.name, value);
            }
        }
        return measures;
    }

    public void write(BinaryWriter to) {
        values.write(to);
        window.write(to);
        if (linear != null) {
            linear.write(to);
        }
        List.of(ofLabels, ofPredictions, ofErrors).forEach(alarm -> alarm.write(to));
        fields.write(to);
    }

    public void read(BinaryReader from) {
        judged = true;
        values.read(from);
        window.read(from);
        if (linear != null) {
            linear.read(from);
        }
        List.of(ofLabels, ofPredictions, ofErrors).forEach(alarm -> alarm.read(from));
        fields.read(from);
    }

    /// Whether a linear model scores rows whose labels are yes or no, so that it has an area under the ROC curve.
    public boolean ranksLinear() {
        return linear != null && task.isOfYesOrNo();
    }

    /// Writes what the linear model scored of the newest rows.
    public void writeLinearScores(BinaryWriter to) {
        window.writeLinear(to);
    }

    /// Reads that. Without it there is no area under the linear model's curve until the window has new rows alone.
    public void readLinearScores(BinaryReader from) {
        window.readLinear(from);
    }

    /// Writes how well fields alone tell the label.
    public void writeLeaks(BinaryWriter to) {
        fields.leaks().forEach(leak -> leak.write(to));
    }

    public void readLeaks(BinaryReader from) {
        judged = true;
        fields.leaks().forEach(leak -> leak.read(from));
    }

    /// Writes what is measured of the period.
    public void writePeriod(BinaryWriter to) {
        to.int64(periodMillis);
        if (period != null) {
            period.write(to);
        }
    }

    /// Reads what was written; of another period it reads no further.
    public void readPeriod(BinaryReader from) {
        if (from.int64() == periodMillis && period != null) {
            period.read(from);
        }
    }

    public void writeSlices(BinaryWriter to) {
        slices.write(to);
    }

    /// Returns false if what was written is of other slices, and reads no further.
    public boolean readSlices(BinaryReader from) {
        return slices.read(from);
    }
}
