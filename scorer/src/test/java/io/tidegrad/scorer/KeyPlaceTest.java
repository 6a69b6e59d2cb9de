package io.tidegrad.scorer;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.UUID;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Where a key lies among the shares of challengers. No topic is needed for that.
class KeyPlaceTest {
    /// Computed by another implementation of MurmurHash3, from the name and the key.
    @ParameterizedTest
    @CsvSource({"'',8220", "customer-1,6561", "customer-2,5955", "Zoë,3114", "4711,7025"})
    void theKeysPlaceIsPartOfThePromise(String key, int place) {
        try (ModelRouter named =
                ModelRouter.open(TestBroker.options("flight-delay").withPrefix("t-" + UUID.randomUUID()))) {
            assertThat(named.place(key.getBytes(StandardCharsets.UTF_8))).isEqualTo(place);
        }
    }
}
