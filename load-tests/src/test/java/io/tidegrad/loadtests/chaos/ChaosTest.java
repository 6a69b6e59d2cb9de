package io.tidegrad.loadtests.chaos;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.proof.Breaker;
import io.tidegrad.proof.LongProof;
import io.tidegrad.proof.ProvesOracle;
import io.tidegrad.trainer.KillableTrainer;
import io.tidegrad.trainer.TrainerMain;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;

/// The chaos run in its short form, and that what it looks at is seen to fail on a trainer that is broken on purpose.
/// `-Dseed=…` repeats a seed's choices.
@LongProof("ten kills of real processes, and the oracles of the chaos run")
class ChaosTest {
    /// Scalar kernels and the quick compiler: quick to start, and one more proof that they give the vector kernels'
    /// bits. They log as in production, which an outage counts.
    private static final List<String> QUICK = List.of("-Dtidegrad.kernels=scalar", "-XX:TieredStopAtLevel=1",
            "-Xmx192m", "-Dlogback.configurationFile=" + trainersLogging());

    private static final int KILLS_MIN = 10;

    private final ByteArrayOutputStream said = new ByteArrayOutputStream();

    /// The scorer's is of the same name.
    private static URL trainersLogging() {
        return ChaosTest.class.getClassLoader().resources("logback.xml")
                .filter(url -> url.getPath().contains("trainer-app")).findFirst().orElseThrow();
    }

    private Chaos run(List<Fault> faults, List<String> trainerMain) throws InterruptedException {
        PrintStream out = new PrintStream(said, true, StandardCharsets.UTF_8);
        Chaos chaos = new Chaos(new Chaos.Options(Long.getLong("seed", System.nanoTime()), Duration.ofMinutes(30), 1,
                faults, true, trainerMain, QUICK), out, out);
        chaos.run();
        System.out.println(said.toString(StandardCharsets.UTF_8));
        return chaos;
    }

    @Test
    void everythingHoldsThroughTenKillsAndMore() throws Exception {
        List<Fault> faults = new ArrayList<>(Collections.nCopies(6, Fault.TRAINER_KILLED));
        faults.addAll(List.of(Fault.KILLED_WHILE_RESTORING, Fault.KILLED_BEFORE_THE_MARKER, Fault.STANDBY_PROMOTED,
                Fault.BROKER_KILLED, Fault.BROKERS_GONE, Fault.POISON, Fault.ABORTED_SNAPSHOT, Fault.BAD_SNAPSHOTS));
        Chaos chaos = run(faults, List.of(TrainerMain.class.getName()));
        assertThat(chaos.violations()).as("%s", said.toString(StandardCharsets.UTF_8)).isEmpty();
        assertThat(chaos.kills()).isGreaterThanOrEqualTo(KILLS_MIN);
    }

    @ProvesOracle(Breaker.FLIPS_A_WEIGHT_BIT)
    @Test
    void oneBitOfOneWeightIsNoticed() throws Exception {
        run(List.of(Fault.ABORTED_SNAPSHOT), broken(Breaker.FLIPS_A_WEIGHT_BIT));
        assertThat(said.toString(StandardCharsets.UTF_8)).contains("     I1: ");
    }

    @ProvesOracle(Breaker.COUNTS_TICKS_AS_EVENTS)
    @Test
    void aWrongCountIsNoticed() throws Exception {
        run(List.of(Fault.ABORTED_SNAPSHOT), broken(Breaker.COUNTS_TICKS_AS_EVENTS));
        assertThat(said.toString(StandardCharsets.UTF_8)).contains("     I3: ");
    }

    private static List<String> broken(Breaker breaker) {
        return List.of(KillableTrainer.class.getName(), breaker.name(), "NEVER", "0");
    }
}
