package io.tidegrad.loadtests;

import io.tidegrad.localstack.ChildJvm;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.function.DoubleSupplier;
import org.jspecify.annotations.Nullable;

/// Events a second from topic to committed weights, beside what a bare consumer and the engine alone do with the same
/// events. Broker, registry and each subject are processes of their own; the topic is full before anything is measured;
/// the subjects take turns, so that a machine whose speed changes is as fast to one as to the others.
public final class TrainLoad extends LoadTest {
    private static final Duration ALONE_WITHIN = Duration.ofMinutes(30);

    /// In its first four seconds, while the JVM compiles, a trainer of flights learned at 0.4 of its later speed.
    private static final int TIMES = 4;

    private final Options options;

    /// @param streams each with every mini-batch
    /// @param repetitions of each combination, in turns
    /// @param events of each stream, repeated as often as it takes; 0: as many as about 40 s of training are
    /// @param json lines of JSON instead of a table
    /// @param profile where a flight recording of each trainer goes; null: none is made
    public record Options(List<TrainStream> streams, List<Integer> miniBatches, int repetitions, long events,
            boolean json, @Nullable Path profile) {
        public Options {
            streams = List.copyOf(streams);
            miniBatches = List.copyOf(miniBatches);
            if (streams.isEmpty() || miniBatches.isEmpty()) {
                throw new IllegalArgumentException("expected at least one stream and one mini-batch, found none");
            }
            for (int miniBatch : miniBatches) {
                Limits.require("--mini-batch", miniBatch, 1, 4_096);
            }
            checkedRepetitions(repetitions);
            eventsOf(streams.getFirst(), events);
        }

        long events(TrainStream stream) {
            return events > 0 ? events : TIMES * eventsOf(stream, 0);
        }
    }

    public TrainLoad(Options options, PrintStream out, PrintStream progress) {
        super(options.json(), out, progress);
        this.options = options;
    }

    @Override
    protected String measure() throws InterruptedException {
        List<Combination> combinations = new ArrayList<>();
        for (TrainStream stream : options.streams()) {
            long events = options.events(stream);
            say("%s: filling the topic with %,d events", stream.label(), events);
            EventLog log = EventLog.fill(lab(), stream, events);
            for (int miniBatch : options.miniBatches()) {
                combinations.add(new Combination(log, miniBatch));
            }
        }
        for (int repetition = 1; repetition <= options.repetitions(); repetition++) {
            for (Combination combination : combinations) {
                take(combination, repetition);
            }
        }
        return text(combinations.stream().flatMap(each -> Arrays.stream(Subject.values()).map(each::result)).toList());
    }

    static int checkedRepetitions(int repetitions) {
        Limits.require("--repetitions", repetitions, 1, 100);
        return repetitions;
    }

    /// @param events as asked for; 0: as many as about 10 s of training are
    static long eventsOf(TrainStream stream, long events) {
        Limits.require("--events", events, 0, 100_000_000);
        if (events > 0) {
            return events;
        }
        return switch (stream) {
            case FLIGHTS -> 6_000_000;
            case DIGITS -> 4_000_000;
            case CLICKS -> 500_000;
        };
    }

    /// All subjects of a combination, one after another. Another one begins each time: none is always the first after a
    /// pause.
    private void take(Combination combination, int repetition) throws InterruptedException {
        EventLog log = combination.log();
        String what = log.stream().label() + ", mini-batch " + combination.miniBatch();
        String name = "%s-%d-%d".formatted(log.stream().label(), combination.miniBatch(), repetition);
        Path files = lab().logs().resolve(name);
        Path specFile = log.writeSpec(name, combination.miniBatch(), files);
        Path profile = options.profile();
        Path recording = profile == null ? null : profile.toAbsolutePath().resolve(name + ".jfr");
        List<String> trainerFlags = recording == null ? childFlags()
                : childFlags("-XX:StartFlightRecording:settings=profile,jdk.CPUTimeSample#enabled=true,"
                        + "jdk.CPUTimeSample#throttle=5ms,filename=" + recording);
        List<Subject> order = new ArrayList<>(List.of(Subject.values()));
        Collections.rotate(order, repetition - 1);
        for (Subject subject : order) {
            Measurement measurement = switch (subject) {
                case TRAINER -> new TrainerRun(lab(), log, name).measure(specFile, files, trainerFlags);
                case CONSUMER, ENGINE, REPLAY -> alone(log, subject, specFile, files);
            };
            combination.add(subject, measurement);
            say("%s, %s %d: %,.0f events/s in %.1f s", what, Names.of(subject), repetition,
                    measurement.eventsPerSecond(), measurement.seconds());
        }
        if (recording != null) {
            say("%s, where the trainer's processor time went:\n%s", what, Profile.text(recording));
        }
        combination.requireEqualBits();
    }

    private Measurement alone(EventLog log, Subject subject, Path specFile, Path files) throws InterruptedException {
        Path result = files.resolve(Names.of(subject) + ".json");
        List<String> command =
                List.of(Alone.class.getName(), subject.name(), log.stream().name(), String.valueOf(log.events()),
                        specFile.toString(), lab().bootstrapServers(), lab().registryUrl(), result.toString());
        DoubleSupplier brokerCpu = ProcessFigures.cpuFromNow(lab().brokerPid());
        try (ChildJvm child = Processes.start(Names.of(subject), childFlags(), command, files)) {
            if (!child.finishes(ALONE_WITHIN)) {
                throw new LoadTestException(
                        "the " + Names.of(subject) + " was not done within " + ALONE_WITHIN.toMinutes() + " minutes");
            }
            Measurement measurement = Measurement.parse(Files.readString(result));
            return subject == Subject.ENGINE ? measurement : measurement.withBroker(brokerCpu.getAsDouble());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
