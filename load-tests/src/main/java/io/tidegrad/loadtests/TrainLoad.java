package io.tidegrad.loadtests;

import io.tidegrad.localstack.ChildJvm;
import io.tidegrad.localstack.LocalStack;
import io.tidegrad.localstack.RunDirectory;
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
import org.jspecify.annotations.Nullable;

/// Events a second from topic to committed weights, beside what a bare consumer and the engine alone do with the same
/// events. Broker, registry and each subject are processes of their own; the topic is full before anything is measured;
/// the subjects take turns, so that a machine whose speed changes is as fast to one as to the others.
public final class TrainLoad extends LoadTest {
    private static final Duration ALONE_WITHIN = Duration.ofMinutes(30);

    private final TrainLoadOptions options;

    /// @param out for the result
    /// @param progress for a line a run
    public TrainLoad(TrainLoadOptions options, PrintStream out, PrintStream progress) {
        super(options.json(), out, progress);
        this.options = options;
    }

    @Override
    protected String measure(LocalStack stack, RunDirectory directory) throws InterruptedException {
        List<Combination> combinations = new ArrayList<>();
        for (TrainStream stream : options.streams()) {
            long events = options.events(stream);
            say("%s: filling the topic with %,d events", stream.label(), events);
            EventLog log = EventLog.fill(stack, stream, events);
            for (int miniBatch : options.miniBatches()) {
                combinations.add(new Combination(log, miniBatch));
            }
        }
        for (int repetition = 1; repetition <= options.repetitions(); repetition++) {
            for (Combination combination : combinations) {
                new Turn(stack, directory, combination, repetition).take();
            }
        }
        return text(combinations.stream().flatMap(each -> Arrays.stream(Subject.values()).map(each::result)).toList());
    }

    /// All subjects of a combination, one after another.
    private final class Turn {
        private final LocalStack stack;
        private final RunDirectory directory;
        private final Combination combination;
        private final EventLog log;
        private final int repetition;
        private final String name;

        Turn(LocalStack stack, RunDirectory directory, Combination combination, int repetition) {
            this.stack = stack;
            this.directory = directory;
            this.combination = combination;
            log = combination.log();
            this.repetition = repetition;
            name = "%s-%d-%d".formatted(combination.stream().label(), combination.miniBatch(), repetition);
        }

        /// Another one begins each time: none is always the first after a pause.
        void take() throws InterruptedException {
            Path files = directory.logs().resolve(name);
            Path specFile = log.writeSpec(name, combination.miniBatch(), files);
            List<Subject> order = new ArrayList<>(List.of(Subject.values()));
            Collections.rotate(order, repetition - 1);
            for (Subject subject : order) {
                Measurement measurement = switch (subject) {
                    case TRAINER -> new TrainerRun(stack, log, name).measure(specFile, files, trainerFlags());
                    case CONSUMER, ENGINE, REPLAY -> alone(subject, specFile, files);
                };
                combination.add(subject, measurement);
                say("%s, mini-batch %d, %s %d: %,.0f events/s in %.1f s", log.stream().label(), combination.miniBatch(),
                        Names.of(subject), repetition, measurement.eventsPerSecond(), measurement.seconds());
            }
            Path recording = recording();
            if (recording != null) {
                say("%s, mini-batch %d, where the trainer's processor time went:\n%s", log.stream().label(),
                        combination.miniBatch(), Profile.of(recording).text().stripTrailing());
            }
            combination.requireEqualBits();
        }

        private List<String> trainerFlags() {
            List<String> flags = childFlags();
            Path recording = recording();
            if (recording != null) {
                flags.add("-XX:StartFlightRecording:settings=profile,jdk.CPUTimeSample#enabled=true,"
                        + "jdk.CPUTimeSample#throttle=5ms,filename=" + recording);
            }
            return flags;
        }

        private @Nullable Path recording() {
            Path profile = options.profile();
            return profile == null ? null : profile.toAbsolutePath().resolve(name + ".jfr");
        }

        private Measurement alone(Subject subject, Path specFile, Path files) throws InterruptedException {
            Path result = files.resolve(Names.of(subject) + ".json");
            List<String> command =
                    List.of(Alone.class.getName(), subject.name(), log.stream().name(), String.valueOf(log.events()),
                            specFile.toString(), stack.bootstrapServers(), stack.registryUrl(), result.toString());
            long broker = stack.brokerProcess().pid();
            double brokerCpu = CpuClock.seconds(broker);
            try (ChildJvm child = Processes.start(Names.of(subject), childFlags(), command, files)) {
                if (!child.finishes(ALONE_WITHIN)) {
                    throw new LoadTestException("the " + Names.of(subject) + " was not done within "
                            + ALONE_WITHIN.toMinutes() + " minutes");
                }
                Measurement measurement = Measurement.parse(Files.readString(result));
                return subject == Subject.ENGINE ? measurement
                        : measurement.withBroker(CpuClock.seconds(broker) - brokerCpu);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }
}
