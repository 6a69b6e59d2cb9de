package io.tidegrad.proof;

import java.time.Duration;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/// Lets every test that waits for a condition look each 20 ms instead of Awaitility's 100 ms: scorers and trainers do
/// most of what tests wait for in a few milliseconds, hundreds of times a module. JUnit finds this class by
/// `META-INF/services` where its detection of extensions is on, as it is in the build.
public final class FrequentLooks implements BeforeAllCallback {
    private static final Duration EVERY = Duration.ofMillis(20);

    @Override
    public void beforeAll(ExtensionContext context) {
        Awaitility.setDefaultPollInterval(EVERY);
    }
}
