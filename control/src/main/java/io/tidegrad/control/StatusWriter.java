package io.tidegrad.control;

import io.tidegrad.schemas.MissingRight;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.KafkaSettings;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.LongAdder;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Writes to the status topic what a process says of itself: when its source says that it is due, and in any case every
/// `ProcessStatus.HEARTBEAT_MILLIS`. It has a thread and a producer of its own, outside of transactions, because what the
/// process is there for must neither wait for it nor fail with it. If the topic is missing or may not be written to, that is
/// counted, logged once, and tried again after a pause.
///
/// @param <T> what is told
public final class StatusWriter<T> implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(StatusWriter.class);
    private static final long PAUSE_MILLIS_MIN = 2_000;
    /// No longer than a heartbeat: else a process would seem silent long after Kafka answers again.
    private static final long PAUSE_MILLIS_MAX = ProcessStatus.HEARTBEAT_MILLIS;

    /// How long the topic's metadata and a send may take.
    private static final int SEND_WITHIN_MILLIS = 2_000;

    /// What a process says of itself. The writer's thread asks.
    public interface Source<T> {
        T now();

        /// Returns whether something else is worth a record already.
        ///
        /// @param millis since the last record, less than a heartbeat
        boolean isDue(T last, T now, long millis);

        /// @param stopped whether the process ends, and writes no more records
        StatusRecord record(T told, boolean stopped);
    }

    /// A record of the status topic.
    public record StatusRecord(byte[] key, byte[] value) {
    }

    private final KafkaSettings kafka;
    private final String topic;
    private final String program;
    private final String goesOn;
    private final Source<T> source;
    private final LongAdder written = new LongAdder();
    private final LongAdder failures = new LongAdder();
    private final ScheduledExecutorService timer = Executors.newSingleThreadScheduledExecutor(
            task -> Thread.ofPlatform().name("tidegrad-status").daemon().unstarted(task));

    // Only used by the timer's thread:
    private @Nullable Producer<byte[], byte[]> producer;
    private @Nullable T last;
    private long lastNanos;
    private boolean logged; // a failure since the last record was written
    private long pauseMillis = PAUSE_MILLIS_MIN;
    private long notBeforeNanos = System.nanoTime();

    /// @param program its name, as `scorer`
    /// @param goesOn what goes on without the topic and what does not, a sentence for the log
    /// @param every the time between two looks at the source
    public StatusWriter(KafkaSettings kafka, Topics topics, String program, String goesOn, Duration every,
            Source<T> source) {
        this.kafka = kafka;
        topic = topics.status();
        this.program = program;
        this.goesOn = goesOn;
        this.source = source;
        timer.scheduleWithFixedDelay(this::look, 0, every.toMillis(), TimeUnit.MILLISECONDS);
    }

    /// Returns the number of records that were written.
    public long written() {
        return written.sum();
    }

    /// Returns how often the topic could not be written to.
    public long failures() {
        return failures.sum();
    }

    private void look() {
        long now = System.nanoTime();
        if (now - notBeforeNanos < 0) {
            return;
        }
        try {
            writeIfDue(now);
        } catch (ExecutionException | TimeoutException | RuntimeException | Error e) {
            // All errors are caught, because the timer does not run a task again that has thrown.
            failed(e instanceof ExecutionException && e.getCause() != null ? e.getCause() : e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void writeIfDue(long nanos) throws ExecutionException, InterruptedException, TimeoutException {
        T now = source.now();
        T before = last;
        long millis = (nanos - lastNanos) / 1_000_000;
        if (before != null && millis < ProcessStatus.HEARTBEAT_MILLIS && !source.isDue(before, now, millis)) {
            return;
        }
        send(source.record(now, false));
        last = now;
        lastNanos = System.nanoTime();
        logged = false;
        pauseMillis = PAUSE_MILLIS_MIN;
    }

    private void failed(Throwable why) {
        failures.increment();
        if (!logged) {
            logged = true;
            String right = MissingRight.of(new KafkaException("sending record", why));
            LOG.warn(
                    "topic {} can't be written to: {}. {} A trainer or a models command creates the topic; the {} needs"
                            + " the right to write to it",
                    topic, right == null ? String.valueOf(why.getMessage()) : right, goesOn, program);
        }
        LOG.debug("cause", why);
        notBeforeNanos = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(pauseMillis);
        pauseMillis = Math.min(2 * pauseMillis, PAUSE_MILLIS_MAX);
    }

    private void send(StatusRecord record) throws ExecutionException, InterruptedException, TimeoutException {
        Producer<byte[], byte[]> open = producer;
        if (open == null) {
            open = open();
            producer = open;
        }
        // Readers read only partition 0, even if somebody has added others.
        open.send(new ProducerRecord<>(topic, 0, record.key(), record.value())).get(2L * SEND_WITHIN_MILLIS,
                TimeUnit.MILLISECONDS);
        written.increment();
    }

    /// No record is repeated and none is acknowledged by all brokers, because the next one replaces it.
    private Producer<byte[], byte[]> open() {
        Map<String, Object> settings = new HashMap<>(kafka.producer());
        settings.put(ProducerConfig.CLIENT_ID_CONFIG, "tidegrad-" + program + "-status");
        settings.put(ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, false);
        settings.put(ProducerConfig.ACKS_CONFIG, "1");
        settings.put(ProducerConfig.LINGER_MS_CONFIG, 0);
        settings.put(ProducerConfig.BUFFER_MEMORY_CONFIG, 1L << 20);
        settings.put(ProducerConfig.MAX_BLOCK_MS_CONFIG, SEND_WITHIN_MILLIS);
        settings.put(ProducerConfig.REQUEST_TIMEOUT_MS_CONFIG, SEND_WITHIN_MILLIS);
        settings.put(ProducerConfig.DELIVERY_TIMEOUT_MS_CONFIG, SEND_WITHIN_MILLIS);
        return new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer());
    }

    private void end() {
        Producer<byte[], byte[]> open = producer;
        if (open == null) {
            return;
        }
        try {
            T told = last;
            if (told != null && !logged) {
                send(source.record(told, true));
            }
        } catch (ExecutionException | TimeoutException | RuntimeException e) {
            LOG.debug("the end could not be written", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            open.close(Duration.ofMillis(SEND_WITHIN_MILLIS));
        }
    }

    /// Writes that the process ends, so that nobody waits for it.
    @Override
    public void close() {
        timer.execute(this::end);
        timer.shutdown();
        try {
            if (!timer.awaitTermination(4L * SEND_WITHIN_MILLIS, TimeUnit.MILLISECONDS)) {
                timer.shutdownNow();
            }
        } catch (InterruptedException e) {
            timer.shutdownNow();
            Thread.currentThread().interrupt();
        }
    }
}
