package io.tidegrad.engine.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.BitSet;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PageSetTest {
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 63, 64, 65, 128, 200, 1000})
    void agreesWithABitSet(int pages) {
        Random random = new Random(pages);
        PageSet set = new PageSet(pages);
        BitSet want = new BitSet();
        for (int round = 0; round < 50; round++) {
            int from = random.nextInt(pages);
            int to = from + random.nextInt(pages - from);
            if (random.nextBoolean()) {
                set.mark(from);
                want.set(from);
            } else if (round % 7 == 0) {
                set.markRange(from, to);
                want.set(from, to + 1);
            }
            if (round == 30) {
                set.clear();
                want.clear();
            }
            assertThat(set.count()).isEqualTo(want.cardinality());
            assertThat(set.isEmpty()).isEqualTo(want.isEmpty());
            int page = set.next(0);
            for (int bit = want.nextSetBit(0); bit >= 0; bit = want.nextSetBit(bit + 1)) {
                assertThat(page).isEqualTo(bit);
                assertThat(set.contains(bit)).isTrue();
                page = set.next(page + 1);
            }
            assertThat(page).isEqualTo(-1);
        }
    }
}
