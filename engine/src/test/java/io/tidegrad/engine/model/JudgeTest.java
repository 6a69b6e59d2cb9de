package io.tidegrad.engine.model;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.snapshot.ModelHash;
import io.tidegrad.engine.testing.RandomNetworks;
import io.tidegrad.proof.SteadyAllocation;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// A row that is judged, of networks of every kind.
class JudgeTest {
    private static final Kernels KERNELS = Kernels.active();
    private static final byte[] FINGERPRINT = new byte[32];
    private static final int ROWS = 3;

    static IntStream seeds() {
        return RandomNetworks.seeds(200);
    }

    private static String state(Parameters parameters) {
        return ModelHash.state(ModelHash.weights(FINGERPRINT, parameters), parameters, new byte[0]);
    }

    /// `Gradients` are held against doubles and differences elsewhere.
    @ParameterizedTest
    @MethodSource("seeds")
    void aJudgedRowHasTheLossAndGradientOfAPredictionAndChangesNothing(int seed) {
        RandomNetworks random = new RandomNetworks(seed);
        NetworkSpec spec = random.spec();
        Plan plan = Plan.of(spec);
        Parameters judging = Parameters.initial(plan);
        Parameters plain = Parameters.initial(plan);
        Learner judge = new Learner(judging, KERNELS, ROWS);
        Learner learner = new Learner(plain, KERNELS, ROWS);
        for (int step = 0; step < 4; step++) {
            Batch row = random.batch(spec, 1);
            judging.dirty().clear();
            float loss = (float) judge.judge(row);
            double norm = judge.judgeGradient(row);
            Gradients gradients = new Gradients(plain, KERNELS, 1);
            var unused = gradients.ofLoss(row);
            assertThat(loss).isEqualTo(gradients.rowLosses()[0]);
            assertThat(norm).isEqualTo(gradients.norm());
            assertThat(judge.fault()).isNull();
            assertThat(judging.dirty().isEmpty()).isTrue();

            Batch batch = random.batch(spec, ROWS);
            assertThat(judge.learn(batch)).isEqualTo(learner.learn(batch));
            assertThat(state(judging)).isEqualTo(state(plain));
        }
    }

    @ParameterizedTest
    @MethodSource("few")
    void judgingAllocatesNothing(int seed) {
        RandomNetworks random = new RandomNetworks(seed);
        NetworkSpec spec = random.spec();
        Learner learner = new Learner(Parameters.initial(Plan.of(spec)), KERNELS, ROWS);
        Batch row = random.batch(spec, 1);
        assertThat(SteadyAllocation.ofThisThread(500, () -> judge(learner, row, 500))).isZero();
    }

    static IntStream few() {
        return RandomNetworks.seeds(5);
    }

    private static void judge(Learner learner, Batch row, int times) {
        for (int i = 0; i < times; i++) {
            learner.judge(row);
            learner.judgeGradient(row);
        }
    }
}
