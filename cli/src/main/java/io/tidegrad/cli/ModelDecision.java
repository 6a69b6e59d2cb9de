package io.tidegrad.cli;

import io.tidegrad.control.ControlAction;
import io.tidegrad.control.ControlLog;
import io.tidegrad.control.ControlRecord;
import io.tidegrad.control.Decisions;
import io.tidegrad.control.EventSchemas;
import io.tidegrad.control.KafkaTopics;
import io.tidegrad.control.Lineage;
import io.tidegrad.control.LogPosition;
import io.tidegrad.control.ModelData;
import io.tidegrad.control.ProcessStatus;
import io.tidegrad.control.PublishedManifests;
import io.tidegrad.control.RegisteredModel;
import io.tidegrad.control.ScorerObserver;
import io.tidegrad.control.SpecFile;
import io.tidegrad.control.suggestion.SpecSuggestion;
import io.tidegrad.control.TopicReader;
import io.tidegrad.control.TrainerObserver;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.model.Numerics;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.model.snapshot.ManifestKeys;
import io.tidegrad.model.snapshot.PublishedSnapshot;
import io.tidegrad.model.snapshot.SnapshotManifest;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.ops.settings.Command;
import io.tidegrad.ops.settings.CommonSettings;
import io.tidegrad.ops.settings.Setting;
import io.tidegrad.ops.settings.Settings;
import io.tidegrad.process.RunTeller;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.StopException;
import io.tidegrad.schemas.ModelRecord;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.schemas.Stage;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.RegistrySettings;
import io.tidegrad.trainer.Handover;
import io.tidegrad.trainer.TrainerConfig;
import io.tidegrad.trainer.relearn.LogSearch;
import io.tidegrad.trainer.relearn.TimeTravel;
import io.tidegrad.trainer.store.Changelog;
import io.tidegrad.trainer.store.StoredState;
import java.io.PrintWriter;
import java.math.BigDecimal;
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
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;

/// The commands of `tidegrad models`: those that show models (`ModelsListing`), and those that decide about one. A decision
/// is written, what changed is shown, and the command waits up to `--timeout` for a trainer to follow. If none does, the
/// command shows that and succeeds: the decision stands, and the next trainer reads it.
final class ModelDecision {
    private static final int PAUSE_LOOKS_MAX = 100;
    private static final long PAUSE_LOOK_NANOS = 100_000_000;

    private final Settings settings;
    private final CommandLine line;
    private final PrintWriter err;
    private final Admin admin;
    private final Topics topics;
    private final Decisions decisions;
    private final TrainerObserver trainers;
    private final ModelData data;
    private final ScorerObserver scorers;
    private final @Nullable PublicKey key;

    private ModelDecision(Settings settings, Admin admin, Decisions.By author, @Nullable PublicKey key,
            CommandLine line) {
        this.settings = settings;
        this.admin = admin;
        this.line = line;
        err = line.getErr();
        this.key = key;
        topics = new Topics(settings.text(CommonSettings.PREFIX));
        decisions = new Decisions(settings.kafka(), topics, admin,
                (short) settings.numberIfGiven(CommonSettings.REPLICATION).orElse(-1), author);
        trainers = new TrainerObserver(settings.kafka(), topics, admin);
        data = new ModelData(topics, admin);
        scorers = new ScorerObserver(settings.kafka(), topics);
    }

    /// What a command prints.
    ///
    /// @param more names and values that only this command has
    /// @param trainer how a trainer followed, for people
    /// @param status the exit status
    private record Outcome(Decisions.Decided decided, Map<String, Object> more, String trainer, int status) {
        Outcome(Decisions.Decided decided, Map<String, Object> more, String trainer) {
            this(decided, more, trainer, 0);
        }
    }

    static CommandLine group() {
        return CommandGroup.of("models", "The registered models, and what people decide about them.",
                SettingsCommand.reading(CliSettings.MODELS_LIST, ModelsListing::list),
                SettingsCommand.reading(CliSettings.MODELS_SHOW, ModelsListing::show),
                SettingsCommand.reading(CliSettings.MODELS_COMPARE, CompareCommand::run),
                command(CliSettings.MODELS_CREATE, ModelDecision::create),
                command(CliSettings.MODELS_PAUSE, ModelDecision::pause),
                command(CliSettings.MODELS_RESUME, ModelDecision::resume),
                SettingsCommand.reading(CliSettings.MODELS_ROLLBACK, (settings, line) -> {
                    checkRollback(settings);
                    return decide(settings, line, ModelDecision::rollback);
                }), SettingsCommand.reading(CliSettings.MODELS_UPGRADE, (settings, line) -> {
                    TrainerConfig.snapshotForm(settings); // notes a key that can't be read
                    return decide(settings, line, ModelDecision::upgrade);
                }), SettingsCommand.reading(CliSettings.MODELS_ADOPT, (settings, line) -> {
                    TrainerConfig.snapshotForm(settings); // notes a key that can't be read
                    return decide(settings, line, ModelDecision::adopt);
                }), command(CliSettings.MODELS_PROMOTE, ModelDecision::promote),
                command(CliSettings.MODELS_SHADOW,
                        desk -> desk.tried(desk.decisions.shadow(desk.name(), desk.model()))),
                command(CliSettings.MODELS_CHALLENGE,
                        desk -> desk.tried(desk.decisions.challenge(desk.name(), desk.model(), desk.share()))),
                command(CliSettings.MODELS_WITHDRAW,
                        desk -> desk.tried(desk.decisions.withdraw(desk.name(), desk.model()))),
                command(CliSettings.MODELS_DELETE, ModelDecision::delete));
    }

    private static CommandLine command(Command command, Function<ModelDecision, Outcome> decide) {
        return SettingsCommand.reading(command, (settings, line) -> decide(settings, line, decide));
    }

    private static int decide(Settings settings, CommandLine line, Function<ModelDecision, Outcome> decide) {
        PublicKey key = settings.file(CommonSettings.SNAPSHOT_PUBLIC_KEY, ManifestKeys::publicKey);
        Decisions.By author = author(settings);
        settings.refuseMistakes();
        long start = System.nanoTime();
        Outcome outcome;
        try (Admin admin = TrainerObserver.admin(settings.kafka())) {
            outcome = decide.apply(new ModelDecision(settings, admin, author, key, line));
        }
        double seconds = (System.nanoTime() - start) * 1e-9;
        line.getOut().print(settings.flag(CliSettings.JSON) ? line(outcome, seconds) : text(outcome));
        return outcome.status();
    }

    private static void checkRollback(Settings settings) {
        TrainerConfig.snapshotForm(settings); // notes a key that can't be read
        List<String> given = Stream.of(CliSettings.VERSION, CliSettings.OFFSET, CliSettings.TIME)
                .filter(each -> !settings.text(each).isEmpty()).map(each -> "--" + each.key()).toList();
        if (given.size() != 1) {
            settings.problem("expected one of --version N, --offset OFFSET and --time TIME, found "
                    + (given.isEmpty() ? "none" : String.join(", ", given)));
        }
        if (settings.flag(CliSettings.EXACT) && given.contains("--version")) {
            settings.problem("--exact: expected --offset or --time beside it, found --version");
        }
    }

    static Decisions.By author(Settings settings) {
        String reason = settings.text(CliSettings.REASON);
        String author = settings.text(CliSettings.AUTHOR);
        if (author.isEmpty()) {
            author = System.getProperty("user.name", "") + "@" + RunTeller.hostName();
        }
        requireShort(settings, CliSettings.REASON, reason, ControlRecord.REASON_BYTES_MAX);
        requireShort(settings, CliSettings.AUTHOR, author, ControlRecord.AUTHOR_BYTES_MAX);
        return new Decisions.By(author, reason);
    }

    private static void requireShort(Settings settings, Setting setting, String text, int bytesMax) {
        int bytes = text.getBytes(StandardCharsets.UTF_8).length;
        if (bytes > bytesMax) {
            settings.problem("--" + setting.key() + ": expected at most " + bytesMax + " bytes, found " + bytes);
        }
    }

    private String model() {
        return SettingsCommand.model(settings);
    }

    /// Returns the name that `--for` gives.
    private String name() {
        return settings.text(CliSettings.FOR);
    }

    private int share() {
        return new BigDecimal(settings.text(CliSettings.SHARE)).movePointRight(2).intValueExact();
    }

    private Duration timeout() {
        return Duration.ofSeconds(settings.number(CliSettings.TIMEOUT));
    }

    /// Returns the offset of the status topic before the decision, from which on scorers report how they follow it;
    /// empty if the command does not wait for scorers: it does on request, and on a terminal.
    private OptionalLong scorersMark() {
        boolean waits = settings.flag(CliSettings.WAIT) || (System.console() != null && System.console().isTerminal());
        return waits ? OptionalLong.of(scorers.mark()) : OptionalLong.empty();
    }

    /// Waits for scorers, if the command does so, and adds how they followed to `more`.
    ///
    /// @param mark result of `scorersMark` before the decision
    /// @param concerned whether the decision concerns a name that a scorer serves
    /// @param follows whether the scorer has followed it
    /// @return the exit status: scorers may still follow, so another try can help
    private int awaitScorers(OptionalLong mark, Predicate<ProcessStatus.Served> concerned,
            Predicate<ProcessStatus.Served> follows, Map<String, Object> more) {
        if (mark.isEmpty()) {
            return 0;
        }
        ScorerObserver.Following found = SettingsCommand.waiting(settings, err, timeout(), "scorers that follow",
                () -> scorers.await(mark.getAsLong(), timeout(), concerned, follows));
        more.put("scorers", words(found));
        more.put("scorers_followed", found.followed().size());
        more.put("scorers_behind", found.behind().size());
        return found.isDone() ? 0 : ExitCode.RETRYABLE.status();
    }

    private String words(ScorerObserver.Following found) {
        String pinned = found.pinned().isEmpty() ? "" : "; pinned to a version: " + String.join(", ", found.pinned());
        if (found.followed().isEmpty() && found.behind().isEmpty()) {
            return "none that follows has reported to " + topics.status() + " within "
                    + String.format(Locale.ROOT, "%.0f", found.seconds())
                    + " s: none runs, or none may write to that topic" + pinned;
        }
        return String.format(Locale.ROOT, "%d of %d followed after %.1f s", found.followed().size(),
                found.followed().size() + found.behind().size(), found.seconds())
                + (found.behind().isEmpty() ? "" : "; not yet: " + String.join(", ", found.behind())) + pinned;
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

    private static JsonLine line(Outcome outcome, double seconds) {
        ControlRecord record = outcome.decided().record();
        ModelRecord after = outcome.decided().after();
        JsonLine line = new JsonLine().put("model", record.model()).put("action", record.action().word())
                .put("time", Instant.ofEpochMilli(record.time()).toString()).put("author", record.author())
                .put("reason", record.reason()).put("stage", after == null ? null : ModelsListing.stage(after))
                .put("epoch", after == null ? null : after.getEpoch())
                .put("answered_by", after == null ? null : after.getAnsweredBy());
        line.putAll(outcome.more());
        line.put("trainer", outcome.trainer()).put("seconds", seconds);
        return line;
    }

    private static String after(long start) {
        return String.format(Locale.ROOT, "after %.1f s", (System.nanoTime() - start) * 1e-9);
    }

    private String awaitStop(String model, int epoch, boolean ran) {
        long start = System.nanoTime();
        if (!ran) {
            return "no trainer runs this model";
        }
        boolean stopped = SettingsCommand.waiting(settings, err, timeout(), "the trainer of " + model + " to stop",
                () -> trainers.awaitStopped(model, epoch, timeout()));
        return stopped ? "stopped learning " + after(start) : "one still has it after " + timeout().toSeconds()
                + " s: it stops when it reads the control topic, or its session ends";
    }

    private String awaitLearning(String model, Decisions.Decided decided, long mark, String otherwise) {
        long start = System.nanoTime();
        int epoch = after(decided).getEpoch();
        OptionalLong version = SettingsCommand.waiting(settings, err, timeout(), "a trainer that learns " + model,
                () -> trainers.awaitLearning(model, epoch, mark, timeout()));
        return version.isPresent()
                ? String.format(Locale.ROOT, "learns from version %,d %s", version.getAsLong(), after(start))
                : "none has begun within " + timeout().toSeconds() + " s; " + otherwise;
    }

    private static ModelRecord after(Decisions.Decided decided) {
        return Objects.requireNonNull(decided.after());
    }

    private ModelSpec known(ModelSpec given, ControlLog.View view) {
        RegistrySettings registry = settings.registry();
        ModelSpec spec = SpecSuggestion.complete(given, view, settings.kafka(), registry);
        if (registry.url().isEmpty()) {
            EventSchemas.requireFit(spec, view);
            boolean isSaid = !(spec.input().reader() instanceof ModelSpec.Reader.Any);
            return isSaid || spec.input().format() == ModelSpec.Format.JSON ? spec
                    : spec.withReader(ModelSpec.Reader.FIRST);
        }
        try (SchemaRegistry client = SchemaRegistry.connect(registry.client())) {
            return EventSchemas.known(spec, view, client);
        } catch (SchemaRegistry.RegistryUnavailableException e) {
            throw StopException.from(e, registry.shownUrl());
        }
    }

    static LogPosition place(String where) {
        return switch (where) {
            case "begin" -> new LogPosition.Begin();
            case "end" -> new LogPosition.End();
            default -> LogPosition.parse(where);
        };
    }

    private Outcome create() {
        ModelSpec spec = SpecFile.read(Path.of(settings.list(CommonSettings.SPEC).getFirst()));
        long mark = trainers.mark(spec.model());
        Decisions.Decided decided = decisions.create(spec, place(settings.text(CliSettings.START_AT)), this::known);
        ModelSpec.Keep keep = spec.publish().keep();
        long bytes = Plan.of(SpecFile.registered(after(decided)).network()).servedBytes();
        Map<String, Object> more = new LinkedHashMap<>();
        more.put("start_offset", after(decided).getStartOffset());
        more.put("version_bytes", bytes);
        more.put("kept_versions", keep.newest() + " newest, " + keep.hourly() + " hourly, " + keep.daily() + " daily");
        more.put("kept_bytes_max", keep.fullsMax() * bytes);
        return new Outcome(decided, more, awaitLearning(spec.model(), decided, mark,
                "start one with --model " + spec.model() + ", or with --all-models"));
    }

    private Outcome pause() {
        int epoch = decisions.find(model()).getEpoch();
        boolean ran = trainers.runs(model(), epoch);
        Decisions.Decided decided = decisions.pause(model());
        return new Outcome(decided, Map.of(), awaitStop(model(), epoch, ran));
    }

    private Outcome resume() {
        long mark = trainers.mark(model());
        Decisions.Decided decided = decisions.resume(model());
        return new Outcome(decided, Map.of(), awaitLearning(model(), decided, mark, "it learns when one runs"));
    }

    private Outcome rollback() {
        String model = model();
        ModelRecord known = decisions.find(model);
        RegisteredModel.find(settings.kafka(), topics, model); // refuses a log that was created again
        Map<String, Object> more = new LinkedHashMap<>();
        Wanted wanted = settings.text(CliSettings.VERSION).isEmpty() ? wanted() : null;
        Supplier<Decisions.RolledBack> decision =
                wanted == null
                        ? () -> goBack(SettingsCommand.epoch(settings),
                                settings.numberIfGiven(CliSettings.VERSION).orElseThrow())
                        : toPlace(wanted, known, more);
        long mark = trainers.mark(model);
        boolean ran = trainers.runs(model, known.getEpoch());
        OptionalLong scorersMark = scorersMark();
        Decisions.RolledBack back = decision.get();
        ControlAction.Rollback rollback = back.rollback();
        more.put("base", rollback.base().epoch() + "." + rollback.base().version());
        more.put("weights_hash", rollback.base().weightsHash());
        more.put("next_offset", rollback.base().nextOffset());
        if (wanted != null) {
            more.put("not_in_base", wanted.offset() - rollback.base().nextOffset());
        }
        more.put("resume_offset", rollback.resumeOffset());
        more.put("skipped", back.skipped());
        int status = awaitScorers(scorersMark, served -> served.model().equals(model),
                served -> served.epoch() >= rollback.epoch(), more);
        return new Outcome(back.decided(), more,
                followed(ran, back.decided(), mark, "it may still be learning the base again: its /health says so"),
                status);
    }

    /// Waits for a trainer to go on in the epoch that a decision began.
    ///
    /// @param ran whether one had the epoch before
    /// @param otherwise what to tell if none has begun in time
    private String followed(boolean ran, Decisions.Decided decided, long mark, String otherwise) {
        if (after(decided).getPausedFrom() != null) {
            return "paused: it learns on when it is resumed";
        }
        return ran ? awaitLearning(model(), decided, mark, otherwise)
                : "no trainer runs this model; it learns on when one does";
    }

    private Decisions.RolledBack goBack(OptionalInt epoch, long version) {
        return Snapshots.goBack(settings, decisions, model(), new Decisions.Back(epoch, version, resumeAt()), key);
    }

    /// Finds what a place means, and learns the log again if nothing near is published. Returns the decision.
    ///
    /// @param known the model before
    /// @param more gets how the base was made, if it was
    private Supplier<Decisions.RolledBack> toPlace(Wanted wanted, ModelRecord known, Map<String, Object> more) {
        List<SnapshotManifest> versions = PublishedManifests.read(settings.kafka(), topics, known.getModel());
        Optional<SnapshotManifest> published =
                wanted.moment().newestOf(versions).filter(version -> isNear(version, wanted, known));
        if (published.isPresent()) {
            SnapshotManifest base = published.get();
            return () -> goBack(OptionalInt.of(base.epoch()), base.version());
        }
        // What the decision would refuse is refused before the long part.
        PublishedSnapshot.Form form = TrainerConfig.snapshotForm(settings);
        requireKey(versions, form);
        try (TopicReader reader = new TopicReader(settings.kafka(), known.getInputTopic())) {
            Decisions.resumeOffset(known.getModel(), reader, wanted.moment().nextOffset(), resumeAt());
        }
        TimeTravel.PastModel made = past(wanted.moment(), more);
        return () -> {
            Decisions.RolledBack back =
                    decisions.rollback(known.getModel(), known.getEpoch(), Handover.base(made), resumeAt());
            Handover.begin(ReplayCommand.publishing(settings, form), back, made, admin);
            return back;
        };
    }

    private Decisions.ResumeAt resumeAt() {
        String where = settings.text(CliSettings.RESUME_AT);
        return where.equals("base") ? new Decisions.ResumeAt.Base()
                : new Decisions.ResumeAt.At(where.isEmpty() ? new LogPosition.End() : place(where));
    }

    /// What `--offset` or `--time` means for the model.
    ///
    /// @param offset of the place
    /// @param time the log's time there
    private record Wanted(Lineage.Moment moment, long offset, Instant time) {
    }

    private Wanted wanted() {
        Lineage lineage = decisions.lineage(model(), SettingsCommand.epoch(settings));
        String offset = settings.text(CliSettings.OFFSET);
        LogPosition place = LogPosition.parse(offset.isEmpty() ? settings.text(CliSettings.TIME) : offset);
        try (TopicReader reader = new TopicReader(settings.kafka(), lineage.log().topic())) {
            Instant now = Instant.now();
            long asked = place.asEnd(lineage.firstOfLog(), reader, now);
            Lineage.Moment moment = lineage.before(asked);
            if (settings.flag(CliSettings.EXACT) && moment.nextOffset() != asked) {
                throw new StopException(ExitCode.CONFIGURATION, "model " + lineage.model()
                        + ": expected a place that epoch " + lineage.epoch() + " has learned, found offset " + asked
                        + ", and a rollback left out what lies from offset " + moment.nextOffset()
                        + " on; give --epoch with the epoch that learned it, or --offset " + moment.nextOffset());
            }
            return new Wanted(moment, asked,
                    place instanceof LogPosition.Time(Instant time) ? time : timeAt(reader, moment.nextOffset(), now));
        }
    }

    /// Returns the timestamp of the first record from an offset on, or `now` if there is none.
    private static Instant timeAt(TopicReader reader, long offset, Instant now) {
        Instant[] time = {now};
        reader.read(Math.max(offset, reader.begin()), reader.end(), record -> {
            time[0] = Instant.ofEpochMilli(record.timestamp());
            return false;
        });
        return time[0];
    }

    /// Returns whether no more of the log lies between a version and what is wanted than default retention leaves between
    /// two versions: an hour of the last day, a day of what is older. With `--exact` nothing may lie between. It begins with
    /// the first record that the version has not learned: the newest that it has learned may have a time far ahead.
    private boolean isNear(SnapshotManifest version, Wanted wanted, ModelRecord known) {
        if (version.nextOffset() == wanted.moment().nextOffset()) {
            return true;
        }
        if (settings.flag(CliSettings.EXACT)) {
            return false;
        }
        Instant now = Instant.now();
        Duration step = Duration.between(wanted.time(), now).compareTo(Duration.ofDays(1)) < 0 ? Duration.ofHours(1)
                : Duration.ofDays(1);
        try (TopicReader reader = new TopicReader(settings.kafka(), known.getInputTopic())) {
            return !timeAt(reader, version.nextOffset(), now).plus(step).isBefore(wanted.time());
        }
    }

    private void requireKey(List<SnapshotManifest> versions, PublishedSnapshot.Form form) {
        if (!versions.isEmpty() && versions.getLast().isSigned() && form.key() == null) {
            throw new StopException(ExitCode.CONFIGURATION,
                    "snapshot-private-key: expected a key, as the newest version on " + topics.snapshots(model())
                            + " is signed, found none: scorers that ask for signatures would refuse what is made here;"
                            + " give the trainer's, or a --version that is there");
        }
    }

    /// Learns the log again up to a moment, and adds to `more` how.
    private TimeTravel.PastModel past(Lineage.Moment moment, Map<String, Object> more) {
        if (settings.registry().url().isEmpty()) {
            throw new StopException(ExitCode.CONFIGURATION,
                    "registry-url: expected the schema registry's URL, found none: no version on "
                            + topics.snapshots(model())
                            + " is near enough, so the log has to be learned again up to offset " + moment.nextOffset()
                            + "; give it, or a --version that is there");
        }
        TimeTravel.PastModel past;
        try (ProgressLine progress = SettingsCommand.progress(settings, line)) {
            past = TimeTravel.to(settings.kafka(), settings.registry(), topics, moment, Kernels.active(), progress);
        }
        more.put("made_from", String.format(Locale.ROOT, "%s, and the log from offset %,d on, in %.1f s", past.state(),
                past.stateOffset(), past.nanos() * 1e-9));
        return past;
    }

    private Outcome upgrade() {
        String model = model();
        Lineage newest = decisions.lineage(model, OptionalInt.empty());
        Lineage taken = taken(newest);
        PublishedSnapshot.Form form = TrainerConfig.snapshotForm(settings);
        requireKey(PublishedManifests.read(settings.kafka(), topics, model), form);
        boolean pauses = decisions.find(model).getStage() != Stage.PAUSED;
        if (pauses) {
            decisions.pause(model);
        }
        TimeTravel.PastModel state;
        Decisions.RolledBack decided;
        try {
            state = left(newest, taken);
            decided = decisions.upgrade(model, newest.epoch(), Handover.base(state), Numerics.VERSION, pauses);
        } catch (RuntimeException | OutOfMemoryError e) {
            if (pauses) {
                endPause(e);
            }
            throw e;
        }
        Handover.begin(ReplayCommand.publishing(settings, form), decided, state, admin);
        ControlAction.Base base = decided.rollback().base();
        Map<String, Object> more = new LinkedHashMap<>();
        more.put("base", base.epoch() + "." + base.version());
        more.put("weights_hash", base.weightsHash());
        more.put("next_offset", base.nextOffset());
        more.put("numerics", state.numerics() + " -> " + Numerics.VERSION);
        return new Outcome(decided.decided(), more,
                after(decided.decided()).getPausedFrom() != null ? "paused: it learns on when it is resumed"
                        : "those of this build learn on from here: start one if none runs");
    }

    private Lineage taken(Lineage newest) {
        return taken(newest, lineage -> StoredState.head(Changelog.of(settings.kafka(), topics, lineage)));
    }

    /// Returns the lineage whose state this build takes over: the newest one, or the one before if another build took that
    /// over and has not begun to learn it.
    ///
    /// @param heads what the changelog says of a lineage, or null if there is none
    static Lineage taken(Lineage newest, Function<Lineage, StoredState.@Nullable Head> heads) {
        StoredState.Head head = heads.apply(newest);
        if (head != null) {
            head.requireOthers(newest.model());
            return newest;
        }
        String expected =
                "model " + newest.model() + ", epoch " + newest.epoch() + ": expected a state to take over, found ";
        ControlAction.Rollback origin = newest.origin();
        Lineage before = newest.parent();
        if (origin == null || before == null) {
            throw new StopException(ExitCode.CONFIGURATION,
                    expected + "none: start a trainer of this build, which begins the epoch");
        }
        if (origin.isMove()) { // the state before has offsets of the other log
            throw new StopException(ExitCode.CONFIGURATION, expected
                    + "that no trainer has begun the epoch since models adopt: start one of a build with numerics "
                    + origin.numerics() + ", which begins it on the copy of the log"
                    + (origin.numerics() == Numerics.VERSION ? "" : ", and give this command again"));
        }
        if (!origin.isUpgrade()) {
            throw new StopException(ExitCode.CONFIGURATION,
                    expected + "that no trainer has begun the epoch since the rollback: start one of the build that"
                            + " learned epoch " + before.epoch()
                            + ", which makes the base, and give this command again");
        }
        if (origin.numerics() == Numerics.VERSION && !hasGoneOn(heads.apply(before), origin)) {
            throw new StopException(ExitCode.CONFIGURATION, expected
                    + "that this build has taken it over: start a trainer of this build, which begins the" + " epoch");
        }
        return before;
    }

    /// Returns whether a trainer that missed the upgrade has learned on, so that the state that was decided is gone.
    private static boolean hasGoneOn(StoredState.@Nullable Head before, ControlAction.Rollback origin) {
        return before != null && before.nextOffset() > origin.leftAt();
    }

    /// Returns the state of a paused model when no trainer has it any more.
    private TimeTravel.PastModel left(Lineage newest, Lineage taken) {
        String model = newest.model();
        awaitPauseSeen(model);
        if (!trainers.awaitStopped(model, newest.epoch(), timeout())
                || !trainers.awaitStopped(model, taken.epoch(), timeout())) {
            throw new StopException(ExitCode.RETRYABLE, "model " + model
                    + ": expected no trainer that has it, found one " + timeout().toSeconds()
                    + " s after the pause: it stops when it reads the control topic, or its session ends. Nothing is"
                    + " changed; give the command again, with a longer --timeout");
        }
        return TimeTravel.last(settings.kafka(), topics, taken, OptionalLong.empty(), Kernels.active());
    }

    /// Waits until the pause is visible. A trainer that joins the old epoch's group after this command has found nobody in
    /// it looks at the catalog then, and Kafka answers a commit before others see it.
    private void awaitPauseSeen(String model) {
        for (int looks = 1; decisions.find(model).getStage() != Stage.PAUSED; looks++) {
            if (looks > PAUSE_LOOKS_MAX) {
                throw new StopException(ExitCode.RETRYABLE, "model " + model
                        + ": expected its pause in the catalog, found that it is not there: another person has resumed"
                        + " it, or brokers are late. Nothing is changed; give the command again");
            }
            LockSupport.parkNanos(PAUSE_LOOK_NANOS);
        }
    }

    /// Lets the model go on as it was, because the upgrade for which it was paused was not decided.
    private void endPause(Throwable why) {
        try {
            if (decisions.find(model()).getStage() == Stage.PAUSED) { // else another person has decided since
                decisions.resume(model());
            }
        } catch (RuntimeException e) {
            why.addSuppressed(e);
            err.println("model " + model() + " was paused for the upgrade, and may still be: tidegrad models resume "
                    + model() + " lets it go on as it was");
        }
    }

    private Outcome adopt() {
        String model = model();
        Lineage left = decisions.lineage(model, OptionalInt.empty());
        KafkaTopics.Log copy = new KafkaTopics(admin, (short) -1).log(left.spec());
        if (copy.topicId().equals(left.logTopicId())) {
            throw new StopException(ExitCode.CONFIGURATION,
                    "model " + model + ": expected that topic " + left.log().topic()
                            + " is a copy of the log that it has learned, found that log itself, with id "
                            + left.logTopicId() + ": there is nothing to adopt, start a trainer");
        }
        PublishedSnapshot.Form form = TrainerConfig.snapshotForm(settings);
        requireKey(PublishedManifests.read(settings.kafka(), topics, model), form);
        TimeTravel.PastModel state = TimeTravel.left(settings.kafka(), topics, left, Kernels.active());
        LogSearch.Found place;
        try (TopicReader reader = new TopicReader(settings.kafka(), left.log().topic());
                ProgressLine progress = SettingsCommand.progress(settings, line)) {
            place = LogSearch.in(reader, state, progress);
        }
        ControlAction.Base base = new ControlAction.Base(left.epoch(), state.model().parameters().updates(),
                state.weightsHash(), place.nextOffset());
        ControlAction.Move move =
                new ControlAction.Move(left.logTopicId().toString(), state.nextOffset(), copy.topicId().toString());
        Decisions.RolledBack decided = decisions.adopt(model, left.epoch(), base, Numerics.VERSION, move);
        Handover.begin(ReplayCommand.publishing(settings, form), decided, state, admin);
        Map<String, Object> more = new LinkedHashMap<>();
        more.put("base", base.epoch() + "." + base.version());
        more.put("weights_hash", base.weightsHash());
        more.put("log_hash", state.accounts().hash().chain());
        more.put("learned", state.accounts().total());
        more.put("compared", state.accounts().total() - place.since());
        more.put("left_at", move.leftAt());
        more.put("next_offset", base.nextOffset());
        more.put("numerics", state.numerics() + " -> " + Numerics.VERSION);
        return new Outcome(decided.decided(), more, after(decided.decided()).getPausedFrom() != null
                ? "paused: it learns on when it is resumed" : "start one: it learns on from here");
    }

    private Outcome promote() {
        String by = model();
        String name = name().isEmpty() ? by : name();
        OptionalLong mark = scorersMark();
        Decisions.Decided decided = decisions.promote(name, by);
        Map<String, Object> more = new LinkedHashMap<>();
        more.put("by", by);
        int epoch = ((ControlAction.Promote) decided.record().action()).epoch();
        int status = awaitScorers(mark, served -> served.name().equals(name),
                served -> served.model().equals(by) && served.epoch() >= epoch, more);
        return new Outcome(decided, more, "nothing to do for it", status);
    }

    /// @param decided what the model is under another one's name from now on
    private Outcome tried(Decisions.Decided decided) {
        return new Outcome(decided, Map.of("by", model()), "nothing to do for it; scorers follow within 2 s");
    }

    private Outcome delete() {
        String model = model();
        // If an earlier command could not delete everything, the rest is deleted now.
        Decisions.Decided before = decisions.deletion(model);
        int epoch = before == null ? decisions.find(model).getEpoch() : decisions.epochs(model);
        boolean ran = trainers.runs(model, epoch);
        Decisions.Decided decided = before == null ? decisions.delete(model) : before;
        String trainer = awaitStop(model, epoch, ran);
        String deleted;
        if (settings.flag(CliSettings.KEEP_DATA)) {
            deleted = "nothing: kept on request";
        } else if (trainers.runs(model, epoch)) {
            deleted = "nothing while a trainer has it; give the command again later";
        } else {
            deleted = String.join(", ", data.delete(model, epoch));
        }
        return new Outcome(decided, Map.of("deleted", deleted.isEmpty() ? "nothing" : deleted), trainer);
    }
}
