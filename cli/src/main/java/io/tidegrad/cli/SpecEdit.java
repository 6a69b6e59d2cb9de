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

    /// Returns the spec under another name.
    ///
    /// @throws StopException if the name is not on a line of its own
    static ModelSpec renamed(ModelSpec spec, String name) {
        String yaml = spec.yaml();
        String line = "model: " + name;
        Matcher found = line("model").matcher(yaml);
        ModelSpec renamed = found.find()
                ? SpecFile.registered(found.replaceFirst(Matcher.quoteReplacement(line)), "the spec of " + name) : spec;
        if (!renamed.model().equals(name)) {
            throw new StopException(ExitCode.CONFIGURATION,
                    "--as " + name
                            + ": expected a spec with its name on a line of its own, model: NAME, found none; write"
                            + " it so, and give it with --with-spec");
        }
        return renamed;
    }

    /// Returns the spec with these initial weights.
    static ModelSpec withWeights(ModelSpec spec, Path file, String sha256) {
        String yaml = spec.yaml();
        String line = "initial-weights: { file: '" + file.toString().replace("'", "''") + "', sha256: " + sha256 + " }";
        Matcher found = line("initial-weights").matcher(yaml);
        String edited = found.find() ? found.replaceFirst(Matcher.quoteReplacement(line))
                : yaml + (yaml.endsWith("\n") ? "" : "\n") + line + "\n";
        ModelSpec started = SpecFile.registered(edited, "the spec of " + spec.model());
        ModelSpec.InitialWeights weights = started.initialWeights();
        if (weights == null || !weights.sha256().equals(sha256)) {
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
