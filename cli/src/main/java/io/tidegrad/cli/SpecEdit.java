package io.tidegrad.cli;

import io.tidegrad.control.SpecFile;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.StopException;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Changes one line of a spec and leaves the others, comments included, as they are.
final class SpecEdit {
    private SpecEdit() {}

    /// Returns the spec with these initial weights.
    static ModelSpec withWeights(ModelSpec spec, Path file, String sha256) {
        String yaml = spec.yaml();
        String line = "initial-weights: { file: '" + file.toString().replace("'", "''") + "', sha256: " + sha256 + " }";
        Matcher found = line("initial-weights").matcher(yaml);
        String edited = found.find() ? found.replaceFirst(Matcher.quoteReplacement(line))
                : yaml + (yaml.endsWith("\n") ? "" : "\n") + line + "\n";
        ModelSpec started = SpecFile.registered(edited, "the spec of " + spec.model());
        ModelSpec.InitialWeights weights = started.initialWeights();
        if (weights == null || !weights.weights().sha256().equals(sha256)) {
            throw new StopException(ExitCode.CONFIGURATION,
                    "model " + spec.model()
                            + ": expected a spec in which initial-weights fit on a line of their own, found another"
                            + " form; write it so, and give it with --with-spec");
        }
        return started;
    }

    private static Pattern line(String key) {
        return Pattern.compile("(?m)^" + key + ":[^\\r\\n]*$");
    }
}
