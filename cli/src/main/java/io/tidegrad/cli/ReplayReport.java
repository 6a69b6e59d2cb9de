package io.tidegrad.cli;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.model.evaluation.ChangeAlarm;
import io.tidegrad.model.evaluation.LossComparison;
import io.tidegrad.model.evaluation.ProgressiveEvaluation;
import io.tidegrad.replay.ReplayResult;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// The result of a replay, for people and for programs.
final class ReplayReport {
    private ReplayReport() {}

    static String text(ReplayResult result, Kernels kernels) {
        double seconds = result.nanos() * 1e-9;
        ProgressiveEvaluation evaluation = result.evaluation();
        Lines lines =
                new Lines()
                        .add("model", "%s, replayed from offset %,d to %,d with kernels %s", result.model(),
                                result.startOffset(), result.nextOffset(), kernels.name())
                        .add("events", "%,d = %,d learned + %,d pending + %,d dead letters", result.events(),
                                result.learned(), result.pending(), result.deadLetters())
                        .add("version", "%,d", result.version())
                        .add(evaluation.classifies() ? "log loss" : "squared error", "%.4f, running prior %.4f",
                                evaluation.classifies() ? evaluation.logLoss() : evaluation.meanSquaredError(),
                                evaluation.classifies() ? evaluation.priorLogLoss()
                                        : evaluation.priorMeanSquaredError())
                        .add("newest 2,000", "%s", newest(evaluation.recent().measures()))
                        .add("weights-hash", "%s", result.weightsHash()).add("state-hash", "%s", result.stateHash())
                        .add("took", "%.1f s, %,.0f events/s", seconds, result.events() / seconds);
        if (!evaluation.recent().period().isEmpty()) {
            lines.add("period", "%s", newest(evaluation.recent().period()));
        }
        for (ChangeAlarm.Reading alarm : evaluation.recent().alarms()) {
            lines.add("alarm", "%s", alarm.message());
        }
        ReplayResult.Kept kept = result.kept();
        if (kept != null) {
            lines.add("kept", "as model %s, epoch %d: %s goes on at offset %,d", result.model(), kept.epoch(),
                    kept.paused() ? "paused; tidegrad models resume " + result.model()
                            : "tidegrad trainer --model " + result.model(),
                    kept.resumeOffset());
        }
        ReplayResult.Compared compared = result.compared();
        return compared == null ? lines.toString() : lines + table(result, compared);
    }

    /// What people look at first.
    static String newest(Map<String, Double> measures) {
        List<String> shown = new ArrayList<>();
        for (String name : List.of("log_loss", "prior_log_loss", "linear_log_loss", "auc", "accuracy",
                "no_change_accuracy", "mean_squared_error", "linear_mean_squared_error", "mean_absolute_error",
                "mean_prediction", "mean_label")) {
            Double value = measures.get(name);
            if (value != null) {
                shown.add(name.replace('_', ' ') + " " + decimal(value));
            }
        }
        return shown.isEmpty() ? "no labels" : String.join(", ", shown);
    }

    /// The table and the verdict alone.
    static String comparison(ReplayResult result) {
        return table(result, Objects.requireNonNull(result.compared(), "two models were learned"));
    }

    private static String table(ReplayResult result, ReplayResult.Compared other) {
        ProgressiveEvaluation mine = result.evaluation();
        ProgressiveEvaluation theirs = other.evaluation();
        String replayed = result.model();
        String registered = other.model();
        if (replayed.equals(registered)) { // by another spec, or from elsewhere
            replayed += ", replayed";
            registered += ", registered";
        }
        int width = Math.max(12, Math.max(replayed.length(), registered.length()));
        String row = "  %-20s %" + width + "s %" + width + "s  %s%n";
        StringBuilder table = new StringBuilder(
                String.format(Locale.ROOT, "%nthe same events, each predicted before it was learned%n"));
        table.append(String.format(Locale.ROOT, row, "", replayed, registered, "better"));
        table.append(String.format(Locale.ROOT, row, "rows", String.format(Locale.ROOT, "%,d", mine.rows()),
                String.format(Locale.ROOT, "%,d", theirs.rows()), ""));
        for (Metric metric : Metric.ALL) {
            double lead = metric.lead(mine, theirs);
            if (!Double.isNaN(lead)) {
                table.append(String.format(Locale.ROOT, row, metric.name(), decimal(metric.value().applyAsDouble(mine)),
                        decimal(metric.value().applyAsDouble(theirs)),
                        lead == 0 ? "equal" : (lead > 0 ? replayed : registered) + " by " + decimal(Math.abs(lead))));
            }
        }
        return table.toString().replaceAll(" +(?=\\R)", "") + verdict(replayed, registered, other.losses());
    }

    /// Tells whether one of two models is better by more than chance.
    private static String verdict(String mine, String theirs, LossComparison.@Nullable Result losses) {
        if (losses == null) {
            return "";
        }
        String verdict = switch (losses.verdict()) {
            case BETTER -> mine + " is better";
            case WORSE -> theirs + " is better";
            case CANT_TELL_YET ->
                "can't tell yet"
                        + (Double.isFinite(losses.more())
                                ? String.format(Locale.ROOT,
                                        "; about %,.0f more examples if the difference stays as it is", losses.more())
                                : "");
        };
        Lines lines = new Lines().add("verdict", "%s", verdict);
        if (losses.examples() > 0) {
            lines.add("difference", "%+.5f, with 95 %% certainty %+.5f to %+.5f; above 0 %s is better",
                    losses.difference(), losses.low(), losses.high(), mine);
        }
        return System.lineSeparator() + lines.add("rests on",
                "%,d examples that both learned, each counted as %.4f at most", losses.examples(), losses.bound());
    }

    private static String decimal(double value) {
        return String.format(Locale.ROOT, "%.4f", value);
    }

    static JsonLine json(ReplayResult result, Kernels kernels) {
        ProgressiveEvaluation evaluation = result.evaluation();
        JsonLine line = new JsonLine().put("model", result.model()).put("kernels", kernels.name())
                .put("start_offset", result.startOffset()).put("next_offset", result.nextOffset())
                .put("events", result.events()).put("learned", result.learned()).put("pending", result.pending())
                .put("dead_letters", result.deadLetters()).put("version", result.version());
        metrics(line, evaluation);
        line.put("weights_hash", result.weightsHash()).put("state_hash", result.stateHash())
                .put("kept", result.kept() != null).put("seconds", result.nanos() * 1e-9);
        ReplayResult.Kept kept = result.kept();
        if (kept != null) {
            line.put("epoch", kept.epoch()).put("resume_offset", kept.resumeOffset()).put("paused", kept.paused());
        }
        ReplayResult.Compared compared = result.compared();
        if (compared != null) {
            line.put("compared", compared(evaluation, compared));
        }
        return line;
    }

    private static void metrics(JsonLine to, ProgressiveEvaluation evaluation) {
        to.put("accuracy", evaluation.accuracy()).put("log_loss", evaluation.logLoss())
                .put("prior_log_loss", evaluation.priorLogLoss()).put("auc", evaluation.auc())
                .put("mean_squared_error", evaluation.meanSquaredError())
                .put("prior_mean_squared_error", evaluation.priorMeanSquaredError())
                .put("mean_absolute_error", evaluation.meanAbsoluteError());
        to.put("window", evaluation.recent().measures()).put("period", evaluation.recent().period()).put("alarms",
                evaluation.recent().alarms().stream().map(ChangeAlarm.Reading::message).toList());
    }

    /// `better_by` says by how much the replayed model is better than this one.
    private static JsonLine compared(ProgressiveEvaluation mine, ReplayResult.Compared other) {
        JsonLine line = new JsonLine().put("model", other.model()).put("version", other.version()).put("rows",
                other.evaluation().rows());
        metrics(line, other.evaluation());
        JsonLine leads = new JsonLine();
        for (Metric metric : Metric.ALL) {
            leads.put(metric.key(), metric.lead(mine, other.evaluation()));
        }
        line.put("better_by", leads);
        LossComparison.Result losses = other.losses();
        return losses == null ? line : line.put("losses",
                new JsonLine().put("verdict", losses.verdict().name().toLowerCase(Locale.ROOT).replace('_', '-'))
                        .put("examples", losses.examples()).put("better_by", losses.difference())
                        .put("low", losses.low()).put("high", losses.high())
                        .put("confidence", LossComparison.CONFIDENCE).put("most_of_an_example", losses.bound())
                        .put("more_examples", losses.more()));
    }
}
