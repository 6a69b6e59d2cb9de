package io.tidegrad.engine.layer;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.kernel.OptimizerStep;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class PackedRowsTest {
    private static final int STATE_PARTS = 3;
    private static final int ROWS = 400;

    /// A few rows each.
    private static final int BLOCK_FLOATS = 300;

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
        for (int columns = 1; columns <= 35; columns += columns < 18 ? 1 : 7) {
            Tensor.Table table = new Tensor.Table("t", ROWS, columns, 1, true, -1, 0);
            Storage.Rows together = Storage.Rows.of(table, STATE_PARTS);
            Storage.Rows inBlocks = Storage.Rows.of(table, STATE_PARTS, BLOCK_FLOATS);
            Storage.Rows oneByOne = Storage.Rows.of(table, STATE_PARTS);
            for (int i = 0; i < together.blocks()[0].length; i++) {
                together.blocks()[0][i] = random.nextFloat();
            }
            copy(together, oneByOne);
            copy(together, inBlocks);
            for (int count : new int[]{0, 1, 2, 3, 5, 15, 16, 17, 64, 65, 200}) {
                int[] ids = random.ints(0, ROWS).distinct().limit(count).toArray();
                float scale = count % 2 == 0 ? 1 : 0.3f;
                float[] g = new float[count * columns];
                float[] scaled = new float[g.length];
                for (int i = 0; i < g.length; i++) {
                    g[i] = (float) random.nextGaussian();
                    scaled[i] = scale * g[i];
                }

                int stride = columns;
                int[] gAt = IntStream.range(0, count).map(i -> i * stride).toArray();
                together.update(Kernels.active(), optimizer, ids, count, scale, g, gAt);
                inBlocks.update(Kernels.active(), optimizer, ids, count, scale, g, gAt);
                for (int i = 0; i < count; i++) {
                    oneByOne.update(Kernels.active(), optimizer, ids[i], scaled, i * columns);
                }

                assertThat(together.blocks()[0]).as("%d rows of %d", count, columns).isEqualTo(oneByOne.blocks()[0]);
                Storage.Rows joined = Storage.Rows.of(table, STATE_PARTS);
                copy(inBlocks, joined);
                assertThat(joined.blocks()[0]).as("%d rows of %d in blocks", count, columns)
                        .isEqualTo(oneByOne.blocks()[0]);
                float[] read = new float[count * columns];
                float[] near = new float[Storage.Rows.ROWS_A_BLOCK];
                inBlocks.read(Kernels.active(), ids, 0, count, read, 0, near);
                for (int i = 0; i < read.length; i++) {
                    int at = oneByOne.at(ids[i / columns]) + i % columns;
                    assertThat(read[i]).isEqualTo(oneByOne.blocks()[0][at]);
                }
            }
        }
    }

    private static void copy(Storage.Rows from, Storage.Rows to) {
        for (int row = 0; row < from.rows(); row++) {
            System.arraycopy(from.block(row), from.at(row), to.block(row), to.at(row), from.rowFloats());
        }
    }
}
