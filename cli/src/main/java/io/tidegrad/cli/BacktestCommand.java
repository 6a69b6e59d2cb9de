package io.tidegrad.cli;

import io.tidegrad.cli.plot.PlotFile;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.model.learn.LabelDelay;
import io.tidegrad.ops.settings.CommonSettings;
import io.tidegrad.ops.settings.Setting;
import io.tidegrad.ops.settings.Settings;
import io.tidegrad.process.ExitCode;
import io.tidegrad.replay.backtest.Backtest;
import io.tidegrad.replay.backtest.BacktestResult;
import io.tidegrad.trainer.TrainerSettings;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import picocli.CommandLine;

/// `tidegrad backtest`.
final class BacktestCommand {
    private BacktestCommand() {}

    static int run(Settings settings, CommandLine line) {
        settings.refuseMistakes();
        List<Path> specs = settings.list(CommonSettings.SPEC).stream().map(Path::of).toList();
        Path data = Path.of(settings.text(CliSettings.DATA));
        boolean besideTuned = settings.flag(CliSettings.BESIDE_TUNED);
        List<Backtest.Trial> trials = new ArrayList<>(
                SpecGrid.trials(specs, settings.list(CliSettings.GRID), data, besideTuned ? TunedLearners.COUNT : 0));
        TunedLearners tuned = besideTuned ? TunedLearners.beside(trials) : TunedLearners.NONE;
        trials.addAll(tuned.trials());
        Backtest backtest = new Backtest(data, trials, delay(settings.text(CliSettings.LABEL_DELAY)),
                settings.number(CliSettings.REPEAT), Long.MAX_VALUE, Kernels.active(),
                settings.number(TrainerSettings.WORKERS));
        boolean json = settings.flag(CliSettings.JSON);
        boolean one = backtest.trials().size() == 1;
        List<BacktestResult> results = sorted(backtest.run((trial, row) -> {
            if (!json && one) {
                line.getOut().print(row.example() == 1 ? BacktestText.head(backtest) : "");
                line.getOut().print(BacktestText.progress(row));
                line.getOut().flush();
            }
        }));
        line.getOut().print(json ? BacktestText.json(backtest, results, tuned)
                : one ? BacktestText.text(results.getFirst()) : BacktestText.table(backtest, results, tuned));
        String report = settings.text(CliSettings.REPORT);
        if (!report.isEmpty()) {
            PlotFile.write("--report", Path.of(report), BacktestReport.html(backtest, results, command(settings)));
            if (!json) {
                line.getOut().print(new Lines().add("report", "%s", report));
            }
        }
        return results.stream().anyMatch(result -> result.diverged() != null && !tuned.has(result))
                ? ExitCode.MODEL_DIVERGED.status() : 0;
    }

    private static LabelDelay.Length delay(String given) {
        return given.startsWith("P") ? new LabelDelay.Length(0, Duration.parse(given))
                : new LabelDelay.Length(Long.parseLong(given), null);
    }

    /// The lowest loss first; of equal ones as given.
    private static List<BacktestResult> sorted(List<BacktestResult> results) {
        return results.stream().sorted(Comparator.comparingDouble(BacktestResult::loss)).toList();
    }

    private static String command(Settings settings) {
        List<String> words = new ArrayList<>(List.of("./tidegrad backtest"));
        Stream.of(CommonSettings.SPEC, CliSettings.DATA, CliSettings.LABEL_DELAY, CliSettings.REPEAT, CliSettings.GRID)
                .filter(setting -> !settings.list(setting).isEmpty()
                        && !settings.text(setting).equals(setting.defaultValue()))
                .forEach(setting -> words.add(word(settings, setting)));
        if (settings.flag(CliSettings.BESIDE_TUNED)) {
            words.add("--" + CliSettings.BESIDE_TUNED.key());
        }
        return String.join(" ", words);
    }

    private static String word(Settings settings, Setting setting) {
        return "--" + setting.key() + " " + String.join(",", settings.list(setting));
    }
}
