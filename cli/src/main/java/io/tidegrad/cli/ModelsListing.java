package io.tidegrad.cli;

import io.tidegrad.control.Candidate;
import io.tidegrad.control.ControlAction;
import io.tidegrad.control.ControlRecord;
import io.tidegrad.control.ControlState;
import io.tidegrad.control.ModelOverview;
import io.tidegrad.control.PublishedManifests;
import io.tidegrad.model.snapshot.Heartbeat;
import io.tidegrad.model.snapshot.SnapshotManifest;
import io.tidegrad.model.snapshot.TrainerStatus;
import io.tidegrad.ops.settings.CommonSettings;
import io.tidegrad.ops.settings.Settings;
import io.tidegrad.schemas.EpochOrigin;
import io.tidegrad.schemas.ModelRecord;
import io.tidegrad.schemas.Stage;
import io.tidegrad.schemas.Topics;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;

/// `tidegrad models list` and `show`: all models in a table, or one model in full.
final class ModelsListing {
    private static final int DECISIONS = 10; // the newest ones, in `show`

    private ModelsListing() {}

    private static ModelOverview read(Settings settings) {
        settings.refuseMistakes();
        return ModelOverview.read(settings.kafka(), topics(settings));
    }

    private static Topics topics(Settings settings) {
        return new Topics(settings.text(CommonSettings.PREFIX));
    }

    /// `live`, `paused (live)`.
    static String stage(ModelRecord model) {
        String stage = model.getStage().name().toLowerCase(Locale.ROOT);
        return model.getPausedFrom() == null ? stage
                : stage + " (" + model.getPausedFrom().name().toLowerCase(Locale.ROOT) + ")";
    }

    private static String age(Duration age) {
        long seconds = Math.max(0, age.toSeconds());
        return seconds < 120 ? seconds + " s" : seconds < 7_200 ? seconds / 60 + " min"
                : seconds < 172_800 ? seconds / 3_600 + " h" : seconds / 86_400 + " d";
    }

    /// @param from the epoch of a stream from which the model learns; null if it learns from another topic
    private static JsonLine line(ModelOverview.Entry entry, Topics.@Nullable StreamEpoch from) {
        ModelRecord model = entry.model();
        SnapshotManifest newest = entry.newest();
        Heartbeat beat = entry.beat();
        JsonLine line = new JsonLine().put("model", model.getModel()).put("stage", stage(model))
                .put("epoch", model.getEpoch()).put("version", entry.version())
                .put("events", newest == null ? null : newest.examples())
                .put("lag", entry.lag() < 0 ? null : entry.lag())
                .put("newest_snapshot", newest == null ? null : Instant.ofEpochMilli(entry.newestTime()).toString())
                .put("heartbeat", beat == null ? null : Instant.ofEpochMilli(beat.time()).toString())
                .put("topic", model.getInputTopic()).put("stream", from == null ? null : from.stream())
                .put("stream_epoch", from == null ? null : from.epoch()).put("answered_by", model.getAnsweredBy())
                .put("loss", newest == null ? null : newest.logLoss())
                .put("prior_loss", newest == null ? null : newest.priorLogLoss())
                .put("auc", newest == null ? null : newest.auc());
        TrainerStatus status = entry.status();
        line.put("dead_letters", deadLetters(status)).put("dead_letter_share", share(status))
                .put("trainer", status == null ? null : status.state())
                .put("exit_code", status == null ? null : status.exitCode())
                .put("reasons",
                        status == null ? List.of() : status.reasons().stream().map(ModelsListing::line).toList())
                .put("as_served",
                        status == null ? List.of() : status.served().stream().map(ModelsListing::line).toList());
        return line;
    }

    private static JsonLine line(TrainerStatus.AsServed served) {
        return new JsonLine().put("epoch", served.epoch()).put("stage", served.stage())
                .put("predictions", served.predictions()).put("loss", served.loss()).put("auc", served.auc())
                .put("mean_prediction", served.meanPrediction()).put("mean_label", served.meanLabel());
    }

    private static JsonLine line(TrainerStatus.Reason reason) {
        return new JsonLine().put("reason", reason.word()).put("message", reason.message()).put("since",
                Instant.ofEpochMilli(reason.since()).toString());
    }

    private static @Nullable Long deadLetters(@Nullable TrainerStatus status) {
        return status == null || status.deadLetters() < 0 ? null : status.deadLetters();
    }

    /// Returns the share of dead letters among the events of the last minute; if there were none, among those of the
    /// epoch.
    private static @Nullable Double share(@Nullable TrainerStatus status) {
        if (status == null || status.deadLetters() < 0) {
            return null;
        }
        return Double.isNaN(status.recentDeadLetterShare())
                ? (double) status.deadLetters() / (status.deadLetters() + status.accepted())
                : status.recentDeadLetterShare();
    }

    /// Returns the stage and the trainer's state: `live`, `live, failed`, `live, degraded`.
    private static String condition(ModelOverview.Entry entry) {
        TrainerStatus status = entry.status();
        String stage = stage(entry.model());
        if (status == null || entry.model().getStage() == Stage.PAUSED) {
            return stage;
        }
        return status.hasStopped() ? stage + ", " + status.state()
                : status.reasons().isEmpty() ? stage : stage + ", degraded";
    }

    private static @Nullable String rounded(@Nullable Object number) {
        return number == null ? null : String.format(Locale.ROOT, "%.4g", (Double) number);
    }

    private static @Nullable String percent(@Nullable Object share) {
        return share == null ? null : String.format(Locale.ROOT, "%.3g %%", 100 * (Double) share);
    }

    /// Returns why the model is not well, in sentences for people; empty if it is paused.
    private static List<String> reasons(ModelOverview.Entry entry) {
        TrainerStatus status = entry.status();
        if (status == null || entry.model().getStage() == Stage.PAUSED) {
            return List.of();
        }
        List<String> reasons = new ArrayList<>();
        for (TrainerStatus.Reason reason : status.reasons()) {
            reasons.add(
                    "%s since %s: %s".formatted(reason.word(), Instant.ofEpochMilli(reason.since()), reason.message()));
        }
        if (status.state().equals(TrainerStatus.FAILED)) {
            reasons.add("once that is repaired, tidegrad models resume " + entry.model().getModel() + " tries again");
        }
        return reasons;
    }

    static int list(Settings settings, CommandLine line) {
        List<ModelOverview.Entry> entries = read(settings).entries(settings.list(CommonSettings.MODEL));
        if (settings.flag(CliSettings.JSON)) {
            entries.forEach(entry -> line.getOut().print(line(entry, from(entry, settings))));
        } else {
            line.getOut().print(table(entries, entry -> line(entry, from(entry, settings)), Instant.now()));
        }
        return 0;
    }

    private static Topics.@Nullable StreamEpoch from(ModelOverview.Entry entry, Settings settings) {
        return topics(settings).streamEpoch(entry.model().getInputTopic());
    }

    /// `payments`, `tidegrad.examples.card-payments.1 (stream card-payments, epoch 1)`.
    private static String source(JsonLine line) {
        return line.get("topic") + (line.get("stream") == null ? ""
                : " (stream " + line.get("stream") + ", epoch " + line.get("stream_epoch") + ")");
    }

    private static String table(List<ModelOverview.Entry> entries, Function<ModelOverview.Entry, JsonLine> lines,
            Instant now) {
        if (entries.isEmpty()) {
            return "no models; register one: tidegrad models create --spec FILE" + System.lineSeparator();
        }
        Table table = new Table("model", "stage", "epoch", "version", "events", "lag", "snapshot age", "dead letters",
                "share", "loss", "prior loss", "AUC").leftAfter("topic");
        StringBuilder reasons = new StringBuilder();
        for (ModelOverview.Entry entry : entries) {
            JsonLine line = lines.apply(entry);
            table.add(line.get("model"),
                    entry.model().getAnsweredBy() == null ? condition(entry)
                            : condition(entry) + ", answers: " + line.get("answered_by"),
                    line.get("epoch"), line.get("version"), line.get("events"), line.get("lag"),
                    entry.newest() == null ? null
                            : age(Duration.between(Instant.ofEpochMilli(entry.newestTime()), now)),
                    line.get("dead_letters"), percent(line.get("dead_letter_share")), rounded(line.get("loss")),
                    rounded(line.get("prior_loss")), rounded(line.get("auc")), source(line));
            for (String reason : reasons(entry)) {
                reasons.append(entry.model().getModel()).append(": ").append(reason).append('\n');
            }
        }
        return table + (reasons.isEmpty() ? "" : "\n" + reasons);
    }

    /// @param line what the list says of the model
    /// @param candidates shadows and challengers under the model's name
    private record Shown(ModelOverview.Entry entry, JsonLine line, List<Candidate> candidates,
            List<ControlRecord> decisions, List<SnapshotManifest> versions) {
    }

    static int show(Settings settings, CommandLine line) {
        ModelOverview overview = read(settings);
        String model = SettingsCommand.model(settings);
        ModelOverview.Entry entry = overview.entries(List.of(model)).getFirst();
        List<ControlRecord> decisions = overview.decisions(model);
        List<SnapshotManifest> versions = entry.newest() == null && entry.beat() == null ? List.of()
                : PublishedManifests.read(settings.kafka(), topics(settings), model);
        Shown shown =
                new Shown(entry, line(entry, from(entry, settings)), ControlState.of(model, decisions).candidates(),
                        decisions.subList(Math.max(0, decisions.size() - DECISIONS), decisions.size()), versions);
        line.getOut().print(settings.flag(CliSettings.JSON) ? line(shown) : text(shown));
        return 0;
    }

    private static JsonLine line(Shown shown) {
        ModelRecord model = shown.entry().model();
        JsonLine line = shown.line();
        line.put("epoch_began", model.getCreatedAt().toString()).put("spec_fingerprint", model.getSpecFingerprint())
                .put("topic_id", model.getInputTopicId()).put("start_offset", model.getStartOffset());
        line.put("rollbacks", model.getRollbacks().stream().map(origin -> new JsonLine().put("epoch", origin.getEpoch())
                .put("base_epoch", origin.getBaseEpoch()).put("base_version", origin.getBaseVersion())
                .put("base_next_offset", origin.getBaseNextOffset())
                .put("base_weights_hash", origin.getBaseWeightsHash()).put("resume_offset", origin.getResumeOffset())
                .put("numerics", numerics(origin))
                .put("moved_from_topic_id", origin.getMovedToTopicId().isEmpty() ? null : origin.getMovedFromTopicId()))
                .toList())
                .put("candidates", shown.candidates().stream()
                        .map(candidate -> new JsonLine().put("model", candidate.model()).put("role", role(candidate))
                                .put("share", candidate.share() / (double) Candidate.WHOLE))
                        .toList())
                .put("decisions", shown.decisions().stream().map(ModelsListing::line).toList())
                .put("versions", shown.versions().stream().map(each -> each.epoch() + "." + each.version()).toList())
                .put("spec", model.getSpec());
        return line;
    }

    private static JsonLine line(ControlRecord record) {
        return new JsonLine().put("time", Instant.ofEpochMilli(record.time()).toString())
                .put("action", record.action().word()).put("what", what(record.action())).put("author", record.author())
                .put("reason", record.reason());
    }

    /// Returns what an action changes, for people.
    private static String what(ControlAction action) {
        return switch (action) {
            case ControlAction.Create create ->
                "epoch %d from offset %,d of %s".formatted(create.epoch(), create.startOffset(), create.inputTopic());
            case ControlAction.Rollback rollback ->
                "epoch %d from version %d.%d, on at offset %,d%s".formatted(rollback.epoch(), rollback.base().epoch(),
                        rollback.base().version(), rollback.resumeOffset(), rollback.isMove() ? " of a copy of the log"
                                : rollback.isUpgrade() ? ", by numerics " + rollback.numerics() : "");
            case ControlAction.Promote promote -> "answered by " + promote.by();
            case ControlAction.Pause pause -> "";
            case ControlAction.Resume resume -> "";
            case ControlAction.Delete delete -> "";
            case ControlAction.Shadow shadow -> shadow.by() + " scores what is asked too";
            case ControlAction.Challenge challenge ->
                "%s answers for %s of the keys".formatted(challenge.by(), Candidate.percent(challenge.share()));
            case ControlAction.Withdraw withdraw -> withdraw.by() + " is tried no more";
            case ControlAction.Hold hold -> "version %d.%,d at offset %,d is not published, %s".formatted(hold.epoch(),
                    hold.version(), hold.offset(),
                    hold.published() < 0 ? "nor was one before" : "%,d stays".formatted(hold.published()));
            case ControlAction.Publish publish ->
                "version %d.%,d, by offset %,d".formatted(publish.epoch(), publish.version(), publish.offset());
        };
    }

    /// Returns the numerics of an upgrade, or null for a rollback.
    private static @Nullable Integer numerics(EpochOrigin origin) {
        return origin.getNumerics() == 0 ? null : origin.getNumerics();
    }

    private static String role(Candidate candidate) {
        return candidate.role().name().toLowerCase(Locale.ROOT);
    }

    private static String text(Shown shown) {
        ModelOverview.Entry entry = shown.entry();
        ModelRecord model = entry.model();
        JsonLine line = shown.line();
        Lines lines = new Lines().add("model", "%s, %s, epoch %d since %s", model.getModel(), stage(model),
                model.getEpoch(), model.getCreatedAt());
        if (model.getAnsweredBy() != null) {
            lines.add("answered by", "%s", model.getAnsweredBy());
        }
        for (Candidate candidate : shown.candidates()) {
            lines.add("tried", "%s as a %s%s", candidate.model(), role(candidate),
                    candidate.role() == Candidate.Role.CHALLENGER
                            ? " for " + Candidate.percent(candidate.share()) + " of the keys" : "");
        }
        lines.add("spec", "%s", model.getSpecFingerprint()).add("learns from", "%s (%s), from offset %,d on%s",
                source(line), model.getInputTopicId(), model.getStartOffset(),
                model.getRollbacks().stream().allMatch(each -> each.getMovedToTopicId().isEmpty()) ? ""
                        : " of the log before");
        for (EpochOrigin origin : model.getRollbacks()) {
            if (!origin.getMovedToTopicId().isEmpty()) {
                lines.add("moved",
                        "epoch %d goes on from version %d.%d at offset %,d of a copy (%s), from %,d of %s; %s",
                        origin.getEpoch(), origin.getBaseEpoch(), origin.getBaseVersion(), origin.getResumeOffset(),
                        origin.getMovedToTopicId(), origin.getLeftAtOffset(), origin.getMovedFromTopicId(),
                        origin.getBaseWeightsHash());
                continue;
            }
            if (numerics(origin) != null) {
                lines.add("upgraded", "epoch %d goes on from version %d.%d at offset %,d by numerics %d; %s",
                        origin.getEpoch(), origin.getBaseEpoch(), origin.getBaseVersion(), origin.getBaseNextOffset(),
                        origin.getNumerics(), origin.getBaseWeightsHash());
                continue;
            }
            lines.add("rolled back", "epoch %d goes on from version %d.%d, %,d offsets from %,d on left out; %s",
                    origin.getEpoch(), origin.getBaseEpoch(), origin.getBaseVersion(),
                    origin.getResumeOffset() - origin.getBaseNextOffset(), origin.getBaseNextOffset(),
                    origin.getBaseWeightsHash());
        }
        lines.add("learned", "version %s, %s events, %s offsets behind", Table.cell(line.get("version")),
                Table.cell(line.get("events")), Table.cell(line.get("lag")))
                .add("trainer", "%s", entry.beat() == null ? "none has learned this epoch"
                        : "last heard of at " + line.get("heartbeat"));
        TrainerStatus status = entry.status();
        if (status != null) {
            lines.add("dead letters", "%s, %s of the newest events", Table.cell(line.get("dead_letters")),
                    Table.cell(percent(line.get("dead_letter_share"))));
        }
        if (entry.newest() != null) {
            lines.add("quality", "loss %s, of the prior %s, AUC %s", Table.cell(rounded(line.get("loss"))),
                    Table.cell(rounded(line.get("prior_loss"))), Table.cell(rounded(line.get("auc"))));
        }
        for (TrainerStatus.AsServed each : status == null ? List.<TrainerStatus.AsServed>of() : status.served()) {
            JsonLine served = line(each);
            lines.add("as served",
                    "epoch %d, %s: loss %s, AUC %s, mean prediction %s where %s was true, of %,d predictions",
                    each.epoch(), each.stage(), Table.cell(rounded(served.get("loss"))),
                    Table.cell(rounded(served.get("auc"))), Table.cell(rounded(served.get("mean_prediction"))),
                    Table.cell(rounded(served.get("mean_label"))), each.predictions());
        }
        for (String reason : reasons(entry)) {
            lines.add("trouble", "%s", reason);
        }
        lines.add("published", "%s", shown.versions().isEmpty() ? "nothing" : shown.versions().stream()
                .map(each -> each.epoch() + "." + each.version()).collect(Collectors.joining(", ")));
        for (ControlRecord record : shown.decisions()) {
            lines.add("decided", "%s  %-8s  %s", Instant.ofEpochMilli(record.time()), record.action().word(),
                    Stream.of(what(record.action()), record.author(), record.reason()).filter(text -> !text.isEmpty())
                            .collect(Collectors.joining("; ")));
        }
        return lines.toString();
    }
}
