package io.tidegrad.loadtests.chaos;

import io.tidegrad.loadtests.Limits;
import io.tidegrad.loadtests.LoadTest;
import io.tidegrad.localstack.BrokerProcess;
import io.tidegrad.localstack.LocalStack;
import io.tidegrad.process.StreamsClients;
import io.tidegrad.schemas.Topics;
import java.io.PrintStream;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/// Joins events and labels by real joiners that are killed, paused and replaced, while a trainer learns from the
/// examples, and compares: the examples with what is known of each event before anything was written, with a brute-force
/// join of the topics, and the trainer's hash with a plain fold over the examples.
public final class JoinLoad extends LoadTest {
    private static final Topics TOPICS = new Topics("join");
    private static final String STREAM = "payments";

    /// With fewer, the first third of them is all of them.
    private static final int ZOMBIE_KILLS_MIN = 2;

    /// A pause after which the group has given the tasks of a joiner to others, whether or not it comes back.
    static final Duration BEYOND_SESSION = StreamsClients.SESSION_TIMEOUT.plusSeconds(4);

    private final Options options;
    private final SplittableRandom random;
    private int kills;
    private int zombies;
    private int brokerKills;
    private int faultsWithoutLoad;

    /// @param rate events a second
    /// @param kills how many joiners are killed
    /// @param zombies how many are paused until others have their tasks, and wake up
    /// @param brokerKill whether the broker is killed under load
    /// @param lateMax the percentage of events, and of verified ids, whose label a task may have read too late
    /// @param joinerMain main class of joiners, and arguments before a joiner's own
    public record Options(long events, double rate, int kills, int zombies, boolean brokerKill, long seed,
            double lateMax, boolean json, List<String> joinerMain) {
        public Options {
            joinerMain = List.copyOf(joinerMain);
            Limits.require("--events", events, 1_000, 100_000_000);
            Limits.require("--rate", rate, 1, 1_000_000);
            Limits.require("--kills", kills, 0, 1_000);
            Limits.require("--zombies", zombies, 0, 100);
            Limits.require("--late-max", lateMax, 0, 100);
            if (zombies > 0 && kills < ZOMBIE_KILLS_MIN) {
                throw new IllegalArgumentException("--zombies come after a third of the kills: expected --kills "
                        + ZOMBIE_KILLS_MIN + " at least, found " + kills + "; or give --zombies 0");
            }
            if (brokerKill && kills == 0) {
                throw new IllegalArgumentException("the broker is killed after half of the kills: expected --kills 1 at"
                        + " least, found 0; or give --no-broker-kill");
            }
        }
    }

    public JoinLoad(Options options, PrintStream out, PrintStream progress) {
        super(options.json(), out, progress);
        this.options = options;
        random = new SplittableRandom(options.seed());
    }

    /// Returns null if so many may be late.
    static @Nullable String tooManyLate(String of, long late, double percent, double percentMax) {
        return percent <= percentMax ? null
                : String.format(Locale.ROOT,
                        "expected a label read too late of at most %s %% of the %s, found %,d, which are %.3f %%: the"
                                + " joiner goes by the wall clock, or this machine is too busy for the --rate;"
                                + " --late-max allows more",
                        percentMax, of, late, percent);
    }

    @Override
    protected String measure() throws InterruptedException {
        say("seed %d", options.seed());
        try (JoinWorld world = new JoinWorld(new JoinWorld.Setting(lab(), TOPICS, STREAM, options.events(),
                options.rate(), options.seed(), options.lateMax(), options.joinerMain(), childFlags("-Xmx256m"),
                lab().directory().path(), each -> say("%s", each)))) {
            world.start();
            faults(lab().stack(), world);
            world.finish();
            violations(world.audit());
            return textWithViolations(world.result().put("joiners_killed", kills).put("zombies", zombies)
                    .put("brokers_killed", brokerKills));
        }
    }

    /// Kills and pauses while events come: first of one joiner, then of three, then of one again. The broker is killed
    /// when half of the kills are done.
    private void faults(LocalStack stack, JoinWorld world) throws InterruptedException {
        int third = Math.ceilDiv(options.kills(), 3);
        for (int i = 0; i < options.kills(); i++) {
            if (i == third) {
                world.addJoiner();
                world.addJoiner();
                world.await("three joiners with tasks", world::allHaveTasks);
                for (int zombie = 0; zombie < options.zombies(); zombie++) {
                    zombie(world);
                }
            } else if (i == options.kills() - third) {
                world.backToOne();
            }
            if (options.brokerKill() && i == options.kills() / 2) {
                killBroker(stack, world);
            }
            kill(world);
        }
        if (options.kills() > 0) {
            world.backToOne();
        }
        if (faultsWithoutLoad > 0) {
            violation("expected each kill and pause while events are written, found all written before "
                    + faultsWithoutLoad + " of them: give more --events, a lower --rate or fewer --kills");
        }
    }

    /// Called when a fault is there, or over.
    private void requireLoad(JoinWorld world) {
        faultsWithoutLoad += world.isWriting() ? 0 : 1;
    }

    private void pass(JoinWorld world, int mostMillis) throws InterruptedException {
        Thread.sleep(random.nextInt(mostMillis));
        world.requireAlive();
    }

    private Joiner any(JoinWorld world) {
        List<Joiner> running = world.joiners().stream().filter(Joiner::isWanted).toList();
        return running.get(random.nextInt(running.size()));
    }

    private void kill(JoinWorld world) throws InterruptedException {
        Joiner joiner = any(world);
        // Now and then while it starts or restores, else once it joins.
        if (random.nextInt(4) > 0) {
            world.await(joiner + " to have tasks", () -> joiner.tasks() > 0);
        }
        pass(world, 3_000);
        joiner.kill();
        requireLoad(world);
        kills++;
        say("%s killed at event %,d", joiner, world.traffic().written());
        pass(world, 1_000);
        joiner.start();
    }

    private void zombie(JoinWorld world) throws InterruptedException {
        Joiner joiner = any(world);
        world.await(joiner + " to have tasks", () -> joiner.tasks() > 0);
        pass(world, 2_000);
        say("%s paused at event %,d", joiner, world.traffic().written());
        joiner.pause();
        Thread.sleep(BEYOND_SESSION);
        joiner.resume();
        requireLoad(world);
        zombies++;
        pass(world, 3_000);
    }

    private void killBroker(LocalStack stack, JoinWorld world) throws InterruptedException {
        BrokerProcess broker = stack.brokers().node(0);
        pass(world, 2_000);
        say("broker killed at event %,d", world.traffic().written());
        broker.kill();
        requireLoad(world);
        brokerKills++;
        pass(world, 3_000);
        broker.restart();
    }
}
