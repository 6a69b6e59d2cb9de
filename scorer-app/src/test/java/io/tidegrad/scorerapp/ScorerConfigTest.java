package io.tidegrad.scorerapp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.assertj.core.api.InstanceOfAssertFactories;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class ScorerConfigTest {
    private static final List<String> NEEDED =
            List.of("--bootstrap-servers", "k:1", "--model", "flights");

    @TempDir private Path directory;

    private static List<String> with(String... more) {
        return Stream.concat(NEEDED.stream(), Stream.of(more)).toList();
    }

    @Test
    void hasSafeDefaults() {
        ScorerConfig config = ScorerConfig.parse(NEEDED, Map.of());
        assertThat(config)
                .isEqualTo(
                        new ScorerConfig(
                                List.of("flights"),
                                "tidegrad",
                                "127.0.0.1",
                                8080,
                                1 << 20,
                                1024,
                                0,
                                false,
                                Map.of("bootstrap.servers", "k:1")));
    }

    @Test
    void takesSeveralModels() {
        assertThat(ScorerConfig.parse(with("--model", "digits", "--model=a,b"), Map.of()).models())
                .containsExactly("flights", "digits", "a", "b");
    }

    @Test
    void anOptionGoesBeforeTheEnvironmentAndThatBeforeTheFile() throws IOException {
        Path file = directory.resolve("scorer.properties");
        Files.writeString(
                file,
                "http-port=1\nprefix=of-file\nkafka.client.rack=of-file\nhttp-host=of-file\n");
        ScorerConfig config =
                ScorerConfig.parse(
                        with("--http-port", "3", "--config", file.toString()),
                        Map.of(
                                "TIDEGRAD_HTTP_PORT",
                                "2",
                                "TIDEGRAD_PREFIX",
                                "of-env",
                                "TIDEGRAD_KAFKA_CLIENT_RACK",
                                "of-env"));
        assertThat(config.port()).isEqualTo(3);
        assertThat(config.topicPrefix()).isEqualTo("of-env");
        assertThat(config.kafka()).containsEntry("client.rack", "of-env");
        assertThat(config.host()).isEqualTo("of-file");
    }

    @Test
    void leavesOutForTheConsumerWhatOnlyOtherClientsKnow() {
        ScorerConfig config =
                ScorerConfig.parse(
                        with("--kafka.linger.ms", "5", "--kafka.security.protocol", "SSL"),
                        Map.of());
        assertThat(config.consumerSettings())
                .containsOnlyKeys("bootstrap.servers", "security.protocol");
    }

    @Test
    void showsNoSecrets() {
        ScorerConfig config =
                ScorerConfig.parse(with("--kafka.sasl.jaas.config", "secret"), Map.of());
        assertThat(config.toString()).doesNotContain("secret").contains("flights");
    }

    static Stream<Arguments> mistakes() {
        return Stream.of(
                Arguments.of(
                        with("--http-prot", "1"),
                        "--http-prot: unknown setting as --http-prot; did you mean --http-port?"),
                Arguments.of(
                        with("--kafka.bootstrap.server", "x"),
                        "--kafka.bootstrap.server: unknown setting as --kafka.bootstrap.server; did you mean"
                                + " --kafka.bootstrap.servers?"),
                Arguments.of(
                        with("--http-port", "70000"),
                        "--http-port: expected a whole number from 0 to 65535, found '70000' as --http-port"),
                Arguments.of(
                        with("--max-body-bytes", "1MB"),
                        "--max-body-bytes: expected a whole number from 1 to 1073741824, found '1MB' as"
                                + " --max-body-bytes"),
                Arguments.of(
                        with("--unknown-fields", "no"),
                        "--unknown-fields: expected refuse or ignore, found 'no'"),
                Arguments.of(
                        with("--prefix", "a b"),
                        "--prefix: expected letters, digits, '.', '_' and '-', found 'a b'"),
                Arguments.of(
                        with("--prefix", "a", "--prefix", "b"),
                        "--prefix: expected once, found twice"),
                Arguments.of(with("serve"), "expected --KEY VALUE, found 'serve'"),
                Arguments.of(
                        with("--http-port"),
                        "--http-port: expected a value after it, found the end of the line"),
                Arguments.of(
                        List.of("--bootstrap-servers", "k:1"),
                        "--model: expected the names of the models to serve, separated by commas, found nothing"),
                Arguments.of(
                        List.of("--model", "flights"),
                        "--bootstrap-servers: expected where Kafka is, for instance 127.0.0.1:9092, found nothing"));
    }

    @ParameterizedTest
    @MethodSource("mistakes")
    void saysWhatWasExpectedAndFound(List<String> arguments, String message) {
        assertThatThrownBy(() -> ScorerConfig.parse(arguments, Map.of()))
                .asInstanceOf(InstanceOfAssertFactories.type(ConfigException.class))
                .extracting(ConfigException::problems)
                .isEqualTo(List.of(message));
    }

    @Test
    void namesEveryMistakeAtOnce() {
        assertThatThrownBy(
                        () ->
                                ScorerConfig.parse(
                                        List.of("--http-port", "x", "--nonsense", "1"), Map.of()))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("4 mistakes")
                .hasMessageContaining("--http-port")
                .hasMessageContaining("--nonsense")
                .hasMessageContaining("--model")
                .hasMessageContaining("--bootstrap-servers");
    }
}
