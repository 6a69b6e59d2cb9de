package io.tidegrad.trainer.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Random;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

class ExternalRejectionsTest {
    @Test
    void theyAreTheSetOfOffsetsThatWereAddedAndNotForgottenAlsoWhenReadBack() {
        for (int seed = 0; seed < 50; seed++) {
            Random random = new Random(seed);
            ExternalRejections rejections = new ExternalRejections();
            TreeSet<Long> expected = new TreeSet<>();
            long at = random.nextLong(1L << 40);
            long first = at;
            for (int i = 0; i < 300; i++) {
                at += random.nextInt(3) == 0 ? random.nextInt(1_000) + 2 : 1;
                rejections.add(at);
                expected.add(at);
                if (random.nextInt(100) == 0) {
                    rejections.forget(at - 20);
                    expected = new TreeSet<>(expected.tailSet(at - 20));
                }
            }
            ExternalRejections read = ExternalRejections.decode(rejections.encode());
            for (long offset = first - 2; offset < at + 3; offset++) {
                assertThat(rejections.contains(offset)).isEqualTo(expected.contains(offset));
                assertThat(read.contains(offset)).isEqualTo(expected.contains(offset));
            }
            assertThat(read.encode()).isEqualTo(rejections.encode());
        }
    }

    @Test
    void aMillionInARowTakeAFewBytes() {
        ExternalRejections rejections = new ExternalRejections();
        for (long offset = 5; offset < 1_000_005; offset++) {
            rejections.add(offset);
        }
        assertThat(rejections.encode().length).isLessThan(8);
    }

    @Test
    void bytesThatAreNoRangesAreDamage() {
        assertThatThrownBy(() -> ExternalRejections.decode(new byte[]{2})).isInstanceOf(DamagedException.class);
        assertThatThrownBy(() -> ExternalRejections.decode(new byte[]{2, 0})).isInstanceOf(DamagedException.class);
    }
}
