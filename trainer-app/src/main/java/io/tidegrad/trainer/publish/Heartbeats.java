package io.tidegrad.trainer.publish;

import io.tidegrad.control.Lineage;
import io.tidegrad.control.ReadCommitted;
import io.tidegrad.model.snapshot.Heartbeat;
import io.tidegrad.model.snapshot.SnapshotKey;
import io.tidegrad.trainer.store.CommitGuard;
import io.tidegrad.trainer.store.CommittedState;
import io.tidegrad.trainer.store.TrainerClock;
import java.time.Duration;
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

/// Says once a second, in a thread of its own and outside transactions, what has been committed and whether that is all
/// there is: so a scorer can tell "nothing happened" from "I am behind". Costs the learning thread nothing and an idle
/// model no transaction. It also knows how far behind the trainer is.
public final class Heartbeats implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Heartbeats.class);
    private static final Duration EVERY = Duration.ofSeconds(1);
    private static final Duration ANSWER = Duration.ofSeconds(5);
    private static final Duration PROBE = Duration.ofMillis(100);

    /// Behind by more than this is not worth a look at the records in between.
    private static final long PROBE_OFFSETS_MAX = 10_000;

    private final Lineage lineage;
    private final String snapshotsTopic;
    private final CommitGuard guard;
    private final BooleanSupplier learns;
    private final ReadCommitted readCommitted;
    private final Map<String, Object> client;
    private final Thread thread;
    private boolean away; // Kafka, when we last asked; on our thread
    private volatile boolean stopped;
    private volatile long lag = -1;
    private volatile long drainedNanos = TrainerClock.SYSTEM.nanos();
    private volatile double deadLetterShare = Double.NaN;
    private final RecentAccounts recent = new RecentAccounts(); // on our thread

    /// @param learns whether the model's task is this instance's; another one speaks for it otherwise
    /// @param client connection settings: bootstrap.servers and `kafka.*`
    public Heartbeats(Lineage lineage, String snapshotsTopic, CommitGuard guard, BooleanSupplier learns,
            Map<String, Object> client) {
        this.lineage = lineage;
        this.snapshotsTopic = snapshotsTopic;
        this.guard = guard;
        this.learns = learns;
        this.client = Map.copyOf(client);
        readCommitted = new ReadCommitted(client);
        thread = Thread.ofPlatform().name("heartbeat-" + lineage.model()).daemon().start(this::run);
    }

    /// Offsets of the log between the committed watermark and its end, 0 when all visible records are learned; -1 while
    /// not known.
    public long lag() {
        return lag;
    }

    /// When there was last nothing left to learn, by `TrainerClock`; at first, when this began.
    public long drainedNanos() {
        return drainedNanos;
    }

    /// Share of dead letters among the events that were committed in about the last minute, 0 to 1; NaN when there were
    /// none.
    public double deadLetterShare() {
        return deadLetterShare;
    }

    private void run() {
        while (!stopped) {
            // New clients after a failure: whatever was wrong with the old ones is gone with them.
            try (Producer<byte[], byte[]> producer = producer();
                    Consumer<byte[], byte[]> consumer = readCommitted.open(lineage.log())) {
                beat(producer, new EndOfLog(consumer, lineage.log()));
            } catch (InterruptException e) {
                return; // closed
            } catch (KafkaException e) {
                lag = -1;
                if (!away) { // the one line about it: Kafka's clients would say so every second
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
                recent.add(state.accounts());
                deadLetterShare = recent.deadLetterShare();
                long behind = end.visibleAfter(state.nextOffset());
                lag = behind;
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

    /// False when interrupted: it is time to go.
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
        // An old heartbeat is worth nothing: rather drop it than send it late.
        settings.put(ProducerConfig.DELIVERY_TIMEOUT_MS_CONFIG, 3_000);
        settings.put(ProducerConfig.REQUEST_TIMEOUT_MS_CONFIG, 2_000);
        settings.put(ProducerConfig.MAX_BLOCK_MS_CONFIG, 2_000);
        settings.put(ProducerConfig.LINGER_MS_CONFIG, 0);
        return new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer());
    }

    /// Whether visible records follow an offset. Comparing it with the log's end is not enough: behind a transactional
    /// producer's last record lies a marker, and perhaps aborted records.
    private static final class EndOfLog {
        private final Consumer<byte[], byte[]> consumer;
        private final TopicPartition log;
        private long emptyFrom = -1;
        private long emptyTo = -1; // no visible record in [emptyFrom, emptyTo)

        EndOfLog(Consumer<byte[], byte[]> consumer, TopicPartition log) {
            this.consumer = consumer;
            this.log = log;
        }

        /// 0 when no visible record follows, else how many offsets do, at most.
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
