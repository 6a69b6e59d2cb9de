package io.tidegrad.loadtests;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordedFrame;
import jdk.jfr.consumer.RecordedStackTrace;
import jdk.jfr.consumer.RecordedThread;
import jdk.jfr.consumer.RecordingFile;

/// Where a trainer's processor time went, by samples of its flight recording. Of the second half only: by then most is
/// compiled. The JVM's own threads (compiler, collector) are not sampled.
final class Profile {
    private static final String SAMPLE = "jdk.CPUTimeSample";

    /// A sample belongs to the first of these that it is inside of.
    private enum Part {
        LEARN("learning", "io.tidegrad.engine.model.Learner.learn"),
        DECODE("decoding", "io.tidegrad.model.feature.EventReader.read"),
        FEATURES("features", "io.tidegrad.model.feature.Featurizer.featurize"),
        HASH("the log-hash", "io.tidegrad.trainer.store.HashBehind.run"),
        EVALUATE("evaluation behind learning", "io.tidegrad.model.learn.EvaluationTape$Player.play"),
        AHEAD("reading ahead besides", "io.tidegrad.trainer.poll.EventsAhead.prepare"),
        FOLD("evaluation and accounting", "io.tidegrad.trainer.topology.LearnProcessor.process"),
        PUBLISH("snapshots and reports", "io.tidegrad.trainer.publish.Publisher.publishDue"),
        COMMIT("commit", "org.apache.kafka.streams.processor.internals.StreamThread.maybeCommit"),
        READ("reading the topic", "org.apache.kafka.clients.consumer.KafkaConsumer.poll"),
        STREAMS("Kafka Streams besides", "org.apache.kafka.streams.processor.internals.StreamThread.run"),
        PRODUCER("sending (the producer's thread)", "org.apache.kafka.clients.producer.internals.Sender.run"),
        OTHER("all else", "");

        private final String label;
        private final String method;

        Part(String label, String method) {
            this.label = label;
            this.method = method;
        }
    }

    private final Map<Part, Integer> samples = new EnumMap<>(Part.class);
    private final Map<Part, Integer> samplesOfLearning = new EnumMap<>(Part.class); // on the learning thread
    private int total;
    private int totalOfLearning;

    private Profile() {}

    /// @throws UncheckedIOException the recording can't be read
    static Profile of(Path recording) {
        record Sample(Instant at, Part part, boolean ofLearningThread) {
        }
        List<Sample> all = new ArrayList<>();
        try (RecordingFile events = new RecordingFile(recording)) {
            while (events.hasMoreEvents()) {
                RecordedEvent event = events.readEvent();
                if (event.getEventType().getName().equals(SAMPLE)) {
                    all.add(new Sample(event.getStartTime(), part(event.getStackTrace()), isOfLearningThread(event)));
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        Profile profile = new Profile();
        if (all.isEmpty()) {
            return profile;
        }
        Instant begin = all.stream().map(Sample::at).min(Instant::compareTo).orElseThrow();
        Instant end = all.stream().map(Sample::at).max(Instant::compareTo).orElseThrow();
        Instant half = begin.plus(Duration.between(begin, end).dividedBy(2));
        for (Sample sample : all) {
            if (!sample.at().isBefore(half)) {
                profile.samples.merge(sample.part(), 1, Integer::sum);
                profile.total++;
                if (sample.ofLearningThread()) {
                    profile.samplesOfLearning.merge(sample.part(), 1, Integer::sum);
                    profile.totalOfLearning++;
                }
            }
        }
        return profile;
    }

    private static boolean isOfLearningThread(RecordedEvent event) {
        RecordedThread thread = event.getThread("eventThread");
        return thread != null && String.valueOf(thread.getJavaName()).contains("-StreamThread-")
                && !thread.getJavaName().endsWith("-producer");
    }

    private static Part part(RecordedStackTrace stack) {
        if (stack != null) {
            for (Part part : Part.values()) {
                for (RecordedFrame frame : stack.getFrames()) {
                    String method = frame.getMethod().getType().getName() + "." + frame.getMethod().getName();
                    if (method.equals(part.method)) {
                        return part;
                    }
                }
            }
        }
        return Part.OTHER;
    }

    /// A line a part, with its shares of all samples and of those on the learning thread.
    String text() {
        StringBuilder text = new StringBuilder();
        for (Part part : Part.values()) {
            text.append(String.format(Locale.ROOT, "  %5.1f %%  %5.1f %%  %s%n", share(samples, total, part),
                    share(samplesOfLearning, totalOfLearning, part), part.label));
        }
        return text.append(String.format(Locale.ROOT,
                "  of %,d samples in the second half, and of %,d of them on the learning thread%n", total,
                totalOfLearning)).toString();
    }

    private static double share(Map<Part, Integer> samples, int total, Part part) {
        return 100.0 * samples.getOrDefault(part, 0) / Math.max(1, total);
    }
}
