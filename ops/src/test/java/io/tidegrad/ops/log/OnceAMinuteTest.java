package io.tidegrad.ops.log;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import java.time.Duration;
import java.util.List;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.utils.LogContext;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

class OnceAMinuteTest {
    private static final String AWAY =
            "Connection to node {} ({}) could not be established. Node may not be available.";

    private final Logger logger = (Logger) LoggerFactory.getLogger("test.OnceAMinute");
    private final ListAppender<ILoggingEvent> written = new ListAppender<>();
    private long now;
    private final OnceAMinute appender = new OnceAMinute(() -> now);

    @BeforeEach
    void attach() {
        written.start();
        appender.addAppender(written);
        appender.setContext(logger.getLoggerContext());
        appender.start();
        logger.setAdditive(false);
        logger.setLevel(Level.WARN);
        logger.addAppender(appender);
    }

    @AfterEach
    void detach() {
        logger.detachAppender(appender);
    }

    private List<String> lines() {
        return written.list.stream().map(ILoggingEvent::getFormattedMessage).toList();
    }

    /// As Kafka's clients do: it writes values and its client's name into the text before the logger gets it.
    private static org.slf4j.Logger kafka(String client) {
        return new LogContext("[" + client + "] ").logger("test.OnceAMinute");
    }

    @Test
    void ofManyClientsThatSayTheSameOneLineAMinuteIsWrittenWithTheirCount() {
        for (int second = 0; second < 36; second++) {
            for (int client = 0; client < 13; client++) {
                kafka("Producer clientId=" + client).warn(AWAY, client, "127.0.0.1:9");
            }
            now += Duration.ofSeconds(1).toNanos();
        }
        assertThat(lines()).hasSize(1);
        assertThat(lines().getFirst()).contains("clientId=0", "node 0 (127.0.0.1:9)");
        now += Duration.ofSeconds(24).toNanos();
        kafka("Consumer clientId=x").warn(AWAY, 7, "127.0.0.1:9");
        assertThat(lines()).hasSize(3);
        assertThat(lines().get(1)).contains("clientId=x");
        assertThat(lines().get(2)).startsWith("467 lines like the one before were left out");
    }

    @Test
    void linesThatDifferOnlyInNumbersAndTopicsAreOfOneKind() {
        for (int attempt = 0; attempt < 50; attempt++) {
            kafka("Producer clientId=p-1, transactionalId=t-1").warn(
                    "Got error produce response with correlation id {} on topic-partition {}, retrying ({} attempts"
                            + " left). Error: {}",
                    attempt, new TopicPartition(attempt % 2 == 0 ? "t.progress" : "t.dead-letters", 0),
                    2_147_483_646 - attempt, Errors.NETWORK_EXCEPTION);
        }
        assertThat(lines()).hasSize(1);
    }

    @Test
    void anotherKindOfLineIsWrittenAtOnce() {
        kafka("Consumer clientId=a").warn(AWAY, 1, "a");
        kafka("Consumer clientId=a").warn("Bootstrap broker {} disconnected", "a");
        kafka("Consumer clientId=a").error(AWAY + "!", 1, "a");
        assertThat(lines()).hasSize(3);
    }

    @Test
    void aLineThatComesOnceIsWrittenAsItIs() {
        logger.warn("one of its kind");
        now += Duration.ofHours(1).toNanos();
        logger.warn("one of its kind");
        assertThat(lines()).containsExactly("one of its kind", "one of its kind");
    }
}
