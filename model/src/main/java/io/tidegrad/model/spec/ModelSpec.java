package io.tidegrad.model.spec;

import io.tidegrad.engine.model.NetworkSpec;
import java.time.Duration;

/// One model's spec, parsed from one YAML file and validated whole. (Components beyond these accessors are the owner's.)
public final class ModelSpec {
    /// @param source named in messages (a file name)
    /// @throws SpecException with every mistake found: line, expected, found
    public static ModelSpec parse(String yaml, String source) {
        throw new UnsupportedOperationException();
    }

    public String model() {
        throw new UnsupportedOperationException();
    }

    /// The events topic.
    public String inputTopic() {
        throw new UnsupportedOperationException();
    }

    public int miniBatch() {
        throw new UnsupportedOperationException();
    }

    /// Wall clock between snapshots; not part of the fingerprint.
    public Duration publishEvery() {
        throw new UnsupportedOperationException();
    }

    /// The text as the user wrote it: what `tidegrad.models` stores.
    public String yaml() {
        throw new UnsupportedOperationException();
    }

    /// Values equal to defaults left out, keys in fixed order: one spec, one text.
    public String canonical() {
        throw new UnsupportedOperationException();
    }

    /// SHA-256 of the canonical form, 32 bytes.
    public byte[] fingerprint() {
        throw new UnsupportedOperationException();
    }

    /// SHA-256 of everything that decides what a row means (features, hashing), 32 bytes.
    public byte[] featureFingerprint() {
        throw new UnsupportedOperationException();
    }

    /// The engine's description of this model.
    public NetworkSpec network() {
        throw new UnsupportedOperationException();
    }
}
