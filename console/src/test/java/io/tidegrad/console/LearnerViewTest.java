package io.tidegrad.console;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.InstanceOfAssertFactories.LIST;

import io.tidegrad.schemas.LearnerHealth;
import io.tidegrad.schemas.TensorHealth;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class LearnerViewTest {
    @Test
    void moreThanATrainerTellsIsCutAndCountedAndNumbersThatJsonDoesNotHaveAreNull() {
        TensorHealth tensor = TensorHealth.newBuilder().setName("1.weight").setPlace("network[0]").setWeights(4)
                .setRead(4).setNotFinite(4).setNorm(Double.NaN).setStep(Double.POSITIVE_INFINITY).setLeast(Float.NaN)
                .setMost(Float.NaN).setHistogram(Collections.nCopies(1_000, 0)).build();
        Map<String, ?> said = LearnerView.of(LearnerHealth.newBuilder().setUpdates(1).setTensorsLeftOut(3)
                .setTensors(Collections.nCopies(100, tensor)).setLayers(List.of()).setLayersLeftOut(0)
                .setPortfolio(List.of()).build());

        assertThat(said.get("tensors_left_out")).isEqualTo(39);
        assertThat(said.get("tensors")).asInstanceOf(LIST).hasSize(64).first().satisfies(first -> {
            Map<?, ?> row = (Map<?, ?>) first;
            for (String number : List.of("norm", "step", "change", "least", "most", "rate")) {
                assertThat(row.get(number)).as(number).isNull();
            }
            assertThat(row.get("not_finite")).isEqualTo(4);
            assertThat(row.get("histogram")).asInstanceOf(LIST).hasSize(16);
        });
    }
}
