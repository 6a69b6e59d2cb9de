package io.tidegrad.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import io.tidegrad.cli.CliSettings;
import io.tidegrad.ops.settings.Command;
import io.tidegrad.ops.settings.CommonSettings;
import io.tidegrad.ops.settings.KafkaRules;
import io.tidegrad.ops.settings.Setting;
import io.tidegrad.ops.settings.Settings;
import io.tidegrad.ops.settings.SettingsException;
import io.tidegrad.scorerapp.ScorerSettings;
import io.tidegrad.trainer.TrainerSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.LoggerFactory;

class SettingsTest {
    private static final String SECRET = "hunter2";

    @TempDir
    Path directory;

    private static List<String> trainerAnd(String... more) {
        return Stream.concat(Stream.of("--bootstrap-servers=k:9092", "--registry-url=http://r:8081", "--state-dir=/s",
                "--spec=a.yaml"), Stream.of(more)).toList();
    }

    private static Settings trainer(Map<String, String> environment, String... more) {
        Settings settings = Settings.read(CliSettings.TRAINER, CliSettings.ALL, trainerAnd(more), environment);
        settings.refuseMistakes();
        return settings;
    }

    private static List<String> problems(Command command, Map<String, String> environment, List<String> arguments) {
        SettingsException e = catchThrowableOfType(SettingsException.class,
                () -> Settings.read(command, CliSettings.ALL, arguments, environment).refuseMistakes());
        return e == null ? List.of() : e.problems();
    }

    private Path file(String text) throws IOException {
        return Files.writeString(directory.resolve("t.properties"), text);
    }

    @Test
    void theCommandLineGoesBeforeTheEnvironmentThatBeforeTheFileThatBeforeTheDefault() throws IOException {
        Path file = file("""
                        http-port=1
                        keep-snapshots=1
                        prefix=of-file
                        kafka.client.rack=of-file
                        kafka.ssl.protocol=of-file
                        """);
        Settings settings =
                trainer(Map.of("TIDEGRAD_HTTP_PORT", "2", "TIDEGRAD_KEEP_SNAPSHOTS", "2", "TIDEGRAD_KAFKA_CLIENT_RACK",
                        "of-environment", "PATH", "/bin"), "--http-port=3", "--config", file.toString());
        assertThat(settings.number(CommonSettings.HTTP_PORT)).isEqualTo(3);
        assertThat(settings.number(TrainerSettings.KEEP_SNAPSHOTS)).isEqualTo(2);
        assertThat(settings.text(CommonSettings.PREFIX)).isEqualTo("of-file");
        assertThat(settings.text(CommonSettings.HTTP_HOST)).isEqualTo("127.0.0.1");
        assertThat(settings.kafka().get("client.rack")).isEqualTo("of-environment");
        assertThat(settings.kafka().client()).containsEntry("ssl.protocol", "of-file")
                .containsEntry("bootstrap.servers", "k:9092");
    }

    @Test
    void aSettingIsNamedAlikeInEachSource() throws IOException {
        Path file = file("kafka.sasl.mechanism = PLAIN\nregistry.http.read.timeout.ms: 700");
        for (Settings settings : List.of(
                trainer(Map.of(), "--kafka.sasl.mechanism", "PLAIN", "--registry.http.read.timeout.ms=700"), trainer(Map
                        .of("TIDEGRAD_KAFKA_SASL_MECHANISM", "PLAIN", "TIDEGRAD_REGISTRY_HTTP_READ_TIMEOUT_MS", "700")),
                trainer(Map.of("TIDEGRAD_CONFIG", file.toString())))) {
            assertThat(settings.kafka().get("sasl.mechanism")).isEqualTo("PLAIN");
            assertThat(settings.registry().client()).containsEntry("http.read.timeout.ms", "700")
                    .containsEntry("schema.registry.url", "http://r:8081");
        }
    }

    @Test
    void whatCanBeRepeatedIsAListInEachSourceAndTheHigherSourceReplacesIt() throws IOException {
        Path file = file("model=f1, f2\n");
        Map<String, String> variable = Map.of("TIDEGRAD_MODEL", "e1,e2");
        assertThat(trainer(Map.of(), "--model", "a", "--model=b,c").list(CommonSettings.MODEL)).containsExactly("a",
                "b", "c");
        assertThat(trainer(variable, "--config=" + file).list(CommonSettings.MODEL)).containsExactly("e1", "e2");
        assertThat(trainer(Map.of(), "--config=" + file).list(CommonSettings.MODEL)).containsExactly("f1", "f2");
    }

    @Test
    void ofSettingsThatExcludeEachOtherTheHigherSourceCounts() throws IOException {
        Path file = file("stream=payments\n");
        Settings typed = read(CliSettings.VERIFY, Map.of("TIDEGRAD_STREAM", "payments"), "--model=m");
        Settings exported = read(CliSettings.VERIFY, Map.of("TIDEGRAD_MODEL", "m"), "--config=" + file);
        Settings both = read(CliSettings.VERIFY, Map.of("TIDEGRAD_MODEL", "m", "TIDEGRAD_STREAM", "payments"));
        for (Settings settings : List.of(typed, exported, both)) {
            settings.highestOf(CommonSettings.MODEL, CommonSettings.STREAM);
            assertThat(settings.list(CommonSettings.MODEL)).containsExactly("m");
        }
        assertThat(typed.list(CommonSettings.STREAM)).isEmpty();
        assertThat(exported.list(CommonSettings.STREAM)).isEmpty();
        assertThat(both.list(CommonSettings.STREAM)).containsExactly("payments");
    }

    private static Settings read(Command command, Map<String, String> environment, String... arguments) {
        return Settings.read(command, CliSettings.ALL, List.of(arguments), environment);
    }

    @Test
    void aFileAndAnEnvironmentMayServeSeveralCommands() throws IOException {
        Path file = file("bootstrap-servers=k:1\nmodel=m\nkeep-hourly=1\nregistry-url=http://r\n");
        assertThat(problems(ScorerSettings.SCORER, Map.of("TIDEGRAD_KEEP_SNAPSHOTS", "9"), List.of("--config=" + file)))
                .isEmpty();
        assertThat(problems(ScorerSettings.SCORER, Map.of(), List.of("--config=" + file, "--keep-hourly=1")))
                .containsExactly("--keep-hourly: a setting of trainer, replay, which scorer does not have");
    }

    @Test
    void theFilesLogicalLinesKeepTheirNumbers() throws IOException {
        Path file = file("""
                        # a comment that ends in a backslash \\
                        prefix=a

                        kafka.sasl.jaas.config=Module required \\
                            username="u" \\
                            password="p";
                        http-port=many
                        keep-snapshots=1
                        keep-snapshots=2
                        config=other
                        http-host=\\u00g0
                        """);
        assertThat(problems(CliSettings.TRAINER, Map.of(), trainerAnd("--config=" + file))).containsExactly(
                file + ":11: expected key=value, found a malformed \\u escape",
                file + ":9: keep-snapshots: expected once, found on line 8",
                file + ":10: config: a file can't name another one",
                file + ":7: http-port: expected a whole number from 0 to 65535, found 'many'");
        assertThat(problems(CliSettings.TRAINER, Map.of(), trainerAnd("--config=" + directory.resolve("none"))))
                .containsExactly("--config " + directory.resolve("none")
                        + ": expected a readable file of properties in UTF-8, found NoSuchFileException");
    }

    @Test
    void everyMistakeOfEverySourceIsToldAtOnce() throws IOException {
        Path file = file("\nkafka.sasl.mecanism=PLAIN\nkeep-snapshots=0\n");
        assertThat(problems(CliSettings.TRAINER,
                Map.of("TIDEGRAD_KAFKA_SECURITY_PROTOCL", "SSL", "TIDEGRAD_HTTP_PORT", "70000"),
                List.of("--colour", "blue", "--prefix=a b", "--spec", "a.yaml", "--kafka.acks=1", "--config",
                        file.toString())))
                .containsExactly("--colour: unknown",
                        "TIDEGRAD_KAFKA_SECURITY_PROTOCL: unknown; did you mean TIDEGRAD_KAFKA_SECURITY_PROTOCOL?",
                        file + ":2: kafka.sasl.mecanism: unknown; did you mean kafka.sasl.mechanism?",
                        "--bootstrap-servers: expected HOST:PORT, for instance 127.0.0.1:9092, found none; give it as"
                                + " --bootstrap-servers HOST:PORT, as TIDEGRAD_BOOTSTRAP_SERVERS, or as bootstrap-servers="
                                + " in the file of --config",
                        "--registry-url: expected base of the schema registry's Confluent REST API, found none; give it"
                                + " as --registry-url URL, as TIDEGRAD_REGISTRY_URL, or as registry-url= in the file of"
                                + " --config",
                        "--state-dir: expected a directory, found none; give it as --state-dir DIR, as"
                                + " TIDEGRAD_STATE_DIR, or as state-dir= in the file of --config",
                        "--prefix: expected letters, digits, '.', '_' and '-', found 'a b'",
                        "TIDEGRAD_HTTP_PORT: expected a whole number from 0 to 65535, found '70000'",
                        file + ":3: keep-snapshots: expected a whole number from 1 to 1000000, found '0'",
                        "--kafka.acks: expected all, found '1': a broker's failure could lose a commit; leave it out");
    }

    static Stream<Arguments> mistakes() {
        return Stream.of(
                Arguments.of("--kafka.sasl.mecanism=PLAIN",
                        "--kafka.sasl.mecanism: unknown; did you mean --kafka.sasl.mechanism?"),
                Arguments.of("--kafka.nonsense=1", "--kafka.nonsense: unknown"),
                Arguments.of("--http-prot=1", "--http-prot: unknown; did you mean --http-port?"),
                Arguments.of("--sasl.mechanism=PLAIN",
                        "--sasl.mechanism: unknown; did you mean --kafka.sasl.mechanism?"),
                Arguments.of("--registry.basic.auth.user.inf=u:p",
                        "--registry.basic.auth.user.inf: unknown; did you mean --registry.basic.auth.user.info?"),
                Arguments.of("--registry.basic.auth.credentials.source=FILE",
                        "--registry.basic.auth.credentials.source: expected USER_INFO or URL, found 'FILE'"),
                Arguments.of("--registry.basic.auth.credentials.source=USER_INFO",
                        "registry: basic.auth.credentials.source=USER_INFO needs user:password in basic.auth.user.info"),
                Arguments.of("serve", "expected --SETTING VALUE, found 'serve'; put quotes"),
                Arguments.of("--http-port", "--http-port: expected a value after it, found none"),
                Arguments.of("--state-dir=/other", "--state-dir: expected once, found twice"),
                Arguments.of("--until=3", "--until: a setting of replay, models compare, which trainer does not have"),
                Arguments.of("--kafka.bootstrap.servers=k:1", "give it as bootstrap-servers"),
                Arguments.of("--kafka.session.timeout.ms=long", "--kafka.session.timeout.ms: expected a whole number"),
                Arguments.of("--kafka.security.protocol=SASL",
                        "--kafka.security.protocol: expected a text as Kafka takes it: "),
                Arguments.of("--kafka.group.id=mine", "others decide whether weights survive"),
                Arguments.of("--kafka.linger.ms=5", "others decide whether weights survive"));
    }

    @ParameterizedTest
    @MethodSource("mistakes")
    void aMistakeSaysWhereItStandsWhatWasExpectedAndWhatWasFound(String argument, String said) {
        assertThat(problems(CliSettings.TRAINER, Map.of(), trainerAnd(argument))).singleElement().asString()
                .contains(said);
    }

    static Stream<Arguments> fixed() {
        return KafkaRules.FIXED.entrySet().stream().map(entry -> Arguments.of(entry.getKey(), entry.getValue()));
    }

    /// A file that says what is done anyway is no mistake.
    @ParameterizedTest
    @MethodSource("fixed")
    void whatDecidesCorrectnessIsRefusedUnlessItSaysWhatIsDoneAnyway(String key, KafkaRules.Fixed fixed) {
        for (Command command : CliSettings.ALL.all()) {
            if (!command.has(CommonSettings.KAFKA)) {
                continue;
            }
            Map<String, String> environment = new HashMap<>();
            environment.put("TIDEGRAD_BOOTSTRAP_SERVERS", "k:1");
            environment.put("TIDEGRAD_REGISTRY_URL", "http://r");
            environment.put("TIDEGRAD_MODEL", "m");
            environment.put("TIDEGRAD_STREAM", "s");
            environment.put("TIDEGRAD_STATE_DIR", "/s");
            environment.put("TIDEGRAD_TO", "m.onnx");
            environment.put("TIDEGRAD_SPEC", "m.yaml");
            environment.put("TIDEGRAD_VERSION", "1");
            environment.put("TIDEGRAD_FOR", "n");
            environment.put("TIDEGRAD_SHARE", "5");
            String other = key.equals("isolation.level") ? "read_uncommitted" : "other";
            assertThat(problems(command, environment, List.of("--kafka." + key, other))).singleElement().asString()
                    .isEqualTo("--kafka.%s: expected %s, found '%s': %s; leave it out".formatted(key, fixed.value(),
                            other, fixed.reason()));
            assertThat(problems(command, environment, List.of("--kafka." + key, fixed.value()))).isEmpty();
        }
    }

    @Test
    void aTransactionMustOutlastACommitInterval() {
        assertThat(problems(CliSettings.TRAINER, Map.of("TIDEGRAD_KAFKA_TRANSACTION_TIMEOUT_MS", "1000"),
                trainerAnd("--kafka.commit.interval.ms=1001"))).containsExactly(
                        "TIDEGRAD_KAFKA_TRANSACTION_TIMEOUT_MS: expected at least commit.interval.ms, which is 1001,"
                                + " found 1000: every transaction would be aborted before it could commit; raise it, or"
                                + " leave it out");
        assertThat(problems(CliSettings.TRAINER, Map.of("TIDEGRAD_KAFKA_TRANSACTION_TIMEOUT_MS", "1000"),
                trainerAnd("--kafka.commit.interval.ms=1000"))).isEmpty();
    }

    /// Each is a slip of the hand that leads to a message; none of them may show what was typed.
    @ParameterizedTest
    @ValueSource(strings = {"--kafka.ssl.truststore.pasword=" + SECRET,
        "--kafka.sasl.jaas.config " + SECRET + " required password=" + SECRET,
        "--kafka.sasl.jaas.config=" + SECRET + " --kafka.sasl.jaas.config=" + SECRET,
        "--kafka.ssl.keystore.key=" + SECRET + " --until 3", "--registry.basic.auth.user.info=" + SECRET + " --until 3",
        "--registry.basic.auth.user.info=" + SECRET + " --registry.basic.auth.credentials.source=USER_INFO",
        "--registry.bearer.auth.token=" + SECRET,})
    void secretsAreNotInMessages(String line) {
        Settings settings = Settings.read(CliSettings.TRAINER, CliSettings.ALL, trainerAnd(line.split(" ")), Map.of());
        SettingsException e = catchThrowableOfType(SettingsException.class, settings::refuseMistakes);
        assertThat(e).isNotNull();
        assertThat(e.getMessage()).doesNotContain(SECRET);
    }

    @Test
    void theEffectiveSettingsHaveTheirSourcesAndNoSecrets() throws IOException {
        Path file = file(
                "kafka.sasl.jaas.config=x password=\"%s\";\nkafka.ssl.keystore.key=%s\nregistry.basic.auth.user.info=u:%s\n"
                        .replace("%s", SECRET));
        Settings settings = Settings.read(CliSettings.TRAINER, CliSettings.ALL,
                List.of("--bootstrap-servers=k:9092", "--spec=a.yaml", "--spec=b.yaml", "--config=" + file),
                Map.of("TIDEGRAD_REGISTRY_URL", "http://u:" + SECRET + "@r:8081", "TIDEGRAD_STATE_DIR", "/s"));
        settings.refuseMistakes();
        assertThat(settings).asString()
                .contains("bootstrap-servers=k:9092 (command line), config=", "http-port=8080 (default)",
                        "kafka.sasl.jaas.config=*** (" + file + ":1)", "kafka.ssl.keystore.key=*** (" + file + ":2)",
                        "registry-url=http://***@r:8081 (environment)",
                        "registry.basic.auth.user.info=*** (" + file + ":3)", "spec=a.yaml,b.yaml (command line)")
                .doesNotContain(SECRET, "\n");
        assertThat(settings.kafka() + " " + settings.registry()).contains("sasl.jaas.config", "basic.auth.user.info")
                .doesNotContain(SECRET);
    }

    @Test
    void variablesOfOthersAreLeftAlone() {
        Map<String, String> others = new HashMap<>();
        others.put("TIDEGRAD_JVM_OPTIONS", "-Xmx1g");
        others.put("TIDEGRAD_HTTP_PORT", "");
        // What Kubernetes tells a pod of the services tidegrad and tidegrad-trainer.
        others.put("TIDEGRAD_SERVICE_HOST", "10.0.0.1");
        others.put("TIDEGRAD_PORT", "tcp://10.0.0.1:8080");
        others.put("TIDEGRAD_TRAINER_SERVICE_PORT_HTTP", "8080");
        others.put("TIDEGRAD_TRAINER_PORT_8080_TCP_ADDR", "10.0.0.1");
        assertThat(trainer(others).number(CommonSettings.HTTP_PORT)).isEqualTo(8080);
        assertThat(problems(CliSettings.TRAINER, Map.of("TIDEGRAD_HTPP_PORT", "1"), trainerAnd()))
                .containsExactly("TIDEGRAD_HTPP_PORT: unknown; did you mean TIDEGRAD_HTTP_PORT?");
    }

    @Test
    void aDeserializerOfSomebodyElseBringsSettingsOfItsOwn() {
        Settings settings = trainer(Map.of("TIDEGRAD_REGISTRY_BEARER_AUTH_TOKEN", SECRET),
                "--registry.tidegrad.value.deserializer=com.example.Theirs");
        assertThat(settings.registry().client()).containsEntry("bearer.auth.token", SECRET);
        assertThat(settings.toString()).doesNotContain(SECRET);
    }

    @ParameterizedTest
    @MethodSource("commands")
    void helpListsEverySettingOfTheCommandAndNoOther(Command command) {
        String help = command.help();
        assertThat(help).startsWith("Usage: tidegrad " + command.word());
        command.uses().forEach(
                use -> assertThat(help).contains("\n  " + use.setting().usage() + " ").contains(use.meaning()));
        for (Setting setting : CliSettings.ALL.settings()) {
            if (!command.has(setting)) {
                assertThat(help).doesNotContain("\n  " + setting.usage() + " ");
            }
        }
        assertThat(help.lines()).allMatch(line -> line.length() <= 130);
    }

    static Stream<Command> commands() {
        return CliSettings.ALL.all().stream();
    }

    /// A help text that names a setting which its command does not know sends people astray.
    @ParameterizedTest
    @MethodSource("commands")
    void aHelpTextNamesOnlySettingsThatItsCommandHas(Command command) {
        Set<String> there = command.uses().stream().map(use -> use.setting().key()).collect(Collectors.toSet());
        // Behind the settings stands how to write any, and what other commands do about it.
        String settings = command.help().split("Each may also come from")[0];
        Matcher named = Pattern.compile("--([a-z][a-z-]*)").matcher(settings);
        while (named.find()) {
            String name = named.group(1);
            assertThat(there).as(settings).anyMatch(key -> key.startsWith(name));
        }
    }

    @Test
    void aModelThatMayStandFirstIsShownThere() {
        assertThat(CliSettings.MODELS_SHOW.help()).contains("Usage: tidegrad models show NAME [--SETTING VALUE]...")
                .contains("may also stand first: models show NAME (required)");
        assertThat(CliSettings.MODELS_CREATE.help()).contains("Usage: tidegrad models create [--");
        assertThat(CliSettings.VERIFY.help()).contains("Usage: tidegrad verify [--SETTING VALUE]...");
    }

    /// Each of them names the setting and not the secret.
    @Test
    void whatOthersCanReadOnTheCommandLineIsWarnedOf() {
        Logger logger = (Logger) LoggerFactory.getLogger(Settings.class);
        ListAppender<ILoggingEvent> told = new ListAppender<>();
        told.start();
        logger.addAppender(told);
        try {
            Map<String, String> environment = Map.of("TIDEGRAD_KAFKA_SSL_KEY_PASSWORD", SECRET);
            Settings.read(TrainerSettings.TRAINER, CliSettings.ALL,
                    List.of("--kafka.sasl.jaas.config=" + SECRET, "--registry.basic.auth.user.info", "u:" + SECRET,
                            "--registry-url=http://u:" + SECRET + "@r:8081", "--token-file=tokens",
                            "--kafka.security.protocol=SSL"),
                    environment);
        } finally {
            logger.detachAppender(told);
        }
        assertThat(told.list).extracting(event -> event.getFormattedMessage().split(" ")[0]).containsExactlyInAnyOrder(
                "--kafka.sasl.jaas.config", "--registry.basic.auth.user.info", "--registry-url");
        assertThat(told.list).noneMatch(event -> event.getFormattedMessage().contains(SECRET)).anyMatch(
                event -> event.getFormattedMessage().contains("TIDEGRAD_KAFKA_SASL_JAAS_CONFIG in the environment"));
    }
}
