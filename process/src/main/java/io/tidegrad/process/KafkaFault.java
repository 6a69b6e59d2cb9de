package io.tidegrad.process;

import io.tidegrad.schemas.KafkaClients;
import java.util.function.Predicate;
import org.apache.kafka.clients.consumer.InvalidOffsetException;
import org.apache.kafka.common.InvalidRecordException;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.common.errors.AuthenticationException;
import org.apache.kafka.common.errors.AuthorizationException;
import org.apache.kafka.common.errors.FencedInstanceIdException;
import org.apache.kafka.common.errors.InconsistentTopicIdException;
import org.apache.kafka.common.errors.InvalidConfigurationException;
import org.apache.kafka.common.errors.InvalidGroupIdException;
import org.apache.kafka.common.errors.InvalidReplicationFactorException;
import org.apache.kafka.common.errors.InvalidSessionTimeoutException;
import org.apache.kafka.common.errors.InvalidTimestampException;
import org.apache.kafka.common.errors.InvalidTopicException;
import org.apache.kafka.common.errors.InvalidTxnTimeoutException;
import org.apache.kafka.common.errors.PolicyViolationException;
import org.apache.kafka.common.errors.RecordBatchTooLargeException;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.errors.UnknownTopicIdException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.apache.kafka.common.errors.UnsupportedCompressionTypeException;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.streams.errors.MissingSourceTopicException;
import org.apache.kafka.streams.errors.StreamsException;
import org.apache.kafka.streams.errors.TaskMigratedException;
import org.jspecify.annotations.Nullable;

/// What an exception of Kafka's clients or of Kafka Streams means for a process that runs Streams. The first constant that fits an
/// exception counts, so that constants above `SETTINGS` may have subclasses of its type: Kafka derives a rejected record,
/// a refused password and an impossible replication factor all from `InvalidConfigurationException`.
public enum KafkaFault {
    /// Kafka does not accept the user or the certificate of the connection.
    AUTHENTICATION(ExitCode.CONFIGURATION, "Kafka does not let us in: %s; check the kafka.* settings",
            AuthenticationException.class::isInstance),

    /// Kafka knows the user and forbids the request.
    AUTHORIZATION(ExitCode.CONFIGURATION,
            "Kafka does not let us in: %s; check the kafka.* settings, and what Kafka's ACLs allow this user",
            AuthorizationException.class::isInstance),

    /// A topic takes timestamps that are at most `message.timestamp.after.max.ms` ahead of its broker's clock.
    CLOCK(ExitCode.RETRYABLE,
            "Kafka refused the time of a record: %s. The clocks of this machine and of the broker differ by more than the"
                    + " topic's message.timestamp.after.max.ms (an hour unless set) or message.timestamp.before.max.ms allow:"
                    + " set the wrong clock right. Nothing is lost, work goes on from the last commit",
            thrown -> thrown instanceof InvalidTimestampException
                    || thrown instanceof InvalidRecordException && said(thrown).contains("imestamp")),

    RECORD(ExitCode.RETRYABLE,
            "Kafka refused a record: %s. Nothing is lost, work goes on from the last commit, after a check of the"
                    + " topics' settings",
            InvalidRecordException.class::isInstance),

    RECORD_TOO_LARGE(ExitCode.CONFIGURATION,
            "a topic's max.message.bytes, or its segment.bytes, was lowered below what is written to it: %s; raise it"
                    + " again",
            thrown -> thrown instanceof RecordTooLargeException || thrown instanceof RecordBatchTooLargeException),

    TIMEOUT_SETTING(ExitCode.CONFIGURATION,
            "Kafka refused a timeout of the kafka.* settings: %s Correct it, or those bounds of the brokers",
            thrown -> thrown instanceof InvalidSessionTimeoutException || thrown instanceof InvalidTxnTimeoutException
                    || said(thrown).endsWith(Errors.INVALID_TRANSACTION_TIMEOUT.message())), // Streams drops the type

    NAME(ExitCode.CONFIGURATION,
            "Kafka refused the name of a topic or of a group, which the prefix and the name of the model or stream make: %s; choose others",
            thrown -> thrown instanceof InvalidTopicException || thrown instanceof InvalidGroupIdException),

    /// Brokers that have just started, or have lost the controller, do not count yet.
    BROKERS_FENCED(ExitCode.RETRYABLE, "too few brokers are up to create a topic: %s; start again once they are",
            thrown -> thrown instanceof InvalidReplicationFactorException && said(thrown).contains("fenced")),

    REPLICATION(ExitCode.CONFIGURATION,
            "Kafka can't create a topic with so many replicas: %s; lower the replication, or the brokers'"
                    + " default.replication.factor, or start more brokers",
            InvalidReplicationFactorException.class::isInstance),

    POLICY(ExitCode.CONFIGURATION,
            "a policy of the brokers forbids it: %s; create the topic in the way that the policy allows, or change the"
                    + " policy",
            PolicyViolationException.class::isInstance),

    /// All other mistakes of this type: versions, formats, `acks`, compression.
    SETTINGS(ExitCode.CONFIGURATION,
            "Kafka can't do what the kafka.* settings or a topic's settings ask for: %s; correct them, or use brokers that"
                    + " can",
            thrown -> thrown instanceof InvalidConfigurationException
                    || thrown instanceof UnsupportedCompressionTypeException || thrown instanceof ConfigException),

    /// The message of Streams names a tool that would delete the state.
    PARTITIONS(ExitCode.CONFIGURATION,
            "partitions were added to a topic of events or labels, or to a changelog: %s. What the first partitions hold is taken"
                    + " up to the last commit, and nothing of the new ones is. The next start says which topic it is and what to do",
            thrown -> thrown instanceof StreamsException && said(thrown).contains("has invalid partitions")) {
        @Override
        String describe(Throwable thrown) {
            return sentence(said(thrown));
        }
    },

    LOG_GONE(ExitCode.RETRYABLE,
            "Kafka no longer knows a topic that is read. Nothing of ours is lost. The next start looks for the topic again, and"
                    + " says what to do if it was deleted",
            MissingSourceTopicException.class::isInstance),

    RANGE_GONE(ExitCode.RETRYABLE,
            "a topic no longer has the offset at which reading goes on: retention, a deletion of records or a"
                    + " broker's loss took it. The next start says which records are missing",
            thrown -> thrown instanceof InvalidOffsetException
                    || thrown instanceof StreamsException && said(thrown).contains("auto.offset.reset")),

    TOPIC_GONE(ExitCode.RETRYABLE,
            "a topic was deleted, or deleted and created again: %s. The next start creates it, or says which one it is"
                    + " and what to do",
            thrown -> thrown instanceof UnknownTopicOrPartitionException || thrown instanceof UnknownTopicIdException
                    || thrown instanceof InconsistentTopicIdException),

    REPLACED(ExitCode.RETRYABLE,
            "another process took over, or this one stood still for longer than its session: %s. Nothing is lost. If it"
                    + " happens again and again, look for a second process with a copy of this state directory",
            thrown -> thrown instanceof FencedInstanceIdException || thrown instanceof TaskMigratedException
                    || KafkaClients.isTakenOver(thrown)),

    OTHER(ExitCode.RETRYABLE, "Kafka: %s", KafkaException.class::isInstance);

    private final ExitCode exitCode;
    private final String message;
    private final Predicate<Throwable> fits;

    KafkaFault(ExitCode exitCode, String message, Predicate<Throwable> fits) {
        this.exitCode = exitCode;
        this.message = message;
        this.fits = fits;
    }

    ExitCode exitCode() {
        return exitCode;
    }

    /// @param found what `describe` returned
    String message(String found) {
        return message.formatted(found);
    }

    /// Returns what Kafka said, without advice that is wrong here.
    String describe(Throwable thrown) {
        return StopException.describe(thrown);
    }

    /// Returns null if the exception is not one of Kafka's.
    static @Nullable KafkaFault of(Throwable thrown) {
        for (KafkaFault fault : values()) {
            if (fault.fits.test(thrown)) {
                return fault;
            }
        }
        return null;
    }

    private static String said(Throwable thrown) {
        return String.valueOf(thrown.getMessage());
    }

    /// Returns the first sentence without its full stop.
    private static String sentence(String text) {
        int end = text.indexOf(". ");
        return end < 0 ? text : text.substring(0, end);
    }
}
