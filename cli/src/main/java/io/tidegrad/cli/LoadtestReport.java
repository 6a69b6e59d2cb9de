package io.tidegrad.cli;

import static io.tidegrad.cli.plot.HtmlPage.card;
import static io.tidegrad.cli.plot.HtmlPage.figure;
import static io.tidegrad.cli.plot.HtmlPage.table;
import static io.tidegrad.cli.plot.HtmlPage.text;

import io.tidegrad.cli.plot.HtmlPage;
import io.tidegrad.cli.plot.Panel;
import io.tidegrad.cli.plot.Plot;
import io.tidegrad.loadtests.Result;
import io.tidegrad.loadtests.Spread;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/// Results of load tests and of the bench as one HTML file: what holds and what breaks first, the course of what was
/// looked at again and again, curves over what grew, and medians with their ranges.
final class LoadtestReport {
    private static final String ALL = "_all";
    private static final String AT = "at_s";
    private static final String AXIS = "axis";
    private static final String HOLDS = "holds";
    private static final String BREAKS = "breaks";
    private static final String LOADTEST = "loadtest";
    private static final String MACHINE = "machine";
    private static final String VALUE = "value";
    private static final String PROCESS = "process";
    private static final String METRIC = "metric";
    private static final String COST = "console_cost";

    /// Numbers that say which row it is.
    private static final Set<String> NAMING = Set.of("mini_batch", "batch", "workers");

    private static final Set<String> STAMP = Set.of(LOADTEST, MACHINE);
    private static final int NAME_MAX = 40;

    /// Else what does not grow would look as if it did.
    private static final Panel.Axis FROM_0 = new Panel.Axis("", false, true);

    private static final Panel.Axis WIDE = new Panel.Axis("", true);

    private LoadtestReport() {}

    /// @param files by name, the results of each
    static String html(Map<String, List<Result>> files) {
        Map<String, List<Result>> tests = new LinkedHashMap<>();
        files.forEach((file, results) -> folded(results)
                .forEach(result -> tests.computeIfAbsent(result.word(LOADTEST).isEmpty() ? file : result.word(LOADTEST),
                        none -> new ArrayList<>()).add(result)));
        StringBuilder page = new StringBuilder();
        HtmlPage.begin("Load tests",
                "Every number was measured on the machine and at the time that is named beside it.", page);
        List<Result> all = tests.values().stream().flatMap(List::stream).toList();
        long judged = all.stream().filter(result -> isJudged(result)).count();
        long held = all.stream().filter(result -> result.word(HOLDS).equals("true")).count();
        page.append("<div class=\"cards\">\n");
        card(String.valueOf(tests.size()), tests.size() == 1 ? "load test" : "load tests", page);
        if (judged > 0) {
            card(held + " of " + judged, "bounds hold", page);
        }
        page.append("</div>\n");
        tests.forEach((name, results) -> test(name, results, page));
        return page.append("</html>\n").toString();
    }

    private static void test(String name, List<Result> results, StringBuilder page) {
        page.append("<h2>").append(text(name)).append("</h2>\n");
        results.stream().map(result -> result.word(MACHINE)).filter(machine -> !machine.isEmpty()).distinct()
                .map(LoadtestReport::withoutLoad).distinct()
                .forEach(machine -> page.append("<p class=\"soft\">").append(text(machine)).append("</p>\n"));
        List<Result> bare = results.stream().map(result -> result.without(STAMP)).toList();
        verdicts(bare.stream().filter(result -> result.names().contains(HOLDS)).toList(), page);
        List<Result> others = bare.stream().filter(
                result -> result.names().stream().noneMatch(each -> Set.of(HOLDS, AT, AXIS, COST).contains(each)))
                .toList();
        others.stream().collect(Collectors.groupingBy(Result::names, LinkedHashMap::new, Collectors.toList())).values()
                .forEach(alike -> {
                    table(Result.rows(alike), 1, page);
                    ranges(alike, page);
                });
        consoleCosts(bare.stream().filter(result -> result.names().contains(COST)).toList(), page);
        courses(bare.stream().filter(result -> result.names().contains(AT)).toList(), page);
        Map<String, List<Result>> axes = bare.stream().filter(result -> result.names().contains(AXIS))
                .collect(Collectors.groupingBy(result -> result.word(AXIS), LinkedHashMap::new, Collectors.toList()));
        firstBreaks(axes, page);
        axes.forEach((axis, steps) -> curves(axis, steps, page));
    }

    private static void consoleCosts(List<Result> costs, StringBuilder page) {
        if (costs.isEmpty()) {
            return;
        }
        page.append("<h3>What the console costs</h3>\n");
        List<List<String>> rows = new ArrayList<>();
        rows.add(List.of("", "console", "all", "share"));
        costs.forEach(cost -> rows.add(List.of(Result.label(cost.word(COST)), Result.number(cost.number(VALUE)),
                Result.number(cost.number("of_all")), Result.number(cost.number("share")))));
        table(rows, 1, page);
        page.append(
                "<p class=\"soft\">All: the CPU of all processes; the bytes of topics that the broker sends; those that"
                        + " are written to topics.</p>\n");
    }

    private static void firstBreaks(Map<String, List<Result>> axes, StringBuilder page) {
        if (axes.isEmpty()) {
            return;
        }
        List<List<String>> rows = new ArrayList<>();
        rows.add(List.of("what grows", "what breaks first", "up to"));
        axes.forEach((axis, steps) -> rows
                .add(List.of(axis, breaks(steps.getLast()), Result.number(steps.getLast().number(VALUE)))));
        table(rows, 2, page);
        page.append(
                "<p class=\"soft\">Each step is a system of its own. start: until its processes are ready; p50 and p99:"
                        + " from when an event is due until an answer by a version that has learned it; flush: the longest commit;"
                        + " heap live: the trainer's heap after a collection; rss: its resident memory.</p>\n");
    }

    /// What breaks in a step.
    private static String breaks(Result step) {
        return step.word(BREAKS).isEmpty() ? "nothing" : step.word(BREAKS);
    }

    private static boolean isJudged(Result result) {
        return result.word(HOLDS).equals("true") || result.word(HOLDS).equals("false");
    }

    /// Lines of one file were printed at several times, which differ in minute and load.
    private static String withoutLoad(String machine) {
        return machine.replaceFirst(", load average .*$", "").replaceFirst("T[0-9:]+Z", "");
    }

    private static void verdicts(List<Result> verdicts, StringBuilder page) {
        if (verdicts.isEmpty()) {
            return;
        }
        // The verdict stands before the numbers, because a narrow screen shows the left of a table.
        page.append("<div class=\"wide\"><table>\n<tr><th>process</th><th class=\"text\">measure</th>"
                + "<th class=\"text\">verdict</th><th>found</th><th>range</th><th>at most</th></tr>\n");
        for (Result each : verdicts) {
            boolean holds = each.word(HOLDS).equals("true");
            String verdict = holds ? "✓ holds" : isJudged(each) ? "✗ broken" : each.word(HOLDS);
            double least = each.number("least");
            page.append(String.format(Locale.ROOT,
                    "<tr><td>%s</td><td class=\"text\">%s</td><td class=\"text %s\">%s</td>"
                            + "<td>%s</td><td>%s</td><td>%s</td></tr>%n",
                    text(each.word(PROCESS)), text(Result.label(each.word("measure"))),
                    holds ? "good" : isJudged(each) ? "bad" : "", text(verdict), Result.number(each.number(VALUE)),
                    least < each.number("most") ? Result.number(least) + " to " + Result.number(each.number("most"))
                            : "",
                    Result.number(each.number("allowed"))));
        }
        page.append(
                "</table></div>\n<p class=\"soft\">What is told a minute is the slope by Theil and Sen in the second"
                        + " half, with its range of 95 %. It is broken if all of that range lies above the bound and both halves of"
                        + " what is judged grow, because one step is no growth. A pause is the longest one.</p>\n");
    }

    /// A plot for each measure that was looked at again and again, with a line for each process.
    private static void courses(List<Result> samples, StringBuilder page) {
        Map<String, List<Result>> processes = samples.stream().collect(
                Collectors.groupingBy(result -> result.word(PROCESS), LinkedHashMap::new, Collectors.toList()));
        List<Panel> panels = new ArrayList<>();
        for (String measure : measures(samples, Set.of(AT, PROCESS))) {
            List<Panel.Line> lines = new ArrayList<>();
            processes.forEach((process, its) -> lines(process, its, AT, measure, 1 / 60.0).ifPresent(lines::add));
            if (!lines.isEmpty()) {
                panels.add(
                        new Panel(Result.label(measure), new Panel.Axis("minutes", false), FROM_0, lines, List.of()));
            }
        }
        figures(panels, page);
    }

    private static void curves(String axis, List<Result> steps, StringBuilder page) {
        page.append("<h3>").append(text(axis)).append("</h3>\n");
        Result last = steps.getLast();
        boolean holds = last.word(BREAKS).isEmpty();
        page.append(holds ? "<p class=\"good\">Nothing breaks up to " : "<p class=\"bad\">The first break is at ")
                .append(text(Result.number(last.number(VALUE)))).append(holds ? "." : ": " + text(breaks(last)))
                .append("</p>\n");
        List<Panel> panels = new ArrayList<>();
        for (String measure : measures(steps, Set.of(AXIS, VALUE, BREAKS, "weights"))) {
            lines("", steps, VALUE, measure, 1).ifPresent(line -> panels.add(new Panel(Result.label(measure),
                    new Panel.Axis(axis, true), isWide(line) ? WIDE : FROM_0, List.of(line), List.of())));
        }
        table(Result.rows(steps.stream().map(step -> step.without(Set.of(AXIS, BREAKS))).toList()), 1, page);
        figures(panels, page);
    }

    /// Whether a line spans so much that its small values would not be told apart.
    private static boolean isWide(Panel.Line line) {
        double least = line.points().stream().mapToDouble(Panel.Point::y).min().orElse(0);
        double most = line.points().stream().mapToDouble(Panel.Point::y).max().orElse(0);
        return least > 0 && most > 30 * least;
    }

    private static Optional<Panel.Line> lines(String name, List<Result> results, String x, String y, double ofX) {
        List<Panel.Point> points = results.stream().filter(result -> !Double.isNaN(result.number(y)))
                .map(result -> new Panel.Point(result.number(x) * ofX, result.number(y))).toList();
        return points.size() < 2 ? Optional.empty() : Optional.of(new Panel.Line(name, points));
    }

    /// Side by side as far as there is room.
    private static void figures(List<Panel> panels, StringBuilder page) {
        page.append("<div class=\"plots\">\n");
        panels.forEach(panel -> figure(new Plot(List.of(panel)), "", page));
        page.append("</div>\n");
    }

    private static Set<String> measures(List<Result> results, Collection<String> without) {
        Set<String> names = new LinkedHashSet<>();
        results.forEach(result -> result.names().stream().filter(name -> !Double.isNaN(result.number(name)))
                .forEach(names::add));
        names.removeAll(without);
        return names;
    }

    /// For each measure with several samples, the median and range of each row beside those of the others.
    private static void ranges(List<Result> results, StringBuilder page) {
        for (String name : results.getFirst().names().stream().filter(each -> each.endsWith(ALL)).toList()) {
            double most = results.stream().flatMapToDouble(result -> Arrays.stream(result.all(name))).max().orElse(0);
            if (!(most > 0) || results.stream().allMatch(result -> result.all(name).length < 2)) {
                continue;
            }
            page.append("<figure><div class=\"wide\"><table>\n<tr><th>").append(text(Result.label(name)))
                    .append("</th><th>median (range)</th><th></th></tr>\n");
            for (Result each : results) {
                Spread spread = Spread.of(each.all(name));
                page.append(String.format(Locale.ROOT,
                        "<tr><td>%s</td><td>%s</td><td class=\"range\"><i style=\"left:%.1f%%;width:%.1f%%\"></i>"
                                + "<b style=\"left:%.1f%%\"></b></td></tr>%n",
                        text(name(each)), text(spread.text()), 100 * spread.least() / most,
                        100 * (spread.most() - spread.least()) / most, 100 * spread.median() / most));
            }
            page.append("</table></div></figure>\n");
        }
    }

    /// The words of a row, and the numbers that say which one it is.
    private static String name(Result result) {
        return result.names().stream()
                .filter(name -> NAMING.contains(name) || Double.isNaN(result.number(name))
                        && !result.word(name).isEmpty() && result.word(name).length() < NAME_MAX)
                .map(name -> NAMING.contains(name) ? Result.label(name) + " " + result.word(name) : result.word(name))
                .collect(Collectors.joining(", "));
    }

    /// The bench prints a line for each number: those of one workload become one row.
    private static List<Result> folded(List<Result> results) {
        List<Result> folded = new ArrayList<>();
        Map<String, Map<String, List<Double>>> rows = new LinkedHashMap<>();
        Map<String, Result> heads = new LinkedHashMap<>();
        for (Result each : results) {
            if (each.word(METRIC).isEmpty()) {
                folded.add(each);
                continue;
            }
            String key = each.word("workload") + " " + each.word("batch") + " " + each.word("workers") + " "
                    + each.word("kernels");
            heads.putIfAbsent(key, each.without(Set.of(METRIC, VALUE, "hash")));
            rows.computeIfAbsent(key, none -> new LinkedHashMap<>())
                    .computeIfAbsent(each.word(METRIC), none -> new ArrayList<>()).add(each.number(VALUE));
        }
        rows.forEach((key, metrics) -> {
            Result row = heads.getOrDefault(key, new Result());
            metrics.forEach((metric, values) -> row.samples(metric,
                    values.stream().mapToDouble(Double::doubleValue).toArray()));
            folded.add(row);
        });
        return folded;
    }
}
