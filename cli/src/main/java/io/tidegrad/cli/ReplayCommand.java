package io.tidegrad.cli;

import io.tidegrad.control.LogPosition;
import io.tidegrad.control.RegisteredModel;
import io.tidegrad.control.SpecFile;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.model.snapshot.LoadedModel;
import io.tidegrad.model.snapshot.ManifestKeys;
import io.tidegrad.model.snapshot.PublishedSnapshot;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.ops.settings.CommonSettings;
import io.tidegrad.ops.settings.Setting;
import io.tidegrad.ops.settings.Settings;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.StopException;
import io.tidegrad.replay.Replay;
import io.tidegrad.replay.ReplayOptions;
import io.tidegrad.replay.ReplayResult;
import io.tidegrad.schemas.Topics;
import io.tidegrad.trainer.Publishing;
import io.tidegrad.trainer.TrainerConfig;
import io.tidegrad.trainer.TrainerMain;
import io.tidegrad.trainer.TrainerSettings;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.PublicKey;
import java.util.EnumSet;
import java.util.HexFormat;
import java.util.List;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;

/// `tidegrad replay`.
final class ReplayCommand {
    private static final String SNAPSHOT = "snapshot:";
    private static final Set<ModelFile.Format> WEIGHTS = EnumSet.of(ModelFile.Format.SAFETENSORS);

    private ReplayCommand() {}

    static int run(Settings settings, CommandLine line) {
        check(settings);
        PublishedSnapshot.Form form = TrainerConfig.snapshotForm(settings);
        PublicKey key = settings.file(CommonSettings.SNAPSHOT_PUBLIC_KEY, ManifestKeys::publicKey);
        // The trainer of the model that is kept.
        TrainerConfig next =
                isLive(settings) ? TrainerConfig.of(settings, List.of(), List.of(settings.text(CliSettings.AS))) : null;
        settings.refuseMistakes();
        Kernels kernels = Kernels.active();
        Path temporary = null;
        ReplayResult result;
        try (ProgressLine progress = SettingsCommand.progress(settings, line)) {
            LogPosition from = from(settings);
            ModelSpec spec = givenSpec(settings);
            OptionalLong version = snapshot(settings);
            if (version.isPresent()) {
                ModelFile file = weightsFile(settings);
                if (file == null) {
                    temporary = temporary();
                    file = new ModelFile("--out", temporary, ModelFile.Format.SAFETENSORS);
                }
                LoadedModel loaded =
                        Snapshots.find(settings, SettingsCommand.model(settings), OptionalInt.empty(), version, key);
                file.write(loaded.spec(), loaded.parameters(), ExportCommand.metadata(loaded));
                spec = SpecEdit.withWeights(spec == null ? loaded.spec() : spec, file.path().toAbsolutePath(),
                        sha256(file.path()));
                from = new LogPosition.Offset(loaded.manifest().nextOffset());
            }
            result = Replay.run(options(settings, from, spec, form, kernels), progress);
        } finally {
            delete(temporary);
        }
        line.getOut().print(settings.flag(CliSettings.JSON) ? ReplayReport.json(result, kernels)
                : ReplayReport.text(result, kernels));
        line.getOut().flush();
        if (settings.flag(CliSettings.TELL)) {
            Verdicts.tell(settings, Verdicts.of(result, kernels));
        }
        if (next != null) {
            TrainerMain.run(next);
        }
        return 0;
    }

    /// Notes settings that do not go together.
    private static void check(Settings settings) {
        checkTell(settings);
        String as = settings.text(CliSettings.AS);
        if (isLive(settings) && as.isEmpty()) {
            settings.problem(
                    "--until live: expected --as NAME beside it, found none: what goes on learning is a model of its own");
        }
        if (isLive(settings) && settings.text(CommonSettings.STATE_DIR).isEmpty()) {
            settings.problem("--until live: expected --state-dir DIR beside it, found none: it goes on as a trainer");
        }
        boolean goesOnElsewhere = !settings.text(CliSettings.RESUME_AT).isEmpty();
        if (as.isEmpty() && (goesOnElsewhere || settings.flag(CliSettings.PAUSED))) {
            settings.problem((goesOnElsewhere ? "--resume-at" : "--paused")
                    + ": expected --as NAME beside it, found none: what is not kept does not go on");
        }
        if (isLive(settings) && (goesOnElsewhere || settings.flag(CliSettings.PAUSED))) {
            settings.problem(
                    "--until live: expected neither --resume-at nor --paused beside it, for it goes on at once");
        }
        if (!as.isEmpty() && settings.list(CommonSettings.MODEL).contains(as)) {
            settings.problem("--as " + as + ": expected another name than --model's");
        }
        String file = settings.text(CliSettings.OUT);
        boolean fromSnapshot = settings.text(CliSettings.FROM).startsWith(SNAPSHOT);
        if (fromSnapshot && !as.isEmpty() && file.isEmpty()) {
            settings.problem("--from " + settings.text(CliSettings.FROM)
                    + ": expected --out FILE.safetensors beside --as, found none: the new model's spec names the"
                    + " weights that it starts from, and where they are kept");
        }
        if (!file.isEmpty() && !fromSnapshot) {
            settings.problem("--out: expected --from snapshot:N beside it, found none");
        }
        if (!file.isEmpty() && ModelFile.of("--out", file, WEIGHTS) == null) {
            settings.problem(ModelFile.wrongEnding("--out", file, WEIGHTS));
        }
    }

    /// What another model came to proves nothing about the registered one.
    private static void checkTell(Settings settings) {
        for (Setting other : List.of(CliSettings.AS, CliSettings.WITH_SPEC, CliSettings.FROM)) {
            String given = settings.text(other);
            if (settings.flag(CliSettings.TELL) && !given.isEmpty() && !given.equals("begin")) {
                settings.problem("--tell: expected no --" + other.key() + " beside it, found " + given
                        + ": what is told is what the registered model's own log gives");
            }
        }
    }

    private static boolean isLive(Settings settings) {
        return settings.text(CliSettings.UNTIL).equals("live");
    }

    private static LogPosition from(Settings settings) {
        String from = settings.text(CliSettings.FROM);
        return from.isEmpty() || from.equals("begin") || from.startsWith(SNAPSHOT) ? new LogPosition.Begin()
                : LogPosition.parse(from);
    }

    private static OptionalLong snapshot(Settings settings) {
        String from = settings.text(CliSettings.FROM);
        return from.startsWith(SNAPSHOT) ? OptionalLong.of(Long.parseLong(from.substring(SNAPSHOT.length())))
                : OptionalLong.empty();
    }

    /// Returns null if the replay uses the registered spec under its own name.
    private static @Nullable ModelSpec givenSpec(Settings settings) {
        String file = settings.text(CliSettings.WITH_SPEC);
        String as = settings.text(CliSettings.AS);
        ModelSpec spec = file.isEmpty() ? null : SpecFile.read(CliSettings.WITH_SPEC.key(), Path.of(file));
        if (as.isEmpty()) {
            return spec;
        }
        return SpecFile.renamed(spec == null ? registered(settings) : spec, as);
    }

    private static ModelSpec registered(Settings settings) {
        return RegisteredModel.find(settings.kafka(), new Topics(settings.text(CommonSettings.PREFIX)),
                SettingsCommand.model(settings)).lineage().spec();
    }

    private static @Nullable ModelFile weightsFile(Settings settings) {
        String file = settings.text(CliSettings.OUT);
        return file.isEmpty() ? null : ModelFile.of("--out", file, WEIGHTS);
    }

    private static ReplayOptions options(Settings settings, LogPosition from, @Nullable ModelSpec spec,
            PublishedSnapshot.Form form, Kernels kernels) {
        String until = settings.text(CliSettings.UNTIL);
        boolean toEnd = until.isEmpty() || until.equals("end") || isLive(settings);
        return new ReplayOptions(settings.kafka(), settings.registry(), settings.text(CommonSettings.PREFIX),
                SettingsCommand.model(settings), from, toEnd ? new LogPosition.End() : LogPosition.parse(until), spec,
                settings.text(CliSettings.AS).isEmpty() ? null : keep(settings, form), isLive(settings),
                settings.text(CliSettings.COMPARE), kernels, settings.number(TrainerSettings.WORKERS));
    }

    private static ReplayOptions.Keep keep(Settings settings, PublishedSnapshot.Form form) {
        String resumeAt = settings.text(CliSettings.RESUME_AT);
        return new ReplayOptions.Keep(publishing(settings, form),
                resumeAt.isEmpty() || resumeAt.equals("base") ? null : ModelDecision.place(resumeAt),
                settings.flag(CliSettings.PAUSED));
    }

    /// Returns where a command writes models that it has made.
    static Publishing publishing(Settings settings, PublishedSnapshot.Form form) {
        return new Publishing(settings.kafka(), new Topics(settings.text(CommonSettings.PREFIX)),
                (short) settings.numberIfGiven(CommonSettings.REPLICATION).orElse(-1),
                settings.retentionMillis(CommonSettings.DEAD_LETTER_RETENTION), form);
    }

    private static Path temporary() {
        try {
            return Files.createTempFile("tidegrad-", ModelFile.Format.SAFETENSORS.ending());
        } catch (IOException e) {
            throw new CommandException(
                    "expected a directory for temporary files, found that none can be made there: " + e, e);
        }
    }

    private static void delete(@Nullable Path file) {
        if (file != null) {
            try {
                Files.deleteIfExists(file);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    private static String sha256(Path file) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(file)));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        } catch (IOException e) {
            throw new StopException(ExitCode.CONFIGURATION, "--out " + file + ": can't be read: " + e, e);
        }
    }
}
