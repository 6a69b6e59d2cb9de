package io.tidegrad.scorerapp.topic;

/// A topic or a setting under which requests would be lost or could not be answered: only who operates it can help.
final class TopicScoringRefusedException extends RuntimeException {
    TopicScoringRefusedException(String message) {
        super(message);
    }
}
