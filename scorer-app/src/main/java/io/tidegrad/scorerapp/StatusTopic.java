package io.tidegrad.scorerapp;

import io.tidegrad.control.ProcessStatus;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.KafkaSettings;
import io.tidegrad.scorer.ModelRouter;
import io.tidegrad.scorer.Scorer;
import io.tidegrad.scorer.ScorerStatus;
import io.tidegrad.scorer.ServedVersion;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ExecutionException;
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

/// Writes to the status topic what this process serves: at once if another model or epoch answers or the readiness
/// changes, after a second if the version changes, and in any case every ten seconds. It has a thread of its own, because
/// serving must not wait for it. If the topic is missing or may not be written to, that is counted, logged once, and tried
/// again after a pause.
final class StatusTopic implements AutoCloseable {
    private static final long LOOK_MILLIS = 50;
    private static final long VERSIONS_APART_MILLIS = 1_000;
    private static final long PAUSE_MILLIS_MIN = 2_000;
    private static final long PAUSE_MILLIS_MAX = 60_000;

    /// How long the topic's metadata and a send may take.
    private static final int SEND_WITHIN_MILLIS = 2_000;

    private static final Logger log = LoggerFactory.getLogger(StatusTopic.class);

    private final KafkaSettings kafka;
    private final String topic;
    private final String address;
    private final String process;
    private final Collection<ModelRouter> routers;
    private final Set<String> pinned;
    private final InstantSource clock;
    private final LongAdder written = new LongAdder();
    private final LongAdder failures = new LongAdder();
    private final ScheduledExecutorService timer = Timers.named("tidegrad-status");

    // Only used by the timer's thread:
    private @Nullable Producer<byte[], byte[]> producer;
    private List<ProcessStatus.Served> last = List.of();
    private long lastNanos;
    private boolean everWritten;
    private boolean logged; // a failure since the last record was written
    private long pauseMillis = PAUSE_MILLIS_MIN;
    private long notBeforeNanos = System.nanoTime();

    /// @param address address of the process, `host:port`
    /// @param pinned names whose version stays, whatever is decided
    StatusTopic(KafkaSettings kafka, Topics topics, String address, Collection<ModelRouter> routers, Set<String> pinned,
            InstantSource clock) {
        this.kafka = kafka;
        topic = topics.status();
        this.address = address;
        process = address + "-" + UUID.randomUUID().toString().substring(0, 8);
        this.routers = routers;
        this.pinned = pinned;
        this.clock = clock;
        timer.scheduleWithFixedDelay(this::look, 0, LOOK_MILLIS, TimeUnit.MILLISECONDS);
    }

    /// Returns the number of records that were written.
    long written() {
        return written.sum();
    }

    /// Returns how often the topic could not be written to.
    long failures() {
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

    private void writeIfDue(long now) throws ExecutionException, InterruptedException, TimeoutException {
        List<ProcessStatus.Served> served = routers.stream().map(each -> served(each.live())).toList();
        long since = everWritten ? (now - lastNanos) / 1_000_000 : Long.MAX_VALUE;
        if (since < ProcessStatus.HEARTBEAT_MILLIS && isSameWithoutVersions(served, last)
                && (served.equals(last) || since < VERSIONS_APART_MILLIS)) {
            return;
        }
        send(served, false);
        last = served;
        lastNanos = System.nanoTime();
        everWritten = true;
        logged = false;
        pauseMillis = PAUSE_MILLIS_MIN;
    }

    private void failed(Throwable why) {
        failures.increment();
        if (!logged) {
            logged = true;
            log.warn(
                    "topic {} can't be written to: {}. Serving goes on, but commands that wait for scorers don't see this one."
                            + " A trainer or a models command creates the topic; the scorer needs the right to write to it",
                    topic, String.valueOf(why.getMessage()));
        }
        log.debug("cause", why);
        notBeforeNanos = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(pauseMillis);
        pauseMillis = Math.min(2 * pauseMillis, PAUSE_MILLIS_MAX);
    }

    /// Compares without versions, which change twice a second.
    private static boolean isSameWithoutVersions(List<ProcessStatus.Served> some, List<ProcessStatus.Served> others) {
        return withoutVersions(some).equals(withoutVersions(others));
    }

    private static List<ProcessStatus.Served> withoutVersions(List<ProcessStatus.Served> served) {
        return served.stream().map(each -> new ProcessStatus.Served(each.name(), each.model(), each.epoch(), 0,
                each.ready(), each.pinned(), each.problem())).toList();
    }

    private ProcessStatus.Served served(Scorer scorer) {
        ScorerStatus status = scorer.status();
        ServedVersion served = status.served();
        String problem = status.control().problem();
        return new ProcessStatus.Served(scorer.model(), served == null ? "" : served.model(),
                served == null ? 0 : served.epoch(), served == null ? -1 : served.version(), status.ready(),
                pinned.contains(scorer.model()),
                problem.isEmpty() && served == null ? status.followerDetail() : problem);
    }

    private void send(List<ProcessStatus.Served> served, boolean stopped)
            throws ExecutionException, InterruptedException, TimeoutException {
        ProcessStatus status = new ProcessStatus(process, stopped, clock.millis(), address, served);
        Producer<byte[], byte[]> open = producer;
        if (open == null) {
            open = open();
            producer = open;
        }
        // Readers read only partition 0, even if somebody has added others.
        open.send(new ProducerRecord<>(topic, 0, status.key(), status.encode())).get(2L * SEND_WITHIN_MILLIS,
                TimeUnit.MILLISECONDS);
        written.increment();
    }

    /// No record is repeated and none is acknowledged by all brokers, because the next one replaces it.
    private Producer<byte[], byte[]> open() {
        Map<String, Object> settings = new HashMap<>(kafka.producer());
        settings.put(ProducerConfig.CLIENT_ID_CONFIG, "tidegrad-scorer-status");
        settings.put(ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, false);
        settings.put(ProducerConfig.ACKS_CONFIG, "1");
        settings.put(ProducerConfig.LINGER_MS_CONFIG, 0);
        settings.put(ProducerConfig.BUFFER_MEMORY_CONFIG, 1L << 20);
        settings.put(ProducerConfig.MAX_BLOCK_MS_CONFIG, SEND_WITHIN_MILLIS);
        settings.put(ProducerConfig.REQUEST_TIMEOUT_MS_CONFIG, SEND_WITHIN_MILLIS);
        settings.put(ProducerConfig.DELIVERY_TIMEOUT_MS_CONFIG, SEND_WITHIN_MILLIS);
        return new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer());
    }

    /// Writes that the process ends, so that nobody waits for it.
    @Override
    public void close() {
        Timers.close(timer, () -> {
            Producer<byte[], byte[]> open = producer;
            if (open == null) {
                return;
            }
            try {
                if (everWritten && !logged) {
                    send(last, true);
                }
            } catch (ExecutionException | TimeoutException | KafkaException e) {
                log.debug("the end could not be written", e);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            } finally {
                open.close(Duration.ofMillis(SEND_WITHIN_MILLIS));
            }
        }, Duration.ofMillis(4L * SEND_WITHIN_MILLIS));
    }
}
