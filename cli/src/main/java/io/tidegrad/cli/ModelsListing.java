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
import io.tidegrad.trainer.exit.TrainerException;
import java.io.PrintWriter;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import org.apache.kafka.common.KafkaException;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;

/// What there is: all models in a table, or one of them in full.
final class ModelsListing {
    private ModelsListing() {}

    private static <T> T read(Settings settings, Function<ModelOverview, T> reader) {
        settings.refuseMistakes();
        try {
            return reader.apply(ModelOverview.read(settings.kafka(), new Topics(settings.text(CommonSettings.PREFIX))));
        } catch (KafkaException e) {
            throw TrainerException.from(e);
        }
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

    /// Committed, or at least published.
    private static @Nullable Long version(ModelOverview.Entry entry) {
        Heartbeat beat = entry.beat();
        SnapshotManifest newest = entry.newest();
        if (beat != null) {
            return beat.version();
        }
        return newest == null ? null : Long.valueOf(newest.version());
    }

    private static Map<String, @Nullable Object> line(ModelOverview.Entry entry) {
        ModelRecord model = entry.model();
        SnapshotManifest newest = entry.newest();
        Heartbeat beat = entry.beat();
        Map<String, @Nullable Object> line = new LinkedHashMap<>();
        line.put("model", model.getModel());
        line.put("stage", stage(model));
        line.put("epoch", model.getEpoch());
        line.put("version", version(entry));
        line.put("events", newest == null ? null : newest.examples());
        line.put("lag", entry.lag() < 0 ? null : entry.lag());
        line.put("newest_snapshot", newest == null ? null : Instant.ofEpochMilli(entry.newestTime()).toString());
        line.put("heartbeat", beat == null ? null : Instant.ofEpochMilli(beat.time()).toString());
        line.put("topic", model.getInputTopic());
        line.put("answered_by", model.getAnsweredBy());
        line.put("loss", newest == null ? null : number(newest.logLoss()));
        line.put("prior_loss", newest == null ? null : number(newest.priorLogLoss()));
        line.put("auc", newest == null ? null : number(newest.auc()));
        TrainerStatus status = entry.status();
        line.put("dead_letters", deadLetters(status));
        line.put("dead_letter_share", share(status));
        line.put("trainer", status == null ? null : status.state());
        line.put("exit_code", status == null ? null : status.exitCode());
        line.put("reasons", status == null ? List.of() : status.reasons().stream().map(ModelsListing::line).toList());
        return line;
    }

    private static Map<String, Object> line(TrainerStatus.Reason reason) {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("reason", reason.word());
        line.put("message", reason.message());
        line.put("since", Instant.ofEpochMilli(reason.since()).toString());
        return line;
    }

    private static @Nullable Double number(double value) {
        return Double.isNaN(value) ? null : value;
    }

    private static @Nullable Long deadLetters(@Nullable TrainerStatus status) {
        return status == null || status.deadLetters() < 0 ? null : status.deadLetters();
    }

    /// Of the epoch's events; of those of the last minute where there were any.
    private static @Nullable Double share(@Nullable TrainerStatus status) {
        if (status == null || status.deadLetters() < 0) {
            return null;
        }
        return number(Double.isNaN(status.recentDeadLetterShare())
                ? (double) status.deadLetters() / (status.deadLetters() + status.accepted())
                : status.recentDeadLetterShare());
    }

    /// `live`, `live, failed`, `live, degraded`: what was decided, and what became of it.
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

    /// Sentences for people, with what tries again where something does.
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
            reasons.add("once that is mended: tidegrad models resume " + entry.model().getModel() + " tries again");
        }
        return reasons;
    }

    @Command(name = "list", description = "List the registered models and how far each has learned.")
    static final class All extends SettingsCall {
        All() {
            super(CliCommands.MODELS_LIST);
        }

        @Override
        int run(Settings settings, PrintWriter out) {
            List<ModelOverview.Entry> entries =
                    read(settings, overview -> overview.entries(settings.list(CommonSettings.MODEL)));
            if (settings.flag(CliSettings.JSON)) {
                entries.forEach(entry -> out.print(json(line(entry))));
            } else {
                out.print(table(entries, Instant.now()));
            }
            return 0;
        }

        private static String table(List<ModelOverview.Entry> entries, Instant now) {
            Table table = new Table("model", "stage", "epoch", "version", "events", "lag", "snapshot age",
                    "dead letters", "share", "loss", "prior loss", "AUC").leftAfter("topic");
            StringBuilder reasons = new StringBuilder();
            for (ModelOverview.Entry entry : entries) {
                Map<String, @Nullable Object> line = line(entry);
                table.add(line.get("model"),
                        entry.model().getAnsweredBy() == null ? condition(entry)
                                : condition(entry) + ", answers: " + line.get("answered_by"),
                        line.get("epoch"), line.get("version"), line.get("events"), line.get("lag"),
                        entry.newest() == null ? null
                                : age(Duration.between(Instant.ofEpochMilli(entry.newestTime()), now)),
                        line.get("dead_letters"), percent(line.get("dead_letter_share")), rounded(line.get("loss")),
                        rounded(line.get("prior_loss")), rounded(line.get("auc")), line.get("topic"));
                for (String reason : reasons(entry)) {
                    reasons.append(entry.model().getModel()).append(": ").append(reason).append('\n');
                }
            }
            return table + (reasons.isEmpty() ? "" : "\n" + reasons);
        }
    }

    @Command(name = "show", description = "Show all that is known of a model: lineage, decisions, versions.")
    static final class One extends SettingsCall {
        private static final int DECISIONS = 10;

        One() {
            super(CliCommands.MODELS_SHOW);
        }

        /// @param candidates that are tried under the model's name
        private record Shown(ModelOverview.Entry entry, List<Candidate> candidates, List<ControlRecord> decisions,
                List<SnapshotManifest> versions) {
        }

        @Override
        int run(Settings settings, PrintWriter out) {
            Shown shown = read(settings, overview -> {
                String model = model(settings);
                ModelOverview.Entry entry = overview.entries(List.of(model)).getFirst();
                List<ControlRecord> decisions = overview.decisions(model);
                List<SnapshotManifest> versions =
                        entry.newest() == null && entry.beat() == null ? List.of() : PublishedManifests
                                .read(settings.kafka(), new Topics(settings.text(CommonSettings.PREFIX)), model);
                return new Shown(entry, ControlState.of(model, decisions).candidates(),
                        decisions.subList(Math.max(0, decisions.size() - DECISIONS), decisions.size()), versions);
            });
            out.print(settings.flag(CliSettings.JSON) ? json(line(shown)) : text(shown));
            return 0;
        }

        private static Map<String, @Nullable Object> line(Shown shown) {
            ModelRecord model = shown.entry().model();
            Map<String, @Nullable Object> line = ModelsListing.line(shown.entry());
            line.put("epoch_began", model.getCreatedAt().toString());
            line.put("spec_fingerprint", model.getSpecFingerprint());
            line.put("topic_id", model.getInputTopicId());
            line.put("start_offset", model.getStartOffset());
            List<Map<String, @Nullable Object>> rollbacks = new ArrayList<>();
            for (EpochOrigin origin : model.getRollbacks()) {
                Map<String, @Nullable Object> each = new LinkedHashMap<>();
                each.put("epoch", origin.getEpoch());
                each.put("base_epoch", origin.getBaseEpoch());
                each.put("base_version", origin.getBaseVersion());
                each.put("base_next_offset", origin.getBaseNextOffset());
                each.put("base_weights_hash", origin.getBaseWeightsHash());
                each.put("resume_offset", origin.getResumeOffset());
                rollbacks.add(each);
            }
            line.put("rollbacks", rollbacks);
            List<Map<String, @Nullable Object>> candidates = new ArrayList<>();
            for (Candidate candidate : shown.candidates()) {
                Map<String, @Nullable Object> each = new LinkedHashMap<>();
                each.put("model", candidate.model());
                each.put("role", role(candidate));
                each.put("share", candidate.share() / (double) Candidate.WHOLE);
                candidates.add(each);
            }
            line.put("candidates", candidates);
            line.put("decisions", shown.decisions().stream().map(One::line).toList());
            line.put("versions", shown.versions().stream().map(each -> each.epoch() + "." + each.version()).toList());
            line.put("spec", model.getSpec());
            return line;
        }

        private static Map<String, @Nullable Object> line(ControlRecord record) {
            Map<String, @Nullable Object> line = new LinkedHashMap<>();
            line.put("time", Instant.ofEpochMilli(record.time()).toString());
            line.put("action", record.action().word());
            line.put("what", what(record.action()));
            line.put("author", record.author());
            line.put("reason", record.reason());
            return line;
        }

        /// An action's components, for people.
        private static String what(ControlAction action) {
            return switch (action) {
                case ControlAction.Create create -> "epoch %d from offset %,d of %s".formatted(create.epoch(),
                        create.startOffset(), create.inputTopic());
                case ControlAction.Rollback rollback -> "epoch %d from version %d.%d, on at offset %,d".formatted(
                        rollback.epoch(), rollback.base().epoch(), rollback.base().version(), rollback.resumeOffset());
                case ControlAction.Promote promote -> "answered by " + promote.by();
                case ControlAction.Pause pause -> "";
                case ControlAction.Resume resume -> "";
                case ControlAction.Delete delete -> "";
                case ControlAction.Shadow shadow -> shadow.by() + " scores what is asked too";
                case ControlAction.Challenge challenge ->
                    "%s answers for %s of the keys".formatted(challenge.by(), Candidate.percent(challenge.share()));
                case ControlAction.Withdraw withdraw -> withdraw.by() + " is tried no more";
            };
        }

        private static String role(Candidate candidate) {
            return candidate.role().name().toLowerCase(Locale.ROOT);
        }

        private static String text(Shown shown) {
            ModelOverview.Entry entry = shown.entry();
            ModelRecord model = entry.model();
            Map<String, @Nullable Object> line = ModelsListing.line(entry);
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
            lines.add("spec", "%s", model.getSpecFingerprint()).add("learns from", "%s (%s), from offset %,d on",
                    model.getInputTopic(), model.getInputTopicId(), model.getStartOffset());
            for (EpochOrigin origin : model.getRollbacks()) {
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
            for (String reason : reasons(entry)) {
                lines.add("trouble", "%s", reason);
            }
            lines.add("published", "%s",
                    shown.versions().isEmpty() ? "nothing"
                            : shown.versions().stream().map(each -> each.epoch() + "." + each.version())
                                    .collect(java.util.stream.Collectors.joining(", ")));
            for (ControlRecord record : shown.decisions()) {
                lines.add("decided", "%s  %-8s  %s", Instant.ofEpochMilli(record.time()), record.action().word(),
                        java.util.stream.Stream.of(what(record.action()), record.author(), record.reason())
                                .filter(text -> !text.isEmpty()).collect(java.util.stream.Collectors.joining("; ")));
            }
            return lines.toString();
        }
    }
}
