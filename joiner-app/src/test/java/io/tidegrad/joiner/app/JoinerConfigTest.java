package io.tidegrad.joiner.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidegrad.ops.settings.SettingsException;
import io.tidegrad.schemas.settings.KafkaSettings;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/// How settings are read is `SettingsTest`'s.
class JoinerConfigTest {
    private static JoinerConfig parse(String... more) {
        List<String> arguments = new ArrayList<>(
                List.of("--bootstrap-servers=k:9092", "--registry-url=http://r", "--state-dir=/s", "--stream=a"));
        arguments.addAll(List.of(more));
        return JoinerConfig.parse(arguments, Map.of());
    }

    @Test
    void aJoinerNeedsAStreamToJoin() {
        assertThatThrownBy(() -> JoinerConfig.parse(List.of("--state-dir=/s", "--threads=0"), Map.of()))
                .isInstanceOf(SettingsException.class).hasMessageContainingAll("4 mistakes", "--bootstrap-servers",
                        "--registry-url", "--threads", "at least one --stream NAME, or --all-streams");
    }

    @Test
    void whatIsGivenReachesKafkaStreams() {
        JoinerConfig config =
                parse("--threads=3", "--standby-replicas=1", "--replication=2", "--kafka.session.timeout.ms=9000");
        Map<String, Object> settings = JoinStreams.of("app", Path.of("/s"), "i", config, 2_000_000);
        assertThat(settings).containsEntry("application.id", "app").containsEntry("num.stream.threads", 3)
                .containsEntry("num.standby.replicas", 1).containsEntry("replication.factor", 2)
                .containsEntry("processing.guarantee", "exactly_once_v2").containsEntry("commit.interval.ms", 100L)
                .containsEntry("main.consumer.session.timeout.ms", "9000")
                .containsEntry("producer.transaction.timeout.ms", "10000")
                .containsEntry("producer.max.request.size", "2000000")
                .containsEntry("topic.max.message.bytes", "2000000");
    }

    @Test
    void aCommitIntervalThatIsGivenCounts() {
        assertThat(JoinStreams.commitInterval(new KafkaSettings("k:9092", Map.of("commit.interval.ms", "250"))))
                .hasMillis(250);
        assertThat(JoinStreams.commitIntervalMax(parse())).as("far behind").hasMillis(1_000);
        assertThat(JoinStreams.commitIntervalMax(parse("--threads=2"))).hasMillis(100);
        assertThat(JoinStreams.commitIntervalMax(parse("--kafka.commit.interval.ms=250"))).hasMillis(1_000);
        assertThat(JoinStreams.commitIntervalMax(parse("--kafka.commit.interval.ms=5000"))).hasMillis(5_000);
    }
}
