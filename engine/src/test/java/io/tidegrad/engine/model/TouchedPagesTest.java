package io.tidegrad.engine.model;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.layer.Concat;
import io.tidegrad.engine.layer.Embedding;
import io.tidegrad.engine.layer.EmbeddingBag;
import io.tidegrad.engine.layer.Layer;
import io.tidegrad.engine.loss.MeanSquaredError;
import io.tidegrad.engine.optim.Adagrad;
import io.tidegrad.engine.optim.Adam;
import io.tidegrad.engine.optim.Optimizer;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class TouchedPagesTest {
    private static final int BATCH = 5;
    private static final int READS = 3;

    static Stream<Arguments> tables() {
        return Stream.<Optimizer>of(new Adagrad(0.1, 1e-10, 0), Adam.of(0.1))
                .flatMap(optimizer -> Stream.of(1, 2, 3, 8, 16, 20, 48, 3_000).flatMap(dimension -> Stream
                        .of(0, 1, 7, 4_096).map(before -> Arguments.of(optimizer, dimension, before))));
    }

    /// The network is tables only, so each page holds nothing else. A touched row's floats all change, in the weights
    /// and in the state; what changed is seen by comparing all bytes before and after. Row lengths that divide a page
    /// and that do not, tables that start with a page and that do not.
    ///
    /// @param before rows of a table of numbers that lies before: where this one starts
    @ParameterizedTest
    @MethodSource("tables")
    void thePagesOfTouchedRowsAreMarkedAndNoOthers(Optimizer optimizer, int dimension, int before) {
        int rows = Math.max(20, 100_000 / dimension);
        Layer table = new Embedding(0, READS, rows, dimension, Embedding.Update.TOUCHED);
        NetworkSpec spec = new NetworkSpec(new RowShape(0, READS + 2, READS * dimension + (before > 0 ? 1 : 0)),
                before > 0 ? new Concat(numbers(before), table) : table, new MeanSquaredError(), optimizer, 1);
        Parameters parameters = Parameters.initial(Plan.of(spec));
        Learner learner = new Learner(parameters, Kernels.active(), BATCH);
        Batch batch = new Batch(spec.row(), BATCH);
        batch.resize(BATCH);
        Random random = new Random(dimension);
        for (int step = 0; step < 3; step++) {
            for (int i = 0; i < batch.ids.length; i++) {
                boolean ofTable = i % (READS + 2) < READS;
                batch.ids[i] = random.nextInt(ofTable ? rows : Math.max(before, 1));
            }
            Arrays.fill(batch.labels, 2 + step);
            byte[][] old = pages(parameters);
            parameters.dirty().clear();

            learner.learn(batch);

            byte[][] now = pages(parameters);
            for (int page = 0; page < now.length; page++) {
                assertThat(parameters.dirty().contains(page))
                        .as("page %d of %d, served %d", page, now.length, parameters.servedPages())
                        .isEqualTo(!Arrays.equals(old[page], now[page]));
            }
            assertThat(parameters.dirty().isEmpty()).isFalse();
        }
    }

    private static Layer numbers(int rows) {
        return new EmbeddingBag(READS, 2, EmbeddingBag.ALL, EmbeddingBag.UNWEIGHTED, rows, 1, EmbeddingBag.Mode.SUM,
                Embedding.Update.TOUCHED);
    }

    private static byte[][] pages(Parameters parameters) {
        byte[][] pages = new byte[parameters.pages()][Parameters.PAGE_BYTES];
        for (int page = 0; page < pages.length; page++) {
            parameters.readPage(page, pages[page], 0);
        }
        return pages;
    }
}
