package io.tidegrad.model.spec;

import io.tidegrad.model.Specs;
import io.tidegrad.proof.Fuzz;
import io.tidegrad.proof.LongProof;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;

/// Whatever stands in a spec file is a spec or a list of its mistakes.
@LongProof("thousands of damaged specs")
class SpecFuzzTest {
    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    @Test
    void aDamagedSpecIsASpecOrATypedRefusal() {
        new Fuzz("specs", SpecFuzzTest.class, "model",
                List.of(bytes(Specs.FLIGHTS), bytes(Specs.DIGITS), bytes(ModelSpecTest.EVERY_KEY),
                        bytes("model: m\ninput: { stream: s }\nlabel: { threshold: 5 }\nlate-labels: ignore\n"
                                + "features: [ number: { field: x } ]\nnetwork: [ dense: 1 ]\n"
                                + "loss: binary-cross-entropy\noptimizer: adam\n")))
                .inserting(bytes("{"), bytes("["), bytes("[".repeat(1_000)), bytes(": "), bytes("- "), bytes("\n"),
                        bytes("&a [*a, *a]"), bytes("*a"), bytes("!!java.io.File "), bytes("<<: "), bytes("|\n"),
                        bytes("\t"), bytes("\u0000"), bytes("NaN"), bytes("-.inf"), bytes("1e400"), bytes("2147483648"),
                        bytes("99999999999999999999999"), bytes("PT-1S"), bytes("\u2028"))
                .run(60_000, input -> ModelSpec.parse(new String(input, StandardCharsets.UTF_8), "damaged.yaml"),
                        SpecException.class);
    }
}
