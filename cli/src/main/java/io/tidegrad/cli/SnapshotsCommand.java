package io.tidegrad.cli;

import io.tidegrad.control.ControlAction;
import io.tidegrad.control.ControlLog;
import io.tidegrad.control.ControlRecord;
import io.tidegrad.control.LogPosition;
import io.tidegrad.control.PublishedManifests;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.model.feature.LearnedClasses;
import io.tidegrad.model.feature.Row;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.snapshot.SnapshotManifest;
import io.tidegrad.ops.settings.CommonSettings;
import io.tidegrad.ops.settings.Settings;
import io.tidegrad.schemas.Topics;
import io.tidegrad.trainer.relearn.TimeTravel;
import java.time.Instant;
import java.util.EnumSet;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;

/// The commands of `tidegrad snapshots`: a model's published versions, and the model of any other moment.
final class SnapshotsCommand {
    private static final Set<ModelFile.Format> FORMATS = EnumSet.complementOf(EnumSet.of(ModelFile.Format.SNAPSHOT));

    private SnapshotsCommand() {}

    static CommandLine group() {
        return CommandGroup.of("snapshots", "A model's published versions, and the model of any other moment.",
                SettingsCommand.reading(CliSettings.SNAPSHOTS_LIST, SnapshotsCommand::list),
                SettingsCommand.reading(CliSettings.SNAPSHOTS_AT, SnapshotsCommand::at));
    }

    /// Returns null if there is no such time: the spec has no event time, or no event has been learned.
    private static @Nullable String time(long epochMillis) {
        return epochMillis <= 0 ? null : Instant.ofEpochMilli(epochMillis).toString();
    }

    private static int list(Settings settings, CommandLine line) {
        settings.refuseMistakes();
        String model = SettingsCommand.model(settings);
        Topics topics = new Topics(settings.text(CommonSettings.PREFIX));
        List<SnapshotManifest> versions = PublishedManifests.read(settings.kafka(), topics, model);
        if (settings.flag(CliSettings.JSON)) {
            List<ControlRecord> decisions = new ControlLog(settings.kafka(), topics).read().records(model);
            for (SnapshotManifest manifest : versions) {
                line.getOut().print(line(manifest, creation(decisions, manifest.epoch())));
            }
        } else {
            line.getOut().print(table(versions));
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

    private static String row(String version, String parent, String offset, String events, String bytes, String time,
            String hash) {
        return String.format(Locale.ROOT, "%-14s %12s %14s %14s %14s  %-24s  %s", version, parent, offset, events,
                bytes, time, hash) + System.lineSeparator();
    }

    /// Returns the decision that created the epoch's lineage; null if the lineage is older than the control topic.
    private static ControlAction.@Nullable Create creation(List<ControlRecord> decisions, int epoch) {
        ControlAction.Create creation = null;
        for (ControlRecord decision : decisions) {
            if (decision.action() instanceof ControlAction.Create create && create.epoch() <= epoch) {
                creation = create;
            }
        }
        return creation;
    }

    private static JsonLine line(SnapshotManifest manifest, ControlAction.@Nullable Create creation) {
        return new JsonLine().put("model", manifest.model()).put("epoch", manifest.epoch())
                .put("version", manifest.version())
                .put("parent_version", manifest.isDelta() ? manifest.parentVersion() : null)
                .put("next_offset", manifest.nextOffset()).put("events", manifest.examples())
                .put("bytes", manifest.servedBytes()).put("parts", manifest.parts())
                .put("newest_append_time", time(manifest.newestAppendTime()))
                .put("event_time", time(manifest.eventTime())).put("numerics", manifest.numerics())
                .put("spec_fingerprint", HexFormat.of().formatHex(manifest.specFingerprint()))
                .put("feature_fingerprint", HexFormat.of().formatHex(manifest.featureFingerprint()))
                .put("topic", creation == null ? null : creation.inputTopic())
                .put("topic_id", creation == null ? null : creation.inputTopicId())
                .put("start_offset", creation == null ? null : creation.startOffset())
                .put("full_version", manifest.chain().full()).put("log_loss", manifest.logLoss())
                .put("prior_log_loss", manifest.priorLogLoss()).put("accuracy", manifest.accuracy())
                .put("auc", manifest.auc()).put("signed", manifest.isSigned())
                .put("origin", manifest.origin() == null ? null : line(manifest.origin()))
                .put("classes", manifest.classes().isEmpty() ? null : manifest.classes())
                .put("weights_hash", manifest.weightsHash());
    }

    private static JsonLine line(SnapshotManifest.Origin origin) {
        return new JsonLine().put("epoch", origin.epoch()).put("version", origin.version())
                .put("next_offset", origin.nextOffset()).put("resume_offset", origin.resumeOffset())
                .put("reason", origin.reason());
    }

    private static int at(Settings settings, CommandLine line) {
        String offset = settings.text(CliSettings.OFFSET);
        String time = settings.text(CliSettings.TIME);
        if (offset.isEmpty() == time.isEmpty()) {
            settings.problem(
                    "expected one of --offset OFFSET and --time TIME, found " + (offset.isEmpty() ? "none" : "both"));
        }
        String path = settings.text(CliSettings.OUT);
        ModelFile file = ModelFile.of("--out", path, FORMATS);
        if (file == null && !path.isEmpty()) {
            settings.problem(ModelFile.wrongEnding("--out", path, FORMATS));
        }
        settings.refuseMistakes();
        Kernels kernels = Kernels.active();
        TimeTravel.PastModel past;
        try (ProgressLine progress = SettingsCommand.progress(settings, line)) {
            past = TimeTravel.to(new TimeTravel.Options(settings.kafka(), settings.registry(),
                    settings.text(CommonSettings.PREFIX), SettingsCommand.model(settings),
                    LogPosition.parse(offset.isEmpty() ? time : offset), kernels), progress);
        }
        if (file != null) {
            file.write(past.lineage().spec(), past.model().parameters(), metadata(past));
        }
        line.getOut().print(settings.flag(CliSettings.JSON) ? line(past, file) : text(past, file));
        return 0;
    }

    private static String text(TimeTravel.PastModel past, @Nullable ModelFile file) {
        OnlineModel model = past.model();
        String eventTime = eventTime(model);
        Lines lines = new Lines()
                .add("model", "%s, version %d.%d at offset %,d of %s", past.lineage().model(), past.lineage().epoch(),
                        model.parameters().updates(), past.nextOffset(), past.lineage().log())
                .add("events", "%,d = %,d learned + %,d pending + %,d dead letters",
                        past.accounts().accepted() + past.accounts().deadLetters(), model.parameters().examples(),
                        model.pending(), past.accounts().deadLetters())
                .add("made from", "%s, and the log from offset %,d on, in %.1f s", past.state(), past.stateOffset(),
                        past.nanos() * 1e-9);
        if (eventTime != null) {
            lines.add("event time", "%s", eventTime);
        }
        LearnedClasses classes = model.classes();
        if (classes != null) {
            lines.add("classes", "%,d of %,d: %s", classes.size(), classes.room(), String.join(", ", classes.names()));
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

    private static JsonLine line(TimeTravel.PastModel past, @Nullable ModelFile file) {
        OnlineModel model = past.model();
        return new JsonLine().put("model", past.lineage().model()).put("epoch", past.lineage().epoch())
                .put("version", model.parameters().updates()).put("next_offset", past.nextOffset())
                .put("state_offset", past.stateOffset()).put("learned", model.parameters().examples())
                .put("pending", model.pending()).put("dead_letters", past.accounts().deadLetters())
                .put("event_time", eventTime(model)).put("classes", model.classes() == null ? null : model.classNames())
                .put("weights_hash", model.weightsHash()).put("state_hash", model.stateHash())
                .put("out", file == null ? null : file.path().toString()).put("seconds", past.nanos() * 1e-9);
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
        if (model.classes() != null && !model.classNames().isEmpty()) {
            metadata.put("classes", String.join("\n", model.classNames()));
        }
        return metadata;
    }
}
