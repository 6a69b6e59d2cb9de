package io.tidegrad.process;

import io.tidegrad.control.ControlException;
import io.tidegrad.model.learn.LearningMemory;
import io.tidegrad.model.safetensors.InitialWeightsException;
import io.tidegrad.schemas.MissingRight;
import io.tidegrad.schemas.SchemaRegistry.RegistryRefusedException;
import io.tidegrad.schemas.SchemaRegistry.RegistryUnavailableException;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/// Says why a model, a stream or the whole process stops: what was expected, what was found, where, and what to do. Its
/// message is enough without a stack trace.
public final class StopException extends RuntimeException {
    private final ExitCode exitCode;
    private final boolean ofTheProcess;

    public StopException(ExitCode exitCode, String message) {
        this(exitCode, message, null);
    }

    public StopException(ExitCode exitCode, String message, @Nullable Throwable cause) {
        this(exitCode, message, cause, false);
    }

    private StopException(ExitCode exitCode, String message, @Nullable Throwable cause, boolean ofTheProcess) {
        super(message, cause);
        this.exitCode = exitCode;
        this.ofTheProcess = ofTheProcess;
    }

    /// Returns a reason that concerns the whole process: in this one no other try could succeed.
    public static StopException ofTheProcess(ExitCode exitCode, String message) {
        return new StopException(exitCode, message, null, true);
    }

    public ExitCode exitCode() {
        return exitCode;
    }

    /// Returns whether it may be a defect of ours, so that its stack trace is logged.
    public boolean mayBeADefect() {
        return exitCode == ExitCode.INTERNAL || hasCause(LinkageError.class);
    }

    /// Returns whether the process has to end. An `Error` as the cause, such as memory that ran out or a class that can't be
    /// loaded, leaves nothing of it sound.
    public boolean isOfTheProcess() {
        return ofTheProcess || hasCause(Error.class);
    }

    private boolean hasCause(Class<? extends Throwable> type) {
        for (Throwable at = getCause(); at != null; at = at.getCause()) {
            if (type.isInstance(at)) {
                return true;
            }
        }
        return false;
    }

    /// Returns the reason to stop inside of what Kafka Streams wrapped around it, for credentials that Kafka has never
    /// accepted.
    public static StopException from(Throwable thrown) {
        return from(thrown, refusal -> false);
    }

    /// Returns the reason to stop inside of what Kafka Streams wrapped around it.
    ///
    /// @param letInBefore returns for a fault of authentication or authorization whether Kafka accepted the same settings
    ///     shortly before. Another try may succeed then, because certificates, passwords and ACLs are not replaced
    ///     everywhere at the same time
    public static StopException from(Throwable thrown, Predicate<KafkaFault> letInBefore) {
        Throwable told = thrown;
        KafkaFault fault = KafkaFault.of(thrown);
        Throwable innermost = thrown;
        for (Throwable at = thrown; at != null; at = at.getCause()) {
            if (at instanceof StopException known) {
                return known;
            }
            if (at instanceof ControlException known) {
                return of(known);
            }
            if (at instanceof InitialWeightsException) {
                return new StopException(ExitCode.CONFIGURATION, String.valueOf(at.getMessage()), thrown);
            }
            if (at instanceof OutOfMemoryError && isOfTheSystem(at)) {
                return new StopException(ExitCode.RETRYABLE,
                        "expected memory and threads of the system beside the heap, found none left (" + at.getMessage()
                                + "). Raise the limits of the process (ulimit -u, TasksMax= of systemd, the memory of a"
                                + " container), or lower the heap; nothing is lost, start again",
                        thrown);
            }
            if (at instanceof OutOfMemoryError && isOfTheHeap(at)) {
                return new StopException(ExitCode.CONFIGURATION,
                        "expected a heap that holds what this process works on, found one of at most "
                                + LearningMemory.text(Runtime.getRuntime().maxMemory()) + " that ran out ("
                                + at.getMessage() + "). Raise the heap (JAVA_TOOL_OPTIONS=-Xmx…), or give the process"
                                + " less to do",
                        thrown);
            }
            if (at instanceof LinkageError) {
                return new StopException(ExitCode.RETRYABLE,
                        "expected the classes of this process's jars, found " + describe(at)
                                + ": were they replaced while it ran? If it stays after another start, it is a defect",
                        thrown);
            }
            KafkaFault of = KafkaFault.of(at);
            // The fault that comes first in KafkaFault says most; of the same fault the innermost exception does.
            if (of != null && (fault == null || of.compareTo(fault) <= 0)) {
                fault = of;
                told = at;
            }
            innermost = at;
        }
        // An exception of Kafka that only wraps a defect of ours says nothing.
        if (fault == null || fault == KafkaFault.OTHER && KafkaFault.of(innermost) == null) {
            return new StopException(ExitCode.INTERNAL, "unexpected: " + describe(innermost), thrown);
        }
        String missing = fault == KafkaFault.AUTHORIZATION ? MissingRight.of(thrown) : null;
        String found = missing == null ? fault.describe(told) : missing;
        if (fault != KafkaFault.AUTHENTICATION && fault != KafkaFault.AUTHORIZATION) {
            return new StopException(fault.exitCode(), fault.message(found), thrown);
        }
        // The innermost cause says what is wrong with TLS.
        String message = fault.message(innermost == told ? found : found + ": " + innermost.getMessage());
        return letInBefore.test(fault)
                ? new StopException(ExitCode.RETRYABLE,
                        message + ". It did let us in before with these settings, so this is tried again", thrown)
                : new StopException(fault.exitCode(), message, thrown);
    }

    /// Returns the same refusal as the reason to stop.
    public static StopException of(ControlException refusal) {
        ExitCode exitCode = switch (refusal.reason()) {
            case CONFIGURATION -> ExitCode.CONFIGURATION;
            case STATE_VIOLATION -> ExitCode.STATE_VIOLATION;
            case RETRYABLE -> ExitCode.RETRYABLE;
        };
        return new StopException(exitCode, String.valueOf(refusal.getMessage()), refusal);
    }

    /// Returns the reason to stop if the schema registry does not answer, or refuses our credentials.
    ///
    /// @param url without user and password
    public static StopException from(RegistryUnavailableException e, String url) {
        return new StopException(e instanceof RegistryRefusedException ? ExitCode.CONFIGURATION : ExitCode.RETRYABLE,
                "the schema registry " + url + ": " + e.getMessage(), e);
    }

    /// Returns false for threads, classes and buffers outside of the heap, which a larger heap would not help.
    private static boolean isOfTheHeap(Throwable outOfMemory) {
        String message = String.valueOf(outOfMemory.getMessage());
        return message.contains("heap space") || message.contains("GC overhead");
    }

    /// Returns whether threads or mappings ran out, which others on the machine may free. An array that is too long, or a
    /// JVM's own limit, would be met again.
    private static boolean isOfTheSystem(Throwable outOfMemory) {
        String message = String.valueOf(outOfMemory.getMessage());
        return message.contains("native thread") || message.contains("Map failed");
    }

    static String describe(Throwable thrown) {
        String message = thrown.getMessage();
        return thrown.getClass().getSimpleName() + (message == null ? "" : ": " + message);
    }
}
