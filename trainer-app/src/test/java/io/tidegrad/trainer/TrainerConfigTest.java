package io.tidegrad.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class TrainerConfigTest {
    private static final List<String> ENOUGH =
            List.of(
                    "--bootstrap-servers",
                    "k:9092",
                    "--registry-url",
                    "http://r",
                    "--state-dir",
                    "/s",
                    "--spec",
                    "a.yaml");

    private static List<String> enoughAnd(String... more) {
        return java.util.stream.Stream.concat(ENOUGH.stream(), java.util.Arrays.stream(more))
                .toList();
    }

    @Test
    void theCommandLineWinsOverTheEnvironment() {
        TrainerConfig config =
                TrainerConfig.parse(
                        enoughAnd("--keep-snapshots=7", "--kafka.ssl.protocol", "TLSv1.3"),
                        Map.of(
                                "TIDEGRAD_KEEP_SNAPSHOTS", "9",
                                "TIDEGRAD_HTTP_PORT", "0",
                                "TIDEGRAD_KAFKA_SECURITY_PROTOCOL", "SSL",
                                "TIDEGRAD_MODEL", "one,two",
                                "PATH", "/bin"));
        assertThat(config.keepSnapshots()).isEqualTo(7);
        assertThat(config.httpPort()).isZero();
        assertThat(config.models()).containsExactly("one", "two");
        assertThat(config.client())
                .containsEntry("security.protocol", "SSL")
                .containsEntry("ssl.protocol", "TLSv1.3")
                .containsEntry("bootstrap.servers", "k:9092");
    }

    @Test
    void everyMistakeIsNamedAtOnce() {
        assertThatThrownBy(
                        () ->
                                TrainerConfig.parse(
                                        List.of("--http-port", "many", "--colour", "blue"),
                                        Map.of()))
                .hasMessageContainingAll(
                        "--bootstrap-servers",
                        "--registry-url",
                        "--state-dir",
                        "found many",
                        "--colour: no such option");
    }

    @Test
    void settingsThatDecideWhetherWeightsSurviveAreNotForSetting() {
        for (String key :
                List.of(
                        "isolation.level",
                        "acks",
                        "processing.guarantee",
                        "auto.offset.reset",
                        "nonsense")) {
            assertThatThrownBy(
                            () -> TrainerConfig.parse(enoughAnd("--kafka." + key, "x"), Map.of()))
                    .hasMessageContaining("--kafka." + key);
        }
    }

    @Test
    void secretsAreNotPrinted() {
        TrainerConfig config =
                TrainerConfig.parse(
                        enoughAnd("--kafka.sasl.jaas.config", "password=hidden"), Map.of());
        assertThat(config.toString()).contains("sasl.jaas.config").doesNotContain("hidden");
    }

    @Test
    void commitsAreSpacedByModelSizeAndByTheNumberOfModels() {
        assertThat(StreamsSettings.commitInterval(100_000, 1)).isEqualTo(Duration.ofMillis(100));
        assertThat(StreamsSettings.commitInterval(40_000_000, 1)).isEqualTo(Duration.ofSeconds(2));
        assertThat(StreamsSettings.commitInterval(100_000, 200)).isEqualTo(Duration.ofSeconds(2));
        assertThat(StreamsSettings.transactionTimeout(Map.of(), Duration.ofSeconds(4)))
                .isEqualTo(Duration.ofSeconds(16));
    }
}
