package io.tidegrad.scorer;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.List;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// The texts are those of the recommendation, sections 3.2 and 3.3.
class TraceContextTest {
    private static final String PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    private static final String STATE = "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE";

    @ParameterizedTest
    @ValueSource(strings = {PARENT, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
        "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-the-future-will-be-like"})
    void aTraceOfThisVersionOrALaterOneIsCarriedOn(String parent) {
        TraceContext trace = TraceContext.of(List.of(parent), List.of("rojo=00f067aa0ba902b7", "congo=t61rcWkgMzE"));
        assertThat(trace).isEqualTo(new TraceContext(parent, STATE));
        RecordHeaders headers = new RecordHeaders();
        new TraceContext(parent, STATE).writeTo(headers);
        assertThat(TraceContext.of(headers)).isEqualTo(trace);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "00", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.more",
        "00_4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7_01"})
    void whatIsNoTraceIsCarriedNowhere(String parent) {
        assertThat(TraceContext.of(List.of(parent), List.of(STATE))).isNull();
        RecordHeaders headers = new RecordHeaders();
        headers.add(TraceContext.PARENT, parent.getBytes(StandardCharsets.UTF_8));
        assertThat(TraceContext.of(headers)).isNull();
    }

    @Test
    void twoTracesAreNone() {
        assertThat(TraceContext.of(List.of(PARENT, PARENT), List.of())).isNull();
        assertThat(TraceContext.of(List.of(), List.of(STATE))).isNull();
        assertThat(TraceContext.of(new RecordHeaders().add(TraceContext.PARENT, null))).isNull();
    }

    @ParameterizedTest
    @ValueSource(strings = {"a=\u00e4", "a=\n", "a=\u0000"})
    void aStateThatIsNoneIsLeftOutAndTheTraceStays(String state) {
        assertThat(TraceContext.of(List.of(PARENT), List.of(state))).isEqualTo(new TraceContext(PARENT, ""));
    }

    @Test
    void aStateOf512CharactersIsCarriedOnAndALongerOneIsNot() {
        String most = "a=" + "x".repeat(510);
        assertThat(TraceContext.of(List.of(PARENT), List.of(most))).isEqualTo(new TraceContext(PARENT, most));
        assertThat(TraceContext.of(List.of(PARENT), List.of(most + "x"))).isEqualTo(new TraceContext(PARENT, ""));
    }
}
