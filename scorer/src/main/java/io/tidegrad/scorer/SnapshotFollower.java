package io.tidegrad.scorer;

import io.tidegrad.control.ControlAction;
import io.tidegrad.control.ControlDirective;
import io.tidegrad.control.ControlIntake;
import io.tidegrad.model.snapshot.RefusalReason;
import io.tidegrad.model.snapshot.SnapshotFile;
import io.tidegrad.model.snapshot.SnapshotKey;
import io.tidegrad.model.snapshot.SnapshotManifest;
import io.tidegrad.model.snapshot.Verification;
import io.tidegrad.schemas.MissingRight;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.errors.AuthenticationException;
import org.apache.kafka.common.errors.InvalidConfigurationException;
import org.apache.kafka.common.errors.WakeupException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// A thread that keeps the newest admissible version of a model in memory and serves it under a name.
///
/// ## What is read
///
/// One consumer without a group (`FollowedTopics`) reads two topics with isolation level `read_committed`: the control
/// topic, whose records say which model answers to the name and from which epoch on (`ControlDirective`), and the
/// snapshots topic of that model. Control records that a poll returns are applied before its snapshot records, so that
/// a decision never waits behind a load.
///
/// ## In which order
///
/// 1. The control topic is read to its end. Nothing from the snapshots topic is served before that.
/// 2. `SnapshotBootstrap` looks for the newest full snapshot and its deltas from the end of the snapshots topic
///    backwards, and admits them in the order of the log. A pinned version and the base of a rollback are found by
///    `VersionSearch` instead.
/// 3. From then on every record is handled in the order of the log. If the consumer falls more than `LAG_RECORDS_MAX`
///    records behind, the thread continues at the newest full snapshot, as in step 2.
/// 4. If a control record changes the directive, the thread stops what it is doing and begins at step 2 with the new
///    directive.
///
/// ## How a version is admitted
///
/// `SnapshotIntake` collects the parts of a version until its manifest arrives. `Succession` must allow the version:
/// (epoch, version) of a model never decreases, and an epoch that a control record ended is never served.
/// `SnapshotVerifier` decodes the parts into memory that no other thread can see and checks size, signature, spec,
/// numerics, the hash of the weights and the golden rows. `SnapshotAdmission` warms the version up. `CurrentModel` then
/// publishes it with one release store. A delta needs the version that it is a change to as the current one; its copy
/// shares all unchanged weights.
///
/// ## What a bad version does
///
/// It is refused: counted by its `RefusalReason`, logged and skipped, and the version before it stays. The deltas after
/// a refused version are refused too, because their parent is missing, until the next full snapshot. If Kafka returns
/// an error, the current version stays, and the thread opens a new consumer after a pause of 100 ms, which doubles up
/// to 2 s. A version of the state directory (`LastGood`) serves if Kafka gives none at the start.
///
/// ## What a reader sees
///
/// Readers load one reference, never wait and never see half a version, because everything behind the reference is
/// immutable. They see versions in increasing order, except after a decision: a promotion brings another model, a
/// rollback a new epoch, and a deletion leaves nothing to score with.
final class SnapshotFollower implements AutoCloseable {
    /// What the thread is doing, for health.
    enum State {
        STARTING,
        /// Kafka can be reached, but the snapshots topic does not exist yet.
        WAITING_FOR_TOPIC, FOLLOWING,
        /// The model was deleted. Nothing serves until it is created again.
        DELETED,
        /// Kafka returned an error. The thread tries again after a pause.
        RETRYING,
        /// Kafka denies access, or the heap is too small for the published model, and nothing serves yet. The thread
        /// tries again, but only other settings can help.
        REFUSED,
        /// The thread ended with an error that no retry can repair. The process should be restarted.
        FAILED, CLOSED
    }

    record Status(State state, String detail) {
    }

    private static final Logger log = LoggerFactory.getLogger(SnapshotFollower.class);

    /// If the consumer is further behind than this, the versions in between are skipped, as at a start.
    private static final long LAG_RECORDS_MAX = 4096;

    private static final long PAUSE_MILLIS_MIN = 100;
    private static final long PAUSE_MILLIS_MAX = 2_000;

    private final ScorerOptions options;
    private final Function<String, SnapshotIntake> intakes;
    private final ControlIntake control;
    private final CurrentModel current;
    private final SnapshotCounters counters;
    private final YieldBudget yieldBudget;
    private final @Nullable LastGood lastGood;
    private final CountDownLatch closing = new CountDownLatch(1);
    private final Thread thread;
    private volatile Status status = new Status(State.STARTING, "");
    private volatile @Nullable FollowedTopics topics;
    private volatile boolean controlled; // the control topic was read, if it exists

    // Only used by our thread:
    private @Nullable SnapshotFeed feed; // of the model that answers; kept when the consumer is opened again
    private @Nullable ControlDirective inForce;
    private ControlAction.@Nullable Rollback unavailable; // its base can't be loaded
    private boolean positioned; // the consumer is on the topic of the feed, after the last handled record
    private boolean begun; // what the topic held at the start is handled
    private boolean catchingUp; // by reading all, because there is no newer full snapshot

    /// @param intakes returns the intake for the snapshots of the model with the given name
    /// @param yieldBudget what the intakes call between two pieces of an admission
    /// @param lastGood stores the served version in a file and serves it if Kafka can't be reached; null for none
    SnapshotFollower(ScorerOptions options, Function<String, SnapshotIntake> intakes, ControlIntake control,
            CurrentModel current, SnapshotCounters counters, YieldBudget yieldBudget, @Nullable LastGood lastGood) {
        this.options = options;
        this.intakes = intakes;
        this.control = control;
        this.current = current;
        this.counters = counters;
        this.yieldBudget = yieldBudget;
        this.lastGood = lastGood;
        thread = Thread.ofPlatform().name("tidegrad-follower-" + options.model()).daemon().unstarted(this::run);
    }

    void start() {
        thread.start();
    }

    Status status() {
        return status;
    }

    @Override
    public void close() {
        closing.countDown();
        FollowedTopics blocked = topics;
        if (blocked != null) {
            blocked.wakeup();
        }
        try {
            thread.join(Duration.ofSeconds(10));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private boolean isClosing() {
        return closing.getCount() == 0;
    }

    private void run() {
        long pauseMillis = PAUSE_MILLIS_MIN;
        Class<?> told = null;
        try {
            while (!isClosing()) {
                try {
                    follow();
                } catch (WakeupException e) {
                    // Only close() wakes the consumer up, and then the loop's condition is false.
                    continue;
                } catch (RuntimeException | OutOfMemoryError e) {
                    counters.failure();
                    if (lastGood != null) {
                        lastGood.kafkaHasNone();
                    }
                    if (status.state() == State.FOLLOWING) {
                        pauseMillis = PAUSE_MILLIS_MIN;
                        told = null;
                    }
                    status = failure(e);
                    if (e.getClass() != told) { // otherwise an outage would log a line every few seconds
                        told = e.getClass();
                        log.warn("following model {} failed and is tried again: {}", options.model(), describe(e));
                    }
                    log.debug("cause", e);
                    if (feed != null) {
                        feed.intake().reset();
                    }
                    if (closing.await(pauseMillis, TimeUnit.MILLISECONDS)) {
                        break;
                    }
                    pauseMillis = Math.min(2 * pauseMillis, PAUSE_MILLIS_MAX);
                }
            }
            status = new Status(State.CLOSED, "");
        } catch (InterruptedException e) {
            status = new Status(State.CLOSED, "interrupted");
            Thread.currentThread().interrupt();
        } catch (Error e) {
            status = new Status(State.FAILED, describe(e));
            throw e;
        }
    }

    private Status failure(Throwable e) {
        if (current.get() == null && (lastGood == null || !lastGood.mayServe())) {
            for (Throwable cause = e; cause != null; cause = cause.getCause()) {
                if (cause instanceof AuthenticationException || cause instanceof InvalidConfigurationException) {
                    String missing = MissingRight.of(cause);
                    return new Status(State.REFUSED,
                            "Kafka does not let us in: " + (missing == null ? describe(cause) + rest(cause) : missing)
                                    + "; check the kafka.* settings, and what Kafka's ACLs allow this user");
                }
            }
        }
        return new Status(State.RETRYING, describe(e));
    }

    private void follow() throws InterruptedException {
        try (FollowedTopics opened = new FollowedTopics(options, control, closing, yieldBudget)) {
            topics = opened;
            positioned = false;
            try {
                opened.readControl();
                ControlDirective first = control.directive();
                current.succession().begin(first.model(), first.epoch());
                controlled = true;
                while (!isClosing()) {
                    ControlDirective directive = control.directive();
                    inForce = directive;
                    if (directive.deleted()) {
                        serveNothing(opened);
                    } else {
                        follow(opened, directive);
                    }
                }
            } finally {
                topics = null;
            }
        }
    }

    /// Returns true if the scorer closes or if another directive is in force than the one that is being followed.
    private boolean halted() {
        return isClosing() || control.directive() != inForce;
    }

    /// Returns whether the control records that were read so far allow this version to be served.
    boolean allows(SnapshotManifest manifest) {
        ControlDirective directive = control.directive();
        return !controlled || (directive.model().equals(manifest.model()) && !directive.deleted()
                && !current.succession().isOver(manifest.model(), manifest.epoch()));
    }

    private void serveNothing(FollowedTopics opened) throws InterruptedException {
        current.retire();
        if (lastGood != null) {
            lastGood.forget("the model was deleted");
        }
        feed = null;
        positioned = false;
        opened.followNothing();
        String model = control.status().model();
        String why = control.status().lastInWords();
        log.warn("model {} was deleted: {}", model, why);
        String detail = "model " + model + " was deleted: " + why;
        status = new Status(State.DELETED, detail);
        while (!halted()) {
            opened.pause();
        }
    }

    /// Follows one directive until the control topic gives another one.
    private void follow(FollowedTopics opened, ControlDirective directive) throws InterruptedException {
        SnapshotFeed followed = feed(directive.model());
        followed.intake().begin(directive.epoch());
        withdrawOver();
        // The version that this model served last is still in memory: it can serve before anything is read.
        followed.intake().comeBack();
        if (!positioned) {
            String topic = options.topics().snapshots(directive.model());
            opened.followNothing();
            if (!awaitTopic(opened, topic)) {
                return;
            }
            opened.follow(topic);
            current.beatsBeginAnew();
            if (options.pin() != null) {
                followPinned(opened, followed, options.pin());
                return;
            }
            resumeAfterFile(opened, followed);
            if (!goesOn(opened, followed)) {
                bootstrap(opened, followed, directive);
            }
            if (halted()) {
                return;
            }
            String noRoom = followed.intake().noRoom();
            if (noRoom != null && !begun && current.get() == null) {
                status = new Status(State.REFUSED, directive.model() + ": " + noRoom);
                followed.resumeAt(SnapshotFeed.NOWHERE);
                closing.await(PAUSE_MILLIS_MAX, TimeUnit.MILLISECONDS);
                return;
            }
            positioned = true;
        }
        bringBack(opened, followed, directive);
        status = new Status(State.FOLLOWING, "");
        begun = true;
        while (!halted()) {
            List<ConsumerRecord<byte[], byte[]>> records = opened.poll();
            long lag = opened.lag();
            yieldBudget.begin(lag == 0 && versions(records) <= 1);
            for (ConsumerRecord<byte[], byte[]> record : records) {
                yieldBudget.run();
                followed.accept(record);
            }
            offer(followed);
            boolean behind = lag > LAG_RECORDS_MAX;
            if (behind && !catchingUp) {
                positioned = false;
                bootstrap(opened, followed, directive);
                positioned = !halted();
            }
            catchingUp = behind;
        }
    }

    private static long versions(List<ConsumerRecord<byte[], byte[]>> records) {
        return records.stream().filter(record -> SnapshotIntake.isManifest(record.key())).count();
    }

    /// Serves the pinned version and reads only the trainer's heartbeats, until a control record about the model
    /// changes that.
    private void followPinned(FollowedTopics opened, SnapshotFeed followed, ScorerOptions.Pin pin)
            throws InterruptedException {
        if (current.get() == null) {
            Verification found = published(opened, followed, pin, null);
            if (halted()) {
                return;
            }
            if (found instanceof Verification.Refused refused) {
                status = new Status(State.REFUSED,
                        "version " + pin + " of " + followed.intake().model() + ", which is pinned, can't be loaded: "
                                + refused.detail() + "; pin a published version (tidegrad snapshots list) or none");
                log.error("model {}: {}: {}", followed.intake().model(), status.detail(), refused.reason().code());
                closing.await(PAUSE_MILLIS_MAX, TimeUnit.MILLISECONDS);
                return;
            }
            if (found instanceof Verification.Admitted admitted) {
                followed.intake().admission().serve(admitted);
            }
        }
        opened.seek(opened.end());
        status = new Status(State.FOLLOWING, "");
        while (!halted()) {
            for (ConsumerRecord<byte[], byte[]> record : opened.poll()) {
                if (SnapshotIntake.isHeartbeat(record.key())) {
                    followed.accept(record);
                }
            }
        }
    }

    /// Stops serving a version that came from the file if the control records, which were read only after it, forbid
    /// it.
    private void withdrawOver() {
        ServedVersion served = current.get();
        if (served == null || !served.isFromFile()) {
            return;
        }
        ControlDirective own = control.directive(served.model());
        current.succession().begin(own.model(), own.epoch());
        if (!own.deleted() && !current.succession().isOver(own.model(), served.epoch())) {
            return;
        }
        log.warn("model {}: version {}.{} of the file is no longer served: {}", served.model(), served.epoch(),
                served.version(), control.status().lastInWords());
        current.retire();
        if (lastGood != null) {
            lastGood.forget("its epoch is over");
        }
    }

    /// Continues behind the manifest of the file's version, as if this process had read the topic up to there.
    private void resumeAfterFile(FollowedTopics opened, SnapshotFeed followed) {
        ServedVersion served = current.get();
        if (served == null || served.fileResume() <= followed.resume()
                || !served.model().equals(followed.intake().model())) {
            return;
        }
        if (isManifestOf(served, opened, served.fileResume() - 1)) {
            followed.resumeAt(served.fileResume());
        } else {
            current.fileIsOfAnotherTopic();
        }
    }

    private boolean isManifestOf(ServedVersion served, FollowedTopics opened, long offset) {
        if (offset < opened.begin() || offset >= opened.end()) {
            return false;
        }
        byte[] key = SnapshotKey.manifest(served.epoch(), served.version()).encode();
        boolean[] found = {false};
        opened.read(offset, offset + 1, this::halted, record -> found[0] = Arrays.equals(record.key(), key));
        return found[0];
    }

    private void offer(SnapshotFeed followed) {
        ServedVersion served = current.get();
        if (lastGood != null && served != null && !served.isFromFile()
                && served.model().equals(followed.intake().model())) {
            lastGood.offer(served, served.isBroughtBack() || followed.admitted() < 0 ? SnapshotFile.Head.NOT_KNOWN
                    : followed.admitted());
        }
    }

    private SnapshotFeed feed(String model) {
        SnapshotFeed known = feed;
        if (known == null || !known.intake().model().equals(model)) {
            known = new SnapshotFeed(intakes.apply(model), counters);
            feed = known;
            positioned = false;
            unavailable = null;
        }
        return known;
    }

    /// Waits until the topic exists. Returns false if the directive changes or the scorer closes before.
    private boolean awaitTopic(FollowedTopics opened, String topic) throws InterruptedException {
        while (!halted()) {
            int partitions = opened.partitions(topic);
            if (partitions == 1) {
                return true;
            }
            String detail = partitions == 0 ? "topic " + topic + " does not exist yet: the trainer creates it"
                    : "topic " + topic + " has " + partitions
                            + " partitions, a snapshots topic has 1: its order is the order of versions";
            if (!status.detail().equals(detail)) {
                log.info("model {}: {}", options.model(), detail);
            }
            status = new Status(State.WAITING_FOR_TOPIC, detail);
            if (lastGood != null) {
                lastGood.kafkaHasNone();
            }
            begun = true;
            opened.pause();
        }
        return false;
    }

    /// Continues after an error at the last position, if the topic still has it and it is not far from the end. Returns
    /// false otherwise.
    private static boolean goesOn(FollowedTopics opened, SnapshotFeed followed) {
        long resume = followed.resume();
        long end = opened.end();
        if (resume < opened.begin() || end < resume || resume + LAG_RECORDS_MAX < end) {
            return false;
        }
        opened.seek(resume);
        return true;
    }

    private void bootstrap(FollowedTopics opened, SnapshotFeed followed, ControlDirective directive) {
        new SnapshotBootstrap(opened, followed, current, this::halted).run(directive.since());
        offer(followed); // a scorer that closes now keeps what it served
    }

    /// After a rollback, serves the version that it went back to until the new epoch has published one.
    private void bringBack(FollowedTopics opened, SnapshotFeed followed, ControlDirective directive) {
        ControlAction.Rollback rollback = directive.rollback();
        SnapshotIntake intake = followed.intake();
        if (rollback == null || rollback.equals(unavailable)
                || !intake.wants(rollback.epoch(), rollback.base().version())) {
            return;
        }
        long position = opened.position();
        Verification found = base(opened, followed, rollback.base());
        opened.seek(position);
        if (halted()) {
            return;
        }
        switch (found) {
            case Verification.Admitted base -> {
                intake.admission().bringBack(base, rollback.epoch());
                log.info("model {}, epoch {}: rolled back, serving version {}.{} as {}.{}", directive.model(),
                        rollback.epoch(), rollback.base().epoch(), rollback.base().version(), rollback.epoch(),
                        rollback.base().version());
            }
            case Verification.Refused refused -> {
                unavailable = rollback;
                String problem = "rolled back to version " + rollback.base().epoch() + "." + rollback.base().version()
                        + ", which can't be loaded: " + refused.detail() + "; "
                        + (current.get() == null ? "nothing serves" : "the version before still serves")
                        + " until epoch " + rollback.epoch() + " publishes";
                control.problem(rollback, problem);
                // The command that decided this publishes a base that it has made a moment later.
                log.warn("model {}: {}", directive.model(), problem);
            }
        }
    }

    private Verification base(FollowedTopics opened, SnapshotFeed followed, ControlAction.Base base) {
        ServedVersion atHand = current.withWeights(followed.intake().model(), base.version(), base.weightsHash());
        if (atHand != null) {
            return new Verification.Admitted(atHand.loaded(), 0);
        }
        return published(opened, followed, new ScorerOptions.Pin(base.epoch(), base.version()), base.weightsHash());
    }

    private Verification published(FollowedTopics opened, SnapshotFeed followed, ScorerOptions.Pin version,
            @Nullable String weightsHash) {
        try {
            return new VersionSearch(opened, followed, version, weightsHash, this::halted)
                    .find(followed.intake().verifier(), options.maxSnapshotBytes());
        } catch (OutOfMemoryError e) {
            return new Verification.Refused(version.epoch(), version.version(), RefusalReason.TOO_LARGE,
                    "the heap had no room for it");
        }
    }

    /// Returns the message of the innermost cause, which is where TLS says what is wrong.
    private static String rest(Throwable e) {
        Throwable root = e;
        while (root.getCause() != null) {
            root = root.getCause();
        }
        return root == e ? "" : ": " + root.getMessage();
    }

    private static String describe(Throwable e) {
        return e.getClass().getSimpleName() + ": " + e.getMessage();
    }
}
