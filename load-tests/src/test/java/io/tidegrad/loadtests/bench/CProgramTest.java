package io.tidegrad.loadtests.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.model.Batch;
import io.tidegrad.engine.model.Learner;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.model.Plan;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// What makes the comparison honest: the program in C learns the same from the same rows.
class CProgramTest {
    private static final int ROWS = 1000;

    static List<String> workloads() {
        return CProgram.WORKLOADS;
    }

    @ParameterizedTest
    @MethodSource("workloads")
    void theProgramInCLearnsTheSame(String name) throws IOException, InterruptedException {
        assumeTrue(hasGcc(), "no gcc");
        Workload.Learning workload = (Workload.Learning) Workload.named(name);
        Plan plan = Plan.of(workload.spec());
        Batch batch = new Batch(plan.spec().row(), 1);
        MadeUpRows rows = new MadeUpRows(plan);
        Learner learner = new Learner(Parameters.initial(plan), Kernels.active(), 1);
        double sum = 0;
        for (int row = 0; row < ROWS; row++) {
            rows.fill(batch);
            sum += learner.learn(batch);
        }

        try (CProgram program = new CProgram(workload, Path.of(System.getProperty("tidegrad.root")))) {
            assertThat(program.loss(ROWS)).isCloseTo(sum / ROWS, within(1e-4));
        }
    }

    private static boolean hasGcc() throws InterruptedException {
        try {
            return new ProcessBuilder("gcc", "--version").redirectOutput(ProcessBuilder.Redirect.DISCARD).start()
                    .waitFor() == 0;
        } catch (IOException none) {
            return false;
        }
    }
}
