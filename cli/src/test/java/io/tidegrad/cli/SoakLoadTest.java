package io.tidegrad.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.loadtests.Result;
import io.tidegrad.loadtests.SoakLoad;
import io.tidegrad.proof.LongProof;
import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/// Real processes for half a minute: that each is looked at and judged, never whether a bound holds.
@Tag("load")
@LongProof("a load smoke: broker, joiner, trainer, scorer and console as processes")
class SoakLoadTest {
    @Test
    void eachProcessIsLookedAtAndJudged() throws Exception {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (PrintStream out = new PrintStream(bytes, false, StandardCharsets.UTF_8)) {
            new SoakLoad(new SoakLoad.Options(Duration.ofSeconds(30), 100, 20, true),
                    List.of(Tidegrad.class.getName(), "console"), out, new PrintStream(OutputStream.nullOutputStream()))
                    .run();
        }
        List<Result> results = bytes.toString(StandardCharsets.UTF_8).lines().map(Result::parse).toList();
        Map<String, List<Result>> samples = results.stream().filter(result -> result.names().contains("at_s"))
                .collect(Collectors.groupingBy(result -> result.word("process")));
        assertThat(samples).containsOnlyKeys("joiner", "trainer", "scorer", "console", "broker", "client", "machine");
        for (String process : Set.of("joiner", "trainer", "scorer", "console")) {
            assertThat(samples.get(process)).allMatch(each -> each.number("rss_mb") > 20)
                    .allMatch(each -> each.number("pause_max_ms") >= 0)
                    .anyMatch(each -> each.number("heap_live_mb") > 1)
                    .anyMatch(each -> each.number("collection_ms") > 0);
        }
        // So few events let no other process collect by itself within half a minute.
        assertThat(samples.get("joiner")).anyMatch(each -> each.number("pause_max_ms") > 0);
        for (String process : Set.of("joiner", "console")) {
            assertThat(samples.get(process)).anyMatch(each -> each.number("unbounded_mb") > 10)
                    .allMatch(each -> !(each.number("unbounded_mb") >= each.number("rss_mb")));
        }
        assertThat(samples.get("trainer")).anyMatch(each -> each.number("lag") >= 0);
        assertThat(samples.get("joiner")).anyMatch(each -> each.number("lag") >= 0);
        assertThat(samples.get("machine")).allMatch(each -> each.number("stolen_cpu_s") >= 0);
        assertThat(samples.get("client")).anyMatch(each -> each.number("p99_ms") > 0);
        assertThat(results.stream().filter(result -> result.names().contains("holds"))
                .map(result -> result.word("process") + " " + result.word("measure"))).hasSize(23)
                .contains("joiner lag_a_minute", "console heap_live_mb_a_minute", "client pause_max_ms");
        Result whole = results.getLast();
        assertThat(whole.number("versions")).isGreaterThan(1);
        Map<String, Result> costs = results.stream().filter(result -> result.names().contains("console_cost"))
                .collect(Collectors.toMap(result -> result.word("console_cost"), result -> result));
        assertThat(costs).hasSize(6).allSatisfy((name, cost) -> assertThat(cost.number("value")).isPositive());
        assertThat(results.stream().filter(result -> result.names().contains("share"))
                .map(result -> result.word("console_cost"))).containsExactlyInAnyOrder("cpu_cores",
                        "bytes_per_s_from_kafka", "bytes_per_s_of_status_that_all_write");
        assertThat(results.stream().filter(result -> result.names().contains("share"))
                .map(result -> result.number("share"))).allSatisfy(share -> assertThat(share).isBetween(0.0, 1.0));
    }
}
