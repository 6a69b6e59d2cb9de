package io.tidegrad.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.localstack.streams.ShippedStream;
import io.tidegrad.localstack.streams.StreamEvent;
import io.tidegrad.model.evaluation.RecentEvaluation;
import io.tidegrad.model.evaluation.RecentEvaluation.Signal;
import io.tidegrad.model.feature.AvroEvent;
import io.tidegrad.model.feature.Featurizer;
import io.tidegrad.model.feature.Row;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.spec.ModelSpec;
import java.util.List;
import org.apache.avro.generic.GenericRecord;
import org.junit.jupiter.api.Test;

/// The shipped flights, of which days and hours differ, and whose labels are all false from some flight on.
class ShippedDeadFeedTest {
    private static final int HEALTHY = 150_000;

    @Test
    void flightsAreNoAlarmUntilTheirLabelsDie() {
        ShippedStream stream = ShippedStream.FLIGHTS;
        ModelSpec spec = ModelSpec.parse(stream.spec(), stream.specFile());
        OnlineModel model = OnlineModel.initial(spec, Kernels.active());
        Featurizer featurizer = new Featurizer(spec);
        Row row = featurizer.newRow();
        AvroEvent event = new AvroEvent();
        var schema = stream.schema();
        List<StreamEvent> events = stream.read();
        RecentEvaluation recent = model.evaluation().recent();
        int dead = 0;
        for (StreamEvent each : events) {
            GenericRecord record = each.toAvro(schema);
            if (model.parameters().examples() >= HEALTHY) {
                record.put("late", false);
                dead++;
            }
            assertThat(featurizer.featurize(event.of(record), row)).isNull();
            assertThat(model.accept(row)).isNull();
            if (dead > 0 && recent.alarm(Signal.LABEL).isOn()) {
                break;
            }
            assertThat(recent.alarms()).as("after %d", model.parameters().examples()).isEmpty();
        }
        assertThat(dead).isBetween(1, 1_000);
    }
}
