package io.tidegrad.scorer;

import io.tidegrad.model.snapshot.Heartbeat;
import io.tidegrad.model.snapshot.SnapshotFormatException;
import io.tidegrad.model.snapshot.SnapshotKey;
import io.tidegrad.model.snapshot.SnapshotManifest;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.consumer.CloseOptions;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.common.errors.AuthenticationException;
import org.apache.kafka.common.errors.InvalidConfigurationException;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// A thread that follows a model's snapshots topic: assigned, read_committed, without a group. It starts at the newest
/// whole snapshot, found by scanning back from the end in doubling steps, then reads what comes. Whatever happens to
/// Kafka, or to a snapshot, it goes on: with back-off, and with the last good model serving.
final class SnapshotFollower implements AutoCloseable {
    /// What the thread is doing, for health.
    enum State {
        STARTING,
        /// Kafka answers, the topic is not there (yet).
        WAITING_FOR_TOPIC,
        FOLLOWING,
        /// Kafka gave an error; tried again after a pause.
        RETRYING,
        /// Kafka does not let us in, and nothing serves yet; tried again, but only other settings can help.
        REFUSED,
        /// The thread died of an error no retry can heal; the process should be restarted.
        FAILED,
        CLOSED
    }

    record Status(State state, String detail) {}

    private static final Logger log = LoggerFactory.getLogger(SnapshotFollower.class);

    private static final Duration POLL = Duration.ofMillis(20);
    private static final Duration ASK = Duration.ofSeconds(5);
    private static final long FIRST_SCAN_RECORDS = 16;

    /// Further behind than this, the versions in between are skipped for the newest one, as at a start.
    private static final long LAG_RECORDS_MAX = 4096;

    private static final long PAUSE_MILLIS_MIN = 100;
    private static final long PAUSE_MILLIS_MAX = 2_000;

    private final TopicPartition partition;
    private final ScorerOptions options;
    private final SnapshotIntake intake;
    private final CurrentModel current;
    private final SnapshotCounters counters;
    private final CountDownLatch closing = new CountDownLatch(1);
    private final Thread thread;
    private volatile Status status = new Status(State.STARTING, "");
    private volatile @Nullable Consumer<byte[], byte[]> consumer;

    SnapshotFollower(
            ScorerOptions options,
            SnapshotIntake intake,
            CurrentModel current,
            SnapshotCounters counters) {
        this.options = options;
        this.intake = intake;
        this.current = current;
        this.counters = counters;
        partition = new TopicPartition(options.topic(), 0);
        thread =
                Thread.ofPlatform()
                        .name("tidegrad-follower-" + options.model())
                        .daemon()
                        .unstarted(this::run);
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
        Consumer<byte[], byte[]> blocked = consumer;
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
        try {
            while (!isClosing()) {
                try {
                    follow();
                } catch (WakeupException e) {
                    // Only close() wakes the consumer; the loop's condition ends it.
                    continue;
                } catch (RuntimeException | OutOfMemoryError e) {
                    counters.failure();
                    if (status.state() == State.FOLLOWING) {
                        pauseMillis = PAUSE_MILLIS_MIN;
                    }
                    status = failure(e);
                    log.warn(
                            "following {} failed, next try in {} ms: {}",
                            partition,
                            pauseMillis,
                            describe(e));
                    log.debug("cause", e);
                    intake.reset();
                    pause(pauseMillis);
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
        if (current.get() == null) {
            for (Throwable cause = e; cause != null; cause = cause.getCause()) {
                if (cause instanceof AuthenticationException
                        || cause instanceof InvalidConfigurationException) {
                    return new Status(
                            State.REFUSED,
                            "Kafka does not let us in: "
                                    + describe(cause)
                                    + rest(cause)
                                    + "; check the kafka.* settings");
                }
            }
        }
        return new Status(State.RETRYING, describe(e));
    }

    private void follow() throws InterruptedException {
        try (Consumer<byte[], byte[]> opened = open()) {
            consumer = opened;
            try {
                if (!awaitTopic(opened)) {
                    return;
                }
                opened.assign(List.of(partition));
                bootstrap(opened);
                status = new Status(State.FOLLOWING, "");
                while (!isClosing()) {
                    for (ConsumerRecord<byte[], byte[]> record :
                            opened.poll(POLL).records(partition)) {
                        accept(record);
                    }
                    if (opened.currentLag(partition).orElse(0) > LAG_RECORDS_MAX) {
                        bootstrap(opened);
                    }
                }
            } finally {
                consumer = null;
                opened.close(CloseOptions.timeout(Duration.ofSeconds(1)));
            }
        }
    }

    private Consumer<byte[], byte[]> open() {
        try {
            return new KafkaConsumer<>(
                    options.consumerSettings(),
                    new ByteArrayDeserializer(),
                    new ByteArrayDeserializer());
        } catch (KafkaException e) {
            Throwable root = root(e);
            // An address that does not resolve may do so in a moment; all else lies in the
            // settings.
            throw root instanceof ConfigException
                    ? e
                    : new InvalidConfigurationException(describe(root));
        }
    }

    /// False when closed while waiting.
    private boolean awaitTopic(Consumer<byte[], byte[]> opened) throws InterruptedException {
        while (!isClosing()) {
            List<PartitionInfo> partitions = opened.partitionsFor(partition.topic(), ASK);
            if (partitions != null && partitions.size() == 1) {
                return true;
            }
            String detail =
                    partitions == null || partitions.isEmpty()
                            ? "topic "
                                    + partition.topic()
                                    + " does not exist (yet): the trainer creates it"
                            : "topic "
                                    + partition.topic()
                                    + " has "
                                    + partitions.size()
                                    + " partitions, a snapshots topic has 1: its order is the order of versions";
            if (!status.detail().equals(detail)) {
                log.info("{}", detail);
            }
            status = new Status(State.WAITING_FOR_TOPIC, detail);
            pause(2 * PAUSE_MILLIS_MIN);
        }
        return false;
    }

    /// Loads the newest whole and good snapshot that is above the served one, and leaves the position where following
    /// begins. Stretches are scanned from the end backwards, each twice as long as the one after it, none twice.
    private void bootstrap(Consumer<byte[], byte[]> opened) {
        intake.reset();
        List<TopicPartition> asked = List.of(partition);
        long begin = opened.beginningOffsets(asked, ASK).getOrDefault(partition, 0L);
        // Under read_committed this is the last stable offset: no transaction that is still open
        // lies before it.
        long end = opened.endOffsets(asked, ASK).getOrDefault(partition, 0L);
        SnapshotIndex index = new SnapshotIndex();
        long to = end;
        long step = FIRST_SCAN_RECORDS;
        boolean found = false;
        while (!found && to > begin && !isClosing()) {
            long from = Math.max(begin, to - step);
            scan(opened, from, to, index);
            found = loadNewest(opened, index);
            to = from;
            step *= 2;
        }
        intake.reset();
        opened.seek(partition, index.resumeAt(end));
    }

    private void scan(Consumer<byte[], byte[]> opened, long from, long to, SnapshotIndex index) {
        opened.seek(partition, from);
        while (opened.position(partition) < to && !isClosing()) {
            for (ConsumerRecord<byte[], byte[]> record : opened.poll(POLL).records(partition)) {
                if (record.offset() < to) {
                    note(record, index);
                }
            }
        }
    }

    private void note(ConsumerRecord<byte[], byte[]> record, SnapshotIndex index) {
        if (record.key() == null || record.value() == null) {
            return;
        }
        try {
            SnapshotKey key = SnapshotKey.decode(record.key());
            switch (key.kind()) {
                case HEARTBEAT -> current.beat(Heartbeat.decode(record.value()), record.offset());
                case PART -> index.part(key, record.offset());
                case MANIFEST ->
                        index.manifest(
                                key,
                                SnapshotManifest.decode(record.value()).parts(),
                                record.offset());
            }
        } catch (SnapshotFormatException unreadable) {
            // Counted and told as when it had come while following.
            accept(record);
        }
    }

    /// True when the search is over: a version was admitted, or what is left is not above the served one.
    private boolean loadNewest(Consumer<byte[], byte[]> opened, SnapshotIndex index) {
        for (SnapshotIndex.Candidate next = index.newestComplete();
                next != null;
                next = index.newestComplete()) {
            if (!intake.wants(next.epoch(), next.version())) {
                return true;
            }
            if (!intake.wasRefused(next.manifest()) && load(opened, next)) {
                return true;
            }
            index.remove(next);
        }
        return false;
    }

    private boolean load(Consumer<byte[], byte[]> opened, SnapshotIndex.Candidate candidate) {
        intake.reset();
        opened.seek(partition, candidate.from());
        while (opened.position(partition) <= candidate.manifest() && !isClosing()) {
            for (ConsumerRecord<byte[], byte[]> record : opened.poll(POLL).records(partition)) {
                if (record.offset() <= candidate.manifest() && isOf(candidate, record)) {
                    if (accept(record) instanceof Admission.Admitted) {
                        return true;
                    }
                }
            }
        }
        return false;
    }

    private static boolean isOf(
            SnapshotIndex.Candidate candidate, ConsumerRecord<byte[], byte[]> record) {
        if (record.key() == null || record.value() == null) {
            return false;
        }
        try {
            SnapshotKey key = SnapshotKey.decode(record.key());
            return key.kind() != SnapshotKey.Kind.HEARTBEAT
                    && key.epoch() == candidate.epoch()
                    && key.version() == candidate.version();
        } catch (SnapshotFormatException e) {
            return false;
        }
    }

    private @Nullable Admission accept(ConsumerRecord<byte[], byte[]> record) {
        Admission admission =
                intake.accept(record.key(), record.value(), record.offset(), record.timestamp());
        switch (admission) {
            case null -> {}
            case Admission.Admitted(ServedModel model) ->
                    log.debug(
                            "serving {} version {}.{}",
                            model.model(),
                            model.epoch(),
                            model.version());
            case Admission.Refused(int epoch, long version, RefusalReason reason, String detail) ->
                    log.warn(
                            "refused {} version {}.{} at offset {}: {}: {}",
                            options.model(),
                            epoch,
                            version,
                            record.offset(),
                            reason.code(),
                            detail);
        }
        return admission;
    }

    private void pause(long millis) throws InterruptedException {
        boolean closed = closing.await(millis, TimeUnit.MILLISECONDS);
        if (closed) {
            log.debug("closing");
        }
    }

    /// What TLS dislikes stands in the innermost cause.
    private static String rest(Throwable e) {
        Throwable root = root(e);
        return root == e ? "" : ": " + root.getMessage();
    }

    private static Throwable root(Throwable e) {
        Throwable root = e;
        while (root.getCause() != null) {
            root = root.getCause();
        }
        return root;
    }

    private static String describe(Throwable e) {
        return e.getClass().getSimpleName() + ": " + e.getMessage();
    }
}
