package io.tidegrad.loadtests;

import io.tidegrad.localstack.ChildJvm;
import io.tidegrad.localstack.Ports;
import io.tidegrad.localstack.TrainerClient;
import io.tidegrad.localstack.TrainerHealth;
import io.tidegrad.schemas.Topics;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.function.DoubleSupplier;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;

/// One life of the real trainer, on a topic that is full before it starts.
///
/// **The window** begins when the trainer's health first says `running`: it has joined its group, its kernels are warm,
/// the first event has not been fetched yet. It ends when the group's committed offset, asked for from outside, has
/// passed the last event and the tick: offset, weights and snapshot are one transaction, so that is when a
/// read_committed reader has the weights. Everything a trainer does is in it: fetching, decoding, features, learning,
/// evaluation, the changelog, snapshots and reports of every commit, and the JVM's compiling of all of that but the
/// kernels.
record TrainerRun(Lab lab, EventLog log, String model) {
    private static final int FIRST_EPOCH = 1;

    // The beginning is looked for often because it can't be asked for afterwards; the asking ends there.
    private static final Duration LOOK_FOR_BEGIN_EVERY = Duration.ofMillis(2);

    private static final Duration STARTS_WITHIN = Duration.ofSeconds(120);

    /// @param files where state, logs go
    Measurement measure(Path specFile, Path files, List<String> jvmFlags) throws InterruptedException {
        int port = Ports.free();
        TrainerClient client = new TrainerClient(lab.http(), port, model);
        try (ChildJvm trainer = Processes.start("trainer", jvmFlags,
                Processes.trainer(lab, files, port, List.of("--spec", specFile.toString())), files)) {
            long started = System.nanoTime();
            while (!client.health().running()) {
                trainer.requireAlive();
                if (LoadTest.secondsSince(started) > STARTS_WITHIN.toSeconds()) {
                    throw new LoadTestException("expected the trainer to run within " + STARTS_WITHIN.toSeconds()
                            + " s, found that it does not");
                }
                Thread.sleep(LOOK_FOR_BEGIN_EVERY);
            }
            long begin = System.nanoTime();
            DoubleSupplier cpu = ProcessFigures.cpuFromNow(trainer.pid());
            DoubleSupplier brokerCpu = ProcessFigures.cpuFromNow(lab.brokerPid());
            DoubleSupplier brokerBytes = ProcessFigures.fromNow(() -> ProcessFigures.writtenBytes(lab.brokerPid()));
            ExampleLog.reach("offsets to be committed", log.end(), trainer::requireAlive, this::committedOffset);
            double seconds = LoadTest.secondsSince(begin);
            double cpuSeconds = cpu.getAsDouble();
            double brokerCpuSeconds = brokerCpu.getAsDouble();
            double written = brokerBytes.getAsDouble();
            long ofTopics = topicBytes();
            ExampleLog.reach("offsets in a report", log.end(), trainer::requireAlive,
                    () -> client.health().report().nextOffset());
            TrainerHealth health = client.health();
            requireAccounted(health);
            return new Measurement(log.events(), seconds, cpuSeconds, brokerCpuSeconds, written, ofTopics,
                    health.report().weightsHash(), health.report().stateHash());
        }
    }

    /// Of changelog and snapshots, which began with this life.
    private long topicBytes() throws InterruptedException {
        Set<String> own = Set.of(Topics.changelog(Topics.DEFAULT.applicationId(model, FIRST_EPOCH)),
                Topics.DEFAULT.snapshots(model));
        return lab.bytes(own::contains);
    }

    /// 0 before the first commit.
    private long committedOffset() throws InterruptedException {
        OffsetAndMetadata committed =
                lab.committed(Topics.DEFAULT.applicationId(model, FIRST_EPOCH)).get(log.partition());
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
}
