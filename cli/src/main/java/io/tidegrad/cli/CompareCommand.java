package io.tidegrad.cli;

import io.tidegrad.control.LogPosition;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.ops.settings.CommonSettings;
import io.tidegrad.ops.settings.Setting;
import io.tidegrad.ops.settings.Settings;
import io.tidegrad.replay.Replay;
import io.tidegrad.replay.ReplayOptions;
import io.tidegrad.replay.ReplayResult;
import io.tidegrad.trainer.TrainerSettings;
import java.util.List;
import picocli.CommandLine;

/// `tidegrad models compare`.
final class CompareCommand {
    private CompareCommand() {}

    static int run(Settings settings, CommandLine line) {
        for (Setting place : List.of(CliSettings.FROM, CliSettings.UNTIL)) {
            String text = settings.text(place);
            if (text.startsWith("snapshot:") || text.equals("live")) {
                settings.problem("--" + place.key() + " " + text + ": expected an offset or a time");
            }
        }
        String champion = settings.text(CliSettings.FOR);
        if (settings.list(CommonSettings.MODEL).contains(champion)) {
            settings.problem("--for " + champion + ": expected another model than the one that is compared with it");
        }
        settings.refuseMistakes();
        Kernels kernels = Kernels.active();
        ReplayResult result;
        try (ProgressLine progress = SettingsCommand.progress(settings, line)) {
            result = Replay.compare(
                    new ReplayOptions(settings.kafka(), settings.registry(), settings.text(CommonSettings.PREFIX),
                            SettingsCommand.model(settings), place(settings, CliSettings.FROM, new LogPosition.Begin()),
                            place(settings, CliSettings.UNTIL, new LogPosition.End()), null, null, false, champion,
                            kernels, settings.number(TrainerSettings.WORKERS)),
                    progress);
        }
        line.getOut().print(
                settings.flag(CliSettings.JSON) ? ReplayReport.json(result, kernels) : ReplayReport.comparison(result));
        line.getOut().flush();
        if (settings.flag(CliSettings.TELL)) {
            Verdicts.tell(settings, Verdicts.ofPair(result, kernels));
        }
        return 0;
    }

    private static LogPosition place(Settings settings, Setting setting, LogPosition unless) {
        String text = settings.text(setting);
        return text.isEmpty() || text.equals("begin") || text.equals("end") ? unless : LogPosition.parse(text);
    }
}
