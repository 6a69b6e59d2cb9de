package io.tidegrad.process;

import io.tidegrad.control.KafkaTopics;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// Looks whether the topics that this process relies on are still the ones that it found when it started. If a topic was
/// deleted or got a partition, Kafka's clients notice that only when they next ask for metadata, which is five minutes
/// later if nothing fails, and they never notice a changed setting.
///
/// A look takes one request for all of them, and every third look one more for the settings.
public final class TopicWatch {
    /// The time between two looks. What is found is told within two of them.
    public static final Duration EVERY = Duration.ofSeconds(3);

    private static final int SETTINGS_EVERY = 3; // looks

    /// A broker that has just started may not know of a topic yet.
    private static final int GONE_LOOKS = 2;

    /// A topic that is looked at.
    ///
    /// @param settings whether the topic's settings matter; asking for them takes a right
    /// @param look gets the topic after each look, with empty settings after most looks; null if two looks in a row did
    ///     not find it. If it throws, the next look calls it again
    public record Watched(String topic, boolean settings, Consumer<KafkaTopics.@Nullable Found> look) {
        /// Returns a look after which a model or a stream ends if its topic is not as it must be, settings included. What may
        /// pass is thrown, so that the next look tries again.
        ///
        /// @param failed gets why it can't go on
        public static Watched ending(String topic, Consumer<StopException> failed,
                Consumer<KafkaTopics.@Nullable Found> look) {
            return new Watched(topic, true, found -> {
                try {
                    look.accept(found);
                } catch (RuntimeException e) {
                    StopException why = StopException.from(e);
                    if (why.exitCode().retryable()) {
                        throw e;
                    }
                    failed.accept(why);
                }
            });
        }

        public Watched withoutSettings() {
            return new Watched(topic, false, look);
        }
    }

    private final KafkaTopics kafka;
    private final Runnable answered;
    private final List<Watched> watched = new CopyOnWriteArrayList<>();
    private final Map<String, Integer> missing = new HashMap<>(); // looks in a row
    private int looks;

    /// @param answered runs after each look that Kafka has answered
    public TopicWatch(KafkaTopics kafka, Runnable answered) {
        this.kafka = kafka;
        this.answered = answered;
    }

    public void add(List<Watched> more) {
        watched.addAll(more);
    }

    public void remove(List<Watched> some) {
        watched.removeAll(some);
    }

    /// Looks once; from one thread at a time.
    ///
    /// @throws RuntimeException if Kafka did not answer, or one of the topics could not be handled
    public void look() {
        List<Watched> now = List.copyOf(watched);
        if (now.isEmpty()) {
            return;
        }
        Set<String> topics = now.stream().map(Watched::topic).collect(Collectors.toSet());
        boolean settings = ++looks % SETTINGS_EVERY == 0;
        Map<String, KafkaTopics.Found> found = kafka.look(topics, now.stream()
                .filter(each -> settings && each.settings()).map(Watched::topic).collect(Collectors.toSet()));
        answered.run();
        missing.keySet().retainAll(topics);
        missing.keySet().removeAll(found.keySet());
        topics.stream().filter(topic -> !found.containsKey(topic))
                .forEach(topic -> missing.merge(topic, 1, Integer::sum));
        RuntimeException failed = null;
        for (Watched each : now) {
            if (found.containsKey(each.topic()) || missing.getOrDefault(each.topic(), 0) >= GONE_LOOKS) {
                try {
                    each.look().accept(found.get(each.topic()));
                } catch (RuntimeException e) {
                    failed = e; // thrown when all others were told
                }
            }
        }
        if (failed != null) {
            throw failed;
        }
    }
}
