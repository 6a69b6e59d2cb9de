package io.tidegrad.loadtests.chaos;

import io.tidegrad.loadtests.LoadTest;
import io.tidegrad.loadtests.LoadTestException;
import io.tidegrad.loadtests.Processes;
import io.tidegrad.localstack.LocalStackException;
import io.tidegrad.localstack.LocalStackOptions;
import io.tidegrad.localstack.RunDirectory;
import io.tidegrad.schemas.SchemaRegistry;
import java.io.PrintStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.SplittableRandom;
import org.apache.kafka.common.KafkaException;
import org.jspecify.annotations.Nullable;

/// Injects faults, drawn from a seed, into real brokers, a real registry, trainers and a scorer, each a process, while a
/// producer commits and aborts transactions. After each fault everything comes to rest and is audited: the hashes of
/// every watermark about which a process claimed something, the count of every event and dead letter, and every version
/// that was served. The run tries each fault once, in an order that the seed gives, and then again in another order.
///
/// The seed decides which faults come and every random choice in them, but not the timing of the machine.
public final class Chaos extends LoadTest {
    private static final String NO_MOUNTS =
            "not run: 26 state directory full or read-only (needs `unshare` and a namespace that may mount)\n";

    private static final String NO_CLOCK = "not run: 45 clock set (needs `faketime`: apt-get install faketime)\n";

    private final Options options;
    private final SplittableRandom random;
    private final Networks networks;
    private final Tally tally = new Tally();
    private int worlds;
    private long watermarks;
    private long rebuilt;
    private long events;
    private long answers;

    /// How a chaos run is made.
    ///
    /// @param seed of every choice
    /// @param phase how long faults are injected; the last one may end later
    /// @param nodes Kafka brokers: 1 or 3
    /// @param faults what is drawn from; one that stands there twice comes twice as often
    /// @param once whether the run ends when each has been tried
    /// @param trainerMain main class of trainers, and arguments before a trainer's own
    /// @param trainerFlags more of the JVM's, for trainers and scorers
    public record Options(long seed, Duration phase, int nodes, List<Fault> faults, boolean once,
            List<String> trainerMain, List<String> trainerFlags) {
        public Options {
            if (nodes != 1 && nodes != 3) {
                throw new IllegalArgumentException("nodes: expected 1 or 3, found " + nodes);
            }
            faults = faults.stream().filter(fault -> fault.where().fits(nodes)).toList();
            if (faults.isEmpty()) {
                throw new IllegalArgumentException(
                        "expected at least one fault that can be tried on " + nodes + " node(s)");
            }
            trainerMain = List.copyOf(trainerMain);
            trainerFlags = List.copyOf(trainerFlags);
        }
    }

    public Chaos(Options options, PrintStream out, PrintStream progress) {
        super(false, out, progress);
        this.options = options;
        random = new SplittableRandom(options.seed());
        networks = new Networks(options.nodes());
    }

    @Override
    protected LocalStackOptions stack(RunDirectory directory) {
        return super.stack(directory).withNodes(options.nodes()).withDoors(networks.doors());
    }

    @Override
    protected Map<String, Object> adminSettings() {
        return TestBed.ADMIN_SETTINGS;
    }

    /// Trainers killed.
    public int kills() {
        return tally.kills();
    }

    public int episodes() {
        return tally.times();
    }

    /// Events that readers of committed ones see.
    public long events() {
        return events;
    }

    /// Watermarks whose hashes were compared.
    public long watermarks() {
        return watermarks;
    }

    @Override
    protected String measure() throws InterruptedException {
        say("seed %d, %d node(s) · repeat with: ./tidegrad test --chaos --seed %d --nodes %d", options.seed(),
                options.nodes(), options.seed(), options.nodes());
        List<String> flags = Processes.with(childFlags("-Xmx256m"), options.trainerFlags());
        try (TestBed testBed = new TestBed(lab(), networks, flags, options.trainerMain())) {
            run(testBed);
        }
        return String.format(Locale.ROOT,
                "seed %d, %d node(s): %d episodes, %d trainers killed, %,d visible events, %,d watermarks"
                        + " compared (%,d rebuilt from changelogs), %,d requests answered, %d violations%n%n%s%s%s",
                options.seed(), options.nodes(), tally.times(), tally.kills(), events, watermarks, rebuilt, answers,
                violations().size(), tally.table(), SmallDisk.isAvailable() ? "" : NO_MOUNTS,
                SteppedClock.isAvailable() ? "" : NO_CLOCK);
    }

    private void run(TestBed testBed) throws InterruptedException {
        long deadline = System.nanoTime() + options.phase().toNanos();
        World world = null;
        try {
            for (List<Fault> deck = deck();; deck = deck()) {
                for (Fault fault : deck) {
                    if (System.nanoTime() > deadline) {
                        return;
                    }
                    if (world == null) {
                        world = open(testBed);
                    }
                    if (!episode(fault, testBed, world)) {
                        // Its state may be wrong from now on, and later episodes would only report that again.
                        retire(world);
                        world = null;
                    }
                }
                if (options.once()) {
                    return;
                }
            }
        } finally {
            if (world != null) {
                retire(world);
            }
        }
    }

    private List<Fault> deck() {
        List<Fault> deck = new ArrayList<>(options.faults());
        Collections.shuffle(deck, new Random(random.nextLong()));
        return deck;
    }

    /// Draws the kind of store, because `auto` would always choose the page log for so small a model.
    private World open(TestBed testBed) throws InterruptedException {
        String kind = random.nextBoolean() ? "page-log" : "image-and-redo";
        String name = "model-" + ++worlds;
        say("%s: kept as %s", name, kind);
        return World.open(testBed, name, World.Kind.SMALL.served("--store", kind, "--standby-replicas", "1"),
                random.split());
    }

    private void retire(World world) {
        watermarks += world.ledger().checked();
        rebuilt += world.ledger().rebuilt();
        events += world.ledger().visible();
        answers += world.answers();
        world.close();
    }

    /// @return whether all invariants held
    private boolean episode(Fault fault, TestBed testBed, World world) throws InterruptedException {
        Episode episode = new Episode(testBed, world, random.split());
        long began = System.nanoTime();
        world.traffic().go();
        @Nullable
        RuntimeException broken = null;
        try {
            fault.injection().to(episode);
            episode.add(world.audit());
        } catch (LoadTestException | LocalStackException | KafkaException
                | SchemaRegistry.RegistryUnavailableException e) {
            broken = e;
        }
        if (broken != null) {
            episode.expect("I10", false, String.valueOf(broken.getMessage()));
            testBed.heal();
        }
        List<String> found = episode.violations().stream().map(Violation::toString).toList();
        violations(found);
        tally.add(fault, episode);
        say("%3d  row %-2d %-40s %5.1f s  recovery %s  %s", tally.times(), fault.row(), fault.what(),
                secondsSince(began),
                episode.recoverySeconds().stream().map(seconds -> String.format(Locale.ROOT, "%.1f", seconds)).toList(),
                found.isEmpty() ? "" : found.size() + " VIOLATIONS");
        found.forEach(violation -> say("     %s", violation));
        return found.isEmpty();
    }
}
