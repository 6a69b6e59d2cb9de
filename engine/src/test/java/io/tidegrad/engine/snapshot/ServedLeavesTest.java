package io.tidegrad.engine.snapshot;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.engine.layer.Dense;
import io.tidegrad.engine.layer.Embedding;
import io.tidegrad.engine.layer.Sequence;
import io.tidegrad.engine.loss.MeanSquaredError;
import io.tidegrad.engine.model.NetworkSpec;
import io.tidegrad.engine.model.PageSet;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.engine.model.RowShape;
import io.tidegrad.engine.optim.Adam;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ServedLeavesTest {
    private static final byte[] FINGERPRINT = new byte[32];

    /// 48 leaves, of which the last has few pages: more than a second thread begins for.
    private static final Plan PLAN = Plan.of(new NetworkSpec(new RowShape(0, 1, 1),
            new Sequence(new Embedding(0, 1, 48_000, 16, Embedding.Update.TOUCHED), new Dense(1)),
            new MeanSquaredError(), Adam.of(0.01), 7));

    @ParameterizedTest
    @ValueSource(doubles = {0.001, 0.02, 0.2, 1})
    void touchedLeavesHashAsAllOfThemAgainWhateverWasTouchedBefore(double share) {
        long seed = 4_711;
        Random random = new Random(seed);
        Parameters parameters = Parameters.initial(PLAN);
        assertThat(parameters.servedPages()).isGreaterThan(32 * ModelHash.LEAF_PAGES);
        ServedLeaves leaves = ServedLeaves.of(parameters);
        List<ServedLeaves> versions = new ArrayList<>();
        List<String> hashes = new ArrayList<>();
        byte[] page = new byte[Parameters.PAGE_BYTES];
        for (int version = 0; version < 8; version++) {
            PageSet touched = new PageSet(parameters.pages());
            for (int number = 0; number < parameters.servedPages(); number++) {
                if (random.nextDouble() < share) {
                    parameters.readPage(number, page, 0);
                    page[random.nextInt(parameters.pageLength(number) / 4) * 4] ^= 1;
                    parameters.writePage(number, page, 0);
                    touched.mark(number);
                }
            }
            leaves = leaves.after(parameters, touched);
            versions.add(leaves);
            hashes.add(ModelHash.weights(FINGERPRINT, parameters));
            assertThat(leaves.weightsHash(FINGERPRINT, parameters)).as("seed %d, version %d", seed, version)
                    .isEqualTo(hashes.getLast());
        }
        // Earlier ones are what they were: a hash that goes on from theirs goes on from a copy.
        for (int version = 0; version < versions.size(); version++) {
            assertThat(versions.get(version).weightsHash(FINGERPRINT, parameters)).isEqualTo(hashes.get(version));
        }
    }

    @Test
    void whoeverHashesMayStopEveryFewPages() {
        Parameters parameters = Parameters.initial(PLAN);
        AtomicInteger pieces = new AtomicInteger();
        ServedLeaves leaves = ServedLeaves.of(parameters, pieces::incrementAndGet);
        assertThat(pieces.get()).isGreaterThanOrEqualTo(parameters.servedPages() / 2);
        PageSet touched = new PageSet(parameters.pages());
        touched.mark(0);
        touched.mark(ModelHash.LEAF_PAGES);
        pieces.set(0);
        leaves.after(parameters, touched, pieces::incrementAndGet);
        assertThat(pieces.get()).isEqualTo(2 * ModelHash.LEAF_PAGES / 2);
    }
}
