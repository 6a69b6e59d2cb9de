package io.tidegrad.loadtests.chaos;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.proof.Breaker;
import io.tidegrad.proof.LongProof;
import io.tidegrad.proof.ProvesOracle;
import io.tidegrad.trainer.KillableTrainer;
import io.tidegrad.trainer.TrainerMain;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;

/// A few cells of the table, on real processes.
@LongProof("floods of garbage on real processes")
class TopicsLoadTest {
    private final ByteArrayOutputStream said = new ByteArrayOutputStream();

    private TopicsLoad run(List<OurTopic> topics, TopicDamage damage, List<String> trainerMain)
            throws InterruptedException {
        PrintStream out = new PrintStream(said, true, StandardCharsets.UTF_8);
        TopicsLoad load = new TopicsLoad(topics, List.of(damage), 2, trainerMain, out, out);
        load.run();
        System.out.println(said.toString(StandardCharsets.UTF_8));
        return load;
    }

    @Test
    void garbageAmongEventsAndDeadLettersChangesNoHashAndStopsNobody() throws Exception {
        TopicsLoad load = run(List.of(OurTopic.EVENTS, OurTopic.DEAD_LETTERS), TopicDamage.GARBAGE,
                List.of(TrainerMain.class.getName()));
        assertThat(load.violations()).isEmpty();
        assertThat(said.toString(StandardCharsets.UTF_8).lines().filter(line -> line.startsWith("| "))).hasSize(3)
                .filteredOn(line -> line.contains("garbage")).hasSize(2)
                .allSatisfy(row -> assertThat(row).contains("goes on, longest pause", "equal at ", "learns after ",
                        "all answered, new versions"));
    }

    @ProvesOracle(Breaker.FLIPS_A_WEIGHT_BIT)
    @Test
    void oneBitOfOneWeightIsNoticed() throws Exception {
        TopicsLoad load = run(List.of(OurTopic.DEAD_LETTERS), TopicDamage.GARBAGE,
                List.of(KillableTrainer.class.getName(), Breaker.FLIPS_A_WEIGHT_BIT.name(), "NEVER", "0"));
        assertThat(load.violations()).singleElement().asString()
                .startsWith("dead-letters garbage: expected the state-hash of a fold");
    }
}
