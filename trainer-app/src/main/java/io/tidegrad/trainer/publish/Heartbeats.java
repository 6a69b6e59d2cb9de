package io.tidegrad.trainer.publish;

import io.tidegrad.control.Lineage;
import io.tidegrad.control.ReadCommitted;
import io.tidegrad.model.snapshot.Heartbeat;
import io.tidegrad.model.snapshot.SnapshotKey;
import io.tidegrad.trainer.store.Accounts;
import io.tidegrad.trainer.store.CommitGuard;
import io.tidegrad.trainer.store.CommittedState;
import io.tidegrad.trainer.store.TrainerClock;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.BooleanSupplier;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Writes once a second what has been committed and whether that is everything, so that a scorer can tell "nothing
/// happened" from "I am behind". This runs on a thread of its own and outside of transactions, so it costs the learning
/// thread nothing and an idle model no transaction. It also measures how far the trainer is behind.
public final class Heartbeats implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Heartbeats.class);
    private static final Duration EVERY = Duration.ofSeconds(1);
    private static final Duration ANSWER = Duration.ofSeconds(5);
    private static final Duration PROBE = Duration.ofMillis(100);
    private static final int LOOKS_A_MINUTE = 61;

    /// If the trainer is further behind than this, the records in between are not looked at.
    private static final long PROBE_OFFSETS_MAX = 10_000;

    private final Lineage lineage;
    private final String snapshotsTopic;
    private final CommitGuard guard;
    private final BooleanSupplier learns;
    private final Runnable lost;
    private final ReadCommitted readCommitted;
    private final Map<String, Object> client;
    private final Thread thread;
    private boolean away; // whether Kafka did not answer last; on our thread
    private volatile boolean stopped;
    private volatile long lag = -1;
    private volatile long drainedNanos = TrainerClock.SYSTEM.nanos();
    private volatile double deadLetterShare = Double.NaN;
    private final ArrayDeque<Accounts> lastMinute = new ArrayDeque<>(LOOKS_A_MINUTE); // one a second; on our thread

    /// @param learns whether this instance learns the model; otherwise another one writes its heartbeats
    /// @param lost called while the log lacks an event that a restart would need
    /// @param client the settings of every client, as `KafkaSettings.client` gives them
    public Heartbeats(Lineage lineage, String snapshotsTopic, CommitGuard guard, BooleanSupplier learns, Runnable lost,
            Map<String, Object> client) {
        this.lineage = lineage;
        this.snapshotsTopic = snapshotsTopic;
        this.guard = guard;
        this.learns = learns;
        this.lost = lost;
        this.client = Map.copyOf(client);
        readCommitted = new ReadCommitted(client);
        thread = Thread.ofPlatform().name("heartbeat-" + lineage.model()).daemon().start(this::run);
    }

    /// Returns how many offsets lie between the committed watermark and the end of the log: 0 if all visible records
    /// are learned, -1 while that is not known.
    public long lag() {
        return lag;
    }

    /// Returns when there was last nothing left to learn, by `TrainerClock`; at first, when this began.
    public long drainedNanos() {
        return drainedNanos;
    }

    /// Returns the share of dead letters among the events that were committed in about the last minute, 0 to 1; NaN if
    /// there were none.
    public double deadLetterShare() {
        return deadLetterShare;
    }

    private void run() {
        while (!stopped) {
            // A failure is followed by new clients, in case something is wrong with the old ones.
            try (Producer<byte[], byte[]> producer = producer();
                    Consumer<byte[], byte[]> consumer = readCommitted.open(lineage.log())) {
                beat(producer, new EndOfLog(consumer, lineage.log()));
            } catch (InterruptException e) {
                return; // closed
            } catch (KafkaException e) {
                lag = -1;
                if (!away) { // logged once, while Kafka's clients would log it every second
                    away = true;
                    LOG.warn("model {}: Kafka does not answer, learning goes on when it does: {}", lineage.model(),
                            e.getMessage());
                }
                if (!pause()) {
                    return;
                }
            }
        }
    }

    private void beat(Producer<byte[], byte[]> producer, EndOfLog end) {
        byte[] key = SnapshotKey.HEARTBEAT.encode();
        do {
            CommittedState state = guard.committed();
            if (state != null && learns.getAsBoolean()) {
                deadLetterShare = deadLetterShare(state.accounts());
                long behind = end.visibleAfter(state.nextOffset());
                lag = behind;
                if (state.store().imageOffset() < state.nextOffset()) {
                    lookAtBegin(end.begin(), state);
                }
                if (behind == 0) {
                    drainedNanos = TrainerClock.SYSTEM.nanos();
                }
                if (away) {
                    away = false;
                    LOG.info("model {}: Kafka answers again", lineage.model());
                }
                Heartbeat heartbeat = new Heartbeat(lineage.epoch(), state.version(), state.nextOffset(), behind == 0,
                        TrainerClock.SYSTEM.epochMillis());
                producer.send(new ProducerRecord<>(snapshotsTopic, key, heartbeat.encode()));
            }
        } while (pause());
    }

    /// A restart needs the events after the state in the changelog, which the learning thread then writes anew.
    private void lookAtBegin(long begin, CommittedState state) {
        guard.logBegins(begin);
        if (begin > state.store().imageOffset()) {
            lost.run();
        }
    }

    private double deadLetterShare(Accounts now) {
        if (lastMinute.size() == LOOKS_A_MINUTE) {
            lastMinute.removeFirst();
        }
        lastMinute.addLast(now);
        Accounts then = lastMinute.getFirst();
        double refused = now.deadLetters() - then.deadLetters();
        return refused / (refused + now.accepted() - then.accepted());
    }

    /// Returns false if this is to end.
    private boolean pause() {
        try {
            Thread.sleep(EVERY);
            return !stopped;
        } catch (InterruptedException e) {
            return false;
        }
    }

    private Producer<byte[], byte[]> producer() {
        Map<String, Object> settings = new HashMap<>(client);
        settings.put(ProducerConfig.ACKS_CONFIG, "all");
        // A late heartbeat is worth nothing, so it is dropped.
        settings.put(ProducerConfig.DELIVERY_TIMEOUT_MS_CONFIG, 3_000);
        settings.put(ProducerConfig.REQUEST_TIMEOUT_MS_CONFIG, 2_000);
        settings.put(ProducerConfig.MAX_BLOCK_MS_CONFIG, 2_000);
        settings.put(ProducerConfig.LINGER_MS_CONFIG, 0);
        return new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer());
    }

    /// Finds out whether visible records follow an offset. A comparison with the end of the log does not tell, because
    /// a marker and perhaps aborted records lie behind the last record of a transactional producer.
    private static final class EndOfLog {
        private final Consumer<byte[], byte[]> consumer;
        private final TopicPartition log;
        private long emptyFrom = -1;
        private long emptyTo = -1; // no visible record in [emptyFrom, emptyTo)

        EndOfLog(Consumer<byte[], byte[]> consumer, TopicPartition log) {
            this.consumer = consumer;
            this.log = log;
        }

        /// Returns the first offset that the log still has.
        long begin() {
            return Objects.requireNonNull(consumer.beginningOffsets(List.of(log), ANSWER).get(log));
        }

        /// Returns 0 if no visible record follows, otherwise at most how many offsets do.
        long visibleAfter(long offset) {
            long end = Objects.requireNonNull(consumer.endOffsets(List.of(log), ANSWER).get(log));
            if (end <= offset) {
                return 0;
            }
            if (end - offset > PROBE_OFFSETS_MAX) {
                return end - offset;
            }
            if (emptyFrom != offset) {
                emptyFrom = offset;
                emptyTo = offset;
            }
            if (emptyTo < end) {
                consumer.seek(log, emptyTo);
                if (!consumer.poll(PROBE).isEmpty()) {
                    return end - offset;
                }
                emptyTo = consumer.position(log);
            }
            return emptyTo >= end ? 0 : end - offset;
        }
    }

    @Override
    public void close() {
        stopped = true;
        thread.interrupt();
        try {
            thread.join(Duration.ofSeconds(5));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
