package io.tidegrad.scorerapp.topic;

import java.util.Locale;
import java.util.Map;

/// What a topic scorer is doing and has done, for health and metrics.
///
/// @param detail why, where the state does not say all; else empty
/// @param partitions of the topic of requests that are this process's now
/// @param lag requests in these that are not answered yet, markers of transactions included
/// @param predictions by the model's name in this process
/// @param deadLetters by reason, all reasons
/// @param committed transactions
/// @param aborted transactions
/// @param lost requests that were deleted before they were read
public record TopicScorerStatus(State state, String detail, int partitions, long lag, Map<String, Long> predictions,
        Map<String, Long> deadLetters, long committed, long aborted, long lost) {
    /// What the thread is doing.
    public enum State {
        STARTING,
        /// Some model has no version yet that serves: requests are left to others.
        WAITING_FOR_MODEL, RUNNING,
        /// A schema is not known yet and the registry can't be asked.
        WAITING_FOR_REGISTRY,
        /// Kafka gave an error; tried again after a pause.
        RETRYING,
        /// A topic, a right or a setting is not as it must be; tried again, but only who operates it can help.
        REFUSED,
        /// The thread died of an error no retry can heal; the process should be restarted.
        FAILED, CLOSED;

        /// `waiting-for-registry`.
        public String word() {
            return name().toLowerCase(Locale.ROOT).replace('_', '-');
        }
    }
}
