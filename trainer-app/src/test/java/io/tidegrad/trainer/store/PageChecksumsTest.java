package io.tidegrad.trainer.store;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.engine.layer.Dense;
import io.tidegrad.engine.layer.Numbers;
import io.tidegrad.engine.layer.Sequence;
import io.tidegrad.engine.loss.MeanSquaredError;
import io.tidegrad.engine.model.NetworkSpec;
import io.tidegrad.engine.model.PageSet;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.engine.model.RowShape;
import io.tidegrad.engine.optim.Adam;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PageChecksumsTest {
    private static final int EPOCH = 3;

    /// 440 pages, so that all of them are taken by several threads.
    private final Parameters parameters = Parameters.initial(Plan.of(new NetworkSpec(new RowShape(1_000, 0, 300),
            new Sequence(new Numbers(0, 1_000), new Dense(300)), new MeanSquaredError(), Adam.of(0.001), 9)));
    private final PageChecksums checksums = new PageChecksums(parameters.pages());
    private final Random random = new Random(7);

    private PageSet pages(double share) {
        PageSet pages = new PageSet(parameters.pages());
        for (int page = 0; page < parameters.pages(); page++) {
            if (random.nextDouble() < share) {
                pages.mark(page);
            }
        }
        return pages;
    }

    @ParameterizedTest
    @ValueSource(doubles = {0, 0.01, 0.3, 0.9, 1})
    void theChecksumsAreThoseThatTheRecordsGet(double share) {
        PageSet pages = pages(share);
        assertThat(checksums.update(parameters, pages, EPOCH, (page, bytes) -> true)).isEqualTo(-1);
        for (int page = 0; page < parameters.pages(); page++) {
            byte[] value = StoreRecords.allocate(parameters.pageLength(page));
            parameters.readPage(page, value, StoreRecords.PAYLOAD_AT);
            int sealed = StoreRecords.seal(StoreRecords.key(StoreRecords.PAGE, page), EPOCH, value);
            assertThat(checksums.of(page)).isEqualTo(pages.contains(page) ? sealed : 0);
        }
    }

    /// The page that a trainer names when it stops does not depend on threads.
    @Test
    void theFirstPageThatDoesNotPassIsNamed() {
        PageSet all = pages(1);
        for (int repetition = 0; repetition < 100; repetition++) {
            int one = random.nextInt(parameters.pages());
            int other = random.nextInt(parameters.pages());
            Set<Integer> bad = new HashSet<>(List.of(one, other));
            assertThat(checksums.update(parameters, all, EPOCH, (page, bytes) -> !bad.contains(page)))
                    .isEqualTo(Math.min(one, other));
        }
    }

    @Test
    void theTestSeesThePageItIsAskedAbout() {
        byte[] page = new byte[Parameters.PAGE_BYTES];
        int bad = parameters.pages() - 2;
        parameters.readPage(bad, page, 0);
        page[403] = (byte) 0x7f; // an infinity or a NaN, little-endian
        page[402] = (byte) 0x80;
        parameters.writePage(bad, page, 0);
        assertThat(
                checksums.update(parameters, pages(1), EPOCH, (number, bytes) -> parameters.isFinite(number, bytes, 0)))
                .isEqualTo(bad);
    }
}
