package io.tidegrad.cli;

import io.tidegrad.control.ControlAction;
import io.tidegrad.control.ControlRecord;
import io.tidegrad.control.Decisions;
import io.tidegrad.control.LogPosition;
import io.tidegrad.control.ModelData;
import io.tidegrad.control.ProcessStatus;
import io.tidegrad.control.ScorerObserver;
import io.tidegrad.control.SpecFile;
import io.tidegrad.control.TrainerObserver;
import io.tidegrad.model.snapshot.ManifestKeys;
import io.tidegrad.ops.settings.CommonSettings;
import io.tidegrad.ops.settings.Settings;
import io.tidegrad.schemas.ModelRecord;
import io.tidegrad.schemas.Topics;
import io.tidegrad.trainer.TrainerSettings;
import io.tidegrad.trainer.exit.ExitCode;
import io.tidegrad.trainer.exit.TrainerException;
import io.tidegrad.trainer.relearn.TimeTravel;
import java.io.PrintWriter;
import java.math.BigDecimal;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.PublicKey;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.function.Function;
import java.util.function.Predicate;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.KafkaException;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;

/// A command that decides something, says what changed, and waits for a trainer to follow: as long as `--timeout`
/// allows. That none does is told and is no failure: the decision stands, and the next trainer reads it.
abstract class ModelDecision extends SettingsCall {
    ModelDecision(io.tidegrad.ops.settings.Command settingsOf) {
        super(settingsOf);
    }

    /// What a command needs.
    record Desk(Settings settings, Topics topics, Decisions decisions, TrainerObserver trainers, ModelData data,
            ScorerObserver scorers) {
        Duration timeout() {
            return Duration.ofSeconds(settings.number(CliSettings.TIMEOUT));
        }

        /// Whether to wait until scorers have followed: when asked to, and for a person.
        boolean waits() {
            return settings.flag(CliSettings.WAIT) || (System.console() != null && System.console().isTerminal());
        }

        /// Where what scorers tell of the decision begins; asked before it.
        OptionalLong mark() {
            return waits() ? OptionalLong.of(scorers.mark()) : OptionalLong.empty();
        }
    }

    /// What a command tells.
    ///
    /// @param more names and values that only this command knows
    /// @param trainer how a trainer followed, for people
    /// @param status of the process
    record Outcome(Decisions.Decided decided, Map<String, Object> more, String trainer, int status) {
        Outcome(Decisions.Decided decided, Map<String, Object> more, String trainer) {
            this(decided, more, trainer, 0);
        }
    }

    /// Waits for scorers, when that is wanted, and tells how they followed.
    ///
    /// @param mark from `Desk.mark`, before the decision
    /// @param concerned by what answers to a name
    /// @param follows what was decided
    /// @return status of the process: scorers may follow yet, so trying again can help
    private static int awaitScorers(Desk desk, OptionalLong mark, Predicate<ProcessStatus.Served> concerned,
            Predicate<ProcessStatus.Served> follows, Map<String, Object> more) {
        if (mark.isEmpty()) {
            return 0;
        }
        ScorerObserver.Following found = desk.scorers().await(mark.getAsLong(), desk.timeout(), concerned, follows);
        more.put("scorers", words(found, desk.topics()));
        more.put("scorers_followed", found.followed().size());
        more.put("scorers_behind", found.behind().size());
        return found.isDone() ? 0 : ExitCode.RETRYABLE.status();
    }

    private static String words(ScorerObserver.Following found, Topics topics) {
        String pinned = found.pinned().isEmpty() ? "" : "; pinned to a version: " + String.join(", ", found.pinned());
        if (found.followed().isEmpty() && found.behind().isEmpty()) {
            return "none that follows has told " + topics.status() + " of itself in "
                    + String.format(Locale.ROOT, "%.0f", found.seconds()) + " s: none runs, or none may write there"
                    + pinned;
        }
        return String.format(Locale.ROOT, "%d of %d followed after %.1f s", found.followed().size(),
                found.followed().size() + found.behind().size(), found.seconds())
                + (found.behind().isEmpty() ? "" : "; not yet: " + String.join(", ", found.behind())) + pinned;
    }

    /// Tells `settings` of problems that only this decision can know; most know none.
    ///
    /// @param settings not yet refused
    void check(Settings settings) {}

    abstract Outcome decide(Desk desk);

    @Override
    int run(Settings settings, PrintWriter out) {
        check(settings);
        String reason = settings.text(CliSettings.REASON);
        if (reason.getBytes(StandardCharsets.UTF_8).length > ControlRecord.REASON_BYTES_MAX) {
            settings.problem("--reason: expected at most " + ControlRecord.REASON_BYTES_MAX + " bytes, found "
                    + reason.getBytes(StandardCharsets.UTF_8).length);
        }
        String author = author(settings);
        if (author.getBytes(StandardCharsets.UTF_8).length > ControlRecord.AUTHOR_BYTES_MAX) {
            settings.problem("--author: expected at most " + ControlRecord.AUTHOR_BYTES_MAX + " bytes");
        }
        settings.refuseMistakes();
        Topics topics = new Topics(settings.text(CommonSettings.PREFIX));
        long start = System.nanoTime();
        Outcome outcome;
        try (Admin admin = TrainerObserver.admin(settings.kafka())) {
            outcome = decide(new Desk(settings, topics,
                    new Decisions(settings.kafka(), topics, admin,
                            (short) settings.numberIfGiven(TrainerSettings.REPLICATION).orElse(-1),
                            new Decisions.By(author, reason)),
                    new TrainerObserver(settings.kafka(), topics, admin), new ModelData(topics, admin),
                    new ScorerObserver(settings.kafka(), topics)));
        } catch (KafkaException e) {
            throw TrainerException.from(e);
        }
        double seconds = (System.nanoTime() - start) * 1e-9;
        out.print(settings.flag(CliSettings.JSON) ? json(line(outcome, seconds)) : text(outcome));
        return outcome.status();
    }

    private static String author(Settings settings) {
        String given = settings.text(CliSettings.AUTHOR);
        if (!given.isEmpty()) {
            return given;
        }
        String host;
        try {
            host = InetAddress.getLocalHost().getHostName();
        } catch (UnknownHostException nameless) {
            host = "localhost";
        }
        return System.getProperty("user.name", "") + "@" + host;
    }

    private static String text(Outcome outcome) {
        ControlRecord record = outcome.decided().record();
        ModelRecord after = outcome.decided().after();
        Lines lines = new Lines()
                .add("model", "%s: %s at %s by %s%s", record.model(), record.action().word(),
                        Instant.ofEpochMilli(record.time()), record.author(),
                        record.reason().isEmpty() ? "" : ": " + record.reason())
                .add("stage", "%s", change(outcome.decided(), ModelsListing::stage))
                .add("epoch", "%s", change(outcome.decided(), each -> "" + each.getEpoch()));
        outcome.more().forEach((name, value) -> lines.add(name.replace('_', ' '), "%s", Table.cell(value)));
        if (after != null && after.getAnsweredBy() != null) {
            lines.add("answered by", "%s", after.getAnsweredBy());
        }
        return lines.add("trainer", "%s", outcome.trainer()).toString();
    }

    private static String change(Decisions.Decided decided, Function<ModelRecord, String> of) {
        String before = decided.before() == null ? "none" : of.apply(decided.before());
        String after = decided.after() == null ? "none" : of.apply(decided.after());
        return before.equals(after) ? after : before + " -> " + after;
    }

    private static Map<String, @Nullable Object> line(Outcome outcome, double seconds) {
        ControlRecord record = outcome.decided().record();
        ModelRecord after = outcome.decided().after();
        Map<String, @Nullable Object> line = new LinkedHashMap<>();
        line.put("model", record.model());
        line.put("action", record.action().word());
        line.put("time", Instant.ofEpochMilli(record.time()).toString());
        line.put("author", record.author());
        line.put("reason", record.reason());
        line.put("stage", after == null ? null : ModelsListing.stage(after));
        line.put("epoch", after == null ? null : after.getEpoch());
        line.put("answered_by", after == null ? null : after.getAnsweredBy());
        line.putAll(outcome.more());
        line.put("trainer", outcome.trainer());
        line.put("seconds", seconds);
        return line;
    }

    private static String after(long start) {
        return String.format(Locale.ROOT, "after %.1f s", (System.nanoTime() - start) * 1e-9);
    }

    private static String awaitStop(Desk desk, String model, int epoch, boolean ran) {
        long start = System.nanoTime();
        if (!ran) {
            return "no trainer runs this model";
        }
        return desk.trainers().awaitStopped(model, epoch, desk.timeout()) ? "stopped learning " + after(start)
                : "one still has it after " + desk.timeout().toSeconds()
                        + " s: it stops when it reads the control topic, or its session ends";
    }

    private static String awaitLearning(Desk desk, String model, int epoch, long mark, String otherwise) {
        long start = System.nanoTime();
        OptionalLong version = desk.trainers().awaitLearning(model, epoch, mark, desk.timeout());
        return version.isPresent()
                ? String.format(Locale.ROOT, "learns from version %,d %s", version.getAsLong(), after(start))
                : otherwise;
    }

    private static String notYet(Desk desk) {
        return "none has begun within " + desk.timeout().toSeconds() + " s; it learns when one runs";
    }

    @Command(name = "create", description = "Register a model, for a trainer to learn.")
    static final class Create extends ModelDecision {
        Create() {
            super(CliCommands.MODELS_CREATE);
        }

        @Override
        void check(Settings settings) {
            List<String> specs = settings.list(TrainerSettings.SPEC);
            if (specs.size() > 1) {
                settings.problem("--spec: expected one, found " + String.join(", ", specs));
            }
        }

        @Override
        Outcome decide(Desk desk) {
            Settings settings = desk.settings();
            var spec = SpecFile.read(Path.of(settings.list(TrainerSettings.SPEC).getFirst()));
            long mark = desk.trainers().mark(spec.model());
            Decisions.Decided decided = desk.decisions().create(spec, place(settings.text(CliSettings.START_AT)));
            ModelRecord after = Objects.requireNonNull(decided.after(), "just created");
            return new Outcome(decided, Map.of("start_offset", after.getStartOffset()),
                    awaitLearning(desk, spec.model(), after.getEpoch(), mark,
                            "none has begun within " + desk.timeout().toSeconds() + " s; start one with --model "
                                    + spec.model() + ", or with --all-models"));
        }
    }

    private static LogPosition place(String where) {
        return switch (where) {
            case "begin" -> new LogPosition.Begin();
            case "end" -> new LogPosition.End();
            default -> LogPosition.parse(where);
        };
    }

    @Command(name = "pause", description = "Stop learning; scorers go on answering.")
    static final class Pause extends ModelDecision {
        Pause() {
            super(CliCommands.MODELS_PAUSE);
        }

        @Override
        Outcome decide(Desk desk) {
            String model = model(desk.settings());
            int epoch = desk.decisions().find(model).getEpoch();
            boolean ran = desk.trainers().runs(model, epoch);
            Decisions.Decided decided = desk.decisions().pause(model);
            return new Outcome(decided, Map.of(), awaitStop(desk, model, epoch, ran));
        }
    }

    @Command(name = "resume", description = "Go on learning where it stopped.")
    static final class Resume extends ModelDecision {
        Resume() {
            super(CliCommands.MODELS_RESUME);
        }

        @Override
        Outcome decide(Desk desk) {
            String model = model(desk.settings());
            long mark = desk.trainers().mark(model);
            Decisions.Decided decided = desk.decisions().resume(model);
            int epoch = Objects.requireNonNull(decided.after()).getEpoch();
            return new Outcome(decided, Map.of(), awaitLearning(desk, model, epoch, mark, notYet(desk)));
        }
    }

    @Command(name = "rollback", description = "Go back to a published version, in a new epoch.")
    static final class Rollback extends ModelDecision {
        Rollback() {
            super(CliCommands.MODELS_ROLLBACK);
        }

        private @Nullable PublicKey key;

        @Override
        void check(Settings settings) {
            key = settings.file(CommonSettings.SNAPSHOT_PUBLIC_KEY, ManifestKeys::publicKey);
        }

        @Override
        Outcome decide(Desk desk) {
            Settings settings = desk.settings();
            String model = model(settings);
            OptionalLong epoch = settings.numberIfGiven(CliSettings.EPOCH);
            String resumeAt = settings.text(CliSettings.RESUME_AT);
            long mark = desk.trainers().mark(model);
            boolean ran = desk.trainers().runs(model, desk.decisions().find(model).getEpoch());
            OptionalLong scorersMark = desk.mark();
            Decisions.RolledBack back = desk.decisions().rollback(model,
                    new Decisions.Back(
                            epoch.isPresent() ? OptionalInt.of((int) epoch.getAsLong()) : OptionalInt.empty(),
                            settings.numberIfGiven(CliSettings.VERSION).orElseThrow(),
                            resumeAt.equals("base") ? new Decisions.ResumeAt.Base()
                                    : new Decisions.ResumeAt.At(place(resumeAt))),
                    (of, version) -> Snapshots.find(settings, model, of, version, key),
                    (lineage, nextOffset) -> TimeTravel.requireReachable(settings.kafka(), desk.topics(), lineage,
                            nextOffset));
            ControlAction.Rollback rollback = back.rollback();
            Map<String, Object> more = new LinkedHashMap<>();
            more.put("base", rollback.base().epoch() + "." + rollback.base().version());
            more.put("weights_hash", rollback.base().weightsHash());
            more.put("next_offset", rollback.base().nextOffset());
            more.put("resume_offset", rollback.resumeOffset());
            more.put("skipped", back.skipped());
            int status = awaitScorers(desk, scorersMark, served -> served.model().equals(model),
                    served -> served.epoch() >= rollback.epoch(), more);
            return new Outcome(back.decided(), more, follow(desk, model, back.decided(), ran, mark), status);
        }

        private static String follow(Desk desk, String model, Decisions.Decided decided, boolean ran, long mark) {
            ModelRecord after = Objects.requireNonNull(decided.after());
            if (after.getPausedFrom() != null) {
                return "paused: it learns on when it is resumed";
            }
            return ran
                    ? awaitLearning(desk, model, after.getEpoch(), mark,
                            "none has begun within " + desk.timeout().toSeconds()
                                    + " s; it may still learn the base again: its /health tells")
                    : "no trainer runs this model; it learns on when one does";
        }
    }

    @Command(name = "promote", description = "Let a model answer, for its own name or for another one.")
    static final class Promote extends ModelDecision {
        Promote() {
            super(CliCommands.MODELS_PROMOTE);
        }

        @Override
        Outcome decide(Desk desk) {
            String by = model(desk.settings());
            String given = desk.settings().text(CliSettings.FOR);
            String name = given.isEmpty() ? by : given;
            OptionalLong mark = desk.mark();
            Decisions.Decided decided = desk.decisions().promote(name, by);
            Map<String, Object> more = new LinkedHashMap<>();
            more.put("by", by);
            int epoch = ((ControlAction.Promote) decided.record().action()).epoch();
            int status = awaitScorers(desk, mark, served -> served.name().equals(name),
                    served -> served.model().equals(by) && served.epoch() >= epoch, more);
            return new Outcome(decided, more, "nothing to do for it", status);
        }
    }

    /// Decides what a model is under another one's name.
    private abstract static class Tried extends ModelDecision {
        Tried(io.tidegrad.ops.settings.Command settingsOf) {
            super(settingsOf);
        }

        abstract Decisions.Decided decide(Desk desk, String name, String by);

        @Override
        Outcome decide(Desk desk) {
            String by = model(desk.settings());
            return new Outcome(decide(desk, desk.settings().text(CliSettings.FOR), by), Map.of("by", by),
                    "nothing to do for it; scorers follow within 2 s");
        }
    }

    @Command(name = "shadow", description = "Let a model score what another one is asked, and answer nothing.")
    static final class Shadow extends Tried {
        Shadow() {
            super(CliCommands.MODELS_SHADOW);
        }

        @Override
        Decisions.Decided decide(Desk desk, String name, String by) {
            return desk.decisions().shadow(name, by);
        }
    }

    @Command(name = "challenge", description = "Let a model answer for a share of another one's keys.")
    static final class Challenge extends Tried {
        Challenge() {
            super(CliCommands.MODELS_CHALLENGE);
        }

        @Override
        Decisions.Decided decide(Desk desk, String name, String by) {
            int share = new BigDecimal(desk.settings().text(CliSettings.SHARE)).movePointRight(2).intValueExact();
            return desk.decisions().challenge(name, by, share);
        }
    }

    @Command(name = "withdraw", description = "End what `shadow` or `challenge` began.")
    static final class Withdraw extends Tried {
        Withdraw() {
            super(CliCommands.MODELS_WITHDRAW);
        }

        @Override
        Decisions.Decided decide(Desk desk, String name, String by) {
            return desk.decisions().withdraw(name, by);
        }
    }

    @Command(name = "delete", description = "Take a model out of the catalog, and what is stored of it.")
    static final class Delete extends ModelDecision {
        Delete() {
            super(CliCommands.MODELS_DELETE);
        }

        @Override
        Outcome decide(Desk desk) {
            String model = model(desk.settings());
            // What an earlier command could not clear away is cleared now.
            Decisions.Decided before = desk.decisions().deletion(model);
            int epoch = before == null ? desk.decisions().find(model).getEpoch() : desk.decisions().epochs(model);
            boolean ran = desk.trainers().runs(model, epoch);
            Decisions.Decided decided = before == null ? desk.decisions().delete(model) : before;
            String trainer = awaitStop(desk, model, epoch, ran);
            Map<String, Object> more = new LinkedHashMap<>();
            if (desk.settings().flag(CliSettings.KEEP_DATA)) {
                more.put("deleted", "nothing: kept on request");
            } else if (desk.trainers().runs(model, epoch)) {
                more.put("deleted", "nothing while a trainer has it; give the command again later");
            } else {
                List<String> deleted = desk.data().delete(model, epoch);
                more.put("deleted", deleted.isEmpty() ? "nothing" : String.join(", ", deleted));
            }
            return new Outcome(decided, more, trainer);
        }
    }
}
