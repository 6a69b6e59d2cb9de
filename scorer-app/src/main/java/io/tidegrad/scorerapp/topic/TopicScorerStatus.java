package io.tidegrad.scorerapp.topic;

import java.util.Locale;
import java.util.Map;

/// What a topic scorer is doing and has done, for health and metrics.
///
/// @param detail the reason, if the state alone does not say it; else empty
/// @param partitions number of partitions of the topic of requests that this process has now
/// @param lag number of records in these partitions that are not answered yet, markers of transactions included
/// @param predictions number of predictions by the model's name in this process
/// @param deadLetters number of dead letters by reason, for all reasons
/// @param committed number of committed transactions
/// @param aborted number of aborted transactions
/// @param lost number of requests that were deleted before they were read
/// @param logged number of answered requests that are in the log of what is served
public record TopicScorerStatus(State state, String detail, int partitions, long lag, Map<String, Long> predictions,
        Map<String, Long> deadLetters, long committed, long aborted, long lost, long logged) {
    /// What the thread is doing.
    public enum State {
        STARTING,
        /// A model serves no version yet. Requests are left to other processes.
        WAITING_FOR_MODEL, RUNNING,
        /// A schema is unknown, and the registry can't be asked.
        WAITING_FOR_REGISTRY,
        /// Kafka returned an error. The thread tries again after a pause.
        RETRYING,
        /// A topic, a permission or a setting is wrong. The thread tries again, but only the operator can help.
        REFUSED,
        /// The thread ended with an error that no retry can repair. The process should be restarted.
        FAILED, CLOSED;

        /// `waiting-for-registry`.
        public String word() {
            return name().toLowerCase(Locale.ROOT).replace('_', '-');
        }
    }
}
