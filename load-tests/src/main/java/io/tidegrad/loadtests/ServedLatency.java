package io.tidegrad.loadtests;

import io.tidegrad.localstack.Json;
import io.tidegrad.model.stream.Example;
import io.tidegrad.schemas.Topics;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import java.util.LongSummaryStatistics;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/// Measures the time from when an event and its label are due until the first answer over HTTP by a version that has
/// learned it.
///
/// @param perSecond events
record ServedLatency(StreamSystem system, StreamTraffic traffic, double perSecond) {
    /// Of the same load before the window.
    private static final Duration SETTLING = Duration.ofSeconds(3);

    private static final Duration BETWEEN_QUESTIONS = Duration.ofMillis(2);

    /// @param warmUp time of the same load that is joined and learned before: five JVMs compile then, and fall behind
    Result measure(Duration warmUp, Duration window) throws InterruptedException {
        int warm = eventsOf(warmUp);
        int settling = eventsOf(SETTLING);
        int all = settling + eventsOf(window);
        long[] due = new long[all];
        Seen answered = new Seen();
        Seen published = new Seen();
        String bootstrapServers = system.lab().bootstrapServers();
        try (Asker asker = new Asker(system.scorerPort(), system.model(0), traffic.question(), BETWEEN_QUESTIONS,
                (status, body) -> {
                    if (status == 200) {
                        answered.add(Json.parse(body).path("offset").asLong(), System.nanoTime());
                    }
                });
                Background watch = published.watch(bootstrapServers, Topics.DEFAULT.snapshots(system.model(0)),
                        new AtomicLong())) {
            Runnable alive = () -> {
                system.requireAlive();
                asker.requireHealthy();
                watch.requireHealthy("can't read the snapshots");
            };
            long epochNanos = ChronoUnit.NANOS.between(Instant.EPOCH, Instant.now()) - System.nanoTime();
            send(0, new long[warm], alive);
            ExampleLog log = system.log();
            // JVMs that compile fall behind, and a large model is first written as a whole: neither is the load's.
            log.awaitAll(warm, alive);
            Await.until("an answer that knows what came first", Lab.WITHIN, alive, () -> answered.newest() >= warm);
            send(warm, due, alive);
            long[] offset = new long[all];
            double[] joined = new double[all];
            log.awaitAll(warm + (long) all, alive);
            log.readAll(record -> {
                int event = Example.isIn(record.headers()) ? Payments.number(record.key()) - warm : -1;
                if (event >= 0) {
                    offset[event] = record.offset() + 1;
                    joined[event] = record.timestamp() + 0.5 - (due[event] + epochNanos) * 1e-6;
                }
            });
            int end = (int) LongStream.of(offset).max().orElseThrow();
            Await.until("an answer and a snapshot of all events, up to offset " + end, Lab.WITHIN, () -> {
                alive.run();
                return answered.newest() >= end && published.newest() >= end;
            }, () -> "answers up to " + answered.newest() + " and snapshots up to " + published.newest());
            long[] snapshot = published.firstIn(end);
            long[] served = answered.firstIn(end);
            Result result = new Result().put("events_per_s", perSecond).put("events", all - settling);
            put(result, "", settling, event -> (served[(int) offset[event] - 1] - due[event]) * 1e-6, all);
            put(result, "joined_", settling, event -> joined[event], all);
            put(result, "learned_and_published_", settling,
                    event -> (snapshot[(int) offset[event] - 1] - due[event]) * 1e-6 - joined[event], all);
            put(result, "served_", settling,
                    event -> (served[(int) offset[event] - 1] - snapshot[(int) offset[event] - 1]) * 1e-6, all);
            // From the first answer on, so that a steady latency is no lag that grows.
            LongSummaryStatistics when = Arrays.stream(offset).map(at -> served[(int) at - 1]).summaryStatistics();
            return result.put("served_per_s", (all - 1) * 1e9 / (when.getMax() - when.getMin()));
        }
    }

    private int eventsOf(Duration time) {
        return (int) Math.max(1, perSecond * time.toMillis() * 1e-3);
    }

    private void send(long first, long[] due, Runnable alive) throws InterruptedException {
        try (Background sending =
                traffic.paced(system.lab(), perSecond, first, due.length, (event, nanos) -> due[event] = nanos)) {
            Await.until("all events to be sent", Duration.ofSeconds((long) (due.length / perSecond)).plus(Lab.WITHIN),
                    () -> {
                        alive.run();
                        sending.requireHealthy("can't send");
                        return sending.isDone();
                    });
            sending.requireHealthy("can't send");
        }
    }

    private static void put(Result result, String prefix, int from, IntToDoubleFunction millis, int to) {
        result.percentiles(prefix, IntStream.range(from, to).mapToDouble(millis).sorted().toArray());
    }
}
