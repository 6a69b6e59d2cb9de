package io.tidegrad.loadtests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidegrad.proof.LongProof;
import org.junit.jupiter.api.Test;

@LongProof("a load smoke")
class DeltaLoadTest {
    @Test
    void deltasAreTakenAndTimedBesideFullLoads() {
        DeltaLoad.Result result = new DeltaLoad(1, 0.05, 2).run();
        // Six of 128 pages, a row of 64 bytes in each.
        assertThat(result.deltaBytes()).isBetween(6L * 64, 6L * 64 + 400);
        assertThat(result.modelBytes()).isBetween(1L << 20, (1L << 20) + 200);
        assertThat(result.share()).isPositive();
        assertThat(result.text()).contains("1 MiB; a delta touches 5.0 % of its pages", "of a full load");
    }

    @Test
    void sizesThatCanNotBeAreTold() {
        assertThatThrownBy(() -> new DeltaLoad(1, 1.5, 1)).isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("a share above 0 and up to 1");
    }
}
