package io.tidegrad.replay;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.KafkaSettings;
import io.tidegrad.schemas.settings.RegistrySettings;
import java.util.OptionalLong;

/// Which published version to learn again.
///
/// @param as the model whose versions are compared: `model` itself, or one that differs from it by its name only
/// @param version a version of its registered epoch; empty for the newest one and the live state
/// @param kernels any choice gives the same bits
/// @param workers how many threads share each step; 0: as the spec says; any number gives the same bits
public record VerifyOptions(KafkaSettings kafka, RegistrySettings registry, String prefix, String model, String as,
        OptionalLong version, Kernels kernels, int workers) {
    Topics topics() {
        return new Topics(prefix);
    }
}
