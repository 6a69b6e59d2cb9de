package io.tidegrad.localstack;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/// How to run the schema registry.
///
/// @param directory keeps schemas and their ids from run to run; null: in memory
/// @param port      0: any free one
public record RegistryOptions(@Nullable Path directory, int port) {
    public RegistryOptions {
        if (port < 0 || port > 65_535) {
            throw new IllegalArgumentException("port: expected 0 (any) to 65535, found " + port);
        }
    }

    /// Options for a registry in memory, on any port.
    public static RegistryOptions temporary() {
        return new RegistryOptions(null, 0);
    }

    public static RegistryOptions in(Path directory) {
        return new RegistryOptions(directory, 0);
    }

    public RegistryOptions withPort(int port) {
        return new RegistryOptions(directory, port);
    }
}
