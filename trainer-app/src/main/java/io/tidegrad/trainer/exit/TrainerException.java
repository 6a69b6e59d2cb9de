package io.tidegrad.trainer.exit;

import io.tidegrad.control.ControlException;
import io.tidegrad.model.learn.LearningMemory;
import io.tidegrad.model.safetensors.InitialWeightsException;
import io.tidegrad.schemas.SchemaRegistry.RegistryRefusedException;
import io.tidegrad.schemas.SchemaRegistry.RegistryUnavailableException;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/// Why the trainer stops, for a person: what was expected, what was found, where, what to do. It says no more than
/// that: whoever reads it needs no stack trace.
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

    /// The reason to stop inside whatever Kafka Streams wrapped around it, of somebody whom Kafka never let in before.
    public static TrainerException from(Throwable thrown) {
        return from(thrown, refusal -> false);
    }

    /// The reason to stop inside whatever Kafka Streams wrapped around it.
    ///
    /// @param letInBefore asked when Kafka does not let us in: whether it did shortly before, with the same settings.
    ///     It is then worth another try: certificates, passwords and ACLs are replaced at one place after the other
    public static TrainerException from(Throwable thrown, Predicate<Refusal> letInBefore) {
        Throwable told = thrown;
        KafkaFault fault = KafkaFault.of(thrown);
        Throwable innermost = thrown;
        for (Throwable at = thrown; at != null; at = at.getCause()) {
            if (at instanceof TrainerException known) {
                return known;
            }
            if (at instanceof ControlException known) {
                return of(known);
            }
            if (at instanceof InitialWeightsException) {
                return new TrainerException(ExitCode.CONFIGURATION, String.valueOf(at.getMessage()), thrown);
            }
            if (at instanceof OutOfMemoryError && isOfTheHeap(at)) {
                return new TrainerException(ExitCode.CONFIGURATION,
                        "expected a heap that holds the models and what a trainer takes beside them, found one of at most "
                                + LearningMemory.text(Runtime.getRuntime().maxMemory()) + " that ran out ("
                                + at.getMessage()
                                + "). Raise the heap (JAVA_TOOL_OPTIONS=-Xmx…); tidegrad spec FILE tells what a model takes",
                        thrown);
            }
            KafkaFault of = KafkaFault.of(at);
            // The most telling of the chain: KafkaFault's order. Of equals the innermost.
            if (of != null && (fault == null || of.compareTo(fault) <= 0)) {
                fault = of;
                told = at;
            }
            innermost = at;
        }
        // What wraps a defect of ours says nothing of Kafka.
        if (fault == null || fault == KafkaFault.OTHER && KafkaFault.of(innermost) == null) {
            return new TrainerException(ExitCode.INTERNAL, "unexpected: " + describe(innermost), thrown);
        }
        String found = fault.describe(told);
        Refusal refusal = Refusal.of(fault);
        if (refusal == null) {
            return new TrainerException(fault.exitCode(), fault.message(found), thrown);
        }
        // What TLS dislikes stands in the innermost cause.
        String message = fault.message(innermost == told ? found : found + ": " + innermost.getMessage());
        return letInBefore.test(refusal)
                ? new TrainerException(ExitCode.RETRYABLE,
                        message + ". It did let us in before with these settings, so this is tried again", thrown)
                : new TrainerException(fault.exitCode(), message, thrown);
    }

    /// What the topics of decisions, or a file of the user's, said no to: as it was said.
    public static TrainerException of(ControlException refusal) {
        ExitCode exitCode = switch (refusal.reason()) {
            case CONFIGURATION -> ExitCode.CONFIGURATION;
            case STATE_VIOLATION -> ExitCode.STATE_VIOLATION;
            case RETRYABLE -> ExitCode.RETRYABLE;
        };
        return new TrainerException(exitCode, String.valueOf(refusal.getMessage()), refusal);
    }

    /// In which way Kafka does not let us in.
    public enum Refusal {
        /// It does not take us for who we say we are.
        AUTHENTICATION,
        /// It knows us, and forbids what we asked for.
        AUTHORIZATION;

        private static @Nullable Refusal of(KafkaFault fault) {
            return switch (fault) {
                case AUTHENTICATION -> AUTHENTICATION;
                case AUTHORIZATION -> AUTHORIZATION;
                default -> null;
            };
        }
    }

    /// The schema registry does not answer, or not to us.
    ///
    /// @param url without user and password
    public static TrainerException from(RegistryUnavailableException e, String url) {
        return new TrainerException(e instanceof RegistryRefusedException ? ExitCode.CONFIGURATION : ExitCode.RETRYABLE,
                "the schema registry " + url + ": " + e.getMessage(), e);
    }

    /// Not of threads or of classes, which a larger heap would not help.
    private static boolean isOfTheHeap(Throwable outOfMemory) {
        String message = String.valueOf(outOfMemory.getMessage());
        return message.contains("heap space") || message.contains("GC overhead");
    }

    static String describe(Throwable thrown) {
        String message = thrown.getMessage();
        return thrown.getClass().getSimpleName() + (message == null ? "" : ": " + message);
    }
}
