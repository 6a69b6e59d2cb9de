package io.tidegrad.scorerapp;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.scorer.Predictions;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;

class JsonResponsesTest {
    private static String answer(String label) {
        ModelSpec spec = ModelSpec.parse("model: letters\ninput: { topic: letters }\nlabel: " + label + """

                features: [ number: { field: x } ]
                network: [ dense: 3 ]
                loss: categorical-cross-entropy
                optimizer: adam
                """, "letters.yaml");
        Predictions predictions = new Predictions("letters", 1, 2, 3, 4, 3, new int[]{3, 3},
                new float[]{0.25f, 0.5f, 0.25f, 0.5f, 0.25f, 0.25f});
        return new String(JsonResponses.predictions(predictions, spec, spec.label().classes(), List.of()),
                StandardCharsets.UTF_8);
    }

    @Test
    void theLikeliestClassIsNamedWhereTheSpecNamesClasses() {
        assertThat(answer("{ field: letter, classes: [A, ü, C] }")).contains("\"predictions\":["
                + "{\"probabilities\":[0.25,0.5,0.25],\"class\":\"ü\"},{\"probabilities\":[0.5,0.25,0.25],\"class\":\"A\"}]");
        assertThat(answer("{ field: letter, classes: 3 }")).contains(
                "\"predictions\":[" + "{\"probabilities\":[0.25,0.5,0.25]},{\"probabilities\":[0.5,0.25,0.25]}]");
    }
}
