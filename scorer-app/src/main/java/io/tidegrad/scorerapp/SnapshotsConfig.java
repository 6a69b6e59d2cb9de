package io.tidegrad.scorerapp;

import io.tidegrad.model.snapshot.ManifestKeys;
import io.tidegrad.ops.settings.CommonSettings;
import io.tidegrad.ops.settings.Settings;
import io.tidegrad.scorer.ScorerOptions;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.PublicKey;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// The configuration of the versions that a scorer may serve.
///
/// @param maxBytes size of the largest model; 0 for a quarter of the heap
/// @param publicKey key with which every snapshot must be signed; null if they need not be signed
/// @param stateDir directory that keeps the served versions for a start without Kafka; null for none
/// @param maxAge age beyond which the served version makes the scorer not ready; null for any
/// @param pins the only versions that serve, by model
record SnapshotsConfig(long maxBytes, @Nullable PublicKey publicKey, @Nullable Path stateDir, @Nullable Duration maxAge,
        Map<String, ScorerOptions.Pin> pins) {
    private static final Pattern PIN = Pattern.compile("(.+)=(\\d+)\\.(\\d+)");

    SnapshotsConfig {
        pins = Map.copyOf(pins);
    }

    /// @param settings notes every mistake
    static SnapshotsConfig of(Settings settings) {
        PublicKey publicKey = settings.file(CommonSettings.SNAPSHOT_PUBLIC_KEY, ManifestKeys::publicKey);
        Path stateDir = stateDir(settings);
        Map<String, ScorerOptions.Pin> pins = pins(settings);
        return new SnapshotsConfig(settings.numberIfGiven(CommonSettings.MAX_SNAPSHOT_BYTES).orElse(0), publicKey,
                stateDir, maxAge(settings), pins);
    }

    /// Returns the options with this configuration.
    ScorerOptions applied(ScorerOptions options) {
        ScorerOptions told = options.withPublicKey(publicKey).withStateDir(stateDir).withMaxAge(maxAge)
                .withPin(pins.get(options.model()));
        return maxBytes == 0 ? told : told.withMaxSnapshotBytes(maxBytes);
    }

    private static Map<String, ScorerOptions.Pin> pins(Settings settings) {
        Map<String, ScorerOptions.Pin> pins = new LinkedHashMap<>();
        for (String pin : settings.list(ScorerSettings.PIN)) {
            Matcher parts = PIN.matcher(pin);
            if (!parts.matches()) {
                continue; // the form of the setting has reported it
            }
            String model = parts.group(1);
            if (!settings.list(CommonSettings.MODEL).contains(model)) {
                settings.problem("--pin: expected one of --model, "
                        + String.join(", ", settings.list(CommonSettings.MODEL)) + ", found '" + pin + "'");
            }
            ScorerOptions.Pin version =
                    new ScorerOptions.Pin(Integer.parseInt(parts.group(2)), Long.parseLong(parts.group(3)));
            if (pins.put(model, version) != null) {
                settings.problem("--pin: expected one version of " + model + ", found another");
            }
        }
        return pins;
    }

    private static @Nullable Path stateDir(Settings settings) {
        String given = settings.text(CommonSettings.STATE_DIR);
        if (given.isEmpty()) {
            return null;
        }
        Path directory = Path.of(given);
        Path there = directory.toAbsolutePath();
        while (!Files.exists(there) && there.getParent() != null) {
            there = there.getParent();
        }
        if (!Files.isDirectory(there) || !Files.isWritable(there)) {
            settings.problem("--state-dir: expected a directory that can be written, found " + there
                    + (Files.isDirectory(there) ? ", which can't be" : ", which is not one"));
        }
        return directory;
    }

    private static @Nullable Duration maxAge(Settings settings) {
        OptionalLong seconds = settings.numberIfGiven(ScorerSettings.MAX_AGE);
        return seconds.isPresent() ? Duration.ofSeconds(seconds.getAsLong()) : null;
    }
}
