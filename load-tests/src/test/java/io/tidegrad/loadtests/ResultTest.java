package io.tidegrad.loadtests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;

class ResultTest {
    private static Result of(String server, double p99, double... rates) {
        return new Result().put("server", server).put("p99_ms", p99).put("requests_per_s", Spread.of(rates).median())
                .put("requests_per_s_least", Spread.of(rates).least()).put("requests_per_s_all", rates);
    }

    @Test
    void aLineOfJsonHasEveryNameInItsOrder() {
        assertThat(of("scorer", 0.25, 3, 5).json()).isEqualTo("{\"server\":\"scorer\",\"p99_ms\":0.25,"
                + "\"requests_per_s\":4.0,\"requests_per_s_least\":3.0,\"requests_per_s_all\":[3.0,5.0]}");
        assertThat(Result.parse("{\"weights\": 7}").number("weights")).isEqualTo(7);
        assertThat(Result.parse("{\"weights\": 7}").number("bias")).isNaN();
        assertThatThrownBy(() -> Result.parse("7 weights")).isInstanceOf(LoadTestException.class)
                .hasMessage("expected a line of JSON, found 7 weights");
    }

    @Test
    void fewResultsStandSideBySideWithSamplesAsMedianAndRange() {
        assertThat(Result.text(List.of(of("trainer", 0.25, 12_000), of("scorer", 1.125, 3_000, 5_000, 4_000))))
                .isEqualTo("""
                        server          trainer               scorer
                        p99 ms            0.250                 1.13
                        requests per s   12,000  4,000 (3,000–5,000)
                        """);
    }

    @Test
    void manyResultsAreARowEachAndWhatOneLacksIsEmpty() {
        List<Result> results = List.of(new Result().put("batch", 1).put("hash", "0123456789abcdef".repeat(4)),
                new Result().put("batch", 32), new Result().put("batch", 256).put("hash", ""));
        assertThat(Result.text(results)).isEqualTo("""
                batch           hash
                1      0123456789ab…
                32
                256
                """);
    }
}
