package io.tidegrad.loadtests.bench;

import io.tidegrad.loadtests.LoadTestException;
import io.tidegrad.loadtests.Result;
import io.tidegrad.loadtests.Spread;
import io.tidegrad.loadtests.bench.Measurement.Metric;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.function.Consumer;

/// Tidegrad beside its rivals: for each line Tidegrad first, then each rival, each in a process of its own with one
/// thread; then all of it again. A ratio is of two neighbours in time.
///
/// @param rounds how often
/// @param seconds the measured window of each
/// @param root the folder of the repository
public record RivalBench(List<Match> matches, int rounds, double seconds, Path root) {
    /// What a thread must have got of its core, on both sides, before it is said what two workers gain.
    private static final double CORE_OBTAINED_MIN = 0.95;

    public RivalBench {
        matches = List.copyOf(matches);
        if (matches.isEmpty()) {
            throw new IllegalArgumentException(
                    "--rivals: expected a workload and batch that have a rival, found none of "
                            + Match.ALL.stream().map(match -> match.line().name()).distinct().toList());
        }
        // Seconds and rounds as those of the bench.
        new Bench(List.of(), rounds, seconds);
    }

    /// Leaves out the rivals that need a build, if that is not there and others are asked for.
    ///
    /// @throws LoadTestException a process of a measurement failed, or all rivals need the build
    public List<Outcome> run(Consumer<String> progress) {
        boolean built = Rival.isBuilt(root);
        List<Match> measured = matches.stream().filter(match -> built || !match.rival().isForeign()).toList();
        // Fails if nothing is left without the build.
        Path build = built || measured.isEmpty() ? Rival.build(root) : root;
        if (measured.size() < matches.size()) {
            progress.accept("without "
                    + matches.stream().map(Match::rival).filter(Rival::isForeign).distinct().map(Rival::title).toList()
                    + ", which ./tidegrad build --rivals would fetch");
        }
        Map<Match, List<Pair>> pairs = new LinkedHashMap<>();
        for (int round = 1; round <= rounds; round++) {
            Map<Bench.Line, List<Match>> byLine = new LinkedHashMap<>();
            for (Match match : measured) {
                byLine.computeIfAbsent(match.line(), of -> new ArrayList<>()).add(match);
            }
            for (Map.Entry<Bench.Line, List<Match>> entry : byLine.entrySet()) {
                Bench.Line line = entry.getKey();
                progress.accept(line.name() + ", round " + round + " of " + rounds);
                Values own = new Values();
                MeasuringJvm.LIKE_THIS.run(line.name(), Bench.command(line, seconds), own::add);
                Map<Rival, Values> rivals = new EnumMap<>(Rival.class);
                for (Match match : entry.getValue()) {
                    Rival rival = match.rival();
                    if (rival.isProgram() && !rivals.containsKey(rival)) {
                        Values theirs = new Values();
                        rival.run(line, seconds, root, build, theirs::add);
                        rivals.put(rival, theirs);
                    }
                    Pair pair = Pair.of(match, own, rivals.getOrDefault(rival, own));
                    pairs.computeIfAbsent(match, of -> new ArrayList<>()).add(pair);
                }
            }
        }
        List<Outcome> outcomes = new ArrayList<>();
        pairs.forEach((match, of) -> outcomes.add(Outcome.of(match, of)));
        return outcomes;
    }

    public static String table(List<Outcome> outcomes) {
        return Result.text(outcomes.stream().map(Outcome::result).toList()) + "\n"
                + Machine.describe(outcomes.getFirst().kernels());
    }

    /// What one JVM measured.
    private static final class Values {
        private final Map<Metric, Double> values = new EnumMap<>(Metric.class);
        private String kernels = "";

        void add(Measurement measurement) {
            values.put(measurement.metric(), measurement.value());
            kernels = measurement.kernels();
        }

        double get(Metric metric) {
            Double value = values.get(metric);
            if (value == null) {
                throw new LoadTestException("expected " + metric + " in a measurement, found " + values);
            }
            return value;
        }

        double coreObtained() {
            return values.getOrDefault(Metric.CORE_OBTAINED, 1.0);
        }
    }

    /// One value of Tidegrad's and one of a rival's, measured one after the other.
    ///
    /// @param isFair whether both had the cores that they asked for
    private record Pair(double tidegrad, double rival, boolean isFair, String kernels) {
        static Pair of(Match match, Values own, Values theirs) {
            double value = own.get(match.metric());
            double rival = switch (match.rival()) {
                case FMA_PEAK -> 1;
                case READING_PASS -> own.get(Metric.READING_PASS_NS);
                default -> theirs.get(match.metric());
            };
            // Two workers are about the clock: only there does a neighbour decide.
            boolean fair = match.metric() != Metric.EXAMPLES_PER_WALL_S || own.coreObtained() >= CORE_OBTAINED_MIN
                    && theirs.get(Metric.EXAMPLES_PER_WALL_S) >= CORE_OBTAINED_MIN
                            * theirs.get(Metric.EXAMPLES_PER_CPU_S);
            return new Pair(value, rival, fair, own.kernels);
        }

        double ratio() {
            return tidegrad / rival;
        }
    }

    /// How a match ended.
    ///
    /// @param ratio median and range over the fair rounds, NaN where there was none
    /// @param fairRounds in how many both had the cores that they asked for
    public record Outcome(Match match, Spread tidegrad, Spread rival, Spread ratio, int fairRounds, String kernels) {
        private static Outcome of(Match match, List<Pair> pairs) {
            double[] ratios = pairs.stream().filter(Pair::isFair).mapToDouble(Pair::ratio).toArray();
            return new Outcome(match, Spread.of(pairs.stream().mapToDouble(Pair::tidegrad).toArray()),
                    Spread.of(pairs.stream().mapToDouble(Pair::rival).toArray()),
                    ratios.length == 0 ? Spread.of(Double.NaN) : Spread.of(ratios), ratios.length,
                    pairs.getFirst().kernels());
        }

        /// `metric` has the suffix `_ratio`, and `value` is the median ratio.
        public Result result() {
            Bench.Line line = match.line();
            Result result = new Result().put("workload", line.workload().name()).put("batch", line.batch())
                    .put("workers", line.workers()).put("metric", match.metric().key() + "_ratio")
                    .put("value", ratio.median()).put("least", ratio.least()).put("most", ratio.most())
                    .put("rival", match.rival().name().toLowerCase(Locale.ROOT)).put("tidegrad", tidegrad.median())
                    .put("theirs", rival.median());
            match.goal().ifPresent(goal -> result.put("goal", goal));
            return result.put("verdict", verdict()).put("kernels", kernels);
        }

        /// `reached`, `short`, `no goal`, or that nobody can say.
        private String verdict() {
            OptionalDouble goal = match.goal();
            if (fairRounds == 0) {
                return "cores were taken";
            }
            if (goal.isEmpty()) {
                return "no goal";
            }
            return match.isReachedBy(ratio.median()) ? "reached" : "short";
        }
    }
}
