package io.tidegrad.cli;

import static io.tidegrad.cli.plot.HtmlPage.card;
import static io.tidegrad.cli.plot.HtmlPage.figure;
import static io.tidegrad.cli.plot.HtmlPage.table;
import static io.tidegrad.cli.plot.HtmlPage.text;

import io.tidegrad.cli.plot.HtmlPage;
import io.tidegrad.cli.plot.Panel;
import io.tidegrad.cli.plot.Plot;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.replay.backtest.Backtest;
import io.tidegrad.replay.backtest.BacktestResult;
import io.tidegrad.replay.backtest.CalibrationSample;
import io.tidegrad.replay.backtest.Headline;
import io.tidegrad.replay.backtest.LossCurve;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;

/// A backtest as one HTML file, which opens without a network: plots are drawn inside, and there is no script.
final class BacktestReport {
    private static final int CURVES_MAX = 5;

    private BacktestReport() {}

    /// @param results the lowest loss first, which the page shows in full
    /// @param command that makes the page again
    static String html(Backtest backtest, List<BacktestResult> results, String command) {
        BacktestResult best = results.getFirst();
        StringBuilder page = new StringBuilder();
        ModelSpec spec = best.trial().spec();
        HtmlPage.begin(
                "Backtest of " + spec
                        .model(),
                backtest.file().getFileName() + ". Each row was predicted before it" + " was learned"
                        + (backtest.delay().isNone() ? ""
                                : ", and its label came " + BacktestText.delay(backtest) + " later")
                        + ".",
                page);
        cards(best, page);
        if (best.diverged() != null) {
            page.append("<h2>Diverged</h2>\n<p>").append(text(best.diverged())).append("</p>\n");
        }
        if (results.size() > 1) {
            page.append("<h2>All specs, the lowest loss first</h2>\n");
            table(BacktestText.trialRows(results), 2, page);
        }
        curves(results, page);
        page.append("<h2>Measures</h2>\n");
        table(BacktestText.measureRows(best), 1, page);
        if (best.passes().size() > 1) {
            page.append("<p class=\"soft\">Only in the first pass were the rows new to the model.</p>\n");
        }
        List<String> period = BacktestText.periodLine(best);
        if (!period.isEmpty()) {
            page.append("<p>").append(text(String.join(": ", period))).append("</p>\n");
        }
        List<List<String>> out = BacktestText.labelsOutRows(best);
        if (!out.isEmpty()) {
            page.append("<h2>While labels were out</h2>\n");
            table(out, 1, page);
        }
        slices(best, page);
        alarms(best, page);
        rejected(best, page);
        String classes = BacktestText.classes(best);
        if (classes != null) {
            page.append("<h2>Classes</h2>\n<p>").append(text(classes)).append("</p>\n");
        }
        page.append("<h2>Progress</h2>\n");
        List<List<String>> progress = new ArrayList<>();
        progress.add(List.of("examples", "average " + Headline.of(best.trial().spec()).label(), "since last line",
                "label", "prediction"));
        best.progress()
                .forEach(row -> progress.add(List.of(String.format(Locale.ROOT, "%,d", row.example()),
                        Metric.text(row.loss()), Metric.text(row.lossSinceLast()), BacktestText.label(row),
                        BacktestText.prediction(row))));
        table(progress, 0, page);
        page.append("<h2>Spec</h2>\n<pre>").append(text(best.trial().spec().yaml().strip())).append("</pre>\n");
        page.append("""
                <h2>The same again</h2>
                <pre>%s</pre>
                <p class="soft">The hashes are those of a trainer that learns the same events by the same spec.</p>
                <dl>
                <dt>fingerprint</dt><dd><code>%s</code></dd>
                <dt>weights-hash</dt><dd><code>%s</code></dd>
                <dt>state-hash</dt><dd><code>%s</code></dd>
                <dt>kernels</dt><dd><code>%s</code></dd>
                </dl>
                </html>
                """.formatted(text(command), BacktestText.fingerprint(best), best.weightsHash(), best.stateHash(),
                text(backtest.kernels().name())));
        return page.toString();
    }

    private static void cards(BacktestResult best, StringBuilder page) {
        page.append("<div class=\"cards\">\n");
        for (Metric metric : Metric.of(best.evaluation())) {
            double prior = metric.prior().applyAsDouble(best.evaluation());
            card(Metric.text(metric.value().applyAsDouble(best.evaluation())),
                    metric.name() + (Double.isNaN(prior) ? "" : ", prior " + Metric.text(prior)), page);
        }
        card(String.format(Locale.ROOT, "%,d", best.learned()),
                String.format(Locale.ROOT, "rows learned, %,d rejected", best.rejected()), page);
        page.append("</div>\n");
    }

    private static void curves(List<BacktestResult> results, StringBuilder page) {
        BacktestResult best = results.getFirst();
        String loss = Headline.of(best.trial().spec()).label();
        List<LossCurve.Window> windows = best.curve().windows();
        if (!windows.isEmpty()) {
            long length = windows.getFirst().end();
            Panel.Axis x = new Panel.Axis("examples", false);
            page.append("<h2>").append(text(Character.toUpperCase(loss.charAt(0)) + loss.substring(1)))
                    .append(" by examples</h2>\n");
            Panel windowed =
                    new Panel(String.format(Locale.ROOT, "in windows of %,d", length), x, new Panel.Axis(loss, false),
                            lines(windows, LossCurve.Window::loss, LossCurve.Window::prior, LossCurve.Window::linear),
                            List.of());
            Panel cumulative = new Panel("since the start", x, new Panel.Axis(loss, false),
                    lines(windows, LossCurve.Window::cumulative, LossCurve.Window::cumulativePrior,
                            LossCurve.Window::cumulativeLinear),
                    List.of());
            figure(new Plot(List.of(windowed, cumulative)),
                    "The running prior predicts what came so far, without looking at a feature: a model below it has"
                            + " learned something. The linear model learns the same: a network that is not below it costs more"
                            + " than it gives.",
                    page);
            noChange(best, windows, x, page);
            if (results.size() > 1) {
                figure(new Plot(List.of(new Panel("since the start", x, new Panel.Axis(loss, false),
                        results.stream().limit(CURVES_MAX)
                                .map(result -> line(result.trial().name(), result.curve().windows(),
                                        LossCurve.Window::cumulative))
                                .toList(),
                        List.of()))), "The best " + Math.min(CURVES_MAX, results.size()) + " specs.", page);
            }
        }
        CalibrationSample calibration = best.calibration();
        List<CalibrationSample.Group> groups = calibration.groups();
        if (groups.size() > 1) {
            double low = Math.min(groups.getFirst().predicted(), groups.getFirst().came());
            double high = Math.max(groups.getLast().predicted(), groups.getLast().came());
            page.append("<h2>Calibration</h2>\n");
            figure(new Plot(List.of(new Panel("prediction and outcome", new Panel.Axis(calibration.predicted(), false),
                    new Panel.Axis(calibration.came(), false), List.of(
                            new Panel.Line("model",
                                    groups.stream().map(group -> new Panel.Point(group.predicted(), group.came()))
                                            .toList()),
                            new Panel.Line("calibrated",
                                    List.of(new Panel.Point(low, low), new Panel.Point(high, high)))),
                    List.of()))),
                    String.format(Locale.ROOT,
                            "%,d examples in %d groups of equal size, by their prediction. Above the line the model predicts"
                                    + " too little, below it too much.",
                            calibration.examples(), groups.size()),
                    page);
        }
    }

    private static void noChange(BacktestResult best, List<LossCurve.Window> windows, Panel.Axis x,
            StringBuilder page) {
        boolean classes = best.evaluation().classifies();
        List<Panel.Line> lines = known(List.of(line("model", windows, LossCurve.Window::right),
                line("no change", windows, LossCurve.Window::noChange)));
        if (!lines.isEmpty()) {
            figure(new Plot(List.of(new Panel("beside the label before", x,
                    new Panel.Axis(classes ? "accuracy" : "absolute error", false), lines, List.of()))),
                    "No change predicts the label before. Where labels come in long runs it is hard to beat: a model that is"
                            + " not better does not know more than that.",
                    page);
        }
    }

    private static List<Panel.Line> lines(List<LossCurve.Window> windows, ToDoubleFunction<LossCurve.Window> model,
            ToDoubleFunction<LossCurve.Window> prior, ToDoubleFunction<LossCurve.Window> linear) {
        return known(List.of(line("model", windows, model), line("prior", windows, prior),
                line("linear model", windows, linear)));
    }

    /// Those of what a task has.
    private static List<Panel.Line> known(List<Panel.Line> lines) {
        return lines.stream().filter(line -> line.points().stream().anyMatch(point -> !Double.isNaN(point.y())))
                .toList();
    }

    private static Panel.Line line(String name, List<LossCurve.Window> windows,
            ToDoubleFunction<LossCurve.Window> value) {
        return new Panel.Line(name,
                windows.stream().map(window -> new Panel.Point(window.end(), value.applyAsDouble(window))).toList());
    }

    private static void slices(BacktestResult best, StringBuilder page) {
        List<List<String>> rows = BacktestText.sliceRows(best);
        if (!rows.isEmpty()) {
            page.append("<h2>Slices</h2>\n");
            table(rows, 2, page);
        }
    }

    private static void alarms(BacktestResult best, StringBuilder page) {
        if (best.alarms().isEmpty()) {
            return;
        }
        page.append("<h2>Alarms</h2>\n");
        List<List<String>> rows = new ArrayList<>();
        rows.add(List.of("at example", "what has changed"));
        best.alarms().forEach(
                each -> rows.add(List.of(String.format(Locale.ROOT, "%,d", each.example()), each.reading().message())));
        table(rows, 2, page);
        if (best.raised() > best.alarms().size()) {
            page.append(String.format(Locale.ROOT, "<p class=\"soft\">The first %d of %,d.</p>%n", best.alarms().size(),
                    best.raised()));
        }
    }

    private static void rejected(BacktestResult best, StringBuilder page) {
        if (best.rejected() == 0) {
            return;
        }
        page.append("<h2>Rejected rows</h2>\n<p>").append(text(BacktestText.reasons(best))).append("</p>\n");
        List<List<String>> rows = new ArrayList<>();
        rows.add(List.of("row at", "reason", "why"));
        best.firstRejected().forEach(each -> rows.add(List.of(String.format(Locale.ROOT, "%,d", each.place()),
                each.why().reason().code(), each.why().detail())));
        table(rows, 3, page);
    }
}
