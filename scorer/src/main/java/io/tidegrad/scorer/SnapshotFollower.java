package io.tidegrad.scorer;

import io.tidegrad.control.ControlAction;
import io.tidegrad.control.ControlDirective;
import io.tidegrad.control.ControlIntake;
import io.tidegrad.model.snapshot.LoadedModel;
import io.tidegrad.model.snapshot.SnapshotFile;
import io.tidegrad.model.snapshot.SnapshotKey;
import io.tidegrad.model.snapshot.SnapshotManifest;
import io.tidegrad.model.snapshot.Verification;
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

/// A thread that follows what answers to a model's name: the control topic says which model that is and from which
/// epoch on, its snapshots topic brings the versions. It reads all of the former before it serves anything, begins the
/// latter at the newest full snapshot (`SnapshotBootstrap`), and begins again wherever a control record says something
/// else. Whatever happens to Kafka, or to a snapshot, it goes on: with back-off, and with the last good model serving.
final class SnapshotFollower implements AutoCloseable {
    /// What the thread is doing, for health.
    enum State {
        STARTING,
        /// Kafka answers, the topic is not there (yet).
        WAITING_FOR_TOPIC, FOLLOWING,
        /// The model was deleted: nothing serves until it is created again.
        DELETED,
        /// Kafka gave an error; tried again after a pause.
        RETRYING,
        /// Kafka does not let us in, or the heap has no room for what is published, and nothing serves yet; tried
        /// again, but only other settings can help.
        REFUSED,
        /// The thread died of an error no retry can heal; the process should be restarted.
        FAILED, CLOSED
    }

    record Status(State state, String detail) {
    }

    private static final Logger log = LoggerFactory.getLogger(SnapshotFollower.class);

    /// Further behind than this, the versions in between are skipped for the newest one, as at a start.
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
    private volatile boolean controlled; // the control topic was read, as far as there is one

    // On our thread:
    private @Nullable SnapshotFeed feed; // of the model that answers; kept over reconnects
    private @Nullable ControlDirective inForce;
    private ControlAction.@Nullable Rollback unavailable; // its base can't be had
    private boolean positioned; // behind what was dealt with, and on the topic of the feed
    private boolean begun; // what the process found at its start is dealt with
    private boolean catchingUp; // by reading, because there is nothing to jump to

    /// @param intakes what takes a model's snapshots, by its name
    /// @param yieldBudget what intakes call between two pieces of an admission
    /// @param lastGood keeps what serves, and has something to serve when Kafka has not; null for none
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
                    // Only close() wakes the consumer; the loop's condition ends it.
                    continue;
                } catch (RuntimeException | OutOfMemoryError e) {
                    counters.failure();
                    if (lastGood != null) {
                        lastGood.kafkaIsAway();
                    }
                    if (status.state() == State.FOLLOWING) {
                        pauseMillis = PAUSE_MILLIS_MIN;
                        told = null;
                    }
                    status = failure(e);
                    if (e.getClass() != told) { // an outage would else be a line every few seconds
                        told = e.getClass();
                        log.warn("following {} failed, trying again until it goes: {}", options.model(), describe(e));
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
                    return new Status(State.REFUSED, "Kafka does not let us in: " + describe(cause) + rest(cause)
                            + "; check the kafka.* settings");
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

    /// What is under way is no longer wanted.
    private boolean halted() {
        return isClosing() || control.directive() != inForce;
    }

    /// Whether what was decided, as far as it was read, leaves a version to be served.
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
        String detail = "model " + control.status().model() + " was deleted: " + control.status().lastInWords();
        log.warn("{}", detail);
        status = new Status(State.DELETED, detail);
        while (!halted()) {
            opened.pause();
        }
    }

    /// Follows one directive until another is given.
    private void follow(FollowedTopics opened, ControlDirective directive) throws InterruptedException {
        SnapshotFeed followed = feed(directive.model());
        followed.intake().begin(directive.epoch());
        withdrawOver();
        // The way back is open whatever Kafka has to say: what the model served last is at hand.
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

    /// Serves one version and follows the trainer's heartbeats only, until something else is decided about the model.
    private void followPinned(FollowedTopics opened, SnapshotFeed followed, ScorerOptions.Pin pin)
            throws InterruptedException {
        if (current.get() == null) {
            Verification found = published(opened, followed, pin, null);
            if (halted()) {
                return;
            }
            if (found instanceof Verification.Refused(Verification.Reason reason, String why)) {
                status = new Status(State.REFUSED,
                        "version " + pin + " of " + followed.intake().model() + ", which is pinned, can't be had: "
                                + why + "; pin one that is published (tidegrad snapshots list), or none");
                log.error("{}: {}", status.detail(), reason);
                closing.await(PAUSE_MILLIS_MAX, TimeUnit.MILLISECONDS);
                return;
            }
            if (found instanceof Verification.Admitted(LoadedModel loaded, long copiedBytes)) {
                followed.intake().pin(loaded, copiedBytes);
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

    /// What a file brought is of before the decision: it would not have been served had that been known.
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
        log.warn("{} of the file is served no more: {}", served.name(), control.status().lastInWords());
        current.retire();
        if (lastGood != null) {
            lastGood.forget("its epoch is over");
        }
    }

    /// As if this process had read what the file was made of itself.
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

    /// False when something else is to be done before the topic is there.
    private boolean awaitTopic(FollowedTopics opened, String topic) throws InterruptedException {
        while (!halted()) {
            int partitions = opened.partitions(topic);
            if (partitions == 1) {
                return true;
            }
            String detail = partitions == 0 ? "topic " + topic + " does not exist (yet): the trainer creates it"
                    : "topic " + topic + " has " + partitions
                            + " partitions, a snapshots topic has 1: its order is the order of versions";
            if (!status.detail().equals(detail)) {
                log.info("{}", detail);
            }
            status = new Status(State.WAITING_FOR_TOPIC, detail);
            begun = true;
            opened.pause();
        }
        return false;
    }

    /// After an error: where it was, when that is still there and not far from the end.
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
    }

    /// After a rollback: serves the version it goes back to, until the new epoch has one of its own.
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
            case Verification.Admitted(LoadedModel base, long copiedBytes) -> {
                intake.bringBack(base, rollback.epoch(), copiedBytes);
                log.info("{} is rolled back: serving {}.{} as {}.{}", directive.model(), rollback.base().epoch(),
                        rollback.base().version(), rollback.epoch(), rollback.base().version());
            }
            case Verification.Refused(Verification.Reason reason, String why) -> {
                unavailable = rollback;
                String problem = "rolled back to version " + rollback.base().epoch() + "." + rollback.base().version()
                        + ", which can't be had: " + why + "; "
                        + (current.get() == null ? "nothing serves" : "what served before goes on") + " until epoch "
                        + rollback.epoch() + " publishes";
                control.problem(rollback, problem);
                log.error("{}: {}", directive.model(), problem);
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
            return new Verification.Refused(Verification.Reason.TOO_LARGE, "the heap had no room for it");
        }
    }

    /// What TLS dislikes stands in the innermost cause.
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
