package io.tidegrad.console;

import io.tidegrad.control.Candidate;
import io.tidegrad.control.ControlAction;
import io.tidegrad.control.ControlRecord;
import io.tidegrad.control.ControlState;
import io.tidegrad.control.ProcessStatus;
import io.tidegrad.model.snapshot.Heartbeat;
import io.tidegrad.model.snapshot.SnapshotKey;
import io.tidegrad.model.snapshot.SnapshotManifest;
import io.tidegrad.model.snapshot.TrainerStatus;
import io.tidegrad.schemas.AsServed;
import io.tidegrad.schemas.Comparison;
import io.tidegrad.schemas.LearnerHealth;
import io.tidegrad.schemas.ModelRecord;
import io.tidegrad.schemas.Progress;
import io.tidegrad.schemas.Slice;
import io.tidegrad.schemas.Verdict;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// What the topics tell of one model. `Picture` guards it.
final class ModelPicture {
    private static final int VERSIONS_MAX = 200;
    private static final int DECISIONS_MAX = 100;
    private static final int DEAD_LETTERS_MAX = 50;
    private static final int COMPARISONS_MAX = 16;
    private static final Set<String> VERDICTS = Set.of("verify", "replay", "chaos");

    /// What is told of a slice beside its loss, by its name as in the report.
    private static final List<String> SLICE_MEASURES =
            List.of("labels", "accuracy", "calibration_bias", "mean_prediction", "mean_label", "mean_absolute_error");

    private static final long RATE_OVER_MILLIS = 10_000;
    private static final long UNKNOWN = -1;

    /// What is long and changes seldom, so that it is told only when it has changed.
    private enum Section {
        REGISTERED, VERSIONS, DECISIONS, DEAD_LETTERS
    }

    private final String name;
    private long changed; // the revision of the picture in which this model changed last
    private final Map<Section, Long> sections = new EnumMap<>(Section.class); // the same of its sections
    private final Set<Section> dirty = EnumSet.noneOf(Section.class);
    private final Course course = new Course();
    private final Map<SnapshotKey, Version> versions = new LinkedHashMap<>();
    private final Bounded<ControlRecord> decisions = new Bounded<>(DECISIONS_MAX);
    private final Bounded<DeadLetterView> deadLetters = new Bounded<>(DEAD_LETTERS_MAX);
    private final Map<String, Comparison> comparisons = new LinkedHashMap<>(); // under this name, by shadow
    private final Map<String, Verdict> verdicts = new TreeMap<>(); // by command
    private final Map<String, Verdict> pairs = new LinkedHashMap<>(); // of this model and another, by the other's name
    private ControlState decided; // by all decisions
    private @Nullable ModelRecord registered;
    private @Nullable Progress progress;
    private @Nullable Heartbeat heartbeat;
    private @Nullable TrainerStatus trainer;
    private boolean deleted;
    private long logEnd = UNKNOWN;
    private final Movement log = new Movement(); // its end, by the console's clock
    private final Movement learning = new Movement(); // the offset that is learned next, by the trainer's clock

    /// A published version, without what only a scorer needs.
    private record Version(int epoch, long version, boolean delta, long learned, long nextOffset, double loss,
            double priorLoss, double auc, long bytes, String hash, boolean signed, long published, long appended,
            long eventTime) {
    }

    /// @param scorer status of the process, which is the newest
    /// @param seen when it was appended, epoch ms
    /// @param since when it told first that it serves this version
    record Serving(ProcessStatus scorer, ProcessStatus.Served served, long seen, long since) {
    }

    ModelPicture(String name) {
        this.name = name;
        decided = ControlState.initial(name);
    }

    String name() {
        return name;
    }

    @Nullable
    ModelRecord registered() {
        return registered;
    }

    /// Notes that what was taken last belongs to a revision of the picture.
    void changedIn(long revision) {
        changed = revision;
        dirty.forEach(section -> sections.put(section, revision));
        dirty.clear();
    }

    boolean hasChangedSince(long revision) {
        return changed > revision;
    }

    private boolean hasChanged(Section section, long since) {
        return sections.getOrDefault(section, 0L) > since;
    }

    void take(@Nullable ModelRecord record) {
        dirty.add(Section.REGISTERED);
        registered = record;
        deleted = record == null;
    }

    void take(ControlRecord decision) {
        decided = decided.after(decision);
        deleted = decision.action() instanceof ControlAction.Delete
                || deleted && !(decision.action() instanceof ControlAction.Create);
        dirty.add(Section.DECISIONS);
        decisions.add(decision);
    }

    void take(DeadLetterView letter) {
        dirty.add(Section.DEAD_LETTERS);
        deadLetters.add(letter);
    }

    void take(Comparison comparison) {
        comparisons.remove(comparison.getShadow());
        comparisons.put(comparison.getShadow(), comparison);
        if (comparisons.size() > COMPARISONS_MAX) {
            comparisons.remove(comparisons.keySet().iterator().next());
        }
    }

    void take(Verdict verdict) {
        if (verdict.getCommand().equals("compare")) {
            pairs.remove(verdict.getCandidate());
            pairs.put(verdict.getCandidate(), verdict);
            if (pairs.size() > COMPARISONS_MAX) {
                pairs.remove(pairs.keySet().iterator().next());
            }
            return;
        }
        if (VERDICTS.contains(verdict.getCommand())) {
            verdicts.put(verdict.getCommand(), verdict);
        }
    }

    void take(Heartbeat beat) {
        heartbeat = beat;
        learning.seen(beat.nextOffset(), beat.time());
    }

    void take(TrainerStatus status) {
        trainer = status;
    }

    /// @param published when it was appended, epoch ms
    void take(SnapshotKey key, @Nullable SnapshotManifest of, long published) {
        dirty.add(Section.VERSIONS);
        versions.remove(key);
        if (of != null) {
            versions.put(key,
                    new Version(of.epoch(), of.version(), of.isDelta(), of.examples(), of.nextOffset(), of.logLoss(),
                            of.priorLogLoss(), of.auc(), of.payloadBytes(), of.weightsHash(), of.isSigned(), published,
                            of.newestAppendTime(), of.eventTime()));
            if (versions.size() > VERSIONS_MAX) {
                versions.remove(versions.keySet().iterator().next());
            }
        }
    }

    void take(Progress report) {
        progress = report;
        learning.seen(report.getNextOffset(), report.getTime().toEpochMilli());
        Map<String, Double> window = report.getWindow();
        boolean classifies = classifies(report);
        course.add(report.getTime().toEpochMilli(), report.getEpoch(), report.getVersion(), report.getLearned(),
                report.getNextOffset(), number(classifies ? report.getLogLoss() : report.getMeanSquaredError()),
                number(classifies ? report.getPriorLogLoss() : report.getPriorMeanSquaredError()),
                number(report.getAuc()), number(report.getAccuracy()),
                number(window.get(classifies ? "log_loss" : "mean_squared_error")),
                number(window.get("prior_log_loss")),
                number(window.get(classifies ? "linear_log_loss" : "linear_mean_squared_error")),
                number(window.get("auc")), number(window.get("linear_auc")), report.getAlarms().size());
    }

    private static boolean classifies(Progress report) {
        return report.getMeanSquaredError() == null && report.getPriorMeanSquaredError() == null;
    }

    /// Returns the topic that the model learns, or null if that is not known.
    @Nullable
    String inputTopic() {
        return registered == null ? null : registered.getInputTopic();
    }

    /// @param millis when that was so, epoch ms
    /// @return whether that is news
    boolean logEnds(long offset, long millis) {
        log.seen(offset, millis);
        boolean news = offset != logEnd;
        logEnd = offset;
        return news;
    }

    /// Returns how many points its course has had so far.
    long points() {
        return course.count();
    }

    boolean isDeleted() {
        return deleted;
    }

    private long lag() {
        Heartbeat beat = heartbeat;
        if (beat != null && beat.caughtUp()) {
            return 0;
        }
        long next = nextOffset();
        return logEnd < 0 || next < 0 ? UNKNOWN : Math.max(0, logEnd - next);
    }

    private long nextOffset() {
        return Math.max(progress == null ? UNKNOWN : progress.getNextOffset(),
                heartbeat == null ? UNKNOWN : heartbeat.nextOffset());
    }

    private long newestVersion() {
        return Math.max(progress == null ? UNKNOWN : progress.getVersion(),
                heartbeat == null ? UNKNOWN : heartbeat.version());
    }

    /// A word for people: what the trainer says, or else the stage.
    private String state() {
        if (trainer != null && trainer.hasStopped()) {
            return trainer.state();
        }
        return registered != null ? registered.getStage().name().toLowerCase(Locale.ROOT) : "unregistered";
    }

    /// What the list of models shows.
    Map<String, @Nullable Object> summary() {
        Map<String, @Nullable Object> said = new LinkedHashMap<>();
        said.put("name", name);
        said.put("state", state());
        said.put("version", known(newestVersion()));
        said.put("lag", known(lag()));
        said.put("rate", finite(course.rate(RATE_OVER_MILLIS)));
        if (progress != null) {
            said.put("learned", progress.getLearned());
            said.put("dead_letters", progress.getDeadLetters());
            said.put("alarms", progress.getAlarms().size());
            said.put("time_ms", progress.getTime().toEpochMilli());
            said.put("loss", progress.getLogLoss() == null ? progress.getMeanSquaredError() : progress.getLogLoss());
            said.put("prior_loss", progress.getPriorLogLoss() == null ? progress.getPriorMeanSquaredError()
                    : progress.getPriorLogLoss());
        }
        return said;
    }

    /// All that is known, without sections that have not changed.
    ///
    /// @param since the revision of the picture that is known already; 0 for none
    /// @param points the number of the first point of the course that is wanted
    /// @param serving what scorers say of this model
    Map<String, @Nullable Object> details(long since, long points, Collection<Serving> serving) {
        Map<String, @Nullable Object> said = summary();
        if (hasChanged(Section.REGISTERED, since)) {
            said.put("registered", registered == null ? null : registered(registered));
        }
        if (hasChanged(Section.VERSIONS, since)) {
            said.put("versions", versions.values().stream()
                    .sorted(Comparator.comparingInt(Version::epoch).thenComparingLong(Version::version).reversed())
                    .map(ModelPicture::version).toList());
        }
        if (hasChanged(Section.DECISIONS, since)) {
            said.put("decisions", decisions.newestFirst().stream().map(ModelPicture::decision).toList());
        }
        if (hasChanged(Section.DEAD_LETTERS, since)) {
            said.put("dead_letters_newest", deadLetters.newestFirst());
        }
        said.put("progress", progress == null ? null : progress(progress));
        said.put("trainer", trainer == null ? null : trainer(trainer));
        said.put("verdicts", verdicts.values().stream().map(ModelPicture::verdict).toList());
        Heartbeat beat = heartbeat;
        said.put("heartbeat_ms", beat == null ? null : beat.time());
        said.put("caught_up", beat == null ? null : beat.caughtUp());
        said.put("log", movement(log, logEnd));
        said.put("learning", movement(learning, nextOffset()));
        said.put("serving", serving.stream().map(this::serving).toList());
        said.put("candidates", decided.candidates().stream().map(this::candidate).toList());
        said.put("points_from", points);
        said.put("columns", Course.COLUMNS);
        List<List<@Nullable Double>> rows = new ArrayList<>();
        for (double[] point : course.since(points)) {
            List<@Nullable Double> row = new ArrayList<>();
            for (double value : point) {
                row.add(finite(value));
            }
            rows.add(row);
        }
        said.put("points", rows);
        return said;
    }

    private static Map<String, @Nullable Object> movement(Movement of, long offset) {
        Map<String, @Nullable Object> said = new LinkedHashMap<>();
        said.put("offset", known(offset));
        said.put("rate", finite(of.rate()));
        said.put("moved_ms", known(of.moved()));
        return said;
    }

    private static Map<String, @Nullable Object> registered(ModelRecord of) {
        Map<String, @Nullable Object> said = new LinkedHashMap<>();
        said.put("epoch", of.getEpoch());
        said.put("stage", of.getStage().name().toLowerCase(Locale.ROOT));
        said.put("created_ms", of.getCreatedAt().toEpochMilli());
        said.put("input_topic", of.getInputTopic());
        said.put("start_offset", of.getStartOffset());
        said.put("answered_by", of.getAnsweredBy());
        said.put("fingerprint", of.getSpecFingerprint());
        said.put("spec", of.getSpec());
        said.put("rollbacks",
                of.getRollbacks().stream()
                        .map(each -> Map.of("epoch", each.getEpoch(), "base_epoch", each.getBaseEpoch(), "base_version",
                                each.getBaseVersion(), "resume_offset", each.getResumeOffset()))
                        .toList());
        return said;
    }

    private static Map<String, @Nullable Object> progress(Progress of) {
        Map<String, @Nullable Object> said = new LinkedHashMap<>();
        said.put("epoch", of.getEpoch());
        said.put("pending", of.getPending());
        said.put("quarantined", of.getQuarantined());
        said.put("reactions", of.getReactions());
        said.put("rate_raised_for", of.getRateRaisedFor());
        LearnerHealth learner = of.getLearner();
        said.put("learner", learner == null ? null : LearnerView.of(learner));
        said.put("classifies", classifies(of));
        said.put("auc", of.getAuc());
        said.put("accuracy", of.getAccuracy());
        said.put("mean_absolute_error", of.getMeanAbsoluteError());
        said.put("next_offset", of.getNextOffset());
        Instant eventTime = of.getEventTime();
        said.put("event_time_ms", eventTime == null ? null : eventTime.toEpochMilli());
        said.put("weights_hash", of.getWeightsHash());
        said.put("state_hash", of.getStateHash());
        Map<String, @Nullable Object> window = new TreeMap<>();
        of.getWindow().forEach((measure, value) -> window.put(measure, finite(value)));
        said.put("window", window);
        said.put("changes", of.getAlarms().stream().map(alarm -> {
            Map<String, @Nullable Object> change = new LinkedHashMap<>();
            change.put("signal", alarm.getSignal());
            change.put("field", alarm.getField());
            change.put("lasted", alarm.getLasted());
            change.put("least", finite(alarm.getLeast()));
            change.put("most", finite(alarm.getMost()));
            change.put("now", finite(alarm.getNow()));
            change.put("message", alarm.getMessage());
            return change;
        }).toList());
        said.put("fields", FieldsView.of(of.getFields()));
        Map<String, @Nullable Object> arrival = new TreeMap<>();
        of.getLabelArrival().forEach((measure, value) -> arrival.put(measure, finite(value)));
        said.put("label_arrival", arrival);
        said.put("slices", of.getSlices().stream().map(ModelPicture::slice).toList());
        said.put("as_served", of.getAsServed().stream().map(ModelPicture::asServed).toList());
        said.put("as_served_versions", of.getAsServedVersions().stream().map(ModelPicture::asServed).toList());
        return said;
    }

    private static Map<String, @Nullable Object> asServed(AsServed of) {
        Map<String, @Nullable Object> said = new LinkedHashMap<>();
        said.put("epoch", of.getEpoch());
        said.put("stage", of.getStage());
        said.put("from_version", of.getFromVersion());
        said.put("to_version", of.getToVersion());
        said.put("predictions", of.getPredictions());
        said.put("loss", of.getLogLoss() == null ? of.getMeanSquaredError() : of.getLogLoss());
        said.put("auc", of.getAuc());
        said.put("mean_prediction", of.getMeanPrediction());
        said.put("mean_label", of.getMeanLabel());
        said.put("calibration_error", of.getCalibrationError());
        return said;
    }

    private static Map<String, @Nullable Object> trainer(TrainerStatus of) {
        Map<String, @Nullable Object> said = new LinkedHashMap<>();
        said.put("state", of.state());
        said.put("time_ms", of.time());
        said.put("exit_code", of.exitCode());
        said.put("recent_dead_letter_share", finite(of.recentDeadLetterShare()));
        said.put("reasons", of.reasons());
        return said;
    }

    private static Map<String, @Nullable Object> verdict(Verdict of) {
        Map<String, @Nullable Object> said = new LinkedHashMap<>();
        said.put("command", of.getCommand());
        said.put("time_ms", of.getTime().toEpochMilli());
        said.put("host", of.getHost());
        said.put("build", of.getBuild());
        said.put("kernels", of.getKernels());
        said.put("epoch", of.getEpoch());
        said.put("version", of.getVersion());
        said.put("from_offset", of.getFromOffset());
        said.put("next_offset", of.getNextOffset());
        said.put("events", of.getEvents());
        said.put("compared", of.getCompared());
        said.put("equal", of.getEqual());
        said.put("expected", of.getExpected());
        said.put("found", of.getFound());
        said.put("detail", of.getDetail());
        said.put("better", of.getBetter());
        return said;
    }

    private static Map<String, @Nullable Object> version(Version of) {
        Map<String, @Nullable Object> said = new LinkedHashMap<>();
        said.put("epoch", of.epoch());
        said.put("version", of.version());
        said.put("delta", of.delta());
        said.put("learned", of.learned());
        said.put("next_offset", of.nextOffset());
        said.put("loss", finite(of.loss()));
        said.put("prior_loss", finite(of.priorLoss()));
        said.put("auc", finite(of.auc()));
        said.put("bytes", of.bytes());
        said.put("weights_hash", of.hash());
        said.put("signed", of.signed());
        said.put("published_ms", of.published());
        said.put("appended_ms", known(of.appended()));
        said.put("event_time_ms", known(of.eventTime()));
        return said;
    }

    /// Returns a decision as the page shows it.
    static Map<String, @Nullable Object> decision(ControlRecord of) {
        Map<String, @Nullable Object> said = new LinkedHashMap<>();
        said.put("time_ms", of.time());
        said.put("action", of.action().word());
        said.put("what", switch (of.action()) {
            case ControlAction.Rollback rollback -> "epoch " + rollback.epoch() + " from version "
                    + rollback.base().version() + " of epoch " + rollback.base().epoch();
            case ControlAction.Promote promote -> promote.by();
            case ControlAction.Shadow shadow -> shadow.by();
            case ControlAction.Challenge challenge -> challenge.by() + ", " + challenge.share() / 100.0 + " %";
            case ControlAction.Withdraw withdraw -> withdraw.by();
            case ControlAction.Hold hold -> "version " + hold.version() + " at offset " + hold.offset();
            case ControlAction.Publish publish -> "version " + publish.version() + " by offset " + publish.offset();
            case ControlAction.Create create -> "epoch " + create.epoch() + " on " + create.inputTopic();
            case ControlAction.Pause pause -> "";
            case ControlAction.Resume resume -> "";
            case ControlAction.Delete delete -> "";
        });
        said.put("author", of.author());
        said.put("reason", of.reason());
        return said;
    }

    private Map<String, @Nullable Object> serving(Serving of) {
        Version served = versions.get(SnapshotKey.manifest(of.served().epoch(), Math.max(0, of.served().version())));
        Map<String, @Nullable Object> said = new LinkedHashMap<>();
        said.put("process", of.scorer().process());
        said.put("address", of.scorer().address());
        said.put("name", of.served().name());
        said.put("epoch", of.served().epoch());
        said.put("version", known(of.served().version()));
        said.put("ready", of.served().ready());
        said.put("pinned", of.served().pinned());
        said.put("problem", of.served().problem());
        said.put("seen_ms", of.seen());
        said.put("since_ms", of.since());
        said.put("published_ms", served == null ? null : served.published());
        said.put("appended_ms", served == null ? null : known(served.appended()));
        return said;
    }

    private Map<String, @Nullable Object> candidate(Candidate of) {
        Map<String, @Nullable Object> said = new LinkedHashMap<>();
        said.put("model", of.model());
        said.put("role", of.role().name().toLowerCase(Locale.ROOT));
        said.put("share", of.role() == Candidate.Role.SHADOW ? null : Candidate.percent(of.share()));
        Verdict verdict = pairs.get(of.model());
        said.put("verdict", verdict == null ? null : verdict(verdict));
        Comparison compared = comparisons.get(of.model());
        if (compared != null) {
            said.put("beside", compared.getModel());
            said.put("scorer", compared.getScorer());
            said.put("since_ms", compared.getSince().toEpochMilli());
            said.put("time_ms", compared.getTime().toEpochMilli());
            said.put("records", compared.getRecords());
            said.put("agreed", compared.getAgreed());
            said.put("mean_absolute_difference", finite(compared.getMeanAbsoluteDifference()));
            said.put("greatest_absolute_difference", finite(compared.getGreatestAbsoluteDifference()));
            said.put("mean_prediction", finite(compared.getMeanPrediction()));
            said.put("its_mean_prediction", finite(compared.getShadowMeanPrediction()));
            said.put("refused", compared.getRefused());
            said.put("dropped", compared.getDropped());
        }
        return said;
    }

    private static Map<String, @Nullable Object> slice(Slice of) {
        Map<String, @Nullable Object> said = new LinkedHashMap<>();
        said.put("field", of.getField());
        said.put("value", of.getValue());
        said.put("labels_of_all", of.getLabels());
        said.put("missed", of.getMissed());
        said.put("loss_of_all", loss(of.getAll(), ""));
        said.put("loss", loss(of.getRecent(), ""));
        said.put("prior_loss", loss(of.getRecent(), "prior_"));
        for (String measure : SLICE_MEASURES) {
            said.put(measure, measure(of.getRecent(), measure));
        }
        return said;
    }

    private static @Nullable Double loss(Map<String, Double> measures, String of) {
        return measure(measures, of + (measures.containsKey("log_loss") ? "log_loss" : "mean_squared_error"));
    }

    private static @Nullable Double measure(Map<String, Double> measures, String measure) {
        return finite(number(measures.get(measure)));
    }

    private static @Nullable Long known(long value) {
        return value < 0 ? null : value;
    }

    private static double number(@Nullable Double value) {
        return Objects.requireNonNullElse(value, Double.NaN);
    }

    /// JSON has no other numbers.
    private static @Nullable Double finite(double value) {
        return Double.isFinite(value) ? value : null;
    }
}
