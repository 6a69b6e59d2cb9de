package io.tidegrad.ops.log;

import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.encoder.JsonEncoder;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.Appender;
import ch.qos.logback.core.OutputStreamAppender;
import ch.qos.logback.core.encoder.JsonEscapeUtil;
import ch.qos.logback.core.spi.AppenderAttachable;
import io.tidegrad.ops.settings.CommonSettings;
import io.tidegrad.ops.settings.Settings;
import java.util.HashSet;
import java.util.Iterator;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.slf4j.ILoggerFactory;
import org.slf4j.LoggerFactory;

/// Writes each line of the log as a JSON object, by Logback's own encoder, and beside the text the model, stream, version,
/// epoch and offset that it is about: what stands in the text directly after that word, as in `model {}`, and both epoch
/// and version in `version {}.{}`. The first of each counts.
public final class JsonLog extends JsonEncoder {
    static final String JSON = "json";

    private static final String VERSION = "version";
    private static final Pattern PLACE = Pattern.compile("(?:\\b(model|stream|version|epoch|offset) )?\\{\\}");
    /// After the epoch of a version.
    private static final String OF_EPOCH = ".{}";

    private static final Pattern WHOLE = Pattern.compile("-?[0-9]{1,18}");

    private JsonLog() {
        setWithSequenceNumber(false);
        setWithNanoseconds(false);
        setWithContext(false);
        setWithMDC(false);
        setWithMessage(false);
        setWithArguments(false);
        setWithFormattedMessage(true);
    }

    /// Lets everything that writes lines write them in the format that the settings ask for, from now on.
    public static void chosenBy(Settings settings) {
        ILoggerFactory logging = LoggerFactory.getILoggerFactory();
        if (settings.text(CommonSettings.LOG_FORMAT).equals(JSON) && logging instanceof LoggerContext context) {
            use(context);
        }
    }

    static void use(LoggerContext context) {
        context.getLoggerList().forEach(logger -> use(context, logger));
    }

    private static void use(LoggerContext context, AppenderAttachable<ILoggingEvent> writers) {
        for (Iterator<Appender<ILoggingEvent>> all = writers.iteratorForAppenders(); all.hasNext();) {
            Appender<ILoggingEvent> appender = all.next();
            if (appender instanceof OutputStreamAppender<ILoggingEvent> writer) {
                JsonLog encoder = new JsonLog();
                encoder.setContext(context);
                encoder.start();
                writer.setEncoder(encoder);
            } else if (appender instanceof OnceAMinute between) {
                use(context, between);
            }
        }
    }

    @Override
    protected void appendCustomFields(StringBuilder to, ILoggingEvent event) {
        Object[] values = event.getArgumentArray();
        String message = event.getMessage();
        if (values == null || message == null) {
            return;
        }
        Set<String> told = new HashSet<>();
        Matcher place = PLACE.matcher(message);
        boolean isVersion = false;
        for (int i = 0; i < values.length && place.find(); i++) {
            String name = isVersion ? VERSION : place.group(1);
            isVersion = !isVersion && VERSION.equals(name) && message.startsWith(OF_EPOCH, place.end());
            if (isVersion) {
                name = "epoch";
            }
            if (name != null && told.add(name)) {
                String value = String.valueOf(values[i]);
                to.append(',');
                if (WHOLE.matcher(value).matches()) {
                    appenderMemberWithLongValue(to, name, Long.parseLong(value));
                } else {
                    appenderMember(to, name, JsonEscapeUtil.jsonEscapeString(value));
                }
            }
        }
    }
}
