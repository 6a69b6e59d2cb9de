package io.tidegrad.trainer.store;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.engine.kernel.ScalarKernels;
import io.tidegrad.engine.model.Inspection;
import io.tidegrad.model.feature.Featurizer;
import io.tidegrad.model.feature.MapEvent;
import io.tidegrad.model.feature.Row;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.spec.ModelSpec;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ReportTest {
    private static final String SPEC = """
            model: kinds
            input: { topic: things }
            label: { field: kind, classes: auto }
            features: [ number: { field: x } ]
            network: [ dense: 2 ]
            loss: categorical-cross-entropy
            optimizer: adam
            """;

    private static OnlineModel learned(String spec, Object... kinds) {
        OnlineModel model = OnlineModel.initial(ModelSpec.parse(spec, "kinds.yaml"), new ScalarKernels());
        Featurizer featurizer = new Featurizer(model.spec());
        Row row = featurizer.newRow();
        for (Object kind : kinds) {
            assertThat(featurizer.featurize(new MapEvent(Map.of("x", 1, "kind", kind)), row)).isNull();
            model.accept(row);
        }
        return model;
    }

    @Test
    void aReportWithAnInspectionIsTheSameOtherwise() {
        OnlineModel model = learned(SPEC, "b", 7, "c", "b", "d");
        Report report = Report.of(model, 5);
        Inspection inspection = model.inspect();
        assertThat(report.inspection()).isNull();
        assertThat(report.with(inspection).inspection()).isEqualTo(inspection);
        assertThat(report.with(inspection).with(null)).isEqualTo(report);
    }

    @Test
    void classesThatWereLearnedAreToldAndThoseForWhichThereWasNoRoom() {
        OnlineModel model = learned(SPEC, "b", 7, "c", "b", "d");
        Report report = Report.of(model, 5);
        assertThat(report.classes()).containsExactly("b", "7");
        assertThat(report.classRoom()).isEqualTo(2);
        assertThat(report.classesRefused()).isEqualTo(2);
        Report known = Report.of(learned(SPEC.replace("auto", "[b, c]"), "b"), 1);
        assertThat(known.classes()).isEmpty();
        assertThat(known.classRoom()).isZero();
    }
}
