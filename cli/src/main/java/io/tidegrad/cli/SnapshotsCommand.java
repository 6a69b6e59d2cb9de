package io.tidegrad.cli;

import io.tidegrad.control.ControlAction;
import io.tidegrad.control.ControlLog;
import io.tidegrad.control.ControlRecord;
import io.tidegrad.control.LogPosition;
import io.tidegrad.control.PublishedManifests;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.model.feature.Row;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.snapshot.SnapshotManifest;
import io.tidegrad.ops.settings.CommonSettings;
import io.tidegrad.ops.settings.Settings;
import io.tidegrad.schemas.Topics;
import io.tidegrad.trainer.exit.TrainerException;
import io.tidegrad.trainer.relearn.TimeTravel;
import java.io.PrintWriter;
import java.time.Instant;
import java.util.EnumSet;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.common.KafkaException;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

@Command(name = "snapshots", description = "A model's published versions, and the model of any other moment.",
        subcommands = {SnapshotsCommand.All.class, SnapshotsCommand.At.class})
final class SnapshotsCommand implements Runnable {
    @Spec
    private CommandSpec command = CommandSpec.create();

    @Mixin
    private HelpOption help = new HelpOption();

    @Override
    public void run() {
        throw new ParameterException(command.commandLine(), "what to do with them is missing; there are: list, at");
    }

    /// Null when the spec names no event time, or nothing has come.
    private static @Nullable String time(long epochMillis) {
        return epochMillis <= 0 ? null : Instant.ofEpochMilli(epochMillis).toString();
    }

    @Command(name = "list", description = "List the versions that are still published.")
    static final class All extends SettingsCall {
        All() {
            super(CliCommands.SNAPSHOTS_LIST);
        }

        @Override
        int run(Settings settings, PrintWriter out) {
            settings.refuseMistakes();
            String model = model(settings);
            Topics topics = new Topics(settings.text(CommonSettings.PREFIX));
            List<SnapshotManifest> versions;
            List<ControlRecord> decisions = List.of();
            try {
                versions = PublishedManifests.read(settings.kafka(), topics, model);
                if (settings.flag(CliSettings.JSON)) {
                    decisions = new ControlLog(settings.kafka(), topics).read().records(model);
                }
            } catch (KafkaException e) {
                throw TrainerException.from(e);
            }
            if (settings.flag(CliSettings.JSON)) {
                for (SnapshotManifest manifest : versions) {
                    out.print(json(line(manifest, creation(decisions, manifest.epoch()))));
                }
            } else {
                out.print(table(versions));
            }
            return 0;
        }

        private static String table(List<SnapshotManifest> versions) {
            StringBuilder table = new StringBuilder();
            table.append(row("version", "change to", "next offset", "events", "bytes", "newest event", "weights-hash"));
            for (SnapshotManifest manifest : versions) {
                String appended = time(manifest.newestAppendTime());
                table.append(row(manifest.epoch() + "." + manifest.version(),
                        manifest.isDelta() ? "" + manifest.parentVersion() : "-",
                        String.format(Locale.ROOT, "%,d", manifest.nextOffset()),
                        String.format(Locale.ROOT, "%,d", manifest.examples()),
                        String.format(Locale.ROOT, "%,d", manifest.servedBytes()), appended == null ? "-" : appended,
                        manifest.weightsHash()));
            }
            return table.toString();
        }

        private static String row(String version, String parent, String offset, String events, String bytes,
                String time, String hash) {
            return String.format(Locale.ROOT, "%-14s %12s %14s %14s %14s  %-24s  %s", version, parent, offset, events,
                    bytes, time, hash) + System.lineSeparator();
        }

        /// What an epoch's lineage began with; null for one that is older than the control topic.
        private static ControlAction.@Nullable Create creation(List<ControlRecord> decisions, int epoch) {
            ControlAction.Create creation = null;
            for (ControlRecord decision : decisions) {
                if (decision.action() instanceof ControlAction.Create create && create.epoch() <= epoch) {
                    creation = create;
                }
            }
            return creation;
        }

        private static Map<String, @Nullable Object> line(SnapshotManifest manifest,
                ControlAction.@Nullable Create creation) {
            Map<String, @Nullable Object> line = new LinkedHashMap<>();
            line.put("model", manifest.model());
            line.put("epoch", manifest.epoch());
            line.put("version", manifest.version());
            line.put("parent_version", manifest.isDelta() ? manifest.parentVersion() : null);
            line.put("next_offset", manifest.nextOffset());
            line.put("events", manifest.examples());
            line.put("bytes", manifest.servedBytes());
            line.put("parts", manifest.parts());
            line.put("newest_append_time", time(manifest.newestAppendTime()));
            line.put("event_time", time(manifest.eventTime()));
            line.put("numerics", manifest.numerics());
            line.put("spec_fingerprint", HexFormat.of().formatHex(manifest.specFingerprint()));
            line.put("feature_fingerprint", HexFormat.of().formatHex(manifest.featureFingerprint()));
            line.put("topic", creation == null ? null : creation.inputTopic());
            line.put("topic_id", creation == null ? null : creation.inputTopicId());
            line.put("start_offset", creation == null ? null : creation.startOffset());
            line.put("full_version", manifest.chain().full());
            line.put("log_loss", number(manifest.logLoss()));
            line.put("prior_log_loss", number(manifest.priorLogLoss()));
            line.put("accuracy", number(manifest.accuracy()));
            line.put("auc", number(manifest.auc()));
            line.put("signed", manifest.isSigned());
            line.put("origin", manifest.origin() == null ? null : line(manifest.origin()));
            line.put("weights_hash", manifest.weightsHash());
            return line;
        }

        private static Map<String, Object> line(SnapshotManifest.Origin origin) {
            Map<String, Object> line = new LinkedHashMap<>();
            line.put("epoch", origin.epoch());
            line.put("version", origin.version());
            line.put("next_offset", origin.nextOffset());
            line.put("resume_offset", origin.resumeOffset());
            line.put("reason", origin.reason());
            return line;
        }
    }

    @Command(name = "at", description = "Bring back a model exactly as it was at an offset or a time.")
    static final class At extends SettingsCall {
        private static final Set<ModelFile.Format> FORMATS =
                EnumSet.complementOf(EnumSet.of(ModelFile.Format.SNAPSHOT));

        At() {
            super(CliCommands.SNAPSHOTS_AT);
        }

        @Override
        int run(Settings settings, PrintWriter out) {
            String offset = settings.text(CliSettings.OFFSET);
            String time = settings.text(CliSettings.TIME);
            if (offset.isEmpty() == time.isEmpty()) {
                settings.problem("expected one of --offset OFFSET and --time TIME, found "
                        + (offset.isEmpty() ? "none" : "both"));
            }
            String path = settings.text(CliSettings.OUT);
            ModelFile file = ModelFile.of("--out", path, FORMATS);
            if (file == null && !path.isEmpty()) {
                settings.problem(ModelFile.wrongEnding("--out", path, FORMATS));
            }
            settings.refuseMistakes();
            Kernels kernels = Kernels.active();
            TimeTravel.PastModel past;
            try (ProgressLine progress = progress(settings)) {
                past = TimeTravel.to(new TimeTravel.Options(settings.kafka(), settings.registry(),
                        settings.text(CommonSettings.PREFIX), model(settings),
                        LogPosition.parse(offset.isEmpty() ? time : offset), kernels), progress);
            }
            if (file != null) {
                file.write(past.lineage().spec(), past.model().parameters(), metadata(past));
            }
            out.print(settings.flag(CliSettings.JSON) ? json(line(past, file)) : text(past, file));
            return 0;
        }

        private static String text(TimeTravel.PastModel past, @Nullable ModelFile file) {
            OnlineModel model = past.model();
            String eventTime = eventTime(model);
            Lines lines = new Lines().add("model", "%s, version %d.%d at offset %,d of %s", past.lineage().model(),
                    past.lineage().epoch(), model.parameters().updates(), past.nextOffset(), past.lineage().log())
                    .add("events", "%,d = %,d learned + %,d pending + %,d dead letters",
                            past.accounts().accepted() + past.accounts().deadLetters(), model.parameters().examples(),
                            model.pending(), past.accounts().deadLetters())
                    .add("made from", "%s, and the log from offset %,d on, in %.1f s", past.state(), past.stateOffset(),
                            past.nanos() * 1e-9);
            if (eventTime != null) {
                lines.add("event time", "%s", eventTime);
            }
            lines.add("weights-hash", "%s", model.weightsHash()).add("state-hash", "%s", model.stateHash());
            if (file != null) {
                file.contents(past.lineage().spec(), model.parameters())
                        .forEach(line -> lines.add(line.getKey(), "%s", line.getValue()));
            }
            return lines.toString();
        }

        private static @Nullable String eventTime(OnlineModel model) {
            return model.eventTime() == Row.NO_TIME ? null : Instant.ofEpochMilli(model.eventTime()).toString();
        }

        private static Map<String, @Nullable Object> line(TimeTravel.PastModel past, @Nullable ModelFile file) {
            OnlineModel model = past.model();
            Map<String, @Nullable Object> line = new LinkedHashMap<>();
            line.put("model", past.lineage().model());
            line.put("epoch", past.lineage().epoch());
            line.put("version", model.parameters().updates());
            line.put("next_offset", past.nextOffset());
            line.put("state_offset", past.stateOffset());
            line.put("learned", model.parameters().examples());
            line.put("pending", model.pending());
            line.put("dead_letters", past.accounts().deadLetters());
            line.put("event_time", eventTime(model));
            line.put("weights_hash", model.weightsHash());
            line.put("state_hash", model.stateHash());
            line.put("out", file == null ? null : file.path().toString());
            line.put("seconds", past.nanos() * 1e-9);
            return line;
        }

        private static Map<String, String> metadata(TimeTravel.PastModel past) {
            OnlineModel model = past.model();
            Map<String, String> metadata = new LinkedHashMap<>();
            metadata.put("producer", "tidegrad");
            metadata.put("model", past.lineage().model());
            metadata.put("epoch", "" + past.lineage().epoch());
            metadata.put("version", "" + model.parameters().updates());
            metadata.put("examples", "" + model.parameters().examples());
            metadata.put("next-offset", "" + past.nextOffset());
            metadata.put("spec-fingerprint", HexFormat.of().formatHex(past.lineage().spec().fingerprint()));
            metadata.put("feature-fingerprint", HexFormat.of().formatHex(past.lineage().spec().featureFingerprint()));
            metadata.put("weights-hash", model.weightsHash());
            metadata.put("state-hash", model.stateHash());
            metadata.put("spec", past.lineage().spec().yaml());
            return metadata;
        }
    }
}
