package io.tidegrad.trainer;

import io.tidegrad.control.KafkaTopics;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import org.apache.kafka.common.errors.InterruptException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Looks every few seconds whether the topics that this process relies on are still the ones that it found when it
/// started. Kafka's clients notice a topic that was deleted, or a partition that was added, only when they next ask for
/// metadata, which is five minutes later where nothing fails, and they never notice a setting.
///
/// All models together cost one request each time, and with every third one more for the settings. A look that fails
/// says nothing of the topics, so it ends nothing.
final class TopicWatch implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(TopicWatch.class);

    /// What is found is told within two looks.
    private static final Duration EVERY = Duration.ofSeconds(3);

    private static final int SETTINGS_EVERY = 3; // looks

    /// A broker that has just started may not know of a topic yet.
    private static final int GONE_LOOKS = 2;

    /// A topic that somebody relies on.
    interface Watched {
        String topic();

        /// Told after each look, on the watch's thread, how the topic is. What it throws is logged, and the next look
        /// tells again.
        ///
        /// @param found null when there is no such topic, by two looks in a row; its settings are empty in most looks
        void look(KafkaTopics.@Nullable Found found);
    }

    private final KafkaTopics kafka;
    private final Runnable answered;
    private final List<Watched> watched = new CopyOnWriteArrayList<>();
    private final Map<String, Integer> missing = new HashMap<>(); // looks in a row; on our thread
    private final Thread thread;
    private volatile boolean closed;
    private boolean warned; // of the newest look; on our thread

    /// @param answered told after each look that Kafka answered
    TopicWatch(KafkaTopics kafka, Runnable answered) {
        this.kafka = kafka;
        this.answered = answered;
        thread = Thread.ofVirtual().name("topic-watch").start(this::run);
    }

    void add(List<? extends Watched> more) {
        watched.addAll(more);
    }

    void remove(List<? extends Watched> some) {
        watched.removeAll(some);
    }

    private void run() {
        for (int look = 1; !closed; look++) {
            try {
                Thread.sleep(EVERY);
                look(look % SETTINGS_EVERY == 0);
                warned = false;
            } catch (InterruptedException | InterruptException e) {
                return;
            } catch (RuntimeException e) {
                if (closed) {
                    return;
                }
                warn("the topics that this trainer relies on can't be looked at", e);
            }
        }
    }

    private void look(boolean settings) {
        List<Watched> now = new ArrayList<>(watched);
        if (now.isEmpty()) {
            return;
        }
        Set<String> topics = new HashSet<>();
        now.forEach(each -> topics.add(each.topic()));
        Map<String, KafkaTopics.Found> found = kafka.look(topics, settings);
        answered.run();
        missing.keySet().retainAll(topics);
        missing.keySet().removeAll(found.keySet());
        for (String topic : topics) {
            if (!found.containsKey(topic)) {
                missing.merge(topic, 1, Integer::sum);
            }
        }
        RuntimeException failed = null;
        for (Watched each : now) {
            KafkaTopics.Found state = found.get(each.topic());
            if (state == null && missing.getOrDefault(each.topic(), 0) < GONE_LOOKS) {
                continue;
            }
            try {
                each.look(state);
            } catch (RuntimeException e) {
                failed = e; // the others are looked at all the same
            }
        }
        if (failed != null) {
            throw failed;
        }
    }

    /// Of looks that fail in a row the first is told: Kafka may be away for long.
    private void warn(String what, RuntimeException why) {
        if (!warned) {
            warned = true;
            LOG.warn("{}, trying again: {}", what, why.getMessage());
        }
    }

    @Override
    public void close() {
        closed = true;
        thread.interrupt();
        try {
            thread.join(Duration.ofSeconds(5));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
