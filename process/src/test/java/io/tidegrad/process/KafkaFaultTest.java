package io.tidegrad.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import java.io.IOException;
import java.lang.reflect.Constructor;
import java.lang.reflect.Modifier;
import java.net.URI;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.apache.kafka.common.InvalidRecordException;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.errors.ApiException;
import org.apache.kafka.common.errors.InvalidReplicationFactorException;
import org.apache.kafka.common.errors.SaslAuthenticationException;
import org.apache.kafka.common.errors.TopicAuthorizationException;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.streams.errors.StreamsException;
import org.junit.jupiter.api.Test;

/// How a trainer ends for each exception that Kafka's clients know. Whatever Kafka adds or derives from another type
/// with its next version shows here.
class KafkaFaultTest {
    /// All others are retryable.
    private static final Map<String, KafkaFault> NOT_FOR_A_RESTART = Map.ofEntries(
            Map.entry("AuthenticationException", KafkaFault.AUTHENTICATION),
            Map.entry("IllegalSaslStateException", KafkaFault.AUTHENTICATION),
            Map.entry("SaslAuthenticationException", KafkaFault.AUTHENTICATION),
            Map.entry("SslAuthenticationException", KafkaFault.AUTHENTICATION),
            Map.entry("UnsupportedSaslMechanismException", KafkaFault.AUTHENTICATION),
            Map.entry("AuthorizationException", KafkaFault.AUTHORIZATION),
            Map.entry("ClusterAuthorizationException", KafkaFault.AUTHORIZATION),
            Map.entry("DelegationTokenAuthorizationException", KafkaFault.AUTHORIZATION),
            Map.entry("GroupAuthorizationException", KafkaFault.AUTHORIZATION),
            Map.entry("TopicAuthorizationException", KafkaFault.AUTHORIZATION),
            Map.entry("TransactionalIdAuthorizationException", KafkaFault.AUTHORIZATION),
            Map.entry("RecordTooLargeException", KafkaFault.RECORD_TOO_LARGE),
            Map.entry("RecordBatchTooLargeException", KafkaFault.RECORD_TOO_LARGE),
            Map.entry("InvalidSessionTimeoutException", KafkaFault.TIMEOUT_SETTING),
            Map.entry("InvalidTxnTimeoutException", KafkaFault.TIMEOUT_SETTING),
            Map.entry("InvalidTopicException", KafkaFault.NAME), Map.entry("InvalidGroupIdException", KafkaFault.NAME),
            Map.entry("InvalidReplicationFactorException", KafkaFault.REPLICATION),
            Map.entry("PolicyViolationException", KafkaFault.POLICY),
            Map.entry("InvalidConfigurationException", KafkaFault.SETTINGS),
            Map.entry("InvalidRequiredAcksException", KafkaFault.SETTINGS),
            Map.entry("UnsupportedCompressionTypeException", KafkaFault.SETTINGS),
            Map.entry("UnsupportedForMessageFormatException", KafkaFault.SETTINGS),
            Map.entry("UnsupportedVersionException", KafkaFault.SETTINGS));

    @Test
    void onlyWhatARestartCantHealIsNotRetryable() throws Exception {
        Map<String, KafkaFault> found = new TreeMap<>();
        int all = 0;
        for (Class<? extends Throwable> type : kafkasErrors()) {
            all++;
            StopException why = StopException.from(new StreamsException(made(type)));
            if (why.exitCode() != ExitCode.RETRYABLE) {
                KafkaFault fault = KafkaFault.of(made(type));
                assertThat(fault).describedAs(type.getName()).isNotNull();
                found.put(type.getSimpleName(), fault);
                assertThat(why.exitCode()).isEqualTo(ExitCode.CONFIGURATION);
            }
        }
        assertThat(all).isGreaterThan(140);
        assertThat(found).isEqualTo(new TreeMap<>(NOT_FOR_A_RESTART));
    }

    private static Iterable<Class<? extends Throwable>> kafkasErrors() throws Exception {
        Path jar = Path.of(KafkaException.class.getProtectionDomain().getCodeSource().getLocation().toURI());
        try (FileSystem files = FileSystems.newFileSystem(URI.create("jar:" + jar.toUri()), Map.of());
                Stream<Path> errors = Files.list(files.getPath("/org/apache/kafka/common/errors"))) {
            return errors.map(path -> path.getFileName().toString())
                    .filter(name -> name.endsWith(".class") && !name.contains("$"))
                    .filter(name -> !name.equals("package-info.class")).sorted()
                    .<Class<? extends Throwable>>map(KafkaFaultTest::type)
                    .filter(type -> !Modifier.isAbstract(type.getModifiers())).toList();
        } catch (IOException e) {
            return fail("Kafka's jar can't be read", e);
        }
    }

    private static Class<? extends Throwable> type(String file) {
        try {
            return Class
                    .forName("org.apache.kafka.common.errors." + file.substring(0, file.length() - ".class".length()))
                    .asSubclass(Throwable.class);
        } catch (ClassNotFoundException e) {
            return fail("no such class", e);
        }
    }

    /// Of any constructor: with a text for each text, and nothing for the rest.
    private static Throwable made(Class<? extends Throwable> type) throws Exception {
        Constructor<?> shortest = null;
        for (Constructor<?> constructor : type.getDeclaredConstructors()) {
            if (shortest == null || constructor.getParameterCount() < shortest.getParameterCount()) {
                shortest = constructor;
            }
        }
        assertThat(shortest).describedAs(type.getName()).isNotNull();
        shortest.setAccessible(true);
        Object[] arguments = new Object[shortest.getParameterCount()];
        for (int i = 0; i < arguments.length; i++) {
            Class<?> parameter = shortest.getParameterTypes()[i];
            arguments[i] = parameter == String.class ? "said by a test"
                    : parameter == int.class ? (Object) 1
                            : parameter == long.class ? (Object) 1L : parameter == java.util.Set.class
                                    ? java.util.Set.of() : parameter == Map.class ? Map.of() : null;
        }
        return (Throwable) shortest.newInstance(arguments);
    }

    @Test
    void aRecordWhoseTimeTheBrokerRefusesIsTheClocksFaultAndRetried() {
        for (ApiException refused : new ApiException[]{new InvalidRecordException(
                "Timestamp 1795773675000 of message with offset 0 is out of range. The timestamp should be"
                        + " within [0, 1795770075000]"),
            Errors.INVALID_TIMESTAMP.exception()}) {
            StopException why = StopException.from(new StreamsException("Error encountered sending record", refused));
            assertThat(why.exitCode()).isEqualTo(ExitCode.RETRYABLE);
            assertThat(why).hasMessageContaining("clock").hasMessageContaining("message.timestamp.after.max.ms")
                    .hasMessageNotContaining("let us in");
        }
    }

    @Test
    void brokersThatAreStillStartingAreWaitedFor() {
        assertThat(StopException
                .from(new InvalidReplicationFactorException(
                        "Unable to replicate the partition 3 time(s): All brokers are" + " currently fenced."))
                .exitCode()).isEqualTo(ExitCode.RETRYABLE);
    }

    @Test
    void nobodyIsToldToRunStreamsResetter() {
        StopException why = StopException.from(new StreamsException(
                "Existing internal topic tidegrad-m-1-model-changelog has invalid partitions: expected: 2;"
                        + " actual: 1. Use 'org.apache.kafka.tools.StreamsResetter' tool to clean up"
                        + " invalid topics before processing."));
        assertThat(why.exitCode()).isEqualTo(ExitCode.CONFIGURATION);
        assertThat(why).hasMessageContaining("partitions were added").hasMessageContaining("expected: 2; actual: 1")
                .hasMessageNotContaining("StreamsResetter").hasMessageNotContaining("clean up");
    }

    @Test
    void whoWasLetInBeforeIsWorthAnotherTry() {
        Throwable[] refusals =
                {new SaslAuthenticationException("wrong password"), new TopicAuthorizationException("not allowed")};
        for (Throwable refusal : refusals) {
            StreamsException thrown = new StreamsException(refusal);
            assertThat(StopException.from(thrown).exitCode()).isEqualTo(ExitCode.CONFIGURATION);
            StopException retried = StopException.from(thrown, why -> true);
            assertThat(retried.exitCode()).isEqualTo(ExitCode.RETRYABLE);
            assertThat(retried).hasMessageContaining("does not let us in").hasMessageContaining("tried again");
        }
    }

    @Test
    void aDefectOfOursIsNoFaultOfKafkas() {
        assertThat(StopException.from(new StreamsException(new IllegalStateException("x"))))
                .extracting(StopException::exitCode).isEqualTo(ExitCode.INTERNAL);
    }

    @Test
    void memoryThatRunsOutBesideTheHeapIsWorthAnotherTryAndTheHeapIsNot() {
        StopException threads =
                StopException.from(new StreamsException(new OutOfMemoryError("unable to create native thread")));
        assertThat(threads.exitCode()).isEqualTo(ExitCode.RETRYABLE);
        assertThat(threads).hasMessageContaining("unable to create native thread").hasMessageContaining("ulimit -u");
        assertThat(StopException.from(new OutOfMemoryError("Java heap space")))
                .hasMessageContainingAll("Java heap space", "-Xmx").hasMessageNotContaining("trainer")
                .extracting(StopException::exitCode).isEqualTo(ExitCode.CONFIGURATION);
    }

    @Test
    void aClassThatIsGoneIsWorthAnotherTryAndMayBeADefect() {
        LinkageError gone = new NoClassDefFoundError("io/tidegrad/Gone");
        for (Throwable thrown : new Throwable[]{gone, new StreamsException(gone)}) {
            StopException why = StopException.from(thrown);
            assertThat(why.exitCode()).isEqualTo(ExitCode.RETRYABLE);
            assertThat(why)
                    .hasMessageContainingAll("NoClassDefFoundError", "io/tidegrad/Gone", "replaced while it ran",
                            "defect")
                    .hasStackTraceContaining("aClassThatIsGone").matches(StopException::mayBeADefect)
                    .matches(StopException::isOfTheProcess);
        }
    }

    @Test
    void anErrorLeavesNothingOfTheProcessSound() {
        assertThat(StopException.from(new StreamsException(new OutOfMemoryError("Java heap space"))))
                .matches(StopException::isOfTheProcess);
        assertThat(StopException.from(new StreamsException(new NoClassDefFoundError("a jar was replaced"))))
                .matches(StopException::isOfTheProcess);
        assertThat(StopException.from(new StreamsException(new IllegalStateException("x"))))
                .matches(why -> !why.isOfTheProcess());
    }
}
