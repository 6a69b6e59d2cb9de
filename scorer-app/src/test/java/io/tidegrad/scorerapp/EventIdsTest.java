package io.tidegrad.scorerapp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class EventIdsTest {
    private static final long NOW = 1_795_000_000_123L;

    private final EventIds ids = new EventIds();

    @Test
    void idsAreThoseOfTheRequestInItsOrder() {
        assertThat(ids.of("a", 1, NOW)).containsExactly("a");
        assertThat(ids.of("a, b%2Cc,%C3%BC+%25", 3, NOW)).containsExactly("a", "b,c", "ü+%");
        List<String> hard = List.of("a,b", "x y", "100 %", "Zürich 🛫", "+");
        assertThat(ids.of(EventIds.encoded(hard), 5, NOW)).isEqualTo(hard);
    }

    @Test
    void madeIdsDifferAndBeginWithTheTime() {
        Set<String> made = new HashSet<>();
        for (int i = 0; i < 100_000; i++) {
            made.add(ids.make(NOW));
        }
        made.add(new EventIds().make(NOW));
        assertThat(made).hasSize(100_001);
        UUID id = UUID.fromString(ids.of(null, 1, NOW).getFirst());
        assertThat(id.version()).isEqualTo(7);
        assertThat(id.variant()).isEqualTo(2);
        assertThat(id.getMostSignificantBits() >>> 16).isEqualTo(NOW);
        assertThat(ids.make(NOW + 1)).isGreaterThan(ids.make(NOW));
    }

    @Test
    void whatIsNoIdIsRefusedWithWhatWasExpectedAndFound() {
        refused("a,b", 1, "ids: expected one id for each of 1 records, separated by commas, found 2 ids");
        refused("a", 2, "ids: expected one id for each of 2 records, separated by commas, found 1 ids");
        String expected =
                "ids: expected ids of 1 to 1000 bytes in UTF-8, percent-encoded where they hold commas or more"
                        + " than ASCII, found '";
        refused("", 1, expected + "'");
        refused("a,,b", 3, expected + "'");
        refused("%zz", 1, expected + "%zz'");
        refused("%00", 1, expected + "%00'");
        refused("%ff", 1, expected + "%ff'");
        refused("x".repeat(1_001), 1, expected + "x".repeat(300) + "…'");
    }

    private void refused(String given, int events, String message) {
        assertThatThrownBy(() -> ids.of(given, events, NOW)).isInstanceOfSatisfying(HttpProblem.class,
                problem -> assertThat(problem.reason()).isEqualTo(ProblemReason.BAD_QUERY)).hasMessage(message);
    }
}
