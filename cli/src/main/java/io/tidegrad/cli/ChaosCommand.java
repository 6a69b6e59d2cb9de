package io.tidegrad.cli;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import io.tidegrad.loadtests.chaos.Chaos;
import io.tidegrad.loadtests.chaos.Fault;
import io.tidegrad.ops.settings.Settings;
import io.tidegrad.trainer.TrainerMain;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/// The command that the launcher runs for `test --chaos`.
@Command(name = "chaos", hidden = true, description = {
    "Inject faults, chosen by a seed, and check that the invariants hold.", "",
    "Starts brokers, a schema registry, trainers and a scorer as processes, writes events, and injects the faults of"
            + " docs/reliability.md. After each fault it compares the published hashes with those of a fold of its own,"
            + " counts events and dead letters, and checks every version that was served. It prints the seed and a"
            + " table. The exit status is 1 if an invariant was violated."})
final class ChaosCommand extends Loadtest {
    private static final List<Integer> BOTH = List.of(1, 3);

    @Option(names = "--seed", paramLabel = "S",
            description = "Seed of all choices (default: a random one, which is printed).")
    private @Nullable Long seed;

    @Option(names = "--minutes", paramLabel = "M", defaultValue = "30",
            description = "How long faults are injected; the last one may end later (default: ${DEFAULT-VALUE}).")
    private double minutes;

    @Option(names = "--nodes", paramLabel = "N",
            description = "Number of brokers, 1 or 3 (default: half of the time 1, the other half 3).")
    private @Nullable Integer nodes;

    @Option(names = "--rows", paramLabel = "N", split = ",",
            description = "Inject only the faults of these rows of the table, separated by commas (default: all).")
    private List<Integer> rows = List.of();

    @Option(names = "--tell", paramLabel = "FILE",
            description = "Also tell a cluster's consoles what was found: a file of settings, as --config of other"
                    + " commands, with its bootstrap-servers and registry-url. No fault touches that cluster.")
    private @Nullable Path tell;

    @Override
    Measuring measuring() {
        List<Chaos.Options> options = options();
        Settings told = tell == null ? null
                : Settings.read(CliSettings.CHAOS, CliSettings.ALL, List.of("--config", tell.toString()), Map.of());
        if (told != null) {
            told.refuseMistakes();
        }
        return () -> {
            // Brokers are stopped on purpose, and each client would log that once a second.
            ((Logger) LoggerFactory.getLogger("org.apache.kafka")).setLevel(Level.ERROR);
            // Forged snapshots are refused on purpose, too.
            ((Logger) LoggerFactory.getLogger("io.tidegrad.scorer")).setLevel(Level.ERROR);
            List<Chaos> runs = new ArrayList<>();
            for (Chaos.Options each : options) {
                Chaos chaos = new Chaos(each, System.out, System.err);
                chaos.run();
                runs.add(chaos);
            }
            if (told != null) {
                Verdicts.tell(told, Verdicts.of(runs, options.getFirst().seed()), new PrintWriter(System.err, true));
            }
            return runs.stream().allMatch(each -> each.violations().isEmpty()) ? 0 : Tidegrad.FAILED;
        };
    }

    private List<Chaos.Options> options() {
        if (!(minutes > 0)) {
            throw new IllegalArgumentException("--minutes: expected more than 0, found " + minutes);
        }
        List<Integer> clusters = nodes == null ? BOTH : List.of(nodes);
        long chosen = seed == null ? ThreadLocalRandom.current().nextLong(1L << 48) : seed;
        Duration phase = Duration.ofMillis((long) (minutes * 60_000 / clusters.size()));
        return clusters.stream().map(cluster -> new Chaos.Options(chosen, phase, cluster, faults(), false,
                List.of(TrainerMain.class.getName()), List.of())).toList();
    }

    private List<Fault> faults() {
        if (rows.isEmpty()) {
            return List.of(Fault.values());
        }
        List<Fault> faults = new ArrayList<>();
        for (int row : rows) {
            List<Fault> ofRow = Fault.ofRow(row);
            if (ofRow.isEmpty()) {
                throw new IllegalArgumentException("--rows: expected some of "
                        + Arrays.stream(Fault.values()).map(Fault::row).distinct().toList() + ", found " + row);
            }
            faults.addAll(ofRow);
        }
        return faults;
    }
}
