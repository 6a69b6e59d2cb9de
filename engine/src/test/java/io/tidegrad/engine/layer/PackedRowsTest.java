package io.tidegrad.engine.layer;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.kernel.OptimizerStep;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class PackedRowsTest {
    private static final int STATE_PARTS = 3;
    private static final int ROWS = 400;

    /// Any number of rows of any length, in any order: the bits of a call of the kernel for each row.
    @ParameterizedTest
    @EnumSource(OptimizerStep.Kind.class)
    void rowsUpdatedTogetherHaveTheBitsOfRowsUpdatedOneByOne(OptimizerStep.Kind kind) {
        Random random = new Random(kind.ordinal());
        OptimizerStep optimizer = new OptimizerStep();
        optimizer.kind = kind;
        optimizer.rate = 0.01f;
        optimizer.momentum = 0.9f;
        optimizer.beta1 = 0.9f;
        optimizer.oneMinusBeta1 = 0.1f;
        optimizer.beta2 = 0.99f;
        optimizer.oneMinusBeta2 = 0.01f;
        optimizer.epsilon = 1e-8f;
        optimizer.momentCorrection = 1.5f;
        optimizer.varianceCorrection = 2f;
        optimizer.keep = 0.99f;
        optimizer.inverseAlpha = 3f;
        optimizer.beta = 1f;
        optimizer.threshold = 0.2f;
        optimizer.ridge = 0.3f;
        optimizer.l2 = 0.1f;
        for (int columns = 1; columns <= 17; columns++) {
            Tensor.Table table = new Tensor.Table("t", ROWS, columns, 1, true, -1);
            Storage.Rows together = Storage.Rows.of(table, STATE_PARTS);
            Storage.Rows oneByOne = Storage.Rows.of(table, STATE_PARTS);
            for (int i = 0; i < together.blocks()[0].length; i++) {
                together.blocks()[0][i] = random.nextFloat();
                oneByOne.blocks()[0][i] = together.blocks()[0][i];
            }
            for (int count : new int[] {0, 1, 15, 16, 17, 64, 65, 200}) {
                int[] ids = random.ints(0, ROWS).distinct().limit(count).toArray();
                float[] g = new float[count * columns];
                for (int i = 0; i < g.length; i++) {
                    g[i] = (float) random.nextGaussian();
                }

                together.update(Kernels.active(), optimizer, ids, count, g);
                for (int i = 0; i < count; i++) {
                    oneByOne.update(Kernels.active(), optimizer, ids[i], g, i * columns);
                }

                assertThat(together.blocks()[0])
                        .as("%d rows of %d", count, columns)
                        .isEqualTo(oneByOne.blocks()[0]);
            }
        }
    }
}
