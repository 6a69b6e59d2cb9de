package io.tidegrad.loadtests.score;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidegrad.loadtests.LoadTestException;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class AnswerTextTest {
    private final AnswerText text = new AnswerText(3);

    private int read(String json) {
        byte[] body = ("before" + json + "after").getBytes(StandardCharsets.UTF_8);
        return text.read(body, 6, body.length - 5);
    }

    @Test
    void bothProtocolsTellVersionAndNumbers() {
        assertThat(read("{\"model\":\"m2\",\"epoch\":1,\"version\":120500,\"offset\":7,\"freshness_ms\":null,"
                + "\"predictions\":[{\"probabilities\":[0.25,1.0E-7]},{\"probabilities\":[-3]}]}")).isEqualTo(3);
        assertThat(text.version()).isEqualTo(120_500);
        assertThat(text.numbers()).containsExactly(0.25f, 1e-7f, -3f);

        assertThat(read("{\"model_name\":\"m2\",\"model_version\":\"1.8\",\"parameters\":{\"epoch\":1,\"version\":8},"
                + "\"outputs\":[{\"name\":\"values\",\"shape\":[2,1],\"data\":[0.5,0.75]}]}")).isEqualTo(2);
        assertThat(text.version()).isEqualTo(8);
        assertThat(text.numbers()).startsWith(0.5f, 0.75f);
    }

    @Test
    void whatIsNoAnswerIsSaid() {
        assertThatThrownBy(() -> read("{\"reason\":\"not-ready\"}")).isInstanceOf(LoadTestException.class)
                .hasMessage("expected version and predictions in {\"reason\":\"not-ready\"}");
        assertThatThrownBy(() -> read("{\"version\":1,\"data\":[1,2,3,4]}"))
                .hasMessageStartingWith("expected at most 3 numbers, found more in");
    }
}
