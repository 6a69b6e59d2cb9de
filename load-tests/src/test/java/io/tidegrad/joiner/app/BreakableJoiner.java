package io.tidegrad.joiner.app;

import io.tidegrad.joiner.topology.BrokenClients;
import io.tidegrad.process.StopException;
import io.tidegrad.proof.Breaker;
import java.util.Arrays;
import java.util.Map;

/// A joiner in a JVM of its own that is broken on purpose: `BREAKER [joiner arguments]`. Everything else is as in
/// `JoinerMain`.
public final class BreakableJoiner {
    private BreakableJoiner() {}

    public static void main(String[] arguments) {
        Breaker breaker = Breaker.valueOf(arguments[0]);
        try {
            JoinerConfig config = JoinerConfig.parse(Arrays.asList(arguments).subList(1, arguments.length), Map.of());
            JoinerApp app = JoinerApp.start(config, parts -> new BrokenClients(breaker, config.stateDir(), parts));
            System.out.println("READY " + app.httpPort());
            Runtime.getRuntime().addShutdownHook(new Thread(() -> {
                app.close();
                Runtime.getRuntime().halt(0);
            }));
            StopException why = app.ended().join();
            System.out.println("ENDED " + why.exitCode() + " " + String.valueOf(why.getMessage()).replace('\n', ' '));
            app.close();
            Runtime.getRuntime().halt(why.exitCode().status());
        } catch (StopException why) {
            System.out.println("ENDED " + why.exitCode() + " " + String.valueOf(why.getMessage()).replace('\n', ' '));
            Runtime.getRuntime().halt(why.exitCode().status());
        }
    }
}
