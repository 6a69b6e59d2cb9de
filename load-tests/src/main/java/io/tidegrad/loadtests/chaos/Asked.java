package io.tidegrad.loadtests.chaos;

import io.tidegrad.loadtests.LoadTestException;
import java.time.Duration;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.common.KafkaFuture;

/// Answers of Kafka's admin client.
final class Asked {
    private static final Duration WITHIN = Duration.ofSeconds(60);

    private Asked() {}

    /// @throws LoadTestException Kafka refused, or did not answer within a minute
    static <T> T of(KafkaFuture<T> question) throws InterruptedException {
        try {
            return question.get(WITHIN.toMillis(), TimeUnit.MILLISECONDS);
        } catch (ExecutionException e) {
            throw new LoadTestException("Kafka: " + e.getCause(), e);
        } catch (TimeoutException e) {
            throw new LoadTestException("Kafka did not answer within " + WITHIN.toSeconds() + " s", e);
        }
    }
}
