package io.tidegrad.cli;

import io.tidegrad.control.ControlAction;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.model.snapshot.ManifestKeys;
import io.tidegrad.ops.settings.CommonSettings;
import io.tidegrad.ops.settings.Setting;
import io.tidegrad.ops.settings.Settings;
import io.tidegrad.process.ExitCode;
import io.tidegrad.replay.Checkpoint;
import io.tidegrad.replay.TensorDifference;
import io.tidegrad.replay.Verify;
import io.tidegrad.replay.VerifyOptions;
import io.tidegrad.replay.VerifyResult;
import io.tidegrad.trainer.TrainerSettings;
import java.security.PublicKey;
import java.util.List;
import java.util.OptionalInt;
import java.util.OptionalLong;
import picocli.CommandLine;

/// `tidegrad verify`.
final class VerifyCommand {
    private VerifyCommand() {}

    static int run(Settings settings, CommandLine line) {
        PublicKey key = settings.file(CommonSettings.SNAPSHOT_PUBLIC_KEY, ManifestKeys::publicKey);
        settings.highestOf(CommonSettings.MODEL, CommonSettings.STREAM);
        boolean ofStream = !settings.list(CommonSettings.STREAM).isEmpty();
        if (ofStream != settings.list(CommonSettings.MODEL).isEmpty()) {
            settings.problem("--model: expected either a model or --stream with a stream, found "
                    + (ofStream ? "both" : "neither"));
        }
        for (Setting other : ofStream ? List.of(CliSettings.VERSION, CliSettings.AS) : List.of(CliSettings.EPOCH)) {
            if (!settings.text(other).isEmpty()) {
                settings.problem("--" + other.key() + ": expected with --" + (ofStream ? "model" : "stream")
                        + " only; leave it out");
            }
        }
        if (ofStream && settings.flag(CliSettings.TELL)) {
            settings.problem("--tell: expected with --model only; leave it out");
        }
        settings.refuseMistakes();
        if (ofStream) {
            return StreamVerifyCommand.run(settings, line);
        }
        Kernels kernels = Kernels.active();
        String model = SettingsCommand.model(settings);
        String given = settings.text(CliSettings.AS);
        String as = given.isEmpty() ? model : given;
        VerifyOptions options = new VerifyOptions(settings.kafka(), settings.registry(),
                settings.text(CommonSettings.PREFIX), model, as, settings.numberIfGiven(CliSettings.VERSION), kernels,
                settings.number(TrainerSettings.WORKERS));
        VerifyResult result;
        try (ProgressLine progress = SettingsCommand.progress(settings, line)) {
            result = Verify.run(options,
                    version -> Snapshots.find(settings, as, OptionalInt.empty(), OptionalLong.of(version), key),
                    progress);
        }
        line.getOut().print(settings.flag(CliSettings.JSON) ? line(result, kernels) : text(result));
        line.getOut().flush();
        if (settings.flag(CliSettings.TELL)) {
            Verdicts.tell(settings, Verdicts.of(result, kernels), line.getErr());
        }
        return result.difference() == null ? 0 : ExitCode.STATE_VIOLATION.status();
    }

    static String text(VerifyResult result) {
        Checkpoint target = result.target();
        VerifyResult.Difference difference = result.difference();
        Lines lines = new Lines()
                .add("model", "%s, version %d.%d at offset %,d", result.model(), result.epoch(), target.version(),
                        target.nextOffset())
                .add("learned again", "%,d events from offset %,d on, in %.1f s", result.events(), result.startOffset(),
                        result.nanos() * 1e-9)
                .add("published", "%s", target.weightsHash());
        if (!result.learnedBy().equals(result.model())) {
            lines.add("learned as", "%s; hashes are those that the same weights have under the name %s",
                    result.learnedBy(), result.model());
        }
        for (ControlAction.Rollback rollback : result.rollbacks()) {
            if (rollback.isMove()) {
                lines.add("moved", "version %d.%d went on at offset %,d of a copy of the log", rollback.base().epoch(),
                        rollback.base().version(), rollback.resumeOffset());
                continue;
            }
            if (rollback.isUpgrade()) {
                lines.add("upgraded", "version %d.%d at offset %,d was taken over by numerics %d",
                        rollback.base().epoch(), rollback.base().version(), rollback.base().nextOffset(),
                        rollback.numerics());
                continue;
            }
            lines.add("rolled back", "to version %d.%d; %,d offsets from %,d on left out", rollback.base().epoch(),
                    rollback.base().version(), rollback.resumeOffset() - rollback.base().nextOffset(),
                    rollback.base().nextOffset());
        }
        if (result.weightsHash() != null) {
            lines.add("from the log", "%s", result.weightsHash());
        }
        if (difference == null) {
            return lines.add("equal",
                    "%,d checkpoints: snapshots, progress records and the live state, as far as they are there",
                    result.compared()).toString();
        }
        return lines + text(difference, result.startOffset());
    }

    private static String text(VerifyResult.Difference difference, long startOffset) {
        Checkpoint equal = difference.equal();
        Checkpoint different = difference.different();
        Lines lines = new Lines()
                .add("DIFFERENT", "first seen in the %s at offset %,d, version %,d", different.source(),
                        different.nextOffset(), different.version())
                .add("its hash", "%s", different.weightsHash())
                .add("from the log", "%s at version %,d", difference.weightsHash(), difference.version()).add("batches",
                        "%,d to %,d, offsets %,d to %,d%s", (equal == null ? 0 : equal.version()) + 1,
                        different.version(), equal == null ? startOffset : equal.nextOffset(),
                        different.nextOffset() - 1,
                        equal == null ? ": nothing before it agrees" : ": the " + equal.source() + " before it agrees");
        if (different.weightsHash().equals(difference.weightsHash()) && different.stateHash() != null) {
            lines.add("state-hash", "%s", different.stateHash()).add("from the log",
                    "%s: only optimizer state or pending rows differ", difference.stateHash());
        }
        String comparedWith = difference.comparedWith();
        TensorDifference tensor = difference.tensor();
        if (tensor != null) {
            lines.add("tensor", "%s, row %d, column %d: %s in %s, %s from the log", tensor.tensor(), tensor.row(),
                    tensor.column(), tensor.found(), String.valueOf(comparedWith), tensor.expected()).add("numbers",
                            "%,d of %,d of that tensor differ; %d tensors do", tensor.differing(), tensor.size(),
                            tensor.tensors());
        } else {
            lines.add("tensor", "%s", comparedWith == null ? "no weights of that moment or a later one are kept"
                    : "no number of " + comparedWith + " differs: counts or pending rows do");
        }
        return lines.toString();
    }

    private static JsonLine line(VerifyResult result, Kernels kernels) {
        JsonLine line = new JsonLine().put("model", result.model()).put("epoch", result.epoch())
                .put("version", result.target().version()).put("next_offset", result.target().nextOffset())
                .put("kernels", kernels.name()).put("equal", result.difference() == null).put("events", result.events())
                .put("checkpoints", result.compared()).put("weights_hash_published", result.target().weightsHash())
                .put("weights_hash", result.weightsHash()).put("seconds", result.nanos() * 1e-9);
        VerifyResult.Difference difference = result.difference();
        if (difference != null) {
            line.put("difference", line(difference, result.startOffset()));
        }
        return line;
    }

    private static JsonLine line(VerifyResult.Difference difference, long startOffset) {
        Checkpoint equal = difference.equal();
        Checkpoint different = difference.different();
        JsonLine line = new JsonLine().put("source", different.source())
                .put("equal_version", equal == null ? 0 : equal.version())
                .put("equal_offset", equal == null ? startOffset : equal.nextOffset())
                .put("different_version", different.version()).put("different_offset", different.nextOffset())
                .put("weights_hash_found", different.weightsHash()).put("weights_hash", difference.weightsHash())
                .put("state_hash_found", different.stateHash()).put("state_hash", difference.stateHash())
                .put("compared_with", difference.comparedWith());
        TensorDifference tensor = difference.tensor();
        if (tensor != null) {
            line.put("tensor", tensor.tensor()).put("row", tensor.row()).put("column", tensor.column())
                    .put("found", tensor.found()).put("expected", tensor.expected())
                    .put("differing", tensor.differing()).put("tensors", tensor.tensors());
        }
        return line;
    }
}
