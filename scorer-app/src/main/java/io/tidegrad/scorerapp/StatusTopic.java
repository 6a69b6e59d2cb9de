package io.tidegrad.scorerapp;

import io.tidegrad.control.ProcessStatus;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.KafkaSettings;
import io.tidegrad.scorer.Scorer;
import io.tidegrad.scorer.ScorerStatus;
import io.tidegrad.scorer.ServedVersion;
import io.tidegrad.scorer.ModelRouter;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
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

/// Tells the status topic what this process serves: at once when another model or epoch answers or readiness changes,
/// after a second when a version does, every ten seconds anyway. On a thread of its own, for serving needs none of it:
/// where the topic is not there or may not be written to, that is counted, said once, and tried again after a pause.
final class StatusTopic implements AutoCloseable {
    private static final long LOOK_MILLIS = 50;
    private static final long VERSIONS_APART_MILLIS = 1_000;
    private static final long PAUSE_MILLIS_MIN = 2_000;
    private static final long PAUSE_MILLIS_MAX = 60_000;

    /// For the topic's metadata, and for a send.
    private static final int SEND_WITHIN_MILLIS = 2_000;

    private static final Logger log = LoggerFactory.getLogger(StatusTopic.class);

    private final KafkaSettings kafka;
    private final String topic;
    private final String address;
    private final String process;
    private final Collection<ModelRouter> routers;
    private final Set<String> pinned;
    private final InstantSource clock;
    private final LongAdder told = new LongAdder();
    private final LongAdder failures = new LongAdder();
    private final ScheduledExecutorService timer =
            Executors.newSingleThreadScheduledExecutor(Thread.ofPlatform().name("tidegrad-status").daemon().factory());

    // On the timer's thread:
    private @Nullable Producer<byte[], byte[]> producer;
    private List<ProcessStatus.Served> last = List.of();
    private long lastNanos;
    private boolean everTold;
    private boolean saidWhy; // since it was told last
    private long pauseMillis = PAUSE_MILLIS_MIN;
    private long notBeforeNanos = System.nanoTime();

    /// @param address of the process, `host:port`
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

    /// Records that were written.
    long told() {
        return told.sum();
    }

    /// Times that the topic could not be written to.
    long failures() {
        return failures.sum();
    }

    private void look() {
        long now = System.nanoTime();
        if (now - notBeforeNanos < 0) {
            return;
        }
        try {
            tell(now);
        } catch (ExecutionException | TimeoutException | RuntimeException | OutOfMemoryError e) {
            // Caught whatever it is: the timer runs nothing again that has thrown.
            failed(e instanceof ExecutionException && e.getCause() != null ? e.getCause() : e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void tell(long now) throws ExecutionException, InterruptedException, TimeoutException {
        List<ProcessStatus.Served> served = routers.stream().map(each -> served(each.live())).toList();
        long since = everTold ? (now - lastNanos) / 1_000_000 : Long.MAX_VALUE;
        if (since < ProcessStatus.HEARTBEAT_MILLIS && isSameBut(served, last)
                && (served.equals(last) || since < VERSIONS_APART_MILLIS)) {
            return;
        }
        send(served, false);
        last = served;
        lastNanos = System.nanoTime();
        everTold = true;
        saidWhy = false;
        pauseMillis = PAUSE_MILLIS_MIN;
    }

    private void failed(Throwable why) {
        failures.increment();
        if (!saidWhy) {
            saidWhy = true;
            log.warn(
                    "what is served here can't be told on {}: {}. Serving goes on; commands that wait for scorers don't see this one."
                            + " A trainer or a models command creates the topic; the scorer needs the right to write to it",
                    topic, String.valueOf(why.getMessage()));
        }
        log.debug("cause", why);
        notBeforeNanos = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(pauseMillis);
        pauseMillis = Math.min(2 * pauseMillis, PAUSE_MILLIS_MAX);
    }

    /// But for versions, which come twice a second.
    private static boolean isSameBut(List<ProcessStatus.Served> some, List<ProcessStatus.Served> others) {
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
        // Partition 0, which is the one that is read, also where somebody has added others.
        open.send(new ProducerRecord<>(topic, 0, status.key(), status.encode())).get(2L * SEND_WITHIN_MILLIS,
                TimeUnit.MILLISECONDS);
        told.increment();
    }

    /// The next record says it again: none is worth being repeated, and none needs an order.
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

    /// Tells that the process ends, so that nobody waits for it.
    @Override
    public void close() {
        timer.execute(() -> {
            Producer<byte[], byte[]> open = producer;
            if (open == null) {
                return;
            }
            try {
                if (everTold && !saidWhy) {
                    send(last, true);
                }
            } catch (ExecutionException | TimeoutException | KafkaException e) {
                log.debug("the end could not be told", e);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            } finally {
                open.close(Duration.ofMillis(SEND_WITHIN_MILLIS));
            }
        });
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
