package io.tidegrad.loadtests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidegrad.proof.LongProof;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("load")
@LongProof("a load smoke")
class DeltaLoadTest {
    @Test
    void deltasAreTakenAndTimedBesideFullLoads() {
        Result result = new DeltaLoad(1, 0.05, 2).run();
        // Six of 128 pages, a row of 64 bytes in each.
        assertThat(result.number("delta_bytes")).isBetween(6.0 * 64, 6.0 * 64 + 400);
        assertThat(result.number("model_bytes")).isBetween(0x1p20, 0x1p20 + 200);
        assertThat(result.number("delta_anywhere_to_full")).isPositive();
        assertThat(result.number("delta_clustered_to_full")).isPositive();
    }

    @Test
    void sizesThatCanNotBeAreTold() {
        assertThatThrownBy(() -> new DeltaLoad(1, 1.5, 1)).isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("a share above 0 and up to 1");
    }
}
