package io.tidegrad.ops.log;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.util.LogbackMDCAdapter;
import ch.qos.logback.core.OutputStreamAppender;
import ch.qos.logback.core.encoder.EchoEncoder;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class JsonLogTest {
    private final LoggerContext context = new LoggerContext();
    private final ByteArrayOutputStream written = new ByteArrayOutputStream();
    private final Logger logger = context.getLogger("io.tidegrad.trainer.Some");
    private final Logger kafka = context.getLogger("org.apache.kafka");

    @BeforeEach
    void attach() {
        context.setMDCAdapter(new LogbackMDCAdapter());
        OutputStreamAppender<ILoggingEvent> appender = new OutputStreamAppender<>();
        appender.setContext(context);
        appender.setEncoder(new EchoEncoder<>());
        appender.setOutputStream(written);
        appender.start();
        OnceAMinute between = new OnceAMinute();
        between.setContext(context);
        between.addAppender(appender);
        between.start();
        kafka.addAppender(between);
        kafka.setAdditive(false);
        logger.addAppender(appender);
        logger.setAdditive(false);
        JsonLog.use(context);
    }

    private JsonNode line() throws Exception {
        String text = written.toString(StandardCharsets.UTF_8);
        written.reset();
        assertThat(text).endsWith("\n");
        assertThat(text.strip()).doesNotContain("\n");
        return new ObjectMapper().readTree(text);
    }

    @Test
    void whatALineIsAboutStandsBesideItsTextAsNumbersAndNames() throws Exception {
        logger.info("model {}: version {} restored, {} rows pending, learning on at offset {} of {}", "fraud", 1_500L,
                3, 1_507L, 2_000L);
        JsonNode line = line();
        assertThat(line.path("formattedMessage").asText())
                .isEqualTo("model fraud: version 1500 restored, 3 rows pending, learning on at offset 1507 of 2000");
        assertThat(line.path("model").asText()).isEqualTo("fraud");
        assertThat(line.path("version").isIntegralNumber()).isTrue();
        assertThat(line.path("version").asLong()).isEqualTo(1_500);
        assertThat(line.path("offset").asLong()).isEqualTo(1_507);
        assertThat(line.path("level").asText()).isEqualTo("INFO");
        assertThat(line.has("epoch")).isFalse();
    }

    @Test
    void aVersionWithItsEpochGivesBoth() throws Exception {
        logger.warn("model {}: refused version {}.{} at offset {}; {}.{} serves", "fraud", 2, 1_500L, 77L, 1, 900L);
        JsonNode line = line();
        assertThat(line.path("formattedMessage").asText())
                .isEqualTo("model fraud: refused version 2.1500 at offset 77; 1.900 serves");
        assertThat(line.path("epoch").asLong()).isEqualTo(2);
        assertThat(line.path("version").asLong()).isEqualTo(1_500);
        assertThat(line.path("offset").asLong()).isEqualTo(77);
        logger.info("model {}, epoch {}: taking over version {}.{} and version {}", "fraud", 3, 2, 1_500L, 9L);
        line = line();
        assertThat(line.path("epoch").asLong()).isEqualTo(3);
        assertThat(line.path("version").asLong()).isEqualTo(1_500);
    }

    @Test
    void noTextAndNoExceptionMakesALineThatIsNoJson() throws Exception {
        logger.error("model {} has \"stopped\"\nand {} \u0000 {}", "a\"b\\c\n\u0001", null,
                new IllegalStateException("line\nand \"line\""));
        JsonNode line = line();
        assertThat(line.path("model").asText()).isEqualTo("a\"b\\c\n\u0001");
        assertThat(line.path("throwable").path("message").asText()).isEqualTo("line\nand \"line\"");
        logger.info("{", "no place");
        assertThat(line().path("formattedMessage").asText()).isEqualTo("{");
    }

    @Test
    void linesOfKafkasClientsAreJsonToo() throws Exception {
        kafka.warn("[Consumer] Node -1 disconnected.");
        assertThat(line().path("loggerName").asText()).isEqualTo("org.apache.kafka");
    }
}
