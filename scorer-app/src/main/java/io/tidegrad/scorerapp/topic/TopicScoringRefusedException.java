package io.tidegrad.scorerapp.topic;

/// With this topic or setting requests would be lost or could not be answered. Only the operator can help.
final class TopicScoringRefusedException extends RuntimeException {
    TopicScoringRefusedException(String message) {
        super(message);
    }
}
