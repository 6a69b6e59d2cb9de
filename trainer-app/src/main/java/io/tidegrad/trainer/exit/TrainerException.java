package io.tidegrad.trainer.exit;

import io.tidegrad.model.safetensors.InitialWeightsException;
import io.tidegrad.schemas.SchemaRegistry.RegistryRefusedException;
import io.tidegrad.schemas.SchemaRegistry.RegistryUnavailableException;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.errors.AuthenticationException;
import org.apache.kafka.common.errors.AuthorizationException;
import org.apache.kafka.common.errors.InvalidConfigurationException;
import org.apache.kafka.common.errors.InvalidSessionTimeoutException;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.protocol.Errors;
import org.jspecify.annotations.Nullable;

/// Why the trainer stops, for a person: what was expected, what was found, where, what to do. It says no more than that:
/// whoever reads it needs no stack trace.
public final class TrainerException extends RuntimeException {
    private final ExitCode exitCode;

    public TrainerException(ExitCode exitCode, String message) {
        this(exitCode, message, null);
    }

    public TrainerException(ExitCode exitCode, String message, @Nullable Throwable cause) {
        super(message, cause);
        this.exitCode = exitCode;
    }

    public ExitCode exitCode() {
        return exitCode;
    }

    /// The reason to stop inside whatever Kafka Streams wrapped around it.
    public static TrainerException from(Throwable thrown) {
        Throwable innermost = thrown;
        Throwable refusal = null;
        for (Throwable at = thrown; at != null; at = at.getCause()) {
            if (at instanceof TrainerException known) {
                return known;
            }
            if (at instanceof InitialWeightsException) {
                return new TrainerException(
                        ExitCode.CONFIGURATION, String.valueOf(at.getMessage()), thrown);
            }
            if (at instanceof AuthorizationException
                    || at instanceof AuthenticationException
                    || at instanceof InvalidConfigurationException) {
                refusal = at;
            }
            innermost = at;
        }
        String message = describe(innermost);
        if (refusal != null) {
            // What TLS dislikes stands in the innermost cause.
            return new TrainerException(
                    ExitCode.CONFIGURATION,
                    "Kafka does not let us in: "
                            + describe(refusal)
                            + (innermost == refusal ? "" : ": " + innermost.getMessage())
                            + "; check the kafka.* settings",
                    thrown);
        }
        if (innermost instanceof InvalidSessionTimeoutException
                || message.endsWith(
                        Errors.INVALID_TRANSACTION_TIMEOUT.message())) { // it has no type
            return new TrainerException(
                    ExitCode.CONFIGURATION,
                    "Kafka refused a timeout of the kafka.* settings: "
                            + message
                            + " Correct it, or those bounds of the brokers",
                    thrown);
        }
        if (innermost instanceof RecordTooLargeException) {
            return new TrainerException(
                    ExitCode.CONFIGURATION,
                    "a topic's max.message.bytes was lowered below what the trainer writes: "
                            + message,
                    thrown);
        }
        if (innermost instanceof KafkaException) {
            return new TrainerException(ExitCode.RETRYABLE, "Kafka: " + message, thrown);
        }
        return new TrainerException(ExitCode.INTERNAL, "unexpected: " + message, thrown);
    }

    /// The schema registry does not answer, or not to us.
    ///
    /// @param url without user and password
    public static TrainerException from(RegistryUnavailableException e, String url) {
        return new TrainerException(
                e instanceof RegistryRefusedException ? ExitCode.CONFIGURATION : ExitCode.RETRYABLE,
                "the schema registry " + url + ": " + e.getMessage(),
                e);
    }

    private static String describe(Throwable thrown) {
        String message = thrown.getMessage();
        return thrown.getClass().getSimpleName() + (message == null ? "" : ": " + message);
    }
}
