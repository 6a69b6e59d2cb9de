package io.tidegrad.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidegrad.ops.settings.SettingsException;
import io.tidegrad.process.StopException;
import io.tidegrad.process.StreamsClients;
import io.tidegrad.schemas.settings.KafkaSettings;
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
        assertThatThrownBy(() -> TrainerConfig.parse(List.of("--state-dir=/s", "--colour=blue"), Map.of()))
                .isInstanceOf(SettingsException.class).hasMessageContainingAll("4 mistakes", "--bootstrap-servers",
                        "--registry-url", "--colour: unknown", "at least one --spec FILE or --model NAME");
    }

    @Test
    void commitsAreSpacedByTheNumberOfModelsAndTheTransactionTimeoutUnlessGiven() {
        KafkaSettings given = with("commit.interval.ms", "50");
        assertThat(StreamsSettings.commitIntervalMin(PLAIN, 1)).isEqualTo(Duration.ofMillis(100));
        assertThat(StreamsSettings.commitIntervalMin(PLAIN, 200)).isEqualTo(Duration.ofSeconds(2));
        assertThat(StreamsSettings.commitIntervalMin(given, 200)).isEqualTo(Duration.ofMillis(50));

        assertThat(StreamsSettings.commitIntervalMax(given, 1)).isEqualTo(Duration.ofMillis(50));
        assertThat(StreamsSettings.commitIntervalMax(PLAIN, 1))
                .isEqualTo(StreamsClients.TRANSACTION_TIMEOUT.dividedBy(4));
        assertThat(StreamsSettings.commitIntervalMax(with("transaction.timeout.ms", "4000"), 1))
                .isEqualTo(Duration.ofSeconds(1));
        // Where models may come later, there is room for 250.
        assertThat(StreamsSettings.commitIntervalMax(PLAIN, 1))
                .isEqualTo(StreamsSettings.commitIntervalMin(PLAIN, 250));
        assertThat(StreamsSettings.commitIntervalMax(PLAIN, 300)).isEqualTo(Duration.ofSeconds(3));
    }

    /// It is not taken and passed over where nothing can join: the class path of this program has no joiner.
    @Test
    void aTrainerAloneKnowsNoJoiner() {
        assertThatThrownBy(() -> TrainerConfig.parse(List.of("--with-joiner"), Map.of()))
                .isInstanceOf(SettingsException.class).hasMessageContaining("--with-joiner: unknown");
        assertThatThrownBy(() -> TrainerConfig.parse(List.of(), Map.of("TIDEGRAD_WITH_JOINER", "true")))
                .isInstanceOf(SettingsException.class).hasMessageContaining("TIDEGRAD_WITH_JOINER: unknown");
    }

    @Test
    void aTransactionOutlastsFourCommitsUnlessGivenAndAtLeastOne() {
        Duration interval = Duration.ofSeconds(4);
        assertThat(StreamsClients.transactionTimeout(PLAIN, interval)).isEqualTo(Duration.ofSeconds(16));
        assertThat(StreamsClients.transactionTimeout(with("transaction.timeout.ms", "4000"), interval))
                .isEqualTo(interval);
        assertThatThrownBy(() -> StreamsClients.transactionTimeout(with("transaction.timeout.ms", "3999"), interval))
                .isInstanceOf(StopException.class).hasMessageContaining("commit interval of 4000 ms, found 3999");
    }

    @Test
    void tunablesReachTheMainConsumerAndSecurityEveryClient() {
        KafkaSettings kafka = new KafkaSettings("k:9092",
                Map.of("max.poll.records", "7", "commit.interval.ms", "250", "security.protocol", "SSL"));
        Map<String, Object> settings =
                StreamsSettings.of("app", Path.of("/s"), "i", kafka, Duration.ofMillis(250), false, 2, 1);
        assertThat(settings).containsEntry("bootstrap.servers", "k:9092").containsEntry("security.protocol", "SSL")
                .containsEntry("num.standby.replicas", 2).containsEntry("main.consumer.max.poll.records", "7")
                .containsEntry("commit.interval.ms", 250L);
    }
}
