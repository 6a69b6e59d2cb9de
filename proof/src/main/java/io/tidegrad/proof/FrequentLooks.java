package io.tidegrad.proof;

import java.time.Duration;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/// Lets every test that waits for a condition look 20 ms after it began, not Awaitility's 100 ms: scorers and trainers do
/// most of what tests wait for in a few milliseconds, hundreds of times a module. A longer wait looks less often, up to
/// each 100 ms: a look may cost a consumer, or a request, of which the process that is waited for would feel fifty a
/// second. JUnit finds this class by `META-INF/services` where its detection of extensions is on, as it is in the build.
public final class FrequentLooks implements BeforeAllCallback {
    private static final Duration FIRST = Duration.ofMillis(20);
    private static final Duration MOST = Duration.ofMillis(100);

    @Override
    public void beforeAll(ExtensionContext context) {
        Awaitility.setDefaultPollDelay(FIRST);
        Awaitility.setDefaultPollInterval((looks, before) -> next(before));
    }

    /// @param before the time until the look before; zero if there was none
    static Duration next(Duration before) {
        Duration longer = before.multipliedBy(21).dividedBy(20);
        return longer.compareTo(FIRST) < 0 ? FIRST : longer.compareTo(MOST) < 0 ? longer : MOST;
    }
}
