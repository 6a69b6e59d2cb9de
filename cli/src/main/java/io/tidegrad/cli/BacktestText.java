package io.tidegrad.cli;

import io.tidegrad.model.evaluation.EstimatedPerformance;
import io.tidegrad.model.evaluation.ProgressiveEvaluation;
import io.tidegrad.model.evaluation.SliceEvaluation;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.replay.backtest.Backtest;
import io.tidegrad.replay.backtest.BacktestResult;
import io.tidegrad.replay.backtest.Headline;
import io.tidegrad.replay.backtest.ProgressRow;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// What a backtest prints, for people and for programs.
final class BacktestText {
    private static final String COLUMNS = "%12s %12s %12s %13s %11s %11s %9s%n";
    private static final int FINGERPRINT_SHOWN = 12;

    private BacktestText() {}

    /// The head of the progress of one model.
    static String head(Backtest backtest) {
        Backtest.Trial trial = backtest.trials().getFirst();
        String delay = backtest.delay().isNone() ? "" : ", labels " + delay(backtest) + " late";
        return String.format(Locale.ROOT, "backtest of model %s on %s%s: each row is predicted, then learned%n%n",
                trial.spec().model(), backtest.file().getFileName(), delay)
                + row("average", "since last", "example", "weight", "label", "prediction", "features")
                + row(Headline.of(trial.spec()).label(), "line", "", "", "", "", "");
    }

    static String delay(Backtest backtest) {
        return backtest.delay().time() == null ? String.format(Locale.ROOT, "%,d rows", backtest.delay().rows())
                : String.valueOf(backtest.delay().time());
    }

    private static String row(Object... cells) {
        return String.format(Locale.ROOT, COLUMNS, cells).stripTrailing() + System.lineSeparator();
    }

    static String progress(ProgressRow row) {
        return row(sixDigits(row.loss()), sixDigits(row.lossSinceLast()), whole(row.example()), trimmed(row.weight()),
                label(row), prediction(row), whole(row.features()));
    }

    /// A class has its name, where it has one.
    static String label(ProgressRow row) {
        return row.labelName() == null ? trimmed(row.label()) : row.labelName();
    }

    static String prediction(ProgressRow row) {
        return row.predictionName() == null ? Metric.text(row.prediction()) : row.predictionName();
    }

    /// The classes that were learned, and how many there is room for; null where the spec says what they are.
    static @Nullable String classes(BacktestResult result) {
        ModelSpec spec = result.trial().spec();
        return spec.label().learnsClasses() ? String.format(Locale.ROOT, "%,d of %,d: %s", result.classes().size(),
                spec.outputs(), String.join(", ", result.classes())) : null;
    }

    private static String sixDigits(double value) {
        return Double.isNaN(value) ? "-"
                : String.format(Locale.ROOT, Math.abs(value) < 10_000 ? "%.6f" : "%.5g", value);
    }

    private static String whole(long value) {
        return String.format(Locale.ROOT, "%,d", value);
    }

    /// Without a point where it is whole.
    static String trimmed(double value) {
        return Double.isNaN(value) ? "-" : value == Math.rint(value) ? whole((long) value) : Metric.text(value);
    }

    static String text(BacktestResult result) {
        StringBuilder text = new StringBuilder(System.lineSeparator());
        text.append(new Lines().add("rows", "%,d = %,d learned + %,d pending + %,d rejected", result.rows(),
                result.learned(), result.pending(), result.rejected())).append(System.lineSeparator());
        text.append(measures(result)).append(System.lineSeparator()).append(period(result));
        text.append(labelsOut(result)).append(slices(result)).append(alarms(result)).append(rejected(result));
        Lines lines = new Lines();
        if (result.diverged() != null) {
            lines.add("diverged", "%s", result.diverged());
        }
        String classes = classes(result);
        if (classes != null) {
            lines.add("classes", "%s", classes);
        }
        double seconds = result.nanos() * 1e-9;
        return text.append(lines.add("fingerprint", "%s", fingerprint(result))
                .add("weights-hash", "%s", result.weightsHash()).add("state-hash", "%s", result.stateHash())
                .add("took", "%.1f s, %,.0f rows/s", seconds, result.rows() / seconds)).toString();
    }

    /// The columns of a table of measures: of one pass beside the prior, or of each pass.
    static List<List<String>> measureRows(BacktestResult result) {
        List<List<String>> rows = new ArrayList<>();
        List<String> head = new ArrayList<>(List.of(""));
        int passes = result.passes().size();
        for (int pass = 1; pass <= passes; pass++) {
            head.add(passes == 1 ? "model" : "pass " + pass);
        }
        head.add("running prior");
        boolean linear = Metric.ALL.stream()
                .anyMatch(metric -> !Double.isNaN(metric.linear().applyAsDouble(result.evaluation())));
        if (linear) {
            head.add("linear model");
        }
        rows.add(head);
        for (Metric metric : Metric.of(result.evaluation())) {
            List<String> row = new ArrayList<>(List.of(metric.name()));
            for (ProgressiveEvaluation pass : result.passes()) {
                row.add(Metric.text(metric.value().applyAsDouble(pass)));
            }
            row.add(Metric.text(metric.prior().applyAsDouble(result.evaluation())));
            if (linear) {
                row.add(Metric.text(metric.linear().applyAsDouble(result.evaluation())));
            }
            rows.add(row);
        }
        double calibrationError = result.calibration().error();
        if (!Double.isNaN(calibrationError)) {
            List<String> row = new ArrayList<>(List.of("calibration error", Metric.text(calibrationError)));
            row.addAll(Collections.nCopies(rows.getFirst().size() - row.size(), "-"));
            rows.add(row);
        }
        return rows;
    }

    private static String measures(BacktestResult result) {
        StringBuilder text = new StringBuilder();
        for (List<String> row : measureRows(result)) {
            StringBuilder line = new StringBuilder(String.format(Locale.ROOT, "%-20s", row.getFirst()));
            row.subList(1, row.size()).forEach(cell -> line.append(String.format(Locale.ROOT, " %14s", cell)));
            text.append(line.toString().stripTrailing()).append(System.lineSeparator());
        }
        if (result.passes().size() > 1) {
            text.append("Only in the first pass were the rows new to the model.").append(System.lineSeparator());
        }
        return text.toString();
    }

    /// The head of what is measured over the spec's period, and the measures that people look at first; empty without one.
    static List<String> periodLine(BacktestResult result) {
        Duration period = result.trial().spec().watch().period();
        return period == null ? List.of()
                : List.of("last " + period, ReplayReport.newest(result.evaluation().recent().period()));
    }

    private static String period(BacktestResult result) {
        List<String> line = periodLine(result);
        return line.isEmpty() ? "" : new Lines().add(line.getFirst(), "%s", line.getLast()) + System.lineSeparator();
    }

    /// What was to be expected of the rows whose labels were out, beside what became of them, with a head; empty if none were.
    static List<List<String>> labelsOutRows(BacktestResult result) {
        EstimatedPerformance.Comparison out = result.labelsOut();
        if (out == null) {
            return List.of();
        }
        List<List<String>> rows = new ArrayList<>();
        rows.add(List.of("labels out: " + whole(out.predictions()), "estimated", "realized"));
        out.estimated().forEach((measure, estimated) -> rows.add(List.of(measure.replace('_', ' '),
                Metric.text(estimated), Metric.text(out.realized().getOrDefault(measure, Double.NaN)))));
        return rows;
    }

    private static String labelsOut(BacktestResult result) {
        List<List<String>> rows = labelsOutRows(result);
        return rows.isEmpty() ? "" : table(rows) + System.lineSeparator();
    }

    private static @Nullable JsonLine labelsOutJson(BacktestResult result) {
        EstimatedPerformance.Comparison out = result.labelsOut();
        return out == null ? null : new JsonLine().put("predictions", out.predictions())
                .put("estimated", out.estimated()).put("realized", out.realized());
    }

    /// `12 = 10 wrong-type + 2 missing-label`.
    static String reasons(BacktestResult result) {
        return whole(result.rejected()) + " = "
                + result.reasons().entrySet().stream()
                        .map(reason -> whole(reason.getValue()) + " " + reason.getKey().code())
                        .collect(Collectors.joining(" + "));
    }

    /// The measures of a table of slices, if the task has them.
    private static final List<String> OF_SLICES = List.of("log_loss", "prior_log_loss", "auc", "accuracy",
            "calibration_bias", "mean_squared_error", "mean_absolute_error", "mean_prediction", "mean_label");

    /// The most frequent values of the spec's slices, with a head; empty if the spec has none.
    static List<List<String>> sliceRows(BacktestResult result) {
        List<SliceEvaluation.Slice> slices = result.evaluation().recent().slices();
        if (slices.isEmpty()) {
            return List.of();
        }
        List<String> measures = OF_SLICES.stream()
                .filter(measure -> slices.stream().anyMatch(slice -> slice.all().containsKey(measure))).toList();
        List<List<String>> rows = new ArrayList<>();
        List<String> head = new ArrayList<>(List.of("field", "value", "labels", "missed"));
        measures.forEach(measure -> head.add(measure.replace('_', ' ')));
        rows.add(head);
        for (SliceEvaluation.Slice slice : slices) {
            List<String> row = new ArrayList<>(
                    List.of(slice.field(), slice.shown(), whole(slice.labels()), whole(slice.missed())));
            measures.forEach(measure -> row.add(Metric.text(slice.all().getOrDefault(measure, Double.NaN))));
            rows.add(row);
        }
        return rows;
    }

    private static String slices(BacktestResult result) {
        List<List<String>> rows = sliceRows(result);
        return rows.isEmpty() ? "" : table(rows) + System.lineSeparator();
    }

    private static Table table(List<List<String>> rows) {
        Table table = new Table(rows.getFirst().toArray(String[]::new));
        rows.subList(1, rows.size()).forEach(row -> table.add(row.toArray()));
        return table;
    }

    private static String alarms(BacktestResult result) {
        if (result.alarms().isEmpty()) {
            return "";
        }
        StringBuilder text = new StringBuilder(new Lines().add("alarms", "%,d", result.raised()).toString());
        for (BacktestResult.Alarm each : result.alarms()) {
            text.append(String.format(Locale.ROOT, "  at example %,d: %s%n", each.example(), each.reading().message()));
        }
        return text.append(System.lineSeparator()).toString();
    }

    private static String rejected(BacktestResult result) {
        if (result.rejected() == 0) {
            return "";
        }
        StringBuilder text = new StringBuilder(new Lines().add("rejected", "%s", reasons(result)).toString());
        for (BacktestResult.Rejected each : result.firstRejected()) {
            text.append(String.format(Locale.ROOT, "  row at %,d: %s: %s%n", each.place(), each.why().reason().code(),
                    each.why().detail()));
        }
        return text.append(System.lineSeparator()).toString();
    }

    static String fingerprint(BacktestResult result) {
        return HexFormat.of().formatHex(result.trial().spec().fingerprint());
    }

    /// Several models, the lowest loss first.
    static List<List<String>> trialRows(List<BacktestResult> results) {
        List<Metric> metrics =
                Metric.ALL.stream()
                        .filter(metric -> results.stream()
                                .anyMatch(result -> !Double.isNaN(metric.value().applyAsDouble(result.evaluation()))))
                        .toList();
        List<List<String>> rows = new ArrayList<>();
        List<String> head = new ArrayList<>(List.of("spec", "fingerprint"));
        metrics.forEach(metric -> head.add(metric.name()));
        boolean calibrated = results.stream().anyMatch(result -> !Double.isNaN(result.calibration().error()));
        if (calibrated) {
            head.add("calibration error");
        }
        head.addAll(List.of("learned", "rejected"));
        rows.add(head);
        for (BacktestResult result : results) {
            List<String> row = new ArrayList<>(
                    List.of(result.trial().name(), fingerprint(result).substring(0, FINGERPRINT_SHOWN)));
            metrics.forEach(metric -> row.add(result.diverged() != null ? "diverged"
                    : Metric.text(metric.value().applyAsDouble(result.evaluation()))));
            if (calibrated) {
                row.add(result.diverged() != null ? "diverged" : Metric.text(result.calibration().error()));
            }
            row.addAll(List.of(whole(result.learned()), whole(result.rejected())));
            rows.add(row);
        }
        return rows;
    }

    static String table(Backtest backtest, List<BacktestResult> results, TunedLearners tuned) {
        Table table = table(trialRows(results));
        BacktestResult best = results.getFirst();
        double seconds = best.nanos() * 1e-9;
        double prior = Metric.ALL.stream().mapToDouble(metric -> metric.prior().applyAsDouble(best.evaluation()))
                .filter(value -> !Double.isNaN(value)).findFirst().orElse(Double.NaN);
        return table + System.lineSeparator() + tunedLines(results, tuned)
                + new Lines()
                        .add("running prior", "%s %s", Headline.of(best.trial().spec()).label(), Metric.text(prior))
                        .add("took", "%.1f s for %,d models on %,d rows of %s", seconds, results.size(), best.rows(),
                                backtest.file().getFileName());
    }

    /// How far the others are from the best tuned learner; empty without any.
    private static String tunedLines(List<BacktestResult> results, TunedLearners tuned) {
        if (tuned.trials().isEmpty()) {
            return "";
        }
        BacktestResult best = tuned.best(results);
        Lines lines = new Lines().add("best tuned", "%s, %s %s, chosen afterwards of %d", best.trial().name(),
                Headline.of(best.trial().spec()).label(), Metric.text(finite(best.loss())), tuned.trials().size());
        results.stream().filter(result -> !tuned.has(result)).forEach(result -> lines.add("regret", "%s: %s",
                result.trial().name(), percent(TunedLearners.regret(result, best))));
        return lines.toString();
    }

    private static String percent(double part) {
        return Double.isNaN(part) ? "-" : String.format(Locale.ROOT, "%+.2f %%", 100 * part);
    }

    private static double finite(double loss) {
        return Double.isInfinite(loss) ? Double.NaN : loss;
    }

    private static @Nullable JsonLine tunedJson(List<BacktestResult> results, TunedLearners tuned) {
        if (tuned.trials().isEmpty()) {
            return null;
        }
        BacktestResult best = tuned.best(results);
        return new JsonLine().put("best", best.trial().name()).put("loss", best.loss())
                .put("learners", tuned.trials().size()).put("regrets",
                        results.stream().filter(result -> !tuned.has(result)).map(result -> new JsonLine()
                                .put("spec", result.trial().name()).put("regret", TunedLearners.regret(result, best)))
                                .toList());
    }

    static JsonLine json(Backtest backtest, List<BacktestResult> results, TunedLearners tuned) {
        return new JsonLine().put("data", backtest.file().toString())
                .put("label_delay", backtest.delay().isNone() ? null : delay(backtest))
                .put("seconds", results.getFirst().nanos() * 1e-9).put("tuned", tunedJson(results, tuned))
                .put("results", results.stream().map(BacktestText::json).toList());
    }

    private static JsonLine json(BacktestResult result) {
        JsonLine line = new JsonLine().put("spec", result.trial().name()).put("model", result.trial().spec().model())
                .put("fingerprint", fingerprint(result)).put("rows", result.rows()).put("learned", result.learned())
                .put("pending", result.pending()).put("rejected", result.rejected())
                .put("reasons",
                        result.reasons().entrySet().stream()
                                .collect(Collectors.toMap(reason -> reason.getKey().code(), Map.Entry::getValue)))
                .put("first_rejected",
                        result.firstRejected().stream()
                                .map(each -> new JsonLine().put("place", each.place())
                                        .put("reason", each.why().reason().code()).put("detail", each.why().detail()))
                                .toList());
        metrics(line, result.evaluation());
        if (!Double.isNaN(result.calibration().error())) {
            line.put("calibration_error", result.calibration().error());
        }
        if (result.passes().size() > 1) {
            line.put("passes", result.passes().stream().map(pass -> metrics(new JsonLine(), pass)).toList());
        }
        return line.put("diverged", result.diverged()).put("progress", result.progress().stream()
                .map(row -> new JsonLine().put("example", row.example()).put("weight", row.weight())
                        .put("loss", row.loss()).put("loss_since_last", row.lossSinceLast()).put("label", row.label())
                        .put("prediction", row.prediction()).put("features", row.features()))
                .toList())
                .put("alarms", result.alarms().stream()
                        .map(each -> new JsonLine().put("example", each.example())
                                .put("signal", each.reading().signal().kind().word())
                                .put("field", each.reading().signal().field()).put("message", each.reading().message()))
                        .toList())
                .put("raised", result.raised()).put("labels_out", labelsOutJson(result))
                .put("period", result.evaluation().recent().period())
                .put("slices", result.evaluation().recent().slices().stream().map(BacktestText::slice).toList())
                .put("classes", result.classes().isEmpty() ? null : result.classes())
                .put("weights_hash", result.weightsHash()).put("state_hash", result.stateHash());
    }

    private static JsonLine slice(SliceEvaluation.Slice slice) {
        return new JsonLine().put("field", slice.field()).put("value", slice.value()).put("labels", slice.labels())
                .put("missed", slice.missed()).put("all", slice.all()).put("recent", slice.recent());
    }

    private static JsonLine metrics(JsonLine to, ProgressiveEvaluation evaluation) {
        for (Metric metric : Metric.of(evaluation)) {
            to.put(metric.key(), metric.value().applyAsDouble(evaluation));
            double prior = metric.prior().applyAsDouble(evaluation);
            if (!Double.isNaN(prior)) {
                to.put("prior_" + metric.key(), prior);
            }
            double linear = metric.linear().applyAsDouble(evaluation);
            if (!Double.isNaN(linear)) {
                to.put("linear_" + metric.key(), linear);
            }
        }
        return to;
    }
}
