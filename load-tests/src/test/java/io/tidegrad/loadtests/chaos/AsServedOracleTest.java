package io.tidegrad.loadtests.chaos;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.util.Map;
import org.junit.jupiter.api.Test;

class AsServedOracleTest {
    /// By hand, of 0.25 no, 0.75 yes and 0.5 yes.
    private static final String TOLD = """
            {"predictions": 3, "mean_label": %s, "accuracy": %s, "log_loss": %s, "brier_score": %s,
             "mean_prediction": 0.5, "calibration_error": %s, "auc": %s}""".formatted(2 / 3.0, 2 / 3.0,
            -(2 * Math.log(0.75) + Math.log(0.5)) / 3, (2 * 0.0625 + 0.25) / 3, 1 / 3.0, 1.0);

    private static AsServedOracle oracle() {
        AsServedOracle oracle = new AsServedOracle();
        oracle.add(0.25, false);
        oracle.add(0.75, true);
        oracle.add(0.5, true);
        return oracle;
    }

    @Test
    void figuresThatAreRightAreNoDifference() throws IOException {
        assertThat(oracle().differences(new ObjectMapper().readTree(TOLD))).isEmpty();
    }

    @Test
    void eachFigureThatIsWrongOrMissingIsToldWithWhatWasExpectedAndFound() throws IOException {
        ObjectMapper json = new ObjectMapper();
        Map<?, ?> right = json.readValue(TOLD, Map.class);
        for (Object figure : right.keySet()) {
            String name = String.valueOf(figure);
            JsonNode wrong = json.readTree(TOLD.replaceFirst("\"" + name + "\": ", "\"" + name + "\": 7"));
            assertThat(oracle().differences(wrong)).singleElement().asString().startsWith("as served, " + name + ":");
        }
        assertThat(oracle().differences(json.createObjectNode())).hasSameSizeAs(right.keySet());
    }

    @Test
    void aPredictionThatCountsTwiceOrWithItsOldLabelIsSeen() throws IOException {
        JsonNode told = new ObjectMapper().readTree(TOLD);
        AsServedOracle twice = oracle();
        twice.add(0.5, true);
        assertThat(twice.differences(told)).isNotEmpty();
        AsServedOracle old = new AsServedOracle();
        old.add(0.25, false);
        old.add(0.75, false);
        old.add(0.5, true);
        assertThat(old.differences(told)).isNotEmpty();
    }
}
