package io.tidegrad.trainer;

import io.tidegrad.trainer.Poison.Kind;
import io.tidegrad.trainer.store.CommittedState;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import java.util.function.IntFunction;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.jspecify.annotations.Nullable;

/// How fast a trainer gets through a topic of nothing but poison, beside one of good events: events a second from the
/// first commit to the last, in one process with its broker, medians of interleaved rounds. Arguments: events a topic,
/// rounds, kinds of poison (default: all small ones).
final class PoisonRate {
    private final Path directory;
    private final int events;

    private PoisonRate(Path directory, int events) {
        this.directory = directory;
        this.events = events;
    }

    public static void main(String[] arguments) throws IOException {
        int events = Integer.parseInt(arguments[0]);
        int rounds = Integer.parseInt(arguments[1]);
        List<Kind> kinds = new ArrayList<>();
        for (int i = 2; i < arguments.length; i++) {
            kinds.add(Kind.valueOf(arguments[i]));
        }
        if (kinds.isEmpty()) {
            kinds.addAll(List.of(Kind.values()));
            kinds.removeIf(kind -> kind.bulky() || kind == Kind.RECURSION);
        }
        PoisonRate rate =
                new PoisonRate(Files.createTempDirectory("tidegrad-poison-rate-"), events);
        Map<String, List<Double>> rates = new LinkedHashMap<>();
        for (int round = -1; round < rounds; round++) { // the first one warms up
            add(rates, round, "clean", rate.measure(null));
            for (Kind kind : kinds) {
                add(rates, round, kind.name(), rate.measure(kind));
            }
        }
        double clean = median(rates.getOrDefault("clean", List.of()));
        rates.forEach(
                (name, all) ->
                        System.out.printf(
                                Locale.ROOT,
                                "%-24s %,10.0f events/s  %.2f of clean  %s%n",
                                name,
                                median(all),
                                median(all) / clean,
                                all.stream().map(Double::intValue).toList()));
        System.exit(0); // brokers have threads of their own
    }

    private static void add(
            Map<String, List<Double>> rates, int round, String name, double measured) {
        if (round >= 0) {
            rates.computeIfAbsent(name, unused -> new ArrayList<>()).add(measured);
        }
    }

    private static double median(List<Double> values) {
        return values.stream().sorted().toList().get(values.size() / 2);
    }

    private double measure(@Nullable Kind kind) throws IOException {
        Path own = Files.createTempDirectory(directory, "run-");
        try (TestLog log = new TestLog(own, 1).created()) {
            Poison poison = new Poison(log, 1);
            IntFunction<ProducerRecord<byte[], byte[]>> record =
                    i -> kind == null || i < 50 ? log.event(log.event(i)) : poison.of(kind);
            try (KafkaProducer<byte[], byte[]> producer =
                    log.producer(Map.of("linger.ms", 20, "batch.size", 1 << 18))) {
                for (int i = 0; i < events; i++) {
                    producer.send(record.apply(i));
                }
            }
            try (TrainerApp trainer = TrainerApp.start(log.config())) {
                ModelTrainer model = trainer.models().getFirst();
                CommittedState first = await(trainer, model, 1);
                long begin = System.nanoTime();
                CommittedState last = await(trainer, model, events);
                return (last.nextOffset() - first.nextOffset()) * 1e9 / (System.nanoTime() - begin);
            }
        }
    }

    private static CommittedState await(TrainerApp trainer, ModelTrainer model, long offset) {
        while (!trainer.ended().isDone()) {
            CommittedState committed = model.committed();
            if (committed != null && committed.nextOffset() >= offset) {
                return committed;
            }
            LockSupport.parkNanos(1_000_000);
        }
        throw trainer.ended().join();
    }
}
