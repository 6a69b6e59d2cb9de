package io.tidegrad.cli.quickstart;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.localstack.streams.ShippedStream;
import io.tidegrad.localstack.streams.StreamEvent;
import io.tidegrad.model.feature.AvroEvent;
import io.tidegrad.model.feature.Featurizer;
import io.tidegrad.model.feature.Row;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.proof.LongProof;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import org.apache.avro.Schema;
import org.junit.jupiter.api.Test;

class QuickstartModelTest {
    private static final List<StreamEvent> FLIGHTS = ShippedStream.FLIGHTS.read();

    /// The fingerprint decides the hashes that the README shows, on every machine.
    @Test
    void ofFlightsNothingButTheLabelIsNamedAndTheRestIsTheSameEachTime() {
        ModelSpec spec = QuickstartModel.of(ShippedStream.FLIGHTS, FLIGHTS);
        assertThat(spec.yaml())
                .contains("\nlabel: { field: late }\nloss: binary-cross-entropy # yes or no, 13.0 % yes, by"
                        + " the first 20,000 flights\nfeatures:\n  # by the first 20,000 flights\n  - time-part: { field: departed,")
                .contains("- cross: { fields: [{ hour: departed }, origin, destination], buckets: 65536 }");
        assertThat(spec.fields()).containsExactly("departed", "distance", "origin", "destination", "late");
        assertThat(HexFormat.of().formatHex(spec.fingerprint()))
                .isEqualTo("0d31cf6b9041b2f735247ee28a8a59f56a0c14241825dd2578e6b3b322196435");
    }

    /// What a tuned network (`flights.yaml`) with crosses written by hand gets, 0.4133 and 0.7909, is the goal.
    @LongProof("all of the flights")
    @Test
    void theReadmeShowsItsHashesAndItIsBetterThanATunedNetworkWithCrosses() throws Exception {
        ModelSpec spec = QuickstartModel.of(ShippedStream.FLIGHTS, FLIGHTS);
        OnlineModel model = OnlineModel.initial(spec, Kernels.active());
        Featurizer featurizer = new Featurizer(spec);
        Row row = featurizer.newRow();
        AvroEvent event = new AvroEvent();
        Schema schema = ShippedStream.FLIGHTS.schema();
        for (StreamEvent flight : FLIGHTS) {
            assertThat(featurizer.featurize(event.of(flight.toAvro(schema)), row)).isNull();
            assertThat(model.accept(row)).isNull();
        }
        assertThat(model.evaluation().logLoss()).isLessThanOrEqualTo(0.4133);
        assertThat(model.evaluation().auc()).isGreaterThanOrEqualTo(0.7909);
        assertThat(Files.readString(Path.of(System.getProperty("tidegrad.root"), "README.md"))).contains(
                model.weightsHash().substring(0, 16), model.stateHash().substring(0, 16),
                Figures.measure(model.evaluation().auc()) + "      " + Figures.measure(model.evaluation().logLoss()));
    }
}
