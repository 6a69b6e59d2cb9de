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
        PageSet set = new PageSet(pages, true);
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
            if (random.nextBoolean()) {
                // Items 10 and following fill the pages, two each.
                int[] things = random.ints(3, -10, 2 * (pages - from) - 10).toArray();
                set.markAll(from, things, 2, 10, 1);
                want.set(from + (10 + things[0] >> 1));
                want.set(from + (10 + things[1] >> 1));
                if (random.nextBoolean()) {
                    set.markAll(0, from, things, 3, 10, 1);
                    for (int thing : things) {
                        want.set(10 + thing >> 1);
                        want.set(from + (10 + thing >> 1));
                    }
                }
            }
            if (random.nextInt(5) == 0) {
                set.unmark(from);
                want.clear(from);
            }
            if (random.nextInt(5) == 0) {
                PageSet other = new PageSet(pages);
                other.addAll(set);
                assertThat(other.count()).isEqualTo(want.cardinality());
            }
            if (round == 30) {
                set.clear();
                want.clear();
            }
            // What is asked first must see what was marked last.
            if (round % 3 == 0) {
                assertThat(set.contains(to)).isEqualTo(want.get(to));
            } else if (round % 3 == 1) {
                assertThat(set.isEmpty()).isEqualTo(want.isEmpty());
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
