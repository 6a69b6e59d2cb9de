package io.tidegrad.joiner.app;

import io.tidegrad.joiner.topology.BrokenClients;
import io.tidegrad.proof.Breaker;
import io.tidegrad.trainer.KillableTrainer;
import java.util.Arrays;
import java.util.Map;

/// A joiner in a JVM of its own that is broken on purpose: `BREAKER [joiner arguments]`. Everything else is as in
/// `JoinerMain`.
public final class BreakableJoiner {
    private BreakableJoiner() {}

    public static void main(String[] arguments) {
        Breaker breaker = Breaker.valueOf(arguments[0]);
        KillableTrainer.live(() -> {
            JoinerConfig config = JoinerConfig.parse(Arrays.asList(arguments).subList(1, arguments.length), Map.of());
            return JoinerApp.start(config, null, System::nanoTime,
                    parts -> new BrokenClients(breaker, config.stateDir(), parts));
        }, () -> {
        });
    }
}
