package io.tidegrad.scorerapp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidegrad.ops.settings.SettingsException;
import io.tidegrad.ops.security.ServerSecurity;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.KafkaSettings;
import io.tidegrad.schemas.settings.RegistrySettings;
import io.tidegrad.scorer.ScorerOptions;
import io.tidegrad.scorerapp.topic.RequestsConfig;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

/// How settings are read is `SettingsTest`'s.
class ScorerConfigTest {
    private static final List<String> NEEDED = List.of("--bootstrap-servers", "k:1", "--model", "flights");

    @Test
    void hasSafeDefaults() {
        assertThat(ScorerConfig.parse(NEEDED, Map.of())).isEqualTo(new ScorerConfig(List.of("flights"), "tidegrad",
                new ServerConfig("127.0.0.1", 8080, OptionalInt.empty(), 1 << 20, 1024,
                        2 * Runtime.getRuntime().availableProcessors(), Runtime.getRuntime().maxMemory() / 4, false,
                        new ServerSecurity(null, null)),
                new SnapshotsConfig(0, null, null, null, Map.of()), KafkaSettings.of("k:1"), null, null,
                new LogConfig(Map.of(), false, 32 << 20)));
    }

    @Test
    void takesWhatItIsTold() {
        assertThat(ScorerConfig.parse(
                List.of("--bootstrap-servers=k:1,l:2", "--config=/dev/null", "--max-concurrent-requests=3"),
                Map.ofEntries(Map.entry("TIDEGRAD_MODEL", "a,b"), Map.entry("TIDEGRAD_PREFIX", "p"),
                        Map.entry("TIDEGRAD_STATE_DIR", "target/state"), Map.entry("TIDEGRAD_MAX_AGE", "30"),
                        Map.entry("TIDEGRAD_PIN", "b=2.300"), Map.entry("TIDEGRAD_HTTP_HOST", "::1"),
                        Map.entry("TIDEGRAD_HTTP_PORT", "0"), Map.entry("TIDEGRAD_GRPC_PORT", "0"),
                        Map.entry("TIDEGRAD_MAX_BODY_BYTES", "1"), Map.entry("TIDEGRAD_MAX_CONNECTIONS", "2"),
                        Map.entry("TIDEGRAD_MAX_BODIES_BYTES", "4"),
                        Map.entry("TIDEGRAD_MAX_SNAPSHOT_BYTES", "3000000000"),
                        Map.entry("TIDEGRAD_UNKNOWN_FIELDS", "ignore"),
                        Map.entry("TIDEGRAD_LOG_TOPIC", "a=a-scored,b=b-scored"),
                        Map.entry("TIDEGRAD_LOG_REQUIRED", "true"), Map.entry("TIDEGRAD_LOG_BUFFER_BYTES", "100000"),
                        Map.entry("TIDEGRAD_KAFKA_SECURITY_PROTOCOL", "SSL"))))
                .isEqualTo(new ScorerConfig(List.of("a", "b"), "p",
                        new ServerConfig("::1", 0, OptionalInt.of(0), 1, 2, 3, 4, true, new ServerSecurity(null, null)),
                        new SnapshotsConfig(3_000_000_000L, null, Path.of("target", "state"), Duration.ofSeconds(30),
                                Map.of("b", new ScorerOptions.Pin(2, 300))),
                        new KafkaSettings("k:1,l:2", Map.of("security.protocol", "SSL")), null, null,
                        new LogConfig(Map.of("a", "a-scored", "b", "b-scored"), true, 100_000)));
    }

    @Test
    void topicToTopicHasNamesByThePrefix() {
        List<String> needed = List.of("--bootstrap-servers=k:1", "--model=flights", "--prefix=p",
                "--registry-url=http://r", "--requests-topic=asked");
        assertThat(ScorerConfig.parse(needed, Map.of()).requests())
                .isEqualTo(new RequestsConfig(new Topics("p"), "asked", "p.predictions", Map.of(), "p-scorer-requests",
                        KafkaSettings.of("k:1"), RegistrySettings.of("http://r"), Duration.ofDays(30).toMillis()));
        assertThat(ScorerConfig
                .parse(needed, Map.of("TIDEGRAD_PREDICTIONS_TOPIC", "told", "TIDEGRAD_REQUESTS_GROUP", "g")).requests())
                .isEqualTo(new RequestsConfig(new Topics("p"), "asked", "told", Map.of(), "g", KafkaSettings.of("k:1"),
                        RegistrySettings.of("http://r"), Duration.ofDays(30).toMillis()));
    }

    @Test
    void topicToTopicNeedsARegistryAndTopicsThatDiffer() {
        assertThatThrownBy(() -> ScorerConfig.parse(List.of("--bootstrap-servers=k:1", "--model=flights",
                "--requests-topic=same", "--predictions-topic=same"), Map.of())).isInstanceOf(SettingsException.class)
                .hasMessageContainingAll("2 mistakes",
                        "expected two topics, and neither of them tidegrad.dead-letters, found same and same",
                        "--registry-url: expected beside --requests-topic, found none");
    }

    @Test
    void namesEveryMistakeAtOnce() {
        assertThatThrownBy(() -> ScorerConfig.parse(List.of("--http-port", "x", "--nonsense", "1"), Map.of()))
                .isInstanceOf(SettingsException.class)
                .hasMessageContainingAll("4 mistakes", "--http-port", "--nonsense", "--model", "--bootstrap-servers");
    }

    @Test
    void aStateDirectoryThatCanBeNoneIsAMistakeLikeTheOthers() {
        assertThatThrownBy(() -> ScorerConfig
                .parse(List.of("--bootstrap-servers=k:1", "--model=flights", "--state-dir=/dev/null/state"), Map.of()))
                .isInstanceOf(SettingsException.class)
                .hasMessageContaining("--state-dir: expected a directory that can be written, found /dev/null,"
                        + " which is not one");
    }

    @Test
    void aKeyFileThatIsNoneIsAMistakeLikeTheOthers() {
        assertThatThrownBy(() -> ScorerConfig.parse(
                List.of("--bootstrap-servers=k:1", "--model=flights", "--snapshot-public-key=/dev/null"), Map.of()))
                .isInstanceOf(SettingsException.class).hasMessageContainingAll("snapshot-public-key",
                        "/dev/null: expected a line -----BEGIN PUBLIC KEY----- and its end, found none");
    }

    @Test
    void aPinIsOfAModelThatIsServed() {
        assertThatThrownBy(() -> ScorerConfig.parse(
                List.of("--bootstrap-servers=k:1", "--model=a", "--pin=c=1.5", "--pin=a=1.5", "--pin=a=1.6"), Map.of()))
                .isInstanceOf(SettingsException.class)
                .hasMessageContaining("--pin: expected one of --model, a, found 'c=1.5'")
                .hasMessageContaining("--pin: expected one version of a, found another");
        assertThatThrownBy(
                () -> ScorerConfig.parse(List.of("--bootstrap-servers=k:1", "--model=a", "--pin=a=0.5"), Map.of()))
                .hasMessageContaining("a model, its epoch and version, for instance flights=1.120500");
    }
}
