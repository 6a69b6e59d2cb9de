package io.tidegrad.loadtests;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordedFrame;
import jdk.jfr.consumer.RecordedStackTrace;
import jdk.jfr.consumer.RecordedThread;
import jdk.jfr.consumer.RecordingFile;
import org.jspecify.annotations.Nullable;

/// Where a trainer's processor time went, by samples of its flight recording. Of the second half only: by then most is
/// compiled. The JVM's own threads (compiler, collector) are not sampled.
final class Profile {
    private static final String SAMPLE = "jdk.CPUTimeSample";

    /// A sample belongs to the first of these that it is inside of.
    private enum Part {
        LEARN("learning", "io.tidegrad.engine.model.Learner.learn"),
        DECODE("decoding", "io.tidegrad.model.feature.EventReader.read"),
        FEATURES("features", "io.tidegrad.model.feature.Featurizer.featurize"),
        HASH("the log-hash", "io.tidegrad.trainer.store.HashBehind.hashNext"),
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

    private Profile() {}

    /// A line a part, with its shares of all samples and of those on the learning thread.
    ///
    /// @throws UncheckedIOException the recording can't be read
    static String text(Path recording) {
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
        all.sort(Comparator.comparing(Sample::at));
        Instant half = all.isEmpty() ? Instant.EPOCH
                : all.getFirst().at().plus(Duration.between(all.getFirst().at(), all.getLast().at()).dividedBy(2));
        List<Sample> late = all.stream().filter(sample -> !sample.at().isBefore(half)).toList();
        List<Part> parts = late.stream().map(Sample::part).toList();
        List<Part> ofLearning = late.stream().filter(Sample::ofLearningThread).map(Sample::part).toList();
        StringBuilder text = new StringBuilder();
        for (Part part : Part.values()) {
            text.append(String.format(Locale.ROOT, "  %5.1f %%  %5.1f %%  %s%n", share(parts, part),
                    share(ofLearning, part), part.label));
        }
        return text.append(String.format(Locale.ROOT,
                "  of %,d samples in the second half, and of %,d of them on the learning thread", late.size(),
                ofLearning.size())).toString();
    }

    private static double share(List<Part> samples, Part part) {
        return 100.0 * Collections.frequency(samples, part) / Math.max(1, samples.size());
    }

    private static boolean isOfLearningThread(RecordedEvent event) {
        RecordedThread thread = event.getThread("eventThread");
        String name = thread == null ? null : thread.getJavaName();
        return name != null && name.contains("-StreamThread-") && !name.endsWith("-producer");
    }

    private static Part part(@Nullable RecordedStackTrace stack) {
        Set<String> methods = stack == null ? Set.of() : stack.getFrames().stream().map(RecordedFrame::getMethod)
                .map(method -> method.getType().getName() + "." + method.getName()).collect(Collectors.toSet());
        return Arrays.stream(Part.values()).filter(part -> methods.contains(part.method)).findFirst()
                .orElse(Part.OTHER);
    }
}
