package io.tidegrad.trainer;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.process.ProcessRun;
import io.tidegrad.process.StopException;
import io.tidegrad.proof.Breaker;
import io.tidegrad.trainer.store.BreakableParts;
import io.tidegrad.trainer.store.BreakableParts.KillPoint;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/// A trainer in a JVM of its own that a test can kill, and break: `BREAKER MOMENT NTH [trainer arguments]`. Everything
/// else is as in `TrainerMain`.
public final class KillableTrainer {
    private KillableTrainer() {}

    public static void main(String[] arguments) {
        Breaker breaker = Breaker.valueOf(arguments[0]);
        KillPoint point = new KillPoint(KillPoint.Moment.valueOf(arguments[1]), Integer.parseInt(arguments[2]));
        List<String> rest = Arrays.asList(arguments).subList(3, arguments.length);
        // Under the parent's eyes: when its pipe closes, this process has no reason to live.
        Thread.ofPlatform().daemon().start(KillableTrainer::dieWithParent);
        live(() -> TrainerApp.start(TrainerConfig.parse(rest, Map.of()), new BreakableParts(breaker, point, true),
                Kernels.active()), () -> System.out.println("STATE " + BreakableParts.liveStateHash()));
    }

    /// The life of such a process: says where it listens, `READY`, and why it ended by itself, `ENDED`. Does not return.
    ///
    /// @param stopped what it does last when it was asked to stop
    public static void live(Supplier<? extends ProcessRun.Work> start, Runnable stopped) {
        StopException why;
        try {
            ProcessRun.Work work = start.get();
            System.out.println("READY " + work.httpPort());
            Runtime.getRuntime().addShutdownHook(new Thread(() -> {
                work.close();
                stopped.run();
                Runtime.getRuntime().halt(0);
            }));
            why = work.ended().join();
            System.out.println("ENDED " + why.exitCode() + " " + String.valueOf(why.getMessage()).replace('\n', ' '));
            work.close();
        } catch (StopException refused) {
            why = refused;
            System.out.println("ENDED " + why.exitCode() + " " + String.valueOf(why.getMessage()).replace('\n', ' '));
        }
        Runtime.getRuntime().halt(why.exitCode().status());
    }

    private static void dieWithParent() {
        try {
            while (System.in.read() >= 0) {
                // The parent writes nothing; it only keeps the pipe open.
            }
        } catch (java.io.IOException e) {
            // Closed: the same.
        }
        Runtime.getRuntime().halt(1);
    }
}
