package io.tidegrad.scorerapp;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.scorer.Predictions;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;

class JsonResponsesTest {
    private static String answer(String label) {
        ModelSpec spec = spec(label);
        return answer(spec, spec.label().classes());
    }

    private static ModelSpec spec(String label) {
        return ModelSpec.parse("model: letters\ninput: { topic: letters }\nlabel: " + label + """

                features: [ number: { field: x } ]
                network: [ dense: 3 ]
                loss: categorical-cross-entropy
                optimizer: adam
                """, "letters.yaml");
    }

    private static String answer(ModelSpec spec, List<String> classes) {
        Predictions predictions = new Predictions("letters", 1, 2, 3, 4, 3, new int[]{3, 3},
                new float[]{0.25f, 0.5f, 0.25f, 0.5f, 0.25f, 0.25f});
        return new String(JsonResponses.predictions(predictions, spec, classes, List.of()), StandardCharsets.UTF_8);
    }

    @Test
    void theLikeliestClassIsNamedWhereTheSpecNamesClasses() {
        assertThat(answer("{ field: letter, classes: [A, ü, C] }")).contains("\"predictions\":["
                + "{\"probabilities\":[0.25,0.5,0.25],\"class\":\"ü\"},{\"probabilities\":[0.5,0.25,0.25],\"class\":\"A\"}]");
        assertThat(answer("{ field: letter, classes: 3 }")).contains(
                "\"predictions\":[" + "{\"probabilities\":[0.25,0.5,0.25]},{\"probabilities\":[0.5,0.25,0.25]}]");
    }

    @Test
    void theLikeliestClassThatWasLearnedIsNamedAndAllNamesAreInTheirOrder() {
        ModelSpec spec = spec("{ field: letter, classes: auto }");
        assertThat(answer(spec, List.of("ü")))
                .contains("\"predictions\":[" + "{\"probabilities\":[0.25,0.5,0.25],\"class\":\"ü\"},"
                        + "{\"probabilities\":[0.5,0.25,0.25],\"class\":\"ü\"}]", "\"classes\":[\"ü\"]");
        assertThat(answer(spec, List.of("ü", "7"))).contains("\"probabilities\":[0.25,0.5,0.25],\"class\":\"7\"}",
                "\"classes\":[\"ü\",\"7\"]");
        assertThat(answer(spec, List.of())).contains("{\"probabilities\":[0.25,0.5,0.25]}", "\"classes\":[]");
        assertThat(answer("{ field: letter, classes: [a, b, c] }")).doesNotContain("classes");
    }
}
