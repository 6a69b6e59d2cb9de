package io.tidegrad.ops.log;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.LoggingEvent;
import ch.qos.logback.core.Appender;
import ch.qos.logback.core.UnsynchronizedAppenderBase;
import ch.qos.logback.core.spi.AppenderAttachable;
import ch.qos.logback.core.spi.AppenderAttachableImpl;
import java.time.Duration;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.LongSupplier;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.slf4j.LoggerFactory;

/// A logback appender between loggers and the appender that writes, for Kafka's clients: each of them warns several
/// times a second while a broker is away, so that half a minute without one was 456 lines. Of each kind of line one a
/// minute goes on, and with it how many were left out since the one before. The kind is the logger and the line's text,
/// without the client's name in brackets that Kafka puts in front of it and without words that hold a digit: Kafka
/// writes the values into its text before the logger gets it, so there is no pattern to go by.
///
/// ```xml
/// <appender name="kafka" class="io.tidegrad.ops.log.OnceAMinute">
///   <appender-ref ref="stderr" />
/// </appender>
/// ```
public final class OnceAMinute extends UnsynchronizedAppenderBase<ILoggingEvent>
        implements AppenderAttachable<ILoggingEvent> {
    private static final long EVERY_NANOS = Duration.ofMinutes(1).toNanos();

    /// A correlation id, an address, a partition.
    private static final Pattern VALUE = Pattern.compile("\\S*\\d\\S*");

    /// Kafka's clients have about a thousand patterns.
    private static final int KINDS_MAX = 1_000;

    private final AppenderAttachableImpl<ILoggingEvent> attached = new AppenderAttachableImpl<>();
    private final LongSupplier nanos;

    /// The oldest makes room.
    private final Map<String, Kind> kinds = new LinkedHashMap<>() {
        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Kind> eldest) {
            return size() > KINDS_MAX;
        }
    };

    private static final class Kind {
        private final long toldAt;
        private long leftOut;

        Kind(long toldAt) {
            this.toldAt = toldAt;
        }
    }

    /// For logback.
    public OnceAMinute() {
        this(System::nanoTime);
    }

    OnceAMinute(LongSupplier nanos) {
        this.nanos = nanos;
    }

    @Override
    protected void append(ILoggingEvent event) {
        long leftOut = leftOutBefore(event);
        if (leftOut < 0) {
            return;
        }
        attached.appendLoopOnAppenders(event);
        if (leftOut > 0 && LoggerFactory.getLogger(event.getLoggerName()) instanceof Logger logger) {
            attached.appendLoopOnAppenders(new LoggingEvent(OnceAMinute.class.getName(), logger, event.getLevel(),
                    "{} lines like the one before were left out since the last one", null, new Object[]{leftOut}));
        }
    }

    /// -1 when this one is left out too.
    private long leftOutBefore(ILoggingEvent event) {
        String name =
                event.getLoggerName() + ' ' + VALUE.matcher(withoutClient(event.getFormattedMessage())).replaceAll("#");
        long now = nanos.getAsLong();
        synchronized (kinds) {
            Kind kind = kinds.get(name);
            if (kind != null && now - kind.toldAt < EVERY_NANOS) {
                kind.leftOut++;
                return -1;
            }
            kinds.remove(name); // so that it is the youngest
            kinds.put(name, new Kind(now));
            return kind == null ? 0 : kind.leftOut;
        }
    }

    private static String withoutClient(@Nullable String text) {
        if (text == null) {
            return "";
        }
        int end = text.startsWith("[") ? text.indexOf("] ") : -1;
        return end < 0 ? text : text.substring(end + 2);
    }

    @Override
    public void addAppender(Appender<ILoggingEvent> appender) {
        attached.addAppender(appender);
    }

    @Override
    public Iterator<Appender<ILoggingEvent>> iteratorForAppenders() {
        return attached.iteratorForAppenders();
    }

    @Override
    public @Nullable Appender<ILoggingEvent> getAppender(String name) {
        return attached.getAppender(name);
    }

    @Override
    public boolean isAttached(Appender<ILoggingEvent> appender) {
        return attached.isAttached(appender);
    }

    @Override
    public void detachAndStopAllAppenders() {
        attached.detachAndStopAllAppenders();
    }

    @Override
    public boolean detachAppender(Appender<ILoggingEvent> appender) {
        return attached.detachAppender(appender);
    }

    @Override
    public boolean detachAppender(String name) {
        return attached.detachAppender(name);
    }
}
