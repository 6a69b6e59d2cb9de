package io.tidegrad.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidegrad.schemas.settings.KafkaSettings;
import io.tidegrad.schemas.settings.SettingsException;
import io.tidegrad.trainer.exit.TrainerException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/// How settings are read is `SettingsTest`'s.
class TrainerConfigTest {
    private static final KafkaSettings PLAIN = KafkaSettings.of("k:9092");

    private static KafkaSettings with(String key, String value) {
        return new KafkaSettings("k:9092", Map.of(key, value));
    }

    @Test
    void aTrainerNeedsAModelToLearn() {
        assertThatThrownBy(
                        () ->
                                TrainerConfig.parse(
                                        List.of("--state-dir=/s", "--colour=blue"), Map.of()))
                .isInstanceOf(SettingsException.class)
                .hasMessageContainingAll(
                        "4 mistakes",
                        "--bootstrap-servers",
                        "--registry-url",
                        "--colour: unknown",
                        "at least one --spec FILE or --model NAME");
    }

    @Test
    void commitsAreSpacedByModelSizeAndByTheNumberOfModelsUnlessGiven() {
        assertThat(StreamsSettings.commitInterval(PLAIN, 100_000, 1))
                .isEqualTo(Duration.ofMillis(100));
        assertThat(StreamsSettings.commitInterval(PLAIN, 40_000_000, 1))
                .isEqualTo(Duration.ofSeconds(2));
        assertThat(StreamsSettings.commitInterval(PLAIN, 100_000, 200))
                .isEqualTo(Duration.ofSeconds(2));
        assertThat(StreamsSettings.commitInterval(with("commit.interval.ms", "50"), 40_000_000, 1))
                .isEqualTo(Duration.ofMillis(50));
    }

    @Test
    void aTransactionOutlastsFourCommitsUnlessGivenAndAtLeastOne() {
        Duration interval = Duration.ofSeconds(4);
        assertThat(StreamsSettings.transactionTimeout(PLAIN, interval))
                .isEqualTo(Duration.ofSeconds(16));
        assertThat(
                        StreamsSettings.transactionTimeout(
                                with("transaction.timeout.ms", "4000"), interval))
                .isEqualTo(interval);
        assertThatThrownBy(
                        () ->
                                StreamsSettings.transactionTimeout(
                                        with("transaction.timeout.ms", "3999"), interval))
                .isInstanceOf(TrainerException.class)
                .hasMessageContaining("commit interval of 4000 ms, found 3999");
    }

    @Test
    void tunablesReachTheMainConsumerAndSecurityEveryClient() {
        KafkaSettings kafka =
                new KafkaSettings(
                        "k:9092",
                        Map.of(
                                "max.poll.records", "7",
                                "commit.interval.ms", "250",
                                "security.protocol", "SSL"));
        Map<String, Object> settings =
                StreamsSettings.of("app", Path.of("/s"), "i", kafka, Duration.ofMillis(250), 1);
        assertThat(settings)
                .containsEntry("bootstrap.servers", "k:9092")
                .containsEntry("security.protocol", "SSL")
                .containsEntry("main.consumer.max.poll.records", "7")
                .containsEntry("commit.interval.ms", 250L);
    }
}
