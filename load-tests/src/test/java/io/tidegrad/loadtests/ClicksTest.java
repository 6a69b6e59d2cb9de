package io.tidegrad.loadtests;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.engine.model.Plan;
import io.tidegrad.model.feature.AvroEvent;
import io.tidegrad.model.feature.Featurizer;
import io.tidegrad.model.feature.Row;
import io.tidegrad.model.spec.ModelSpec;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

class ClicksTest {
    private static final ModelSpec SPEC = ModelSpec.parse(TrainStream.CLICKS.spec(), "the clicks' spec");

    @Test
    void theModelHas16_8MillionWeightsIn26Tables() {
        assertThat(Plan.of(SPEC.network()).weights()).isBetween(16_800_000L, 16_850_000L);
        assertThat(SPEC.layout().ids()).isEqualTo(26);
        assertThat(SPEC.layout().numbers()).isEqualTo(13);
    }

    @Test
    void eachEventCanBeLearnedAndAQuarterAreClicks() {
        Featurizer featurizer = new Featurizer(SPEC);
        Row row = featurizer.newRow();
        AvroEvent event = new AvroEvent();
        int clicks = 0;
        Set<Integer> rowsOfTheLastTable = new HashSet<>();
        for (int index = 0; index < 20_000; index++) {
            assertThat(featurizer.featurize(event.of(Clicks.event(index)), row)).isNull();
            clicks += (int) row.labels[0];
            rowsOfTheLastTable.add(row.ids[25]);
        }
        assertThat(clicks).isBetween(4_000, 6_500);
        assertThat(rowsOfTheLastTable).hasSizeGreaterThan(5_000);
    }

    @Test
    void anEventIsAFunctionOfItsNumber() {
        assertThat(Clicks.event(7)).isEqualTo(Clicks.event(7)).isNotEqualTo(Clicks.event(8));
        assertThat(TrainStream.CLICKS.events().apply(Clicks.ROWS + 7L)).isEqualTo(Clicks.event(7));
    }
}
