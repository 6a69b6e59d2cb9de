package io.tidegrad.loadtests;

import io.tidegrad.localstack.ChildJvm;
import io.tidegrad.localstack.Json;
import io.tidegrad.localstack.LocalStack;
import io.tidegrad.localstack.Ports;
import io.tidegrad.localstack.TrainerClient;
import io.tidegrad.localstack.TrainerHealth;
import io.tidegrad.schemas.Topics;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;

/// One life of the real trainer, on a topic that is full before it starts.
///
/// **The window** begins when the trainer's health first says `running`: it has joined its group, its kernels are warm,
/// the first event has not been fetched yet. It ends when the group's committed offset, asked for from outside, has
/// passed the last event and the tick: offset, weights and snapshot are one transaction, so that is when a
/// read_committed reader has the weights. Everything a trainer does is in it: fetching, decoding, features, learning,
/// evaluation, the changelog, snapshots and reports of every commit, and the JVM's compiling of all of that but the
/// kernels.
final class TrainerRun {
    private static final int FIRST_EPOCH = 1;

    // The beginning is looked for often because it can't be asked for afterwards; the asking ends there.
    private static final Duration LOOK_FOR_BEGIN_EVERY = Duration.ofMillis(2);
    private static final Duration LOOK_FOR_END_EVERY = Duration.ofMillis(10);

    // Generous, the machine may be busy: what is looked for is that nothing moves at all.
    private static final Duration STANDSTILL_MAX = Duration.ofSeconds(120);

    private final LocalStack stack;
    private final EventLog log;
    private final String model;

    TrainerRun(LocalStack stack, EventLog log, String model) {
        this.stack = stack;
        this.log = log;
        this.model = model;
    }

    /// @param files where state, logs go
    Measurement measure(Path specFile, Path files, List<String> jvmFlags) throws InterruptedException {
        int port = Ports.free();
        try (Json http = new Json();
                Admin admin = KafkaClients.admin(stack.bootstrapServers(), Map.of());
                ChildJvm trainer = Processes.start("trainer", jvmFlags,
                        Processes.trainer(stack, files, port, List.of("--spec", specFile.toString())), files)) {
            return measure(trainer, new TrainerClient(http, port, model), admin);
        }
    }

    private Measurement measure(ChildJvm trainer, TrainerClient client, Admin admin) throws InterruptedException {
        Patience patience = new Patience(trainer, "the trainer to run");
        while (!client.health().running()) {
            patience.pause(0, LOOK_FOR_BEGIN_EVERY);
        }
        long begin = System.nanoTime();
        double cpu = CpuClock.seconds(trainer.pid());
        double brokerCpu = CpuClock.seconds(stack.brokerProcess().pid());
        double brokerBytes = ProcessFigures.writtenBytes(stack.brokerProcess().pid());

        patience = new Patience(trainer, "offset " + log.end() + " to be committed");
        for (long committed = 0; committed < log.end(); committed = committedOffset(admin)) {
            patience.pause(committed, LOOK_FOR_END_EVERY);
        }
        long nanos = System.nanoTime() - begin;
        cpu = CpuClock.seconds(trainer.pid()) - cpu;
        brokerCpu = CpuClock.seconds(stack.brokerProcess().pid()) - brokerCpu;
        brokerBytes = ProcessFigures.writtenBytes(stack.brokerProcess().pid()) - brokerBytes;

        patience = new Patience(trainer, "a report at offset " + log.end());
        TrainerHealth health = client.health();
        while (health.report().nextOffset() < log.end()) {
            patience.pause(health.report().nextOffset(), LOOK_FOR_END_EVERY);
            health = client.health();
        }
        requireAccounted(health);
        return new Measurement(log.events(), nanos * 1e-9, cpu, brokerCpu, brokerBytes, health.report().weightsHash(),
                health.report().stateHash());
    }

    /// 0 before the first commit.
    private long committedOffset(Admin admin) throws InterruptedException {
        String group = Topics.DEFAULT.applicationId(model, FIRST_EPOCH);
        OffsetAndMetadata committed = KafkaClients
                .answer(admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata()).get(log.partition());
        return committed == null ? 0 : committed.offset();
    }

    private void requireAccounted(TrainerHealth health) {
        long learned = log.malformed() ? 0 : log.events();
        long deadLetters = log.events() - learned;
        if (health.learned() != learned || health.pending() > 0 || health.deadLetters() != deadLetters) {
            throw new LoadTestException("model " + model + ": expected " + learned + " events learned, 0 pending, "
                    + deadLetters + " dead letters, found " + health.learned() + ", " + health.pending() + ", "
                    + health.deadLetters());
        }
    }

    /// Waits while something moves.
    private static final class Patience {
        private final ChildJvm child;
        private final String what;
        private long last = -1;
        private long movedAt = System.nanoTime();

        Patience(ChildJvm child, String what) {
            this.child = child;
            this.what = what;
        }

        void pause(long progress, Duration pause) throws InterruptedException {
            child.requireAlive();
            if (progress != last) {
                last = progress;
                movedAt = System.nanoTime();
            } else if (System.nanoTime() - movedAt > STANDSTILL_MAX.toNanos()) {
                throw new LoadTestException("waited " + STANDSTILL_MAX.toSeconds() + " s for " + what
                        + ", and nothing moved beyond " + last);
            }
            Thread.sleep(pause);
        }
    }
}
