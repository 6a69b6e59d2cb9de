package io.tidegrad.process;

import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.function.LongSupplier;
import org.apache.kafka.common.Metric;
import org.apache.kafka.common.MetricName;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.ThreadMetadata;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Notices that Kafka Streams stands still for ever, because Kafka Streams watches none of its own threads:
///
/// - A thread that hangs asks for no records any more. Kafka gives its partitions to others, and it keeps its state directory.
/// - The thread that restores state may end without an exception to anybody. Tasks that it had, or gets later, are never
///   joined.
///
/// Only another process helps against either. Threads that wait while Kafka is away are no standstill, so only time counts in
/// which Kafka has answered us.
public final class StreamsWatch {
    private static final Logger LOG = LoggerFactory.getLogger(StreamsWatch.class);
    private static final Duration LOOK_EVERY = Duration.ofSeconds(5);

    /// Answers that come further apart than this have been held up: Kafka was away.
    private static final Duration ANSWERS_APART_MAX = Duration.ofSeconds(10);

    private final String name;
    private final KafkaStreams streams;
    private final Duration silenceMax;
    private final LongSupplier clock;
    private long answering; // nanoseconds, since when Kafka has answered again and again
    private long answeredAt; // nanoseconds
    private long lookedAt; // nanoseconds
    private final Map<String, Long> askedAt = new HashMap<>(); // nanoseconds, when a thread asked for records last
    private final Set<String> restorers = new HashSet<>(); // threads that were there

    /// @param name of what is watched, for messages
    /// @param silenceMax the longest time in which a thread that is well asks for records
    /// @param clock in nanoseconds, which never goes back
    public StreamsWatch(String name, KafkaStreams streams, Duration silenceMax, LongSupplier clock) {
        this.name = name;
        this.streams = streams;
        this.silenceMax = silenceMax;
        this.clock = clock;
        answering = clock.getAsLong();
        answeredAt = answering;
        lookedAt = answering - LOOK_EVERY.toNanos();
    }

    /// Looks whether Kafka Streams stands still, unless the last look was a moment ago. Call it each time Kafka has answered,
    /// from one thread at a time.
    ///
    /// @return the reason to end the process; null: there is none
    public @Nullable StopException kafkaHasAnswered() {
        long now = clock.getAsLong();
        if (now - answeredAt > ANSWERS_APART_MAX.toNanos()) {
            answering = now;
        }
        answeredAt = now;
        if (now - lookedAt < LOOK_EVERY.toNanos()) {
            return null;
        }
        lookedAt = now;
        Set<ThreadMetadata> threads;
        try {
            threads = streams.metadataForLocalThreads();
        } catch (IllegalStateException hasStopped) {
            return null;
        }
        Map<MetricName, ? extends Metric> metrics = streams.metrics();
        for (ThreadMetadata thread : threads) {
            long silent = now - Math.max(askedAt(thread, metrics, now), answering);
            if (silent > silenceMax.toNanos()) {
                logStackOf(thread.threadName());
                return stop("expected thread " + thread.threadName()
                        + " of Kafka Streams to ask for records at least every " + silenceMax.toSeconds()
                        + " s while Kafka answers, found that it has not for " + silent / 1_000_000_000 + " s ("
                        + streams.state() + "). The log has its stack");
            }
            String restoring = thread.threadName().replace("-StreamThread-", "-StateUpdater-");
            if (metrics.keySet().stream().anyMatch(each -> isOf(restoring, each))) {
                restorers.add(restoring);
            } else if (restorers.contains(restoring)) {
                return stop("expected thread " + restoring
                        + " of Kafka Streams, which restores state, found that it has ended");
            }
        }
        return null;
    }

    private StopException stop(String found) {
        return StopException.ofTheProcess(ExitCode.RETRYABLE, name + ": " + found
                + ". It would stay so for ever, so the process ends; nothing is lost, start it again");
    }

    /// Kafka Streams tells the time since then by the wall clock. If that is set forward, the thread seems to have asked before
    /// the time that we know already, which changes nothing.
    private long askedAt(ThreadMetadata thread, Map<MetricName, ? extends Metric> metrics, long now) {
        long known = askedAt.computeIfAbsent(thread.threadName(), unused -> now);
        double seconds = secondsSincePoll(metrics, thread.consumerClientId());
        if (seconds >= 0) { // negative: it has never asked, or the clock was set back
            known = Math.max(known, now - (long) (seconds * 1e9));
            askedAt.put(thread.threadName(), known);
        }
        return known;
    }

    /// Returns 0 if there is no such consumer any more.
    private static double secondsSincePoll(Map<MetricName, ? extends Metric> metrics, String clientId) {
        for (Map.Entry<MetricName, ? extends Metric> each : metrics.entrySet()) {
            if (each.getKey().name().equals("last-poll-seconds-ago")
                    && clientId.equals(each.getKey().tags().get("client-id"))
                    && each.getValue().metricValue() instanceof Number seconds) {
                return seconds.doubleValue();
            }
        }
        return 0;
    }

    /// Kafka Streams has metrics of such a thread from its start to its end.
    private static boolean isOf(String restoring, MetricName metric) {
        return metric.group().equals("stream-state-updater-metrics")
                && restoring.equals(metric.tags().get("thread-id"));
    }

    private static void logStackOf(String thread) {
        Thread.getAllStackTraces().forEach((each, stack) -> {
            if (each.getName().equals(thread)) {
                Throwable here = new Throwable("it stands here");
                here.setStackTrace(stack);
                LOG.error("thread {}", thread, here);
            }
        });
    }
}
